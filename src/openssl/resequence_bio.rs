//! The BIO in front of an SSL's datagram BIO that gives its unencrypted records the sequence
//! numbers that they ought to have (OpenSSL issue 32063: every release from 3.2 on begins at 1).
//!
//! It is not pushed on the real BIO but holds a reference to it, and is the SSL's and libssl's alone: an
//! application that asks for the write BIO is given its own (`abi::bios`), with its data, its place in
//! a chain and its type. It stays until the SSL is freed or the application puts another BIO in its
//! place with `SSL_set0_wbio`: records of epoch 0 are repeated when epoch 1 has long begun.
//!
//! `SSL_set_bio` takes a reference for each BIO that changes, and libssl would see the write BIO change
//! where an application gives it the same once more. So that is answered here, too. An application
//! whose calls of it do not come here ([`sees_calls`]) gets one in front of a datagram BIO that is both
//! read and written, where the references come out the same.

use super::bio::{Address, Bio};
use super::libssl::{self, BioCtrl, BioDestroy, BioRead, BioWrite, ForEach, Libssl, numbered};
use super::method::{Method, RETRY_FLAGS, copy_retry_flags};
use super::recv_buffer::RecvBuffer;
use super::ssl::Ssl;
use super::sys;
use crate::hello::resequence::{LIBSSL_BEGINS_AT, Resequencing, has_unencrypted};
use crate::local_address::{self, Local};
use crate::os::try_box;
use crate::stats::{self, Event};
use std::cell::Cell;
use std::ffi::{c_char, c_int, c_long, c_void};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// What hangs on a BIO of ours.
struct Resequencer {
    /// With a reference that goes when our BIO does.
    real: Bio,
    numbers: Cell<Resequencing>,
    /// A socket, and where its datagrams are sent from.
    from: Cell<Option<(c_int, Local)>>,
}

/// Which write BIOs get one of ours in front.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrontOf {
    /// libssl's datagram BIO, both read and written; any, where the application's calls come here.
    OneSocket,
    /// Any: the application has been told.
    Any,
}

/// Has any SSL one of ours?
static IN_USE: AtomicBool = AtomicBool::new(false);
/// Has anybody's `SSL_set_bio` come to `abi::bios`?
static SEEN: AtomicBool = AtomicBool::new(false);

/// Is there anything to tell an application's BIO from?
#[inline]
pub(crate) fn is_in_use() -> bool {
    IN_USE.load(Relaxed)
}

/// To be called where `SSL_set_bio` comes to us.
#[inline]
pub(crate) fn sees_calls() {
    if !SEEN.load(Relaxed) {
        SEEN.store(true, Relaxed);
    }
}

/// Sees to it that the first record that an SSL writes from now on has this sequence number; with
/// `None`, that libssl's numbers stay.
///
/// They stay, too, without memory for the BIO.
pub(crate) fn resequence(ssl: Ssl, first: Option<u64>, front_of: FrontOf) {
    let (Some(rbio), Some(wbio)) = (ssl.rbio(), ssl.wbio()) else { return };
    let wrong = ssl.libssl().release.begins_at_one;
    let first = first.filter(|first| *first > LIBSSL_BEGINS_AT && wrong);
    // From an earlier client of the same SSL.
    if let Some(ours) = resequencer(wbio) {
        ours.numbers.set(first.map_or_else(Resequencing::inert, Resequencing::starting_at));
        ours.from.set(None);
    } else if let Some(first) = first {
        if front_of == FrontOf::Any || SEEN.load(Relaxed) || (wbio == rbio && rbio.is_datagram()) {
            let _ = put_in_front(ssl, wbio, Resequencing::starting_at(first));
        }
    }
}

/// Has what an SSL writes to its datagram BIO from now on leave from this address, while that BIO has this
/// socket. The kernel chooses without memory for a BIO in front, and where the SSL cannot be given one.
pub(crate) fn send_from(ssl: Ssl, socket: c_int, local: Local) {
    let Some(wbio) = ssl.wbio() else { return };
    if resequencer(wbio).is_none() {
        let _ = put_in_front(ssl, wbio, Resequencing::inert());
    }
    if let Some(ours) = ssl.wbio().and_then(resequencer) {
        ours.from.set(Some((socket, local)));
    }
}

/// The application's own BIO, if this one is ours.
#[inline]
pub(crate) fn behind(bio: Bio) -> Bio {
    resequencer(bio).map_or(bio, |ours| ours.real)
}

/// `SSL_set_bio`, whose own function is `set`: done here, if the write BIO is the one that the SSL has
/// behind one of ours. One of ours goes on in front of another.
///
/// The caller gives a reference to the read BIO if it is a new one, and one to the write BIO if that was
/// the read BIO as well and is no more: as libssl takes them (SSL_set_bio(3)).
///
/// # Safety
///
/// `rbio` is null or a live BIO of the SSL's libssl.
pub(crate) unsafe fn set_bio(
    ssl: Ssl,
    rbio: *mut sys::BIO,
    wbio: *mut sys::BIO,
    set: impl FnOnce(),
) {
    let Some(ours) = ssl.wbio().and_then(resequencer) else { return set() };
    let (real, now, numbers) = (ours.real, ssl.rbio(), ours.numbers.get());
    if real.as_ptr() != wbio {
        set();
        if let Some(other) = ssl.wbio() {
            let _ = put_in_front(ssl, other, numbers); // without memory libssl's numbers stay
        }
        return;
    }
    if now.map_or(null_mut(), Bio::as_ptr) == rbio {
        return;
    }
    let crypto = real.crypto();
    if rbio == wbio {
        // SAFETY: the real BIO lives. It takes one reference for two.
        unsafe { crypto.BIO_up_ref(rbio) };
    }
    let was_both = now == Some(real);
    // SAFETY: type invariant; the SSL takes the reference over.
    unsafe { ssl.libssl().ssl.SSL_set0_rbio(ssl.as_ptr(), rbio) };
    if was_both {
        // SAFETY: the one that was given for the write BIO; the resequencer has its own.
        unsafe { crypto.BIO_free_all(wbio) };
    }
}

/// The application's own for a BIO that an SSL writes to.
///
/// # Safety
///
/// The BIO is of this libssl's libcrypto, lives, and is this thread's.
pub(crate) unsafe fn behind_of(bio: NonNull<sys::BIO>, libssl: &'static Libssl) -> *mut sys::BIO {
    // SAFETY: by this function's contract.
    behind(unsafe { Bio::new(bio, libssl) }).as_ptr()
}

fn put_in_front(ssl: Ssl, real: Bio, numbers: Resequencing) -> Option<()> {
    let libssl = ssl.libssl();
    let crypto = &libssl.crypto;
    let set_wbio = libssl.ssl.SSL_set0_wbio?;
    let resequencer =
        try_box(Resequencer { real, numbers: Cell::new(numbers), from: Cell::new(None) })?;
    let bio = METHOD.of(libssl).bio(libssl)?;
    // SAFETY: the BIO lives. The reference is the resequencer's.
    if unsafe { crypto.BIO_up_ref(real.as_ptr()) } == 0 {
        // SAFETY: nothing hangs on it yet, and nobody else knows it.
        unsafe { crypto.BIO_free_all(bio.as_ptr()) };
        return None;
    }
    // SAFETY: the BIO is new and ours; `destroy` takes the box back.
    unsafe { crypto.BIO_set_data(bio.as_ptr(), Box::into_raw(resequencer).cast()) };
    // SAFETY: as above.
    unsafe { crypto.BIO_set_init(bio.as_ptr(), 1) };
    // SAFETY: the SSL lives. It takes over our reference to the new BIO and drops one to the real
    // one, which has the resequencer's in its place.
    unsafe { set_wbio(ssl.as_ptr(), bio.as_ptr()) };
    IN_USE.store(true, Relaxed);
    Some(())
}

static METHOD: ForEach<Method> = ForEach::new([const { Method::new(make) }; libssl::MAX]);

fn make(libssl: &'static Libssl) -> Option<NonNull<sys::BIO_METHOD>> {
    let crypto = &libssl.crypto;
    // A descriptor's: `SSL_get_wfd` asks such a one.
    let kind = sys::BIO_TYPE_DGRAM;
    // SAFETY: the name is a C string.
    let method = unsafe { crypto.BIO_meth_new(kind, c"datagram socket, resequenced".as_ptr()) };
    let made = NonNull::new(method)?;
    // SAFETY: the method is new and no BIO has it yet; so for the next three.
    unsafe { crypto.BIO_meth_set_read(method, numbered!([read] as BioRead, libssl)) };
    // SAFETY: as above.
    unsafe { crypto.BIO_meth_set_write(method, numbered!([write] as BioWrite, libssl)) };
    // SAFETY: as above.
    unsafe { crypto.BIO_meth_set_ctrl(method, numbered!([ctrl] as BioCtrl, libssl)) };
    // SAFETY: as above.
    unsafe { crypto.BIO_meth_set_destroy(method, numbered!([destroy] as BioDestroy, libssl)) };
    Some(made)
}

/// What hangs on a BIO that is ours, for as long as the BIO lives.
fn resequencer<'a>(bio: Bio) -> Option<&'a Resequencer> {
    if !METHOD.of(bio.libssl()).is_of(bio) {
        return None;
    }
    // SAFETY: the BIO lives.
    let data = unsafe { bio.crypto().BIO_get_data(bio.as_ptr()) };
    // SAFETY: a BIO of ours has a boxed resequencer, or nothing (a copy by `BIO_dup_chain`), until
    // `destroy`; a BIO is one thread's at a time.
    unsafe { data.cast::<Resequencer>().as_ref() }
}

/// # Safety
///
/// `bio` is a live BIO of ours in the libssl of this number.
unsafe fn ours<'a>(bio: *mut sys::BIO, number: usize) -> Option<&'a Resequencer> {
    // SAFETY: by this function's contract.
    resequencer(unsafe { Bio::new(NonNull::new(bio)?, Libssl::numbered(number)?) })
}

unsafe extern "C-unwind" fn write<const N: usize>(
    bio: *mut sys::BIO,
    from: *const c_char,
    len: c_int,
) -> c_int {
    // SAFETY: libcrypto calls with a BIO of ours.
    let Some(ours) = (unsafe { ours(bio, N) }) else { return -1 };
    let (Some(from), Ok(len)) = (NonNull::new(from.cast_mut()), usize::try_from(len)) else {
        return -1;
    };
    // SAFETY: libcrypto passes that many bytes.
    let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>().as_ptr(), len) };
    let n = ours.write(bytes);
    // SAFETY: as above.
    unsafe { copy_retry_flags(bio, ours.real) };
    n
}

unsafe extern "C-unwind" fn read<const N: usize>(
    bio: *mut sys::BIO,
    to: *mut c_char,
    room: c_int,
) -> c_int {
    // SAFETY: libcrypto calls with a BIO of ours.
    let Some(ours) = (unsafe { ours(bio, N) }) else { return -1 };
    // SAFETY: the real BIO lives; libcrypto passes room for that many bytes.
    let n = unsafe { ours.real.crypto().BIO_read(ours.real.as_ptr(), to.cast(), room) };
    // SAFETY: as above.
    unsafe { copy_retry_flags(bio, ours.real) };
    n
}

unsafe extern "C-unwind" fn ctrl<const N: usize>(
    bio: *mut sys::BIO,
    command: c_int,
    larg: c_long,
    parg: *mut c_void,
) -> c_long {
    // SAFETY: libcrypto calls with a BIO of ours.
    let Some(ours) = (unsafe { ours(bio, N) }) else { return 0 };
    let (crypto, mut real) = (ours.real.crypto(), ours.real.as_ptr());
    if command == sys::BIO_C_GET_FD {
        // libssl asks one of a descriptor's type, which it takes this one for.
        // SAFETY: the real BIO lives.
        real = unsafe { crypto.BIO_find_type(real, sys::BIO_TYPE_DESCRIPTOR) };
        if real.is_null() {
            return -1;
        }
    }
    // SAFETY: as above; the arguments are for whoever understands the command.
    unsafe { crypto.BIO_ctrl(real, command, larg, parg) }
}

/// Called when the last reference to a BIO of ours is gone.
unsafe extern "C-unwind" fn destroy<const N: usize>(bio: *mut sys::BIO) -> c_int {
    let Some(libssl) = Libssl::numbered(N) else { return 0 };
    // SAFETY: libcrypto calls with a BIO of ours.
    let data = unsafe { libssl.crypto.BIO_get_data(bio) }.cast::<Resequencer>();
    if data.is_null() {
        return 1;
    }
    // SAFETY: as above.
    unsafe { libssl.crypto.BIO_set_data(bio, null_mut()) };
    // SAFETY: it came from a box, and the BIO that had it is going.
    let gone = unsafe { Box::from_raw(data) };
    // SAFETY: the reference was the resequencer's.
    unsafe { libssl.crypto.BIO_free_all(gone.real.as_ptr()) };
    1
}

impl Resequencer {
    fn write(&self, bytes: &[u8]) -> c_int {
        if has_unencrypted(bytes) { self.write_resequenced(bytes) } else { self.send(bytes) }
    }

    /// Numbers stay as they are without memory for the buffer.
    #[cold]
    fn write_resequenced(&self, bytes: &[u8]) -> c_int {
        let tally = stats::tally();
        let Some(mut buffer) = RecvBuffer::of(&tally) else { return self.send(bytes) };
        let mut numbers = self.numbers.get();
        let shifted = numbers.shifts();
        let n = self.send(numbers.apply(bytes, buffer.bytes()).unwrap_or(bytes));
        if numbers.shifts() && !shifted {
            tally.count(Event::SequenceRepaired);
        }
        if n > 0 {
            numbers.note_sent(bytes);
        }
        self.numbers.set(numbers);
        n
    }

    /// The real BIO's own answer, whatever it is: numbers change no length.
    fn send(&self, bytes: &[u8]) -> c_int {
        let len = c_int::try_from(bytes.len()).unwrap_or(c_int::MAX);
        let from = self.from.get();
        if from.is_some_and(|(socket, local)| self.sends_from(socket, &local, bytes)) {
            return len;
        }
        // SAFETY: the real BIO lives, and `bytes` is readable for its length.
        unsafe { self.real.crypto().BIO_write(self.real.as_ptr(), bytes.as_ptr().cast(), len) }
    }

    /// False if it is the real BIO's to send, which knows what to say of an error.
    #[cold]
    fn sends_from(&self, socket: c_int, local: &Local, bytes: &[u8]) -> bool {
        if self.real.socket() != Some(socket) {
            return false;
        }
        let mut to = Address::unspecified();
        if !self.real.tell_peer(&mut to) || !local_address::send(socket, to.peer(), local, bytes) {
            return false;
        }
        // SAFETY: the real BIO lives.
        unsafe { self.real.crypto().BIO_clear_flags(self.real.as_ptr(), RETRY_FLAGS) };
        true
    }
}

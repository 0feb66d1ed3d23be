//! The BIO in front of an SSL's write BIO that gives its unencrypted records the sequence numbers that
//! they ought to have (OpenSSL issue 32063: every release from 3.2 on begins at 1), and sends its
//! datagrams from the address that the client wrote to. It holds a reference to the real one.

use super::bio::{Address, Bio};
use super::libssl::{self, BioCtrl, BioDestroy, BioRead, BioWrite, ForEach, Libssl, numbered};
use super::method::{Method, RETRY_FLAGS, copy_retry_flags};
use super::recv_buffer::RecvBuffer;
use super::sys;
use crate::hello::resequence::{Resequencing, has_unencrypted};
use crate::local_address::{self, Local};
use crate::os::try_box;
use crate::stats::{self, Event};
use std::cell::Cell;
use std::ffi::{c_char, c_int, c_long, c_void};
use std::ptr::{NonNull, null_mut};

/// What hangs on a BIO of ours.
pub(super) struct Resequencer {
    /// With a reference that goes when our BIO does.
    pub(super) real: Bio,
    pub(super) numbers: Cell<Resequencing>,
    /// A socket, and where its datagrams are sent from.
    pub(super) from: Cell<Option<(c_int, Local)>>,
}

/// A new one in front of `real`, with a reference for the caller; `None` without memory.
pub(super) fn new(real: Bio, numbers: Resequencing) -> Option<NonNull<sys::BIO>> {
    let (libssl, crypto) = (real.libssl(), real.crypto());
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
    // SAFETY: the BIO is new and ours; `destroy` takes the box back.
    unsafe { crypto.BIO_set_init(bio.as_ptr(), 1) };
    Some(bio)
}

static METHOD: ForEach<Method> = ForEach::new([const { Method::new(make) }; libssl::MAX]);

fn make(libssl: &'static Libssl) -> Option<NonNull<sys::BIO_METHOD>> {
    let crypto = &libssl.crypto;
    // A descriptor's: `SSL_get_wfd` asks such a one.
    let kind = sys::BIO_TYPE_DGRAM;
    // SAFETY: the name is a C string.
    let method = unsafe { crypto.BIO_meth_new(kind, c"datagram socket, resequenced".as_ptr()) };
    let made = NonNull::new(method)?;
    // SAFETY: the method is new and no BIO has it yet.
    unsafe { crypto.BIO_meth_set_read(method, numbered!([read] as BioRead, libssl)) };
    // SAFETY: the method is new and no BIO has it yet.
    unsafe { crypto.BIO_meth_set_write(method, numbered!([write] as BioWrite, libssl)) };
    // SAFETY: the method is new and no BIO has it yet.
    unsafe { crypto.BIO_meth_set_ctrl(method, numbered!([ctrl] as BioCtrl, libssl)) };
    // SAFETY: the method is new and no BIO has it yet.
    unsafe { crypto.BIO_meth_set_destroy(method, numbered!([destroy] as BioDestroy, libssl)) };
    Some(made)
}

/// What hangs on a BIO that is ours, for as long as the BIO lives.
pub(super) fn resequencer<'a>(bio: Bio) -> Option<&'a Resequencer> {
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
    // SAFETY: both BIOs live, and are of one libcrypto.
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
    // SAFETY: both BIOs live, and are of one libcrypto.
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
    // SAFETY: the real BIO lives; the arguments are for whoever understands the command.
    let answer = unsafe { crypto.BIO_ctrl(real, command, larg, parg) };
    // A flush may block.
    // SAFETY: both BIOs live, and are of one libcrypto.
    unsafe { copy_retry_flags(bio, ours.real) };
    answer
}

/// Called when the last reference to a BIO of ours is gone.
unsafe extern "C-unwind" fn destroy<const N: usize>(bio: *mut sys::BIO) -> c_int {
    let Some(libssl) = Libssl::numbered(N) else { return 0 };
    // SAFETY: libcrypto calls with a BIO of ours.
    let data = unsafe { libssl.crypto.BIO_get_data(bio) }.cast::<Resequencer>();
    if data.is_null() {
        return 1;
    }
    // SAFETY: libcrypto calls with a BIO of ours.
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

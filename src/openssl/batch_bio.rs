//! A datagram BIO that reads and answers many datagrams with one system call, while
//! `DTLSv1_listen` reads from it.
//!
//! Behind it is a BIO of libcrypto's on the same socket, which does everything else: what is read and
//! written outside of `DTLSv1_listen`, what blocks, every control. So a handshake on it is libcrypto's
//! alone, and a thread that is cancelled in a read is in libcrypto's.

use super::bio::Bio;
use super::libssl::{self, BioCtrl, BioDestroy, BioRead, BioWrite, ForEach, Libssl, numbered};
use super::method::{Method, RETRY_FLAGS, copy_retry_flags};
use super::sys;
use crate::hello::error::Fault;
use crate::os::try_box;
use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_int, c_long, c_void};
use std::mem::MaybeUninit;
use std::ptr::{NonNull, null_mut};

/// A socket's datagrams, many at a time. What is queued or was read and not given yet is here.
pub(crate) trait Batch {
    /// Gives the next datagram, after it has read more if there is none here: its bytes, of which as
    /// many as there is room for are written. `None`: none has come.
    fn next(&mut self, room: &mut [MaybeUninit<u8>]) -> Option<usize>;
    /// Bytes of the next datagram that is here already.
    fn waiting(&self) -> Option<usize>;
    /// Who sent the one that was given last, as a `struct sockaddr`.
    fn peer(&self) -> &[u8];
    /// Queues an answer to that one; false if it is none that can be.
    fn answer(&mut self, answer: &[u8]) -> bool;
    /// Sends what is queued.
    fn flush(&mut self);
}

impl<B: Batch> Batch for [B; 1] {
    fn next(&mut self, room: &mut [MaybeUninit<u8>]) -> Option<usize> {
        let [batch] = self;
        batch.next(room)
    }

    fn waiting(&self) -> Option<usize> {
        let [batch] = self;
        batch.waiting()
    }

    fn peer(&self) -> &[u8] {
        let [batch] = self;
        batch.peer()
    }

    fn answer(&mut self, answer: &[u8]) -> bool {
        let [batch] = self;
        batch.answer(answer)
    }

    fn flush(&mut self) {
        let [batch] = self;
        batch.flush();
    }
}

/// What hangs on a BIO of ours.
struct Behind {
    /// libcrypto's own, with a reference that goes when our BIO does.
    real: Bio,
    /// None once the BIO has another socket, or one peer.
    batch: RefCell<Option<Box<dyn Batch>>>,
    /// Does `DTLSv1_listen` read from it?
    listening: Cell<bool>,
    /// Did the last datagram come out of the batch? Then its sender is known there.
    from_batch: Cell<bool>,
}

/// A new BIO on this socket of the caller's, which stays open.
pub(crate) fn batch_bio<B: Batch + 'static>(
    libssl: &'static Libssl,
    fd: c_int,
    batch: B,
) -> Result<NonNull<sys::BIO>, Fault> {
    let crypto = &libssl.crypto;
    let batch: Box<[B; 1]> =
        try_box(batch).and_then(|batch| batch.try_into().ok()).ok_or(Fault::NoMemory)?;
    // SAFETY: takes numbers; BIO_NOCLOSE is 0.
    let real = NonNull::new(unsafe { crypto.BIO_new_dgram(fd, 0) }).ok_or(Fault::Libssl)?;
    // SAFETY: just made, and freed by `destroy` or below.
    let real = unsafe { Bio::new(real, libssl) };
    let behind = Behind {
        real,
        batch: RefCell::new(Some(batch)),
        listening: Cell::new(false),
        from_batch: Cell::new(false),
    };
    let made = try_box(behind).and_then(|behind| Some((METHOD.of(libssl).bio(libssl)?, behind)));
    let Some((bio, behind)) = made else {
        // SAFETY: nobody else knows it.
        unsafe { crypto.BIO_free_all(real.as_ptr()) };
        return Err(Fault::NoMemory);
    };
    // SAFETY: the BIO is new and ours; `destroy` takes the box back.
    unsafe { crypto.BIO_set_data(bio.as_ptr(), Box::into_raw(behind).cast()) };
    // SAFETY: the BIO is new and ours; `destroy` takes the box back.
    unsafe { crypto.BIO_set_init(bio.as_ptr(), 1) };
    Ok(bio)
}

static METHOD: ForEach<Method> = ForEach::new([const { Method::new(make) }; libssl::MAX]);

fn make(libssl: &'static Libssl) -> Option<NonNull<sys::BIO_METHOD>> {
    let crypto = &libssl.crypto;
    // SAFETY: the name is a C string.
    let method =
        unsafe { crypto.BIO_meth_new(sys::BIO_TYPE_DGRAM, c"datagram socket, batched".as_ptr()) };
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

/// Is it a BIO of ours?
pub(super) fn is_batching(bio: Bio) -> bool {
    METHOD.of(bio.libssl()).is_of(bio)
}

fn behind<'a>(bio: Bio) -> Option<&'a Behind> {
    if !is_batching(bio) {
        return None;
    }
    // SAFETY: the BIO lives.
    let data = unsafe { bio.crypto().BIO_get_data(bio.as_ptr()) };
    // SAFETY: a BIO of ours has a boxed Behind, or nothing (a copy by `BIO_dup_chain`), until
    // `destroy`; a BIO is one thread's at a time.
    unsafe { data.cast::<Behind>().as_ref() }
}

/// A call of `DTLSv1_listen` that reads from a BIO of ours. When it ends, however it does, what is
/// queued is sent.
pub(crate) struct BatchedCall(Bio);

impl BatchedCall {
    /// `None`: the BIO is another.
    #[inline]
    pub(crate) fn on(rbio: Bio) -> Option<Self> {
        let behind = behind(rbio)?;
        // SAFETY: the BIO lives. The program's code may take it from the SSL while we use it.
        if unsafe { rbio.crypto().BIO_up_ref(rbio.as_ptr()) } == 0 {
            return None;
        }
        behind.listening.set(true);
        Some(Self(rbio))
    }

    /// Is a datagram here that was read already? A program that waits for its socket would not be
    /// told of it.
    pub(crate) fn has_more(&self) -> bool {
        behind(self.0).is_some_and(|behind| behind.waiting().is_some())
    }
}

impl Drop for BatchedCall {
    fn drop(&mut self) {
        if let Some(behind) = behind(self.0) {
            behind.listening.set(false);
            behind.flush();
        }
        // SAFETY: the reference is ours.
        unsafe { self.0.crypto().BIO_free_all(self.0.as_ptr()) };
    }
}

impl Behind {
    /// `None` where nothing is batched any more, or a thread has ended in the middle.
    fn with_batch<T>(&self, usage: impl FnOnce(&mut dyn Batch) -> T) -> Option<T> {
        let mut batch = self.batch.try_borrow_mut().ok()?;
        batch.as_mut().map(|batch| usage(&mut **batch))
    }

    fn waiting(&self) -> Option<usize> {
        self.with_batch(|batch| batch.waiting()).flatten()
    }

    fn flush(&self) {
        self.with_batch(|batch| batch.flush());
    }

    /// The socket is another, or has one peer: what was read came to somebody else.
    fn end_batching(&self) {
        self.flush();
        self.from_batch.set(false);
        if let Ok(mut batch) = self.batch.try_borrow_mut() {
            drop(batch.take());
        }
    }

    /// From what is here; while we listen from what has come, too.
    fn next(&self, room: &mut [MaybeUninit<u8>]) -> Option<usize> {
        let listening = self.listening.get();
        let next = self.with_batch(|batch| {
            let any = listening || batch.waiting().is_some();
            if any { batch.next(room) } else { None }
        });
        let next = next.flatten();
        self.from_batch.set(next.is_some());
        next
    }

    /// Has the real BIO write to whom the last datagram came from.
    fn tell_real(&self) {
        if !self.from_batch.get() {
            return;
        }
        let mut address = [0_u8; ADDRESS_ROOM];
        let told = self.with_batch(|batch| {
            let peer = batch.peer();
            address.get_mut(..peer.len()).map(|room| room.copy_from_slice(peer))
        });
        if told.flatten().is_some() {
            let to = address.as_mut_ptr().cast();
            // SAFETY: the real BIO lives; the command takes a sockaddr, and there is room for any.
            unsafe {
                self.real.crypto().BIO_ctrl(self.real.as_ptr(), sys::BIO_CTRL_DGRAM_SET_PEER, 0, to)
            };
            self.from_batch.set(false);
        }
    }
}

/// libcrypto copies a whole `BIO_ADDR` of a family that it does not know.
const ADDRESS_ROOM: usize = 128;

/// # Safety
///
/// `bio` is a live BIO of ours in the libssl of this number.
unsafe fn ours<'a>(bio: *mut sys::BIO, number: usize) -> Option<&'a Behind> {
    // SAFETY: by this function's contract.
    behind(unsafe { Bio::new(NonNull::new(bio)?, Libssl::numbered(number)?) })
}

unsafe extern "C-unwind" fn read<const N: usize>(
    bio: *mut sys::BIO,
    to: *mut c_char,
    room: c_int,
) -> c_int {
    // SAFETY: libcrypto calls with a BIO of ours.
    let Some(ours) = (unsafe { ours(bio, N) }) else { return -1 };
    let (Some(to), Ok(len)) = (NonNull::new(to), usize::try_from(room)) else { return 0 };
    let bytes = NonNull::slice_from_raw_parts(to.cast::<MaybeUninit<u8>>(), len);
    // SAFETY: libcrypto passes room for that many bytes, which are nobody else's.
    let next = ours.next(unsafe { &mut *bytes.as_ptr() });
    let crypto = ours.real.crypto();
    if let Some(n) = next {
        // SAFETY: the BIO lives.
        unsafe { crypto.BIO_clear_flags(bio, RETRY_FLAGS) };
        return c_int::try_from(n).unwrap_or(room);
    }
    // It may have to wait, by libcrypto's rules.
    // SAFETY: the real BIO lives; libcrypto passes room for that many bytes.
    let n = unsafe { crypto.BIO_read(ours.real.as_ptr(), to.as_ptr().cast(), room) };
    // SAFETY: the real BIO lives; libcrypto passes room for that many bytes.
    unsafe { copy_retry_flags(bio, ours.real) };
    n
}

unsafe extern "C-unwind" fn write<const N: usize>(
    bio: *mut sys::BIO,
    from: *const c_char,
    len: c_int,
) -> c_int {
    // SAFETY: libcrypto calls with a BIO of ours.
    let Some(ours) = (unsafe { ours(bio, N) }) else { return -1 };
    let (Some(at), Ok(n)) = (NonNull::new(from.cast_mut()), usize::try_from(len)) else {
        return 0;
    };
    let crypto = ours.real.crypto();
    if ours.listening.get() && ours.from_batch.get() {
        // SAFETY: libcrypto passes that many bytes.
        let answer = unsafe { std::slice::from_raw_parts(at.cast::<u8>().as_ptr(), n) };
        if ours.with_batch(|batch| batch.answer(answer)) == Some(true) {
            // SAFETY: the BIO lives.
            unsafe { crypto.BIO_clear_flags(bio, RETRY_FLAGS) };
            return len;
        }
    }
    ours.flush();
    ours.tell_real();
    // SAFETY: the real BIO lives; libcrypto passes that many bytes.
    let n = unsafe { crypto.BIO_write(ours.real.as_ptr(), from.cast(), len) };
    // SAFETY: the real BIO lives; libcrypto passes that many bytes.
    unsafe { copy_retry_flags(bio, ours.real) };
    n
}

/// Controls, from OpenSSL's bio.h; LibreSSL has the same.
mod command {
    use std::ffi::c_int;

    pub(super) const PENDING: c_int = 10;
    pub(super) const FLUSH: c_int = 11;
    pub(super) const CONNECT: c_int = 31;
    pub(super) const SET_CONNECTED: c_int = 32;
    pub(super) const SET_PEER: c_int = 44;
    pub(super) const GET_PEER: c_int = 46;
    pub(super) const SET_FD: c_int = 104;
}

unsafe extern "C-unwind" fn ctrl<const N: usize>(
    bio: *mut sys::BIO,
    command: c_int,
    larg: c_long,
    parg: *mut c_void,
) -> c_long {
    // SAFETY: libcrypto calls with a BIO of ours.
    let Some(ours) = (unsafe { ours(bio, N) }) else { return 0 };
    match command {
        command::PENDING => {
            if let Some(len) = ours.waiting() {
                return c_long::try_from(len).unwrap_or(c_long::MAX);
            }
        }
        command::GET_PEER if ours.from_batch.get() => {
            // SAFETY: the caller passes room for an address, of `larg` bytes if that is not 0.
            return unsafe { get_peer(ours, larg, parg) };
        }
        command::FLUSH => ours.flush(),
        command::SET_PEER => ours.from_batch.set(false),
        command::SET_FD | command::CONNECT | command::SET_CONNECTED => ours.end_batching(),
        _ => {}
    }
    // SAFETY: the real BIO lives; the arguments are for whoever understands the command.
    unsafe { ours.real.crypto().BIO_ctrl(ours.real.as_ptr(), command, larg, parg) }
}

/// # Safety
///
/// `to` is null or has room for any address; for `larg` bytes, where that is not 0.
unsafe fn get_peer(ours: &Behind, larg: c_long, to: *mut c_void) -> c_long {
    let Some(to) = NonNull::new(to) else { return 0 };
    let told = ours.with_batch(|batch| {
        let peer = batch.peer();
        let len = match usize::try_from(larg) {
            Ok(room @ 1..) => peer.len().min(room),
            _ => peer.len(),
        };
        // SAFETY: by this function's contract; `len` bytes are there.
        unsafe { to.cast::<u8>().copy_from_nonoverlapping(NonNull::from(peer).cast(), len) };
        len
    });
    told.and_then(|len| c_long::try_from(len).ok()).unwrap_or(0)
}

/// Called when the last reference to a BIO of ours is gone.
unsafe extern "C-unwind" fn destroy<const N: usize>(bio: *mut sys::BIO) -> c_int {
    let Some(libssl) = Libssl::numbered(N) else { return 0 };
    // SAFETY: libcrypto calls with a BIO of ours.
    let data = unsafe { libssl.crypto.BIO_get_data(bio) }.cast::<Behind>();
    let Some(data) = NonNull::new(data) else { return 1 };
    // SAFETY: libcrypto calls with a BIO of ours.
    unsafe { libssl.crypto.BIO_set_data(bio, null_mut()) };
    let one = NonNull::slice_from_raw_parts(data, 1);
    // SAFETY: it came from a box of one, and the BIO that had it is going.
    let gone = unsafe { Box::from_raw(one.as_ptr()) };
    for behind in &gone {
        behind.flush();
        // SAFETY: the reference was this one's.
        unsafe { libssl.crypto.BIO_free_all(behind.real.as_ptr()) };
    }
    1
}

//! What libcrypto calls: a BIO of ours reads, writes, is told and asked, and goes.

use super::behind::{Behind, behind};
use crate::openssl::libssl::Libssl;
use crate::openssl::method::{RETRY_FLAGS, copy_retry_flags};
use crate::openssl::sys;
use std::ffi::{c_char, c_int, c_long, c_void};
use std::mem::MaybeUninit;
use std::ptr::{NonNull, null_mut};

/// # Safety
///
/// `bio` is a live BIO of ours in the libssl of this number.
unsafe fn ours<'a>(bio: *mut sys::BIO, number: usize) -> Option<&'a Behind> {
    // SAFETY: by this function's contract.
    unsafe { behind(bio, Libssl::numbered(number)?) }
}

pub(super) unsafe extern "C-unwind" fn read<const N: usize>(
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
    // SAFETY: both BIOs live, and are of one libcrypto.
    unsafe { copy_retry_flags(bio, ours.real) };
    n
}

pub(super) unsafe extern "C-unwind" fn write<const N: usize>(
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
    // SAFETY: both BIOs live, and are of one libcrypto.
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

pub(super) unsafe extern "C-unwind" fn ctrl<const N: usize>(
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
pub(super) unsafe extern "C-unwind" fn destroy<const N: usize>(bio: *mut sys::BIO) -> c_int {
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

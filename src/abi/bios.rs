//! The BIOs of an SSL as its application gave them, where one of ours stands in front of the write BIO.

use crate::openssl::{BIO, Call, Name, SSL, Ssl, front};
use std::ffi::c_void;
use std::mem::transmute;
use std::ptr::{NonNull, null_mut};

/// libssl's SSL_get_wbio(3): the application's own BIO.
///
/// # Safety
///
/// `ssl` is a live SSL, and no other thread frees it or exchanges its BIOs.
pub(super) unsafe extern "C-unwind" fn get_wbio(
    ssl: *const SSL,
    from: usize,
    version: u32,
) -> *mut BIO {
    type Get = unsafe extern "C-unwind" fn(*const SSL) -> *mut BIO;
    let call = Call { from, version };
    let Some(get) = call.next(Name::GetWbio) else { return null_mut() };
    // SAFETY: this is what libssl's function of that name is.
    let get = unsafe { transmute::<*mut c_void, Get>(get.as_ptr()) };
    // SAFETY: the argument goes on as it came.
    let bio = unsafe { get(ssl) };
    if !front::is_in_use() {
        return bio;
    }
    let Some((libssl, at)) = call.libssl().zip(NonNull::new(bio)) else { return bio };
    // SAFETY: the SSL has it, and is the caller's.
    unsafe { front::behind_of(at, libssl) }
}

/// libssl's SSL_set_bio(3), which takes no reference to a BIO that the SSL has already: told by what the
/// application gave.
///
/// # Safety
///
/// `ssl` is a live SSL that no other thread is using; the BIOs are NULL or live, with the references
/// that libssl asks for.
pub(super) unsafe extern "C-unwind" fn set_bio(
    ssl: *mut SSL,
    rbio: *mut BIO,
    wbio: *mut BIO,
    from: usize,
    version: u32,
) {
    type Set = unsafe extern "C-unwind" fn(*mut SSL, *mut BIO, *mut BIO);
    let call = Call { from, version };
    front::sees_calls();
    let Some(set) = call.next(Name::SetBio) else { return };
    // SAFETY: this is what libssl's function of that name is.
    let set = unsafe { transmute::<*mut c_void, Set>(set.as_ptr()) };
    // SAFETY: the arguments go on as they came.
    let set = || unsafe { set(ssl, rbio, wbio) };
    let object = if front::is_in_use() { call.libssl().zip(NonNull::new(ssl)) } else { None };
    let Some((libssl, ssl)) = object else { return set() };
    // SAFETY: by this function's contract.
    let ssl = unsafe { Ssl::new(ssl, libssl) };
    // SAFETY: by this function's contract.
    unsafe { front::set_bio(ssl, rbio, wbio, set) };
}

//! What we remember of one SSL, in its ex_data: that it is ours to listen on, or the cookie that
//! it was accepted with.

use super::ssl::Ssl;
use super::sys;
use crate::cookie::Cookie;
use crate::os::try_box;
use std::ffi::{c_int, c_long, c_void};
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

/// The built-in cookie that the SSL's client was accepted with. libssl asks for it once more in
/// `SSL_accept`; by then the application may have put other BIOs in place, which know no peer.
pub(crate) struct Verified(pub(crate) Cookie);

/// Stands for "cleared and listening": no memory is needed until a cookie was right.
static LISTENING: u8 = 0;

fn listening() -> *mut c_void {
    (&raw const LISTENING).cast_mut().cast()
}

/// Did we clear this SSL, and has no client been accepted on it since?
pub(super) fn is_listening(ssl: Ssl) -> bool {
    get(ssl) == listening()
}

/// Have we had this SSL before?
pub(super) fn is_known(ssl: Ssl) -> bool {
    !get(ssl).is_null()
}

pub(super) fn mark_listening(ssl: Ssl) {
    // Without memory for it the SSL is cleared anew in each call: slower, and right.
    let _ = set(ssl, listening());
}

/// The cookie of the accepted client, if it was one of ours.
pub(crate) fn verified(ssl: Ssl) -> Option<Cookie> {
    let at = get(ssl).cast::<Verified>();
    if at.is_null() || at.cast() == listening() {
        return None;
    }
    // SAFETY: all that we put there otherwise is a `Verified`, which lives until it is replaced or
    // the SSL is freed.
    Some(unsafe { &*at }.0)
}

/// Remembers the accepted client's cookie; false without memory for it.
pub(crate) fn remember_verified(ssl: Ssl, cookie: &Cookie) -> bool {
    let Some(verified) = try_box(Verified(*cookie)) else { return false };
    let at = Box::into_raw(verified).cast::<c_void>();
    if set(ssl, at) {
        return true;
    }
    // SAFETY: it was not taken, so it is still ours.
    unsafe { release(at) };
    false
}

/// The ex_data index, or -1 while there is none.
static INDEX: AtomicI32 = AtomicI32::new(-1);

fn index() -> c_int {
    let index = INDEX.load(Relaxed);
    if index >= 0 { index } else { register() }
}

#[cold]
fn register() -> c_int {
    static REGISTERING: Mutex<()> = Mutex::new(());
    let _once = REGISTERING.lock().unwrap_or_else(PoisonError::into_inner);
    if INDEX.load(Relaxed) < 0 {
        let (dup, free) = (Some(dup as sys::ExDup), Some(free as sys::ExFree));
        // SAFETY: the two functions keep to the contract of ex_data callbacks.
        let index = unsafe {
            sys::CRYPTO_get_ex_new_index(sys::CRYPTO_EX_INDEX_SSL, 0, null_mut(), None, dup, free)
        };
        INDEX.store(index, Relaxed);
    }
    INDEX.load(Relaxed)
}

fn get(ssl: Ssl) -> *mut c_void {
    let index = INDEX.load(Relaxed);
    if index < 0 {
        return null_mut();
    }
    // SAFETY: the SSL lives and the index is one for SSLs.
    unsafe { sys::SSL_get_ex_data(ssl.as_ptr(), index) }
}

fn set(ssl: Ssl, at: *mut c_void) -> bool {
    let index = index();
    if index < 0 {
        return false;
    }
    let before = get(ssl);
    // SAFETY: the SSL lives and the index is one for SSLs.
    if unsafe { sys::SSL_set_ex_data(ssl.as_ptr(), index, at) } == 0 {
        return false;
    }
    // SAFETY: what was there before is nobody's now.
    unsafe { release(before) };
    true
}

/// # Safety
///
/// `at` is null, [`listening`], or a boxed [`Verified`] that nobody refers to any more.
unsafe fn release(at: *mut c_void) {
    if !at.is_null() && at != listening() {
        // SAFETY: it came from a box, by this function's contract.
        drop(unsafe { Box::from_raw(at.cast::<Verified>()) });
    }
}

/// Called by `SSL_free`.
unsafe extern "C" fn free(
    _ssl: *mut c_void,
    at: *mut c_void,
    _data: *mut c_void,
    _index: c_int,
    _argl: c_long,
    _argp: *mut c_void,
) {
    // SAFETY: the SSL is going, and what we hung on it with it.
    unsafe { release(at) };
}

/// Called by `SSL_dup`, which would have both SSLs own the same box.
unsafe extern "C" fn dup(
    _to: *mut c_void,
    _from: *const c_void,
    at: *mut *mut c_void,
    _index: c_int,
    _argl: c_long,
    _argp: *mut c_void,
) -> c_int {
    // SAFETY: libcrypto passes the place of the copy's pointer.
    unsafe { at.write(null_mut()) };
    1
}

//! The application's cookie callbacks, which we remember because libssl has no getter.

use super::ssl::Ssl;
use super::sys::{GenerateCb, VerifyCb};
use crate::hello::error::Fault;
use crate::hello::gate::COOKIE_ROOM;
use std::ffi::{c_uint, c_void};
use std::mem::transmute;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// What the application set on an SSL_CTX.
pub(crate) struct AppCallbacks {
    generate: AtomicPtr<c_void>,
    verify: AtomicPtr<c_void>,
}

impl AppCallbacks {
    pub(super) const fn new() -> Self {
        Self { generate: AtomicPtr::new(null_mut()), verify: AtomicPtr::new(null_mut()) }
    }

    pub(crate) fn set_generate(&self, callback: Option<GenerateCb>) {
        self.generate.store(callback.map_or(null_mut(), |f| f as *mut c_void), Relaxed);
    }

    pub(crate) fn set_verify(&self, callback: Option<VerifyCb>) {
        self.verify.store(callback.map_or(null_mut(), |f| f as *mut c_void), Relaxed);
    }

    pub(crate) fn has_any(&self) -> bool {
        self.generate().is_some() || self.verify().is_some()
    }

    pub(crate) fn generate(&self) -> Option<GenerateCb> {
        let callback = NonNull::new(self.generate.load(Relaxed))?;
        // SAFETY: only `set_generate` stores here, and it stores such a function.
        Some(unsafe { transmute::<*mut c_void, GenerateCb>(callback.as_ptr()) })
    }

    pub(crate) fn verify(&self) -> Option<VerifyCb> {
        let callback = NonNull::new(self.verify.load(Relaxed))?;
        // SAFETY: only `set_verify` stores here, and it stores such a function.
        Some(unsafe { transmute::<*mut c_void, VerifyCb>(callback.as_ptr()) })
    }
}

/// Asks the application for a cookie, as libssl does: the length is judged by the caller.
///
/// The callback may give the SSL another SSL_CTX, and free the one that it was found in.
pub(crate) fn generate(
    ssl: Ssl,
    callback: Option<GenerateCb>,
    cookie: &mut [u8; COOKIE_ROOM],
) -> Result<usize, Fault> {
    let callback = callback.ok_or(Fault::GenerateCallback)?;
    ssl.libssl().calls_back();
    let mut len: c_uint = 0;
    // SAFETY: the application's own function with the application's own SSL, and more room
    // than libssl gives it.
    if unsafe { callback(ssl.as_ptr(), cookie.as_mut_ptr(), &raw mut len) } == 0 {
        return Err(Fault::GenerateCallback);
    }
    usize::try_from(len).map_err(|_| Fault::GenerateCallback)
}

/// Asks the application whether a cookie is its own; likewise.
pub(crate) fn verify(ssl: Ssl, callback: Option<VerifyCb>, cookie: &[u8]) -> Result<bool, Fault> {
    let callback = callback.ok_or(Fault::NoVerifyCallback)?;
    ssl.libssl().calls_back();
    let len = c_uint::try_from(cookie.len()).map_err(|_| Fault::Internal)?;
    // SAFETY: the application's own function with its own SSL and `len` readable bytes.
    Ok(unsafe { callback(ssl.as_ptr(), cookie.as_ptr(), len) } != 0)
}

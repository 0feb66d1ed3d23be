//! Notes about an SSL_CTX or an SSL, on the way of a call that goes on to libssl.

use crate::hello::error::Fault;
use crate::openssl::{Context, Libssl, SSL, SSL_CTX, Ssl, SslCtx, queue_fault};
use crate::panic_guard::guard;
use std::ptr::NonNull;

/// Takes note of something on an SSL_CTX. False, and nothing noted, if its libssl is not served or
/// there is no memory: then libssl is given what the program gave, and behaves as it always did.
///
/// # Safety
///
/// `ctx` is null or a live SSL_CTX of that libssl's.
pub(super) unsafe fn with_context(
    libssl: Option<&'static Libssl>,
    ctx: *mut SSL_CTX,
    note: impl FnOnce(&Context, SslCtx),
) -> bool {
    noted(libssl, |libssl| {
        // SAFETY: by this function's contract.
        let Some(ctx) = (unsafe { SslCtx::from_c(ctx, libssl) }) else { return Ok(false) };
        note(Context::of(ctx)?, ctx);
        Ok(true)
    })
}

/// Takes note of something on an SSL, likewise.
///
/// # Safety
///
/// `ssl` is null or a live SSL of that libssl's that no other thread is using.
pub(super) unsafe fn with_ssl(
    libssl: Option<&'static Libssl>,
    ssl: *mut SSL,
    note: impl FnOnce(Ssl) -> bool,
) {
    noted(libssl, |libssl| {
        let Some(ssl) = NonNull::new(ssl) else { return Ok(false) };
        // SAFETY: by this function's contract.
        let ssl = unsafe { Ssl::new(ssl, libssl) };
        if note(ssl) { Ok(true) } else { Err(Fault::NoMemory) }
    });
}

fn noted(
    libssl: Option<&'static Libssl>,
    note: impl FnOnce(&'static Libssl) -> Result<bool, Fault>,
) -> bool {
    let Some(libssl) = libssl else { return false };
    guard(|| note(libssl)).unwrap_or_else(|fault| {
        queue_fault(libssl, fault);
        false
    })
}

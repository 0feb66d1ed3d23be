//! Choices per SSL_CTX, and the version.

use super::done;
use crate::hello::error::Fault;
use crate::openssl::{Context, SSL_CTX, SslCtx};
use crate::service::settings::Policy;
use std::ffi::{CStr, c_char, c_int};

/// The application's cookies if it set a callback, else built-in ones. The default.
pub const DTLSV1_LISTEN_COOKIES_AUTO: c_int = 0;
/// The application's cookies, exactly as in OpenSSL: a missing callback is an error.
pub const DTLSV1_LISTEN_COOKIES_APP: c_int = 1;
/// Built-in cookies, whatever callbacks the application set.
pub const DTLSV1_LISTEN_COOKIES_BUILTIN: c_int = 2;

/// Chooses whose cookies an SSL_CTX uses. Without a call: what DTLSV1_LISTEN_COOKIES says in the
/// environment, else DTLSV1_LISTEN_COOKIES_AUTO.
///
/// Built-in cookies are 32 bytes (17 for a client whose first fragment has no room for more), bound to
/// the client's address and port, its version, random and session id, and to the time: valid for one to two minutes, or as
/// dtlsv1_listen_set_cookie_lifetime() says. Their secret is the one that
/// dtlsv1_listen_set_secret(), dtlsv1_listen_set_secret_file() or DTLSV1_LISTEN_SECRET_FILE gives;
/// else the process's, drawn from the system's random source when the library is loaded. That is the
/// same for every SSL_CTX, and in a child after fork(2); execve(2) draws another.
///
/// `ctx`: may be in use by other threads. `policy`: one of DTLSV1_LISTEN_COOKIES_AUTO, _APP and
/// _BUILTIN. A change holds for hellos that come after it; a client between its two hellos loses
/// its handshake if its cookie was of the other kind.
///
/// Returns 1, or 0 with the reason queued (`ctx` NULL, `policy` unknown, no memory).
///
/// # Safety
///
/// `ctx` is NULL or a live SSL_CTX.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listen_set_cookie_policy(
    ctx: *mut SSL_CTX,
    policy: c_int,
) -> c_int {
    done(|libssl| {
        // SAFETY: by this function's contract.
        let ctx = unsafe { SslCtx::from_c(ctx, libssl) }.ok_or(Fault::NullArgument)?;
        let policy = match policy {
            DTLSV1_LISTEN_COOKIES_AUTO => Policy::Auto,
            DTLSV1_LISTEN_COOKIES_APP => Policy::App,
            DTLSV1_LISTEN_COOKIES_BUILTIN => Policy::Builtin,
            _ => return Err(Fault::InvalidArgument),
        };
        Context::of(ctx)?.set_policy(ctx, policy);
        Ok(())
    })
}

/// This library's version, such as "0.1.0". The string is static. Any thread may call it.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn dtlsv1_listen_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => unreachable!(),
        };
    VERSION.as_ptr()
}

//! The secrets of built-in cookies, and how long a cookie lives.

use super::done;
use crate::hello::cookie::Lifetime;
use crate::hello::error::Fault;
use crate::openssl::{Context, SSL_CTX, SslCtx};
use crate::os::unix_seconds;
use std::ffi::{CStr, c_char, c_int, c_uchar, c_uint};
use std::ptr::NonNull;

/// Gives an SSL_CTX a secret of its own for its built-in cookies, instead of the process's. Processes
/// with the same secret and lifetime accept each other's cookies.
///
/// Called again, it rotates: cookies are made with the new secret, and those of the one before are
/// accepted until the next call. Whatever else was in force is accepted for two cookie lifetimes
/// more, so that a client between its two hellos loses nothing. The same secret twice, the second
/// time two lifetimes after the first, ends the rotation. For several hosts a file is the better
/// way: see docs/operations.md, "Rotation drill".
///
/// `ctx`: may be in use by other threads. `secret`: `len` random bytes, from 32 to 1024, copied; the
/// copy is kept out of core dumps where the system allows it and wiped with the SSL_CTX. Wipe your
/// own. In place of DTLSV1_LISTEN_SECRET_FILE and of dtlsv1_listen_set_secret_file().
///
/// Returns 1, or 0 with the reason queued (an argument is NULL, `len` out of range, no memory).
///
/// # Safety
///
/// `ctx` is NULL or a live SSL_CTX; `secret` is NULL or readable for `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listen_set_secret(
    ctx: *mut SSL_CTX,
    secret: *const c_uchar,
    len: usize,
) -> c_int {
    done(|libssl| {
        // SAFETY: by this function's contract.
        let ctx = unsafe { SslCtx::from_c(ctx, libssl) }.ok_or(Fault::NullArgument)?;
        let secret = NonNull::new(secret.cast_mut()).ok_or(Fault::NullArgument)?;
        if isize::try_from(len).is_err() {
            return Err(Fault::SecretLength);
        }
        // SAFETY: readable for that many bytes by this function's contract.
        let secret = unsafe { std::slice::from_raw_parts(secret.as_ptr(), len) };
        Context::of(ctx)?.keys.set_secret(secret, unix_seconds())
    })
}

/// Has an SSL_CTX take the secrets of its built-in cookies from a file, now and whenever it changes.
///
/// One secret a line, in hex or base64, 32 to 1024 bytes each, at most 8; # begins a comment. The
/// first makes cookies, all are accepted. The file belongs to root or to the user that the process
/// runs as, and no other may write to it. It is looked at while clients come, once a second at
/// most; replace it with rename(2), or as Kubernetes does. What is no longer in it is accepted for
/// two cookie lifetimes more. If it is not as it must be, one line on stderr says what to do and the
/// last good secrets stay in force.
///
/// `ctx`: may be in use by other threads. `path`: copied; a relative one is one from the working
/// directory of now. In place of DTLSV1_LISTEN_SECRET_FILE and of dtlsv1_listen_set_secret().
///
/// Returns 1, or 0 with the reason queued (an argument is NULL, no memory, the file is not as it
/// must be). In the last case the file is watched all the same: until it is right, the secrets that
/// were in force stay so, and if there were none, DTLSv1_listen() returns -1.
///
/// # Safety
///
/// `ctx` is NULL or a live SSL_CTX; `path` is NULL or ends in a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listen_set_secret_file(
    ctx: *mut SSL_CTX,
    path: *const c_char,
) -> c_int {
    done(|libssl| {
        // SAFETY: by this function's contract.
        let ctx = unsafe { SslCtx::from_c(ctx, libssl) }.ok_or(Fault::NullArgument)?;
        let path = NonNull::new(path.cast_mut()).ok_or(Fault::NullArgument)?;
        // SAFETY: a C string by this function's contract.
        let path = unsafe { CStr::from_ptr(path.as_ptr()) };
        Context::of(ctx)?.keys.set_file(path.to_bytes(), unix_seconds())
    })
}

/// Sets how long built-in cookies live: at least `seconds` after they were made, and less than twice
/// as long. Without a call: what DTLSV1_LISTEN_COOKIE_LIFETIME says in the environment, else 60.
///
/// The clocks of hosts that share a secret may differ by half of it, and leave the other half for
/// the client to come back in. Hosts that share a secret have the same lifetime.
///
/// `ctx`: may be in use by other threads, but a client between its two hellos loses its handshake by
/// a change: call it before the first DTLSv1_listen(). `seconds`: from 1 to 86400.
///
/// Returns 1, or 0 with the reason queued (`ctx` NULL, `seconds` out of range, no memory).
///
/// # Safety
///
/// `ctx` is NULL or a live SSL_CTX.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listen_set_cookie_lifetime(
    ctx: *mut SSL_CTX,
    seconds: c_uint,
) -> c_int {
    done(|libssl| {
        // SAFETY: by this function's contract.
        let ctx = unsafe { SslCtx::from_c(ctx, libssl) }.ok_or(Fault::NullArgument)?;
        let lifetime = Lifetime::from_seconds(seconds).ok_or(Fault::InvalidArgument)?;
        Context::of(ctx)?.keys.set_lifetime(lifetime);
        Ok(())
    })
}

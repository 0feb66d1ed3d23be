//! Built-in cookies as ready-made callbacks, for programs that keep libssl's own DTLSv1_listen().

use super::done_by_program;
use crate::hello::error::Fault;
use crate::hello::gate::COOKIE_ROOM;
use crate::openssl::{Call, SSL, Ssl, is_right_for_peer, made_for_peer};
use std::ffi::{c_int, c_uchar, c_uint};
use std::ptr::NonNull;

// Entries (`abi::entry`), as C sees them.
unsafe extern "C-unwind" {
    /// A ready-made callback for SSL_CTX_set_cookie_generate_cb(): writes a built-in cookie that is
    /// bound to the peer (as the SSL's read BIO gives it, or dtlsv1_listen_set_peer() named it) and to
    /// the time.
    ///
    /// `cookie`: room for 32 bytes. `cookie_len`: set to 32.
    ///
    /// Returns 1, or 0 with the reason queued (an argument is NULL, the peer is not known, no random
    /// bytes, no memory, no good secret file).
    ///
    /// # Safety
    ///
    /// `ssl` is NULL or a live SSL that no other thread is using; `cookie` and `cookie_len` are NULL or
    /// writable.
    pub fn dtlsv1_listen_cookie_generate(
        ssl: *mut SSL,
        cookie: *mut c_uchar,
        cookie_len: *mut c_uint,
    ) -> c_int;

    /// A ready-made callback for SSL_CTX_set_cookie_verify_cb(): checks a cookie that
    /// dtlsv1_listen_cookie_generate() made for the same peer, in constant time.
    ///
    /// `cookie`: `cookie_len` bytes, as the client sent them.
    ///
    /// Returns 1 if it is right, else 0: wrong, of another peer, or too old (two minutes, or twice what
    /// dtlsv1_listen_set_cookie_lifetime() says). The queue says more only when the reason is not the cookie.
    ///
    /// # Safety
    ///
    /// `ssl` is NULL or a live SSL that no other thread is using; `cookie` is NULL or readable for
    /// `cookie_len` bytes.
    pub fn dtlsv1_listen_cookie_verify(
        ssl: *mut SSL,
        cookie: *const c_uchar,
        cookie_len: c_uint,
    ) -> c_int;
}

/// # Safety
///
/// dtlsv1_listen_cookie_generate()'s.
pub(super) unsafe extern "C-unwind" fn generate(
    ssl: *mut SSL,
    cookie: *mut c_uchar,
    cookie_len: *mut c_uint,
    from: usize,
    version: u32,
) -> c_int {
    done_by_program(Call { from, version }, |libssl| {
        let ssl = NonNull::new(ssl).ok_or(Fault::NullArgument)?;
        let cookie = NonNull::new(cookie).ok_or(Fault::NullArgument)?;
        let cookie_len = NonNull::new(cookie_len).ok_or(Fault::NullArgument)?;
        // SAFETY: live by this function's contract.
        let ssl = unsafe { Ssl::new(ssl, libssl) };
        let mut made = [0; COOKIE_ROOM];
        let len = made_for_peer(ssl, &mut made)?;
        // SAFETY: the caller has room for a built-in cookie, which is what was made.
        unsafe { cookie.copy_from_nonoverlapping(NonNull::from(&made).cast(), len) };
        let len = c_uint::try_from(len).map_err(|_| Fault::Internal)?;
        // SAFETY: writable by this function's contract.
        unsafe { cookie_len.write(len) };
        Ok(())
    })
}

/// # Safety
///
/// dtlsv1_listen_cookie_verify()'s.
pub(super) unsafe extern "C-unwind" fn verify(
    ssl: *mut SSL,
    cookie: *const c_uchar,
    cookie_len: c_uint,
    from: usize,
    version: u32,
) -> c_int {
    let mut right = false;
    let asked = done_by_program(Call { from, version }, |libssl| {
        let ssl = NonNull::new(ssl).ok_or(Fault::NullArgument)?;
        let cookie = NonNull::new(cookie.cast_mut()).ok_or(Fault::NullArgument)?;
        let len = usize::try_from(cookie_len).map_err(|_| Fault::InvalidArgument)?;
        // SAFETY: live by this function's contract.
        let ssl = unsafe { Ssl::new(ssl, libssl) };
        // SAFETY: readable for that many bytes by this function's contract.
        let cookie = unsafe { std::slice::from_raw_parts(cookie.as_ptr(), len) };
        right = is_right_for_peer(ssl, cookie)?;
        Ok(())
    });
    if asked == 1 { c_int::from(right) } else { 0 }
}

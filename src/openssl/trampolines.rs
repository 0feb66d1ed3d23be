//! Our cookie callbacks, which stand in libssl for the application's.
//!
//! The application's run in them: nothing here is inside a `catch_unwind`.

use super::context::Context;
use super::libssl::{Libssl, numbered};
use super::ready_made::{is_right_for_peer, made_for_peer};
use super::ssl::{Ssl, SslCtx};
use super::sys::{GenerateCb, VerifyCb};
use super::{app_callbacks, ssl_state, stand_in, sys};
use crate::hello::error::Fault;
use crate::hello::gate::COOKIE_ROOM;
use std::ffi::{c_int, c_uint};
use std::ptr::NonNull;

/// Puts our callbacks, or none, into libssl.
pub(super) fn install(ctx: SslCtx, generate: bool, verify: bool) {
    let libssl = ctx.libssl();
    let generate = numbered!([generate_for_libssl] as GenerateCb, libssl).filter(|_| generate);
    let verify = numbered!([verify_for_libssl] as VerifyCb, libssl).filter(|_| verify);
    // SAFETY: type invariant, and the callback is one.
    unsafe { libssl.ssl.SSL_CTX_set_cookie_generate_cb(ctx.as_ptr(), generate) };
    // SAFETY: type invariant, and the callback is one.
    unsafe { libssl.ssl.SSL_CTX_set_cookie_verify_cb(ctx.as_ptr(), verify) };
}

/// Called by libssl where it needs a cookie: in its own `DTLSv1_listen`, and in `SSL_accept` of a
/// program that does without.
unsafe extern "C-unwind" fn generate_for_libssl<const N: usize>(
    ssl: *mut sys::SSL,
    cookie: *mut u8,
    cookie_len: *mut c_uint,
) -> c_int {
    // SAFETY: libssl passes room for 255 bytes and a place for their number.
    c_int::from(unsafe { generate(N, ssl, cookie, cookie_len) }.is_some())
}

/// # Safety
///
/// The number is this libssl's, and so are the other arguments.
unsafe fn generate(
    number: usize,
    ssl: *mut sys::SSL,
    cookie: *mut u8,
    cookie_len: *mut c_uint,
) -> Option<()> {
    // SAFETY: libssl's own SSL, on the thread that uses it.
    let ssl = unsafe { Ssl::new(NonNull::new(ssl)?, Libssl::numbered(number)?) };
    let context = current(ssl)?;
    let mut made = [0; COOKIE_ROOM];
    let is_ours = context.uses_builtin() && !ssl.has_listener();
    let own = if is_ours { made_for_peer(ssl, &mut made) } else { not_ours() };
    let len = match own {
        Err(Fault::PeerUnknown | Fault::BioNotSet) => {
            let callback = current(ssl)?.app.generate();
            app_callbacks::generate(ssl, callback, &mut made).ok()?
        }
        own => own.ok()?,
    };
    let made = made.get(..len)?;
    let room = NonNull::new(cookie)?;
    // SAFETY: libssl gives 255 bytes, and 256 is what an application may write to ours: the
    // 256th byte, an error either way, stays here.
    unsafe { room.copy_from_nonoverlapping(NonNull::from(made).cast(), len.min(255)) };
    // SAFETY: libssl passes a place for the length.
    unsafe { NonNull::new(cookie_len)?.write(c_uint::try_from(len).ok()?) };
    Some(())
}

/// Called by libssl to check a cookie: during the handoff, where it was right already; and a second
/// time in `SSL_accept`.
unsafe extern "C-unwind" fn verify_for_libssl<const N: usize>(
    ssl: *mut sys::SSL,
    cookie: *const u8,
    cookie_len: c_uint,
) -> c_int {
    // SAFETY: libssl passes a cookie and its length.
    c_int::from(unsafe { verify(N, ssl, cookie, cookie_len) } == Some(true))
}

/// # Safety
///
/// The number is this libssl's, and so are the other arguments.
unsafe fn verify(
    number: usize,
    ssl: *mut sys::SSL,
    cookie: *const u8,
    cookie_len: c_uint,
) -> Option<bool> {
    // SAFETY: libssl's own SSL, on the thread that uses it.
    let ssl = unsafe { Ssl::new(NonNull::new(ssl)?, Libssl::numbered(number)?) };
    // No callback of the application's runs while our BIO stands in its SSL.
    if ssl.rbio().is_some_and(stand_in::is_ours) {
        return Some(true);
    }
    let context = current(ssl)?;
    let len = usize::try_from(cookie_len).ok()?;
    // SAFETY: libssl passes that many bytes.
    let cookie =
        unsafe { std::slice::from_raw_parts(NonNull::new(cookie.cast_mut())?.as_ptr(), len) };
    let is_ours = context.uses_builtin() && !ssl.has_listener();
    let own = if is_ours { is_right_for_peer(ssl, cookie) } else { not_ours() };
    match own {
        Err(Fault::PeerUnknown | Fault::BioNotSet) => {
            // From 3.2 on libssl asks the SSL_CTX that the SSL had before its ClientHello callback, and so
            // comes here although the present one has no callback.
            let Some(callback) = current(ssl)?.app.verify() else {
                return Some(ssl_state::accepted_with(ssl, cookie));
            };
            let right = app_callbacks::verify(ssl, Some(callback), cookie).ok()?;
            Some(right || ssl_state::was_right_before_an_exchange(ssl, cookie))
        }
        own => own.ok(),
    }
}

/// Where built-in cookies cannot tell peers apart, the application's callbacks may.
const fn not_ours<T>() -> Result<T, Fault> {
    Err(Fault::PeerUnknown)
}

/// A BIO of the application's may have given the SSL another.
fn current<'a>(ssl: Ssl) -> Option<&'a Context> {
    Context::of(ssl.ctx()?).ok()
}

//! Our cookie callbacks, which stand in libssl for the application's.

use super::context::Context;
use super::ready_made::{is_right_for_peer, made_for_peer};
use super::ssl::{Ssl, SslCtx};
use super::sys::{GenerateCb, VerifyCb};
use super::{once_bio, real, sys};
use crate::hello::gate::COOKIE_ROOM;
use crate::panic_guard::guard_callback;
use std::ffi::{c_int, c_uint};
use std::ptr::NonNull;

/// Puts our callbacks, or none, into libssl; false if libssl's setters are not to be found now.
pub(super) fn install(ctx: SslCtx, generate: bool, verify: bool) -> bool {
    if real::SET_GENERATE.find().is_none() || real::SET_VERIFY.find().is_none() {
        return false;
    }
    let (generate, verify): (Option<GenerateCb>, Option<VerifyCb>) =
        (generate.then_some(generate_for_libssl), verify.then_some(verify_for_libssl));
    // SAFETY: the SSL_CTX lives, and the callback is of this setter's kind.
    unsafe { real::SET_GENERATE.set(ctx.as_ptr(), generate) };
    // SAFETY: as above.
    unsafe { real::SET_VERIFY.set(ctx.as_ptr(), verify) };
    true
}

/// Called by libssl where it needs a cookie: in its own `DTLSv1_listen`, and in `SSL_accept` of a
/// program that does without.
unsafe extern "C-unwind" fn generate_for_libssl(
    ssl: *mut sys::SSL,
    cookie: *mut u8,
    cookie_len: *mut c_uint,
) -> c_int {
    guard_callback(|| {
        let ssl = NonNull::new(ssl)?;
        // SAFETY: libssl's own SSL, on the thread that uses it.
        let ssl = unsafe { Ssl::new(ssl) };
        let context = Context::of(ssl.ctx()?).ok()?;
        let mut made = [0; COOKIE_ROOM];
        let len = if context.uses_builtin() {
            made_for_peer(ssl, context, &mut made)?
        } else {
            context.app.generate(ssl, &mut made).ok()?
        };
        let made = made.get(..len)?;
        let room = NonNull::new(cookie)?;
        // SAFETY: libssl gives 255 bytes, and 256 is what an application may write to ours: the
        // 256th byte, an error either way, stays here.
        unsafe { room.copy_from_nonoverlapping(NonNull::from(made).cast(), len.min(255)) };
        // SAFETY: libssl passes a place for the length.
        unsafe { NonNull::new(cookie_len)?.write(c_uint::try_from(len).ok()?) };
        Some(())
    })
}

/// Called by libssl to check a cookie: during the handoff, where it was right already; and a second
/// time in `SSL_accept`.
unsafe extern "C-unwind" fn verify_for_libssl(
    ssl: *mut sys::SSL,
    cookie: *const u8,
    cookie_len: c_uint,
) -> c_int {
    guard_callback(|| {
        let ssl = NonNull::new(ssl)?;
        // SAFETY: libssl's own SSL, on the thread that uses it.
        let ssl = unsafe { Ssl::new(ssl) };
        // No callback of the application's runs while our BIO stands in its SSL.
        if ssl.rbio().is_some_and(once_bio::is_ours) {
            return Some(());
        }
        let context = Context::of(ssl.ctx()?).ok()?;
        let len = usize::try_from(cookie_len).ok()?;
        // SAFETY: libssl passes that many bytes.
        let cookie =
            unsafe { std::slice::from_raw_parts(NonNull::new(cookie.cast_mut())?.as_ptr(), len) };
        let right = if context.uses_builtin() {
            is_right_for_peer(ssl, context, cookie)?
        } else {
            context.app.verify(ssl, cookie).ok()?
        };
        right.then_some(())
    })
}

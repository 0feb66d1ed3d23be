//! The cookie callbacks: the application's, which we remember because libssl has no getter, and
//! ours, which stand in libssl for them.

use super::context::Context;
use super::ssl::{Ssl, SslCtx};
use super::{once_bio, real, ssl_state, sys};
use crate::abi::guard_callback;
use crate::hello::cookie::{Binding, COOKIE_LEN, Check};
use crate::hello::error::Fault;
use crate::hello::gate::COOKIE_ROOM;
use std::ffi::{c_int, c_uint, c_void};
use std::mem::transmute;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// OpenSSL's `app_gen_cookie_cb`.
pub(crate) type GenerateCb =
    unsafe extern "C" fn(ssl: *mut sys::SSL, cookie: *mut u8, cookie_len: *mut c_uint) -> c_int;
/// OpenSSL's `app_verify_cookie_cb`.
pub(crate) type VerifyCb =
    unsafe extern "C" fn(ssl: *mut sys::SSL, cookie: *const u8, cookie_len: c_uint) -> c_int;

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

    pub(super) fn has_generate(&self) -> bool {
        !self.generate.load(Relaxed).is_null()
    }

    pub(super) fn has_verify(&self) -> bool {
        !self.verify.load(Relaxed).is_null()
    }

    /// Asks the application for a cookie, as libssl does: the length is judged by the caller.
    pub(crate) fn generate(
        &self,
        ssl: Ssl,
        cookie: &mut [u8; COOKIE_ROOM],
    ) -> Result<usize, Fault> {
        let callback = self.generate.load(Relaxed);
        if callback.is_null() {
            return Err(Fault::GenerateCallback);
        }
        // SAFETY: only `set_generate` stores here, and it stores such a function.
        let callback = unsafe { transmute::<*mut c_void, GenerateCb>(callback) };
        let mut len: c_uint = 0;
        // SAFETY: the application's own function with the application's own SSL, and more room
        // than libssl gives it.
        if unsafe { callback(ssl.as_ptr(), cookie.as_mut_ptr(), &raw mut len) } == 0 {
            return Err(Fault::GenerateCallback);
        }
        usize::try_from(len).map_err(|_| Fault::GenerateCallback)
    }

    /// Asks the application whether a cookie is its own.
    pub(crate) fn verify(&self, ssl: Ssl, cookie: &[u8]) -> Result<bool, Fault> {
        let callback = self.verify.load(Relaxed);
        if callback.is_null() {
            return Err(Fault::NoVerifyCallback);
        }
        // SAFETY: only `set_verify` stores here, and it stores such a function.
        let callback = unsafe { transmute::<*mut c_void, VerifyCb>(callback) };
        let len = c_uint::try_from(cookie.len()).map_err(|_| Fault::Internal)?;
        // SAFETY: the application's own function with its own SSL and `len` readable bytes.
        Ok(unsafe { callback(ssl.as_ptr(), cookie.as_ptr(), len) } != 0)
    }
}

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

/// A cookie of one byte, for an SSL_CTX of our own on which libssl is watched at work.
pub(super) fn install_constant_cookie(ctx: SslCtx) {
    unsafe extern "C" fn constant(_: *mut sys::SSL, cookie: *mut u8, len: *mut c_uint) -> c_int {
        // SAFETY: libssl passes room for 255 bytes.
        unsafe { cookie.write(0) };
        // SAFETY: libssl passes a place for the length.
        unsafe { len.write(1) };
        1
    }
    // SAFETY: the SSL_CTX lives, and the callback is of this setter's kind.
    unsafe { real::SET_GENERATE.set(ctx.as_ptr(), Some(constant as GenerateCb)) };
}

/// Called by libssl where it needs a cookie: in its own `DTLSv1_listen`, and in `SSL_accept` of a
/// program that does without.
unsafe extern "C" fn generate_for_libssl(
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
unsafe extern "C" fn verify_for_libssl(
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

/// The ready-made cookie: bound to peer and time, since libssl shows no hello.
pub(crate) fn made_for_peer(
    ssl: Ssl,
    context: &Context,
    room: &mut [u8; COOKIE_ROOM],
) -> Option<usize> {
    let peer = ssl.rbio()?.peer();
    let now = crate::os::unix_seconds();
    let cookie = context.keys.make(now, &Binding::peer(peer.as_ref())).ok()?;
    *room.first_chunk_mut::<COOKIE_LEN>()? = cookie;
    Some(COOKIE_LEN)
}

/// Checks a ready-made cookie. Once the handshake has begun, the cookie that the SSL was accepted
/// with passes without a look at the peer: the BIO may be another by then.
pub(crate) fn is_right_for_peer(ssl: Ssl, context: &Context, cookie: &[u8]) -> Option<bool> {
    if !ssl.in_before() && accepted_with(ssl, cookie) {
        return Some(true);
    }
    let peer = ssl.rbio()?.peer();
    let now = crate::os::unix_seconds();
    let check = context.keys.check(now, cookie, &Binding::peer(peer.as_ref())).ok()?;
    let right = matches!(check, Check::Right { .. });
    if right && ssl.in_before() {
        // Without memory the second check asks the BIO for the peer again.
        let _ = ssl_state::remember_verified(ssl, cookie);
    }
    Some(right)
}

/// Public by now: the client sent it in the clear and it was right, so time tells nothing.
///
/// It counts once, as libssl asks once: what comes after is another handshake, of any peer's.
fn accepted_with(ssl: Ssl, cookie: &[u8]) -> bool {
    let accepted = ssl_state::verified(ssl).is_some_and(|v| v.is(cookie));
    if accepted {
        ssl_state::forget_verified(ssl);
    }
    accepted
}

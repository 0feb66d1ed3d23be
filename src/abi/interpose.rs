//! libssl's setters under their own names: there is no getter, so what a program sets is remembered
//! on its way, and one of ours is set in its place.

use super::guard;
use crate::error::Fault;
use crate::openssl::{
    Context, GenerateCb, SSL_CTX, SslCtx, VerifyCb, queue_fault, real, same_libssl,
};
use std::ffi::c_void;
use std::mem::transmute;

/// libssl's setter of the callback that makes cookies, remembered for DTLSv1_listen() on its way.
///
/// `ctx`: a live SSL_CTX that no other thread is using. `callback`: NULL for none; it writes at most
/// 255 bytes to its second argument, their number to its third, and returns 1, or 0 on failure.
///
/// Source: OpenSSL's SSL_CTX_set_cookie_generate_cb(3).
///
/// # Safety
///
/// `ctx` is a live SSL_CTX, and `callback` stays callable as long as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SSL_CTX_set_cookie_generate_cb(
    ctx: *mut SSL_CTX,
    callback: Option<GenerateCb>,
) {
    // SAFETY: by this function's contract.
    let ours = unsafe {
        remember(ctx, |context, ctx| context.app_sets(ctx, |app| app.set_generate(callback)))
    };
    if !ours {
        type Set = unsafe extern "C" fn(*mut SSL_CTX, Option<GenerateCb>);
        if let Some(set) = real::SET_GENERATE.find() {
            // SAFETY: this is what libssl's function of that name is.
            let set = unsafe { transmute::<*mut c_void, Set>(set.as_ptr()) };
            // SAFETY: the arguments are passed on as they came.
            unsafe { set(ctx, callback) };
        }
    }
}

/// libssl's setter of the callback that checks cookies, remembered for DTLSv1_listen() on its way.
///
/// `ctx`: a live SSL_CTX that no other thread is using. `callback`: NULL for none; it returns 1 if
/// the cookie (second argument, as many bytes as the third says) is right, else 0.
///
/// Source: OpenSSL's SSL_CTX_set_cookie_verify_cb(3).
///
/// # Safety
///
/// `ctx` is a live SSL_CTX, and `callback` stays callable as long as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SSL_CTX_set_cookie_verify_cb(
    ctx: *mut SSL_CTX,
    callback: Option<VerifyCb>,
) {
    // SAFETY: by this function's contract.
    let ours = unsafe {
        remember(ctx, |context, ctx| context.app_sets(ctx, |app| app.set_verify(callback)))
    };
    if !ours {
        type Set = unsafe extern "C" fn(*mut SSL_CTX, Option<VerifyCb>);
        if let Some(set) = real::SET_VERIFY.find() {
            // SAFETY: this is what libssl's function of that name is.
            let set = unsafe { transmute::<*mut c_void, Set>(set.as_ptr()) };
            // SAFETY: the arguments are passed on as they came.
            unsafe { set(ctx, callback) };
        }
    }
}

/// Takes note, unless the SSL_CTX is another libssl's or there is no memory: then libssl is given
/// the program's callback as it is, and gives it what it always gave.
///
/// # Safety
///
/// `ctx` is null or a live SSL_CTX.
unsafe fn remember(ctx: *mut SSL_CTX, note: impl FnOnce(&Context, SslCtx)) -> bool {
    let noted = guard(|| {
        if !same_libssl() {
            return Ok(false);
        }
        // SAFETY: by this function's contract.
        let Some(ctx) = (unsafe { SslCtx::from_c(ctx) }) else { return Ok(false) };
        let context = Context::of(ctx).ok_or(Fault::Handoff)?;
        note(context, ctx);
        Ok(true)
    });
    noted.unwrap_or_else(|fault| {
        queue_fault(fault);
        false
    })
}

//! The callbacks that make and check cookies.

use super::Set;
use super::remember::with_context;
use crate::openssl::{Call, Context, GenerateCb, SSL_CTX, VerifyCb};

/// libssl's setter of the callback that makes cookies (SSL_CTX_set_cookie_generate_cb(3)), remembered
/// for DTLSv1_listen() on its way.
///
/// # Safety
///
/// `ctx` is a live SSL_CTX that no other thread is using, and `callback` stays callable as long as it
/// is.
pub(in crate::abi) unsafe extern "C-unwind" fn set_generate(
    ctx: *mut SSL_CTX,
    callback: Option<GenerateCb>,
    from: usize,
    version: u32,
) {
    let call = Call { from, version };
    let note = |context: &Context, ctx| context.app_sets(ctx, |app| app.set_generate(callback));
    // SAFETY: by this function's contract.
    if unsafe { with_context(call.libssl(), ctx, note) } {
        return;
    }
    if let Some(set) = next!(call, SetGenerate as Set<SSL_CTX, Option<GenerateCb>>) {
        // SAFETY: the arguments go on as they came.
        unsafe { set(ctx, callback) };
    }
}

/// libssl's setter of the callback that checks cookies (SSL_CTX_set_cookie_verify_cb(3)), likewise.
///
/// # Safety
///
/// As above.
pub(in crate::abi) unsafe extern "C-unwind" fn set_verify(
    ctx: *mut SSL_CTX,
    callback: Option<VerifyCb>,
    from: usize,
    version: u32,
) {
    let call = Call { from, version };
    let note = |context: &Context, ctx| context.app_sets(ctx, |app| app.set_verify(callback));
    // SAFETY: by this function's contract.
    if unsafe { with_context(call.libssl(), ctx, note) } {
        return;
    }
    if let Some(set) = next!(call, SetVerify as Set<SSL_CTX, Option<VerifyCb>>) {
        // SAFETY: the arguments go on as they came.
        unsafe { set(ctx, callback) };
    }
}

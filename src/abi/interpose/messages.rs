//! The message callbacks, of an SSL_CTX and of an SSL.

use super::Set;
use super::remember::{with_context, with_ssl};
use crate::openssl::message::{self, CtxMessages};
use crate::openssl::{Call, Context, Libssl, MessageCb, SSL, SSL_CTX};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// libssl's SSL_new(3). An SSL begins with its SSL_CTX's message callback, which is remembered here:
/// what is set on the SSL_CTX later, or another SSL_CTX, does not change it.
///
/// # Safety
///
/// `ctx` is NULL or a live SSL_CTX.
pub(in crate::abi) unsafe extern "C-unwind" fn new(
    ctx: *mut SSL_CTX,
    from: usize,
    version: u32,
) -> *mut SSL {
    type New = unsafe extern "C-unwind" fn(*mut SSL_CTX) -> *mut SSL;
    let call = Call { from, version };
    let Some(new) = next!(call, SslNew as New) else { return null_mut() };
    // SAFETY: the argument goes on as it came.
    let ssl = unsafe { new(ctx) };
    if MESSAGES_WANTED.load(Relaxed) {
        let libssl = call.libssl();
        let inherit = |context: &Context, _| {
            // SAFETY: libssl made it, and no other thread has it yet.
            unsafe { with_ssl(libssl, ssl, |ssl| message::inherit(ssl, &context.messages)) };
        };
        // SAFETY: by this function's contract.
        unsafe { with_context(libssl, ctx, inherit) };
    }
    ssl
}

/// Has any SSL_CTX ever had a message callback? Without, SSL_new() has nothing to remember.
static MESSAGES_WANTED: AtomicBool = AtomicBool::new(false);

/// libssl's setter of the message callback for SSLs made from now on (SSL_CTX_set_msg_callback(3)),
/// remembered and passed on.
///
/// # Safety
///
/// `ctx` is a live SSL_CTX, and `callback` stays callable as long as it is.
pub(in crate::abi) unsafe extern "C-unwind" fn ctx_set_msg(
    ctx: *mut SSL_CTX,
    callback: Option<MessageCb>,
    from: usize,
    version: u32,
) {
    let call = Call { from, version };
    // SAFETY: by this function's contract.
    unsafe { with_messages(call.libssl(), ctx, |messages| messages.set_callback(callback)) };
    if let Some(set) = next!(call, CtxSetMsg as Set<SSL_CTX, Option<MessageCb>>) {
        // SAFETY: the arguments go on as they came.
        unsafe { set(ctx, callback) };
    }
}

/// libssl's setter of the message callback of one SSL (SSL_set_msg_callback(3)), remembered and
/// passed on.
///
/// # Safety
///
/// `ssl` is a live SSL that no other thread is using, and `callback` stays callable as long as it is.
pub(in crate::abi) unsafe extern "C-unwind" fn set_msg(
    ssl: *mut SSL,
    callback: Option<MessageCb>,
    from: usize,
    version: u32,
) {
    let call = Call { from, version };
    // SAFETY: by this function's contract.
    unsafe { with_ssl(call.libssl(), ssl, |ssl| message::set_callback(ssl, callback)) };
    if let Some(set) = next!(call, SetMsg as Set<SSL, Option<MessageCb>>) {
        // SAFETY: the arguments go on as they came.
        unsafe { set(ssl, callback) };
    }
}

/// Takes note of a message callback on an SSL_CTX, likewise.
///
/// # Safety
///
/// As above.
pub(super) unsafe fn with_messages(
    libssl: Option<&'static Libssl>,
    ctx: *mut SSL_CTX,
    note: impl FnOnce(&CtxMessages),
) {
    MESSAGES_WANTED.store(true, Relaxed);
    // SAFETY: by this function's contract.
    unsafe { with_context(libssl, ctx, |context, _| note(&context.messages)) };
}

//! libssl's functions under their own names.
//!
//! There is no getter for the callbacks that a program sets, so they are remembered on their way.
//! Everything is passed on to libssl, the cookie callbacks with one of ours in their place.

use super::listen::listen_by_ctrl;
use crate::hello::error::Fault;
use crate::openssl::message::{self, CtxMessages};
use crate::openssl::real::real_ctrl;
use crate::openssl::{
    Context, DTLS_CTRL_LISTEN, GenerateCb, MessageCb, SSL, SSL_CTRL_SET_MSG_CALLBACK_ARG, SSL_CTX,
    Ssl, SslCtx, VerifyCb, queue_fault, real, same_libssl,
};
use crate::panic_guard::guard;
use std::ffi::{c_int, c_long, c_void};
use std::mem::transmute;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

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
pub unsafe extern "C-unwind" fn SSL_CTX_set_cookie_generate_cb(
    ctx: *mut SSL_CTX,
    callback: Option<GenerateCb>,
) {
    let note = |context: &Context, ctx| context.app_sets(ctx, |app| app.set_generate(callback));
    // SAFETY: by this function's contract.
    if !unsafe { with_context(ctx, note) } {
        // SAFETY: libssl's setter of this kind; the arguments go on as they came.
        unsafe { real::SET_GENERATE.set(ctx, callback) };
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
pub unsafe extern "C-unwind" fn SSL_CTX_set_cookie_verify_cb(
    ctx: *mut SSL_CTX,
    callback: Option<VerifyCb>,
) {
    let note = |context: &Context, ctx| context.app_sets(ctx, |app| app.set_verify(callback));
    // SAFETY: by this function's contract.
    if !unsafe { with_context(ctx, note) } {
        // SAFETY: libssl's setter of this kind; the arguments go on as they came.
        unsafe { real::SET_VERIFY.set(ctx, callback) };
    }
}

/// libssl's SSL_new(). An SSL begins with its SSL_CTX's message callback, which is remembered here:
/// what is set on the SSL_CTX later, or another SSL_CTX, does not change it.
///
/// Source: OpenSSL's SSL_new(3).
///
/// # Safety
///
/// `ctx` is NULL or a live SSL_CTX.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn SSL_new(ctx: *mut SSL_CTX) -> *mut SSL {
    // SAFETY: the argument goes on as it came.
    let ssl = unsafe { real::ssl_new(ctx) }.map_or(null_mut(), NonNull::as_ptr);
    if MESSAGES_WANTED.load(Relaxed) {
        let inherit = |context: &Context, _| {
            // SAFETY: libssl made it, and no other thread has it yet.
            unsafe { with_ssl(ssl, |ssl| message::inherit(ssl, &context.messages)) };
            Ok(())
        };
        // SAFETY: by this function's contract.
        unsafe { with_context(ctx, inherit) };
    }
    ssl
}

/// Has any SSL_CTX ever had a message callback? Without, SSL_new() has nothing to remember.
static MESSAGES_WANTED: AtomicBool = AtomicBool::new(false);

/// libssl's setter of the message callback for SSLs made from now on, remembered and passed on.
///
/// Source: OpenSSL's SSL_CTX_set_msg_callback(3).
///
/// # Safety
///
/// `ctx` is a live SSL_CTX, and `callback` stays callable as long as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn SSL_CTX_set_msg_callback(
    ctx: *mut SSL_CTX,
    callback: Option<MessageCb>,
) {
    // SAFETY: by this function's contract.
    unsafe { with_messages(ctx, |messages| messages.set_callback(callback)) };
    // SAFETY: libssl's setter of this kind; the arguments go on as they came.
    unsafe { real::CTX_SET_MSG.set(ctx, callback) };
}

/// libssl's setter of the message callback of one SSL, remembered and passed on.
///
/// Source: OpenSSL's SSL_set_msg_callback(3).
///
/// # Safety
///
/// `ssl` is a live SSL that no other thread is using, and `callback` stays callable as long as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn SSL_set_msg_callback(ssl: *mut SSL, callback: Option<MessageCb>) {
    // SAFETY: by this function's contract.
    unsafe { with_ssl(ssl, |ssl| message::set_callback(ssl, callback)) };
    // SAFETY: libssl's setter of this kind; the arguments go on as they came.
    unsafe { real::SET_MSG.set(ssl, callback) };
}

/// libssl's SSL_ctrl(): command 75, DTLS_CTRL_LISTEN, is DTLSv1_listen() as LibreSSL's macro of
/// that name calls it (-1 when a read would block); command 16, SSL_CTRL_SET_MSG_CALLBACK_ARG, is
/// remembered; everything is passed on untouched but the first.
///
/// # Safety
///
/// libssl's: `ssl` is a live SSL that no other thread is using, `parg` what the command takes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn SSL_ctrl(
    ssl: *mut SSL,
    cmd: c_int,
    larg: c_long,
    parg: *mut c_void,
) -> c_long {
    if cmd == DTLS_CTRL_LISTEN {
        // SAFETY: the command takes a peer as DTLSv1_listen() does.
        return unsafe { listen_by_ctrl(ssl, parg) }.into();
    }
    if cmd == SSL_CTRL_SET_MSG_CALLBACK_ARG {
        // SAFETY: by this function's contract.
        unsafe { with_ssl(ssl, |ssl| message::set_arg(ssl, parg)) };
    }
    // SAFETY: the arguments go on as they came.
    real_ctrl().map_or(0, |ctrl| unsafe { ctrl(ssl, cmd, larg, parg) })
}

/// libssl's SSL_CTX_ctrl(): command 16, SSL_CTRL_SET_MSG_CALLBACK_ARG, is remembered, and everything
/// is passed on untouched.
///
/// # Safety
///
/// libssl's: `ctx` is a live SSL_CTX, or NULL for the few commands that allow it; `parg` is what the
/// command takes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn SSL_CTX_ctrl(
    ctx: *mut SSL_CTX,
    cmd: c_int,
    larg: c_long,
    parg: *mut c_void,
) -> c_long {
    type Ctrl = unsafe extern "C-unwind" fn(*mut SSL_CTX, c_int, c_long, *mut c_void) -> c_long;
    if cmd == SSL_CTRL_SET_MSG_CALLBACK_ARG {
        // SAFETY: by this function's contract.
        unsafe { with_messages(ctx, |messages| messages.set_arg(parg)) };
    }
    let Some(ctrl) = real::CTX_CTRL.find() else { return 0 };
    // SAFETY: this is what libssl's function of that name is.
    let ctrl = unsafe { transmute::<*mut c_void, Ctrl>(ctrl.as_ptr()) };
    // SAFETY: the arguments go on as they came.
    unsafe { ctrl(ctx, cmd, larg, parg) }
}

/// Takes note of something on an SSL_CTX. False, and nothing noted, if it is another libssl's or
/// there is no memory: then libssl is given what the program gave, and behaves as it always did.
///
/// # Safety
///
/// `ctx` is null or a live SSL_CTX.
unsafe fn with_context(
    ctx: *mut SSL_CTX,
    note: impl FnOnce(&Context, SslCtx) -> Result<(), Fault>,
) -> bool {
    noted(|| {
        // SAFETY: by this function's contract.
        let Some(ctx) = (unsafe { SslCtx::from_c(ctx) }) else { return Ok(false) };
        note(Context::of(ctx)?, ctx)?;
        Ok(true)
    })
}

/// Takes note of a message callback on an SSL_CTX, likewise.
///
/// # Safety
///
/// `ctx` is null or a live SSL_CTX.
unsafe fn with_messages(ctx: *mut SSL_CTX, note: impl FnOnce(&CtxMessages)) {
    MESSAGES_WANTED.store(true, Relaxed);
    let note = |context: &Context, _| {
        note(&context.messages);
        Ok(())
    };
    // SAFETY: by this function's contract.
    unsafe { with_context(ctx, note) };
}

/// Takes note of something on an SSL, likewise.
///
/// # Safety
///
/// `ssl` is null or a live SSL that no other thread is using.
unsafe fn with_ssl(ssl: *mut SSL, note: impl FnOnce(Ssl) -> bool) {
    noted(|| {
        let Some(ssl) = NonNull::new(ssl) else { return Ok(false) };
        // SAFETY: by this function's contract.
        let ssl = unsafe { Ssl::new(ssl) };
        if note(ssl) { Ok(true) } else { Err(Fault::NoMemory) }
    });
}

fn noted(note: impl FnOnce() -> Result<bool, Fault>) -> bool {
    guard(|| if same_libssl() { note() } else { Ok(false) }).unwrap_or_else(|fault| {
        queue_fault(fault);
        false
    })
}

//! libssl's functions under their own names.
//!
//! There is no getter for the callbacks that a program sets, so they are remembered on their way.
//! Everything is passed on to libssl, the cookie callbacks with one of ours in their place.

use super::listen::listen_in;
use crate::hello::error::Fault;
use crate::openssl::message::{self, CtxMessages};
use crate::openssl::{
    Call, Context, DTLS_CTRL_LISTEN, GenerateCb, Libssl, MessageCb, Name, SSL,
    SSL_CTRL_SET_MSG_CALLBACK_ARG, SSL_CTX, SSL_METHOD, Ssl, SslCtx, VerifyCb, any_accepted,
    is_waiting, queue_fault,
};
use crate::panic_guard::guard;
use std::ffi::{c_int, c_long, c_void};
use std::mem::transmute;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

type Set<O, C> = unsafe extern "C-unwind" fn(*mut O, C);
type Ctrl<O> = unsafe extern "C-unwind" fn(*mut O, c_int, c_long, *mut c_void) -> c_long;

/// The function that the caller would have reached.
macro_rules! next {
    ($call:expr, $name:ident as $function:ty) => {
        $call.next(Name::$name).map(|at| {
            // SAFETY: this is what libssl's function of that name is.
            unsafe { transmute::<*mut c_void, $function>(at.as_ptr()) }
        })
    };
}

/// The same where that takes a few instructions: for a function that jumps on to it, or to one that
/// asks again.
macro_rules! next_of_the_program {
    ($call:expr, $name:ident as $function:ty) => {
        $call.next_of_the_program(Name::$name).map(|at| {
            // SAFETY: as above.
            unsafe { transmute::<*mut c_void, $function>(at.as_ptr()) }
        })
    };
}

/// libssl's setter of the callback that makes cookies (SSL_CTX_set_cookie_generate_cb(3)), remembered
/// for DTLSv1_listen() on its way.
///
/// # Safety
///
/// `ctx` is a live SSL_CTX that no other thread is using, and `callback` stays callable as long as it
/// is.
pub(super) unsafe extern "C-unwind" fn set_generate(
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
pub(super) unsafe extern "C-unwind" fn set_verify(
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

/// libssl's SSL_CTX_new(), passed on. It is here for the look-up: LibreSSL keeps data of ours only on
/// objects that are made after we have asked for a place on them.
///
/// # Safety
///
/// `method` is NULL or one of libssl's.
pub(super) unsafe extern "C-unwind" fn ctx_new(
    method: *const SSL_METHOD,
    from: usize,
    version: u32,
) -> *mut SSL_CTX {
    type New = unsafe extern "C-unwind" fn(*const SSL_METHOD) -> *mut SSL_CTX;
    let next = next!(Call { from, version }, CtxNew as New);
    // SAFETY: the argument goes on as it came.
    next.map_or(null_mut(), |new| unsafe { new(method) })
}

/// libssl's SSL_new(3). An SSL begins with its SSL_CTX's message callback, which is remembered here:
/// what is set on the SSL_CTX later, or another SSL_CTX, does not change it.
///
/// # Safety
///
/// `ctx` is NULL or a live SSL_CTX.
pub(super) unsafe extern "C-unwind" fn new(
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
pub(super) unsafe extern "C-unwind" fn ctx_set_msg(
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
pub(super) unsafe extern "C-unwind" fn set_msg(
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

/// libssl's SSL_set_accept_state(3), passed on but for an SSL that DTLSv1_listen() has just accepted: it
/// is in that state, and would lose the client's hello.
///
/// # Safety
///
/// `ssl` is a live SSL that no other thread is using.
pub(super) unsafe extern "C-unwind" fn set_accept_state(ssl: *mut SSL, from: usize, version: u32) {
    type SetAccept = unsafe extern "C-unwind" fn(*mut SSL);
    let call = Call { from, version };
    let waits = |libssl, ssl| {
        // SAFETY: by this function's contract.
        let ssl = unsafe { Ssl::new(ssl, libssl) };
        guard(|| Ok(is_waiting(ssl))).unwrap_or(false)
    };
    let object = if any_accepted() { call.libssl().zip(NonNull::new(ssl)) } else { None };
    if object.is_some_and(|(libssl, ssl)| waits(libssl, ssl)) {
        return;
    }
    if let Some(set) = next!(call, SetAccept as SetAccept) {
        // SAFETY: the argument goes on as it came.
        unsafe { set(ssl) };
    }
}

/// libssl's SSL_ctrl(): command 75, DTLS_CTRL_LISTEN, is DTLSv1_listen() as LibreSSL's macro of
/// that name calls it (-1 when a read would block); command 16, SSL_CTRL_SET_MSG_CALLBACK_ARG, is
/// remembered; everything is passed on untouched but the first.
///
/// # Safety
///
/// libssl's: `ssl` is a live SSL that no other thread is using, `parg` what the command takes.
pub(super) unsafe extern "C-unwind" fn ctrl(
    ssl: *mut SSL,
    cmd: c_int,
    larg: c_long,
    parg: *mut c_void,
    from: usize,
    version: u32,
) -> c_long {
    let call = Call { from, version };
    let to_pass_on = !matches!(cmd, DTLS_CTRL_LISTEN | SSL_CTRL_SET_MSG_CALLBACK_ARG);
    match next_of_the_program!(call, SslCtrl as Ctrl<SSL>) {
        // SAFETY: the arguments go on as they came.
        Some(next) if to_pass_on => unsafe { next(ssl, cmd, larg, parg) },
        // SAFETY: by this function's contract.
        _ => unsafe { any_ctrl(ssl, cmd, larg, parg, from, version) },
    }
}

/// # Safety
///
/// As above.
#[inline(never)]
unsafe extern "C-unwind" fn any_ctrl(
    ssl: *mut SSL,
    cmd: c_int,
    larg: c_long,
    parg: *mut c_void,
    from: usize,
    version: u32,
) -> c_long {
    let call = Call { from, version };
    let libssl = if cmd == DTLS_CTRL_LISTEN { call.libssl() } else { None };
    // SAFETY: by this function's contract.
    if let Some(libssl) = libssl.filter(|libssl| unsafe { is_dtls_or_null(ssl, libssl) }) {
        // SAFETY: the command takes a peer as DTLSv1_listen() does.
        return unsafe { listen_in(libssl, ssl, parg, true) }.into();
    }
    if cmd == SSL_CTRL_SET_MSG_CALLBACK_ARG {
        // SAFETY: by this function's contract.
        unsafe { with_ssl(call.libssl(), ssl, |ssl| message::set_arg(ssl, parg)) };
    }
    let next = next!(call, SslCtrl as Ctrl<SSL>);
    // SAFETY: the arguments go on as they came.
    next.map_or(0, |ctrl| unsafe { ctrl(ssl, cmd, larg, parg) })
}

/// The command is DTLS's: another SSL's libssl knows nothing of it, and says so.
///
/// # Safety
///
/// As above; the SSL is this libssl's.
unsafe fn is_dtls_or_null(ssl: *mut SSL, libssl: &'static Libssl) -> bool {
    // SAFETY: by this function's contract.
    let ssl = NonNull::new(ssl).map(|ssl| unsafe { Ssl::new(ssl, libssl) });
    ssl.is_none_or(Ssl::is_dtls)
}

/// libssl's SSL_CTX_ctrl(): command 16, SSL_CTRL_SET_MSG_CALLBACK_ARG, is remembered, and everything
/// is passed on untouched.
///
/// # Safety
///
/// libssl's: `ctx` is a live SSL_CTX, or NULL for the few commands that allow it; `parg` is what the
/// command takes.
pub(super) unsafe extern "C-unwind" fn ctx_ctrl(
    ctx: *mut SSL_CTX,
    cmd: c_int,
    larg: c_long,
    parg: *mut c_void,
    from: usize,
    version: u32,
) -> c_long {
    let call = Call { from, version };
    match next_of_the_program!(call, CtxCtrl as Ctrl<SSL_CTX>) {
        // SAFETY: the arguments go on as they came.
        Some(next) if cmd != SSL_CTRL_SET_MSG_CALLBACK_ARG => unsafe { next(ctx, cmd, larg, parg) },
        // SAFETY: by this function's contract.
        _ => unsafe { any_ctx_ctrl(ctx, cmd, larg, parg, from, version) },
    }
}

/// # Safety
///
/// As above.
#[inline(never)]
unsafe extern "C-unwind" fn any_ctx_ctrl(
    ctx: *mut SSL_CTX,
    cmd: c_int,
    larg: c_long,
    parg: *mut c_void,
    from: usize,
    version: u32,
) -> c_long {
    let call = Call { from, version };
    if cmd == SSL_CTRL_SET_MSG_CALLBACK_ARG {
        // SAFETY: by this function's contract.
        unsafe { with_messages(call.libssl(), ctx, |messages| messages.set_arg(parg)) };
    }
    let next = next!(call, CtxCtrl as Ctrl<SSL_CTX>);
    // SAFETY: the arguments go on as they came.
    next.map_or(0, |ctrl| unsafe { ctrl(ctx, cmd, larg, parg) })
}

/// Takes note of something on an SSL_CTX. False, and nothing noted, if its libssl is not served or
/// there is no memory: then libssl is given what the program gave, and behaves as it always did.
///
/// # Safety
///
/// `ctx` is null or a live SSL_CTX of that libssl's.
unsafe fn with_context(
    libssl: Option<&'static Libssl>,
    ctx: *mut SSL_CTX,
    note: impl FnOnce(&Context, SslCtx),
) -> bool {
    noted(libssl, |libssl| {
        // SAFETY: by this function's contract.
        let Some(ctx) = (unsafe { SslCtx::from_c(ctx, libssl) }) else { return Ok(false) };
        note(Context::of(ctx)?, ctx);
        Ok(true)
    })
}

/// Takes note of a message callback on an SSL_CTX, likewise.
///
/// # Safety
///
/// As above.
unsafe fn with_messages(
    libssl: Option<&'static Libssl>,
    ctx: *mut SSL_CTX,
    note: impl FnOnce(&CtxMessages),
) {
    MESSAGES_WANTED.store(true, Relaxed);
    // SAFETY: by this function's contract.
    unsafe { with_context(libssl, ctx, |context, _| note(&context.messages)) };
}

/// Takes note of something on an SSL, likewise.
///
/// # Safety
///
/// `ssl` is null or a live SSL of that libssl's that no other thread is using.
unsafe fn with_ssl(libssl: Option<&'static Libssl>, ssl: *mut SSL, note: impl FnOnce(Ssl) -> bool) {
    noted(libssl, |libssl| {
        let Some(ssl) = NonNull::new(ssl) else { return Ok(false) };
        // SAFETY: by this function's contract.
        let ssl = unsafe { Ssl::new(ssl, libssl) };
        if note(ssl) { Ok(true) } else { Err(Fault::NoMemory) }
    });
}

fn noted(
    libssl: Option<&'static Libssl>,
    note: impl FnOnce(&'static Libssl) -> Result<bool, Fault>,
) -> bool {
    let Some(libssl) = libssl else { return false };
    guard(|| note(libssl)).unwrap_or_else(|fault| {
        queue_fault(libssl, fault);
        false
    })
}

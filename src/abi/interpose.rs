//! libssl's functions under their own names.
//!
//! There is no getter for the callbacks that a program sets, so they are remembered on their way.
//! Everything is passed on to libssl, the cookie callbacks with one of ours in their place.

use super::listen::listen_in;
use crate::openssl::{
    Call, DTLS_CTRL_LISTEN, Libssl, SSL, SSL_CTRL_SET_MSG_CALLBACK_ARG, SSL_CTX, SSL_METHOD, Ssl,
    any_accepted, is_waiting, message,
};
use crate::panic_guard::guard;
use messages::with_messages;
use remember::with_ssl;
use std::ffi::{c_int, c_long, c_void};
use std::ptr::{NonNull, null_mut};

type Set<O, C> = unsafe extern "C-unwind" fn(*mut O, C);
type Ctrl<O> = unsafe extern "C-unwind" fn(*mut O, c_int, c_long, *mut c_void) -> c_long;

/// The function that the caller would have reached.
macro_rules! next {
    ($call:expr, $name:ident as $function:ty) => {
        $call.next($crate::openssl::Name::$name).map(|at| {
            // SAFETY: this is what libssl's function of that name is.
            unsafe { std::mem::transmute::<*mut std::ffi::c_void, $function>(at.as_ptr()) }
        })
    };
}

/// The same where that takes a few instructions: for a function that jumps on to it, or to one that
/// asks again.
macro_rules! next_of_the_program {
    ($call:expr, $name:ident as $function:ty) => {
        $call.next_of_the_program($crate::openssl::Name::$name).map(|at| {
            // SAFETY: this is what libssl's function of that name is.
            unsafe { std::mem::transmute::<*mut std::ffi::c_void, $function>(at.as_ptr()) }
        })
    };
}

mod cookies;
mod messages;
mod remember;

pub(super) use cookies::{set_generate, set_verify};
pub(super) use messages::{ctx_set_msg, new, set_msg};

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

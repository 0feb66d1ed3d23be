//! DTLS 1.3, which has no HelloVerifyRequest: from 4.1 on libssl's `DTLSv1_listen` has the SSL speak 1.2 at
//! most, and fails for one that may speak nothing else. Asked of the loaded libssl: a later one may do
//! otherwise.

use super::bio::Address;
use super::libssl::{self, ForEach, Libssl};
use super::queue::{Errors, clear_errors};
use super::ssl::{Ssl, SslCtx};
use super::sys;
use crate::hello::error::Fault;
use crate::os::uncancelled;
use std::ffi::{c_int, c_long};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

const DTLS1_2: c_long = 0xFEFD;
const DTLS1_3: c_long = 0xFEFC;
/// AnyConnect's, which is older than 1.0 and has the smallest number.
const BAD_VERSION: c_long = 0x0100;

const SET_MIN: c_int = 123; // SSL_CTRL_SET_MIN_PROTO_VERSION
const SET_MAX: c_int = 124;
const GET_MIN: c_int = 130;
const GET_MAX: c_int = 131;

/// For each libssl: 0 if it has not been asked.
static CLAMPS: ForEach<AtomicU8> = ForEach::new([const { AtomicU8::new(0) }; libssl::MAX]);
const NO: u8 = 1;
const YES: u8 = 2;

/// Does with the SSL what libssl's function does on entry.
#[inline]
pub(crate) fn speak_1_2_at_most(ssl: Ssl) -> Result<(), Fault> {
    let known = CLAMPS.of(ssl.libssl()).load(Relaxed);
    if known == NO || known != YES && !begins(ssl) { Ok(()) } else { clamp(ssl) }
}

#[cold]
fn clamp(ssl: Ssl) -> Result<(), Fault> {
    let max = ctrl(ssl, GET_MAX, 0);
    if is_1_3_alone(ctrl(ssl, GET_MIN, 0), max) {
        return Err(Fault::NotDtls);
    }
    let may_be_1_3 = max == 0 || max > BAD_VERSION && max <= DTLS1_3;
    if may_be_1_3 && ctrl(ssl, SET_MAX, DTLS1_2) != 1 { Err(Fault::NotDtls) } else { Ok(()) }
}

/// 0: no bound.
const fn is_1_3_alone(min: c_long, max: c_long) -> bool {
    min == DTLS1_3 && (max == 0 || max == DTLS1_3)
}

/// Would libssl's function fail for every SSL of this SSL_CTX? Once [`ask`] has been called.
#[inline]
pub(super) fn is_beyond(ctx: SslCtx) -> bool {
    CLAMPS.of(ctx.libssl()).load(Relaxed) == YES && speaks_1_3_alone(ctx)
}

#[cold]
fn speaks_1_3_alone(ctx: SslCtx) -> bool {
    is_1_3_alone(ctx_ctrl(ctx, GET_MIN, 0), ctx_ctrl(ctx, GET_MAX, 0))
}

/// The first call of a libssl's. Most know no DTLS 1.3, and the SSL at hand tells: nothing has to be made
/// for that.
#[cold]
fn begins(ssl: Ssl) -> bool {
    let before = ctrl(ssl, GET_MIN, 0);
    if ctrl(ssl, SET_MIN, DTLS1_3) != 1 {
        CLAMPS.of(ssl.libssl()).store(NO, Relaxed);
        return false;
    }
    // An SSL of one version takes any bound, and changes nothing.
    ctrl(ssl, SET_MIN, before);
    ask(ssl.libssl());
    CLAMPS.of(ssl.libssl()).load(Relaxed) == YES
}

/// Has libssl's function fail for an SSL of our own, if it does.
#[cold]
pub(super) fn ask(libssl: &'static Libssl) {
    if CLAMPS.of(libssl).load(Relaxed) != 0 {
        return;
    }
    // What the application's callbacks have queued is theirs.
    let errors = Errors::take(libssl);
    // A question that failed, for want of memory, is asked again.
    if let Some(clamps) = uncancelled(|| try_out(libssl)) {
        CLAMPS.of(libssl).store(if clamps { YES } else { NO }, Relaxed);
    }
    clear_errors(libssl);
    if let Some(errors) = errors {
        errors.put_back();
    }
}

fn try_out(libssl: &'static Libssl) -> Option<bool> {
    if libssl.release.listens_by_ctrl {
        return Some(false);
    }
    // SAFETY: gives the address of a constant.
    let method = unsafe { libssl.ssl.DTLS_server_method() };
    // SAFETY: the method is one for DTLS.
    let ctx = NonNull::new(unsafe { libssl.ssl.SSL_CTX_new(method) })?;
    // SAFETY: new, and this thread's.
    let view = unsafe { SslCtx::from_c(ctx.as_ptr(), libssl) }?;
    let knows = ctx_ctrl(view, SET_MIN, DTLS1_3) == 1;
    let clamps = if knows { fails(libssl, ctx) } else { Some(false) };
    // SAFETY: ours, and not used after.
    unsafe { libssl.ssl.SSL_CTX_free(ctx.as_ptr()) };
    clamps
}

/// Does libssl's function fail for an SSL of this SSL_CTX, which has nothing to read?
fn fails(libssl: &'static Libssl, ctx: NonNull<sys::SSL_CTX>) -> Option<bool> {
    // SAFETY: the SSL_CTX lives.
    let ssl = NonNull::new(unsafe { libssl.ssl.SSL_new(ctx.as_ptr()) })?;
    // SAFETY: gives the address of a constant.
    let memory = unsafe { libssl.crypto.BIO_s_mem() };
    // SAFETY: the method lives for ever.
    let bio = unsafe { libssl.crypto.BIO_new(memory) };
    // SAFETY: the SSL takes it over, for both directions, and does not mind null.
    unsafe { libssl.ssl.SSL_set_bio(ssl.as_ptr(), bio, bio) };
    let mut result = None;
    if !bio.is_null() {
        let mut address = Address::untouched();
        // SAFETY: the SSL is ours and the address has room for any.
        result = Some(unsafe { libssl.ssl.listen(ssl.as_ptr(), address.as_mut_ptr().cast()) } < 0);
    }
    // SAFETY: ours, and not used after.
    unsafe { libssl.ssl.SSL_free(ssl.as_ptr()) };
    result
}

fn ctrl(ssl: Ssl, command: c_int, number: c_long) -> c_long {
    // SAFETY: type invariant, and a command that takes a number at most.
    unsafe { ssl.libssl().ssl.SSL_ctrl(ssl.as_ptr(), command, number, null_mut()) }
}

fn ctx_ctrl(ctx: SslCtx, command: c_int, number: c_long) -> c_long {
    // SAFETY: type invariant, and a command that takes a number at most.
    unsafe { ctx.libssl().ssl.SSL_CTX_ctrl(ctx.as_ptr(), command, number, null_mut()) }
}

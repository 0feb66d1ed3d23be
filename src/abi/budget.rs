//! A bound on one call.

use super::done;
use crate::hello::error::Fault;
use crate::openssl::{Context, SSL_CTX, SslCtx};
use std::ffi::{c_int, c_uint};

/// Bounds one call of DTLSv1_listen(): after so many challenges it returns 0, so that a flood does
/// not hold an event loop. Without a call: what DTLSV1_LISTEN_BUDGET says in the environment, else
/// 0: as in OpenSSL, no bound.
///
/// `ctx`: may be in use by other threads. `challenges`: HelloVerifyRequests sent in one call, where
/// a fragment that is kept until the rest of its hello comes counts as one; 0 for no bound. It
/// holds from the next call on.
///
/// A caller that is woken for every arrival only (EPOLLET) has to go on until there is nothing
/// left to read, and 0 alone does not say so. After 0, BIO_should_read(SSL_get_rbio(ssl)) is true
/// if the read would have blocked: wait for the socket. It is false if the budget was spent or the
/// write of an answer would have blocked (nothing is queued), or a datagram was dropped (the reason
/// is queued): more may be waiting, call again.
/// With LibreSSL a spent budget looks as if there were nothing to read (-1, SSL_ERROR_WANT_READ), and
/// a datagram that is dropped counts as well: no EPOLLET with a budget there.
///
/// A caller that is woken as long as there is something to read (poll, EPOLLET not set) need not
/// ask.
///
/// Returns 1, or 0 with the reason queued (`ctx` NULL, no memory).
///
/// # Safety
///
/// `ctx` is NULL or a live SSL_CTX.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listen_set_budget(
    ctx: *mut SSL_CTX,
    challenges: c_uint,
) -> c_int {
    done(|libssl| {
        // SAFETY: by this function's contract.
        let ctx = unsafe { SslCtx::from_c(ctx, libssl) }.ok_or(Fault::NullArgument)?;
        Context::of(ctx)?.budget.set(challenges);
        Ok(())
    })
}

//! A filter on listening sockets.

use super::done;
use crate::hello::error::Fault;
use crate::openssl::{Context, SSL_CTX, SslCtx};
use std::ffi::c_int;

/// Has DTLSv1_listen() put a filter on the UDP socket that it reads from: only what may be a
/// ClientHello of a first contact comes through, and all else is dropped by the kernel, without a
/// wake-up. It is taken off when a client is accepted, and put on again by the next call. Not for
/// programs that serve clients on the socket that they listen on while they listen, or that have
/// anything else there: it would be dropped. Without a call: on if DTLSV1_LISTEN_FILTER is 1 in
/// the environment, else off.
///
/// `ctx`: may be in use by other threads. `on`: 1, or 0 for no filter. It holds from the next call of
/// DTLSv1_listen() on, which takes a filter of its own off again. Only where the read BIO is libssl's
/// own datagram BIO on an unconnected UDP socket that has no other filter; the program's own stays.
/// Linux alone.
///
/// Returns 1, or 0 with the reason queued (`ctx` NULL, `on` neither, no memory).
///
/// # Safety
///
/// `ctx` is NULL or a live SSL_CTX.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listen_set_socket_filter(
    ctx: *mut SSL_CTX,
    on: c_int,
) -> c_int {
    done(|libssl| {
        // SAFETY: by this function's contract.
        let ctx = unsafe { SslCtx::from_c(ctx, libssl) }.ok_or(Fault::NullArgument)?;
        let on = match on {
            0 => false,
            1 => true,
            _ => return Err(Fault::InvalidArgument),
        };
        Context::of(ctx)?.filter.set(on);
        Ok(())
    })
}

//! One client of a listener: where it is, and a socket of its own.

use super::told::{done, libssl, tell};
use crate::hello::error::Fault;
use crate::listener;
use crate::openssl::{Libssl, SSL, Ssl};
use libc::{sockaddr, socklen_t};
use std::ffi::c_int;
use std::ptr::NonNull;

/// Gives a client a connected socket of its own: for a thread, a forked child, another process.
///
/// Nothing that the client has sent is lost, doubled or out of order by that, but for a datagram that
/// a processor has in its hands just then: it may come after those that were sent behind it, or be
/// lost, as may another client's if the listener is on all addresses. The SSL owes the listener nothing
/// from then on: it may be another thread's, and outlive the listener. Its BIO is a descriptor's,
/// blocking at first as accept(2)'s is, and as fcntl() sets it; where it blocks, libssl's timers run
/// in SSL_accept() and SSL_read() by themselves. What came before is with the SSL, where poll(2) does
/// not see it: SSL_read() until it says SSL_ERROR_WANT_READ, then wait.
///
/// Returns the descriptor, which stays the BIO's (SSL_get_fd() gives the same), or -1 with the reason
/// queued; the SSL is as it was then.
///
/// The kernel looks at each detached socket of the port for every datagram of a stranger, before Linux
/// 6.13 for every datagram of anybody: for hundreds of clients, not for thousands
/// (docs/operations.md). A client that begins anew from its port is not heard until its old SSL is
/// freed. The port is in use as long as the descriptor is open.
///
/// # Safety
///
/// `ssl` is NULL or a live SSL that no other thread uses, nor its listener.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listener_detach(ssl: *mut SSL) -> c_int {
    let Some(libssl) = libssl() else { return -1 };
    // SAFETY: by this function's contract.
    let detached = unsafe { ssl_of(ssl, libssl) }.and_then(listener::detach);
    done(libssl, detached).unwrap_or(-1)
}

/// Where a client is. `addr`, `addrlen`: as for dtlsv1_listen_peer().
///
/// Returns 1, or 0 with the reason queued (NULL; an SSL that is no listener's and was never).
///
/// # Safety
///
/// `ssl` is NULL or a live SSL that no other thread uses; `addrlen` is NULL or readable and writable,
/// and `addr` is NULL or writable for as many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listener_peer(
    ssl: *mut SSL,
    addr: *mut sockaddr,
    addrlen: *mut socklen_t,
) -> c_int {
    let Some(libssl) = libssl() else { return 0 };
    // SAFETY: by this function's contract.
    let peer = unsafe { ssl_of(ssl, libssl) }.and_then(listener::peer);
    // SAFETY: by this function's contract.
    unsafe { tell(libssl, peer, addr, addrlen) }
}

/// Which address of ours a client writes to. The rest is as for dtlsv1_listener_peer().
///
/// # Safety
///
/// As for dtlsv1_listener_peer().
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listener_local(
    ssl: *mut SSL,
    addr: *mut sockaddr,
    addrlen: *mut socklen_t,
) -> c_int {
    let Some(libssl) = libssl() else { return 0 };
    // SAFETY: by this function's contract.
    let local = unsafe { ssl_of(ssl, libssl) }.and_then(listener::local);
    // SAFETY: by this function's contract.
    unsafe { tell(libssl, local, addr, addrlen) }
}

/// # Safety
///
/// `ssl` is NULL or a live SSL that no other thread uses.
unsafe fn ssl_of(ssl: *mut SSL, libssl: &'static Libssl) -> Result<Ssl, Fault> {
    let ssl = NonNull::new(ssl).ok_or(Fault::NullArgument)?;
    // SAFETY: not null, and live by this function's contract.
    Ok(unsafe { Ssl::new(ssl, libssl) })
}

//! Many clients on one port.

use super::told::{done, libssl, tell};
use crate::hello::error::Fault;
use crate::listener::{Listener, Shared};
use crate::openssl::{SSL, Ssl, queue_fault};
use libc::{sockaddr, socklen_t};
use std::ffi::c_int;
use std::ptr::{NonNull, null_mut};

/// A listener: one port, and an SSL for each client whose cookie was right.
///
/// Threads: a listener and its SSLs, but the detached, are one thread's at a time, as one SSL is.
/// Listeners may share an SSL_CTX. After fork(2), a listener that had no client yet may be the child's,
/// if the parent does nothing with it but free it, or the other way round; and so may a detached SSL.
pub struct ListenerHandle {
    _opaque: [u8; 0],
}

/// A new client, the caller's from now on: call SSL_accept() or SSL_read().
pub const DTLSV1_NEWS_ACCEPTED: c_int = 1;
/// Datagrams have come, or a write that would have blocked may be tried again: SSL_read(), until it
/// says SSL_ERROR_WANT_READ.
pub const DTLSV1_NEWS_READABLE: c_int = 2;
/// The client began anew from the same port, with a right cookie (RFC 6347 section 4.2.8): reads give
/// the end and writes fail. SSL_free() it.
pub const DTLSV1_NEWS_REPLACED: c_int = 4;
/// No handshake within handshake_seconds, or libssl has repeated its flight as often as it does:
/// SSL_free() it.
pub const DTLSV1_NEWS_OVERDUE: c_int = 8;

/// One descriptor for poll, epoll, libuv or libevent: readable when dtlsv1_listener_run() has
/// something to do, timers included, and while dtlsv1_listener_next() has more than was taken;
/// level-triggered. Who watches its edges (EPOLLET) is woken for both again, if each wake is answered
/// with dtlsv1_listener_run() or dtlsv1_listener_accept(). It is the listener's: never read or close it.
///
/// Returns it, or -1 for NULL.
///
/// # Safety
///
/// `listener` is NULL or a live listener.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listener_fd(listener: *const ListenerHandle) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { shared(listener.cast_mut()) }.map_or(-1, |listener| listener.fd())
}

/// Where a listener is bound: with the port that the kernel chose for 0. `addr`, `addrlen`: as for
/// dtlsv1_listener_peer().
///
/// Returns 1, or 0 with the reason queued (NULL).
///
/// # Safety
///
/// `listener` is NULL or a live listener; `addrlen` is NULL or readable and writable, and `addr` is
/// NULL or writable for as many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listener_address(
    listener: *const ListenerHandle,
    addr: *mut sockaddr,
    addrlen: *mut socklen_t,
) -> c_int {
    // SAFETY: by this function's contract.
    let shared = unsafe { shared(listener.cast_mut()) };
    let Some(libssl) = shared.map(|shared| shared.libssl()).or_else(libssl) else { return 0 };
    let address = shared.ok_or(Fault::NullArgument).and_then(|shared| shared.address());
    // SAFETY: by this function's contract.
    unsafe { tell(libssl, address, addr, addrlen) }
}

/// Waits up to `timeout_ms` milliseconds (0: not at all; negative: for ever; not at all while
/// dtlsv1_listener_next() has something). Then it reads a bounded number of datagrams, answers
/// strangers, keeps for its clients what they sent, and repeats what libssl's timers ask for.
///
/// libssl's callbacks of the program may run in it, but for those that make and check cookies.
///
/// Returns 1: dtlsv1_listener_next() has something. 0: it has not; a signal too ends the wait so. -1:
/// the listener cannot go on, with the reason queued. Nothing that a peer sends, and no answer that
/// cannot be sent, is ever -1. Otherwise the error queue stays as it was.
///
/// # Safety
///
/// `listener` is NULL or a live listener that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listener_run(
    listener: *mut ListenerHandle,
    timeout_ms: c_int,
) -> c_int {
    // SAFETY: by this function's contract.
    let Some(shared) = (unsafe { shared(listener) }) else {
        let _ = libssl().map(|libssl| queue_fault(libssl, Fault::NullArgument));
        return -1;
    };
    let libssl = shared.libssl();
    let outcome = Listener::run(shared, timeout_ms);
    let result = done(libssl, outcome).map_or(-1, c_int::from);
    // SAFETY: by this function's contract.
    unsafe { free_if_asked(listener) };
    result
}

/// The next SSL with news; each once, until there is more.
///
/// `news`: where the bits of DTLSV1_NEWS_... go; may be NULL.
///
/// Returns the SSL, which is the caller's from the first time on: SSL_free() it at any time between
/// calls, and the listener forgets it. NULL: there is no more (nothing is queued).
///
/// # Safety
///
/// `listener` is NULL or a live listener that no other thread uses; `news` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listener_next(
    listener: *mut ListenerHandle,
    news: *mut c_int,
) -> *mut SSL {
    // SAFETY: by this function's contract.
    let next = unsafe { shared(listener) }.and_then(|listener| listener.next());
    let Some((ssl, what)) = next else { return null_mut() };
    if let Some(news) = NonNull::new(news) {
        // SAFETY: by this function's contract.
        unsafe { news.write(what.bits().into()) };
    }
    ssl.as_ptr()
}

/// The next new client, after a wait as in dtlsv1_listener_run(), which it calls. The others' news
/// stay for dtlsv1_listener_next().
///
/// Returns the SSL, which is the caller's; NULL if none came in time or a signal ended the wait (nothing
/// is queued), or on failure (the reason is queued).
///
/// # Safety
///
/// `listener` is NULL or a live listener that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listener_accept(
    listener: *mut ListenerHandle,
    timeout_ms: c_int,
) -> *mut SSL {
    // SAFETY: by this function's contract.
    let Some(shared) = (unsafe { shared(listener) }) else {
        let _ = libssl().map(|libssl| queue_fault(libssl, Fault::NullArgument));
        return null_mut();
    };
    let libssl = shared.libssl();
    let outcome = Listener::accept(shared, timeout_ms);
    let ssl = done(libssl, outcome).flatten().map_or(null_mut(), Ssl::as_ptr);
    // SAFETY: by this function's contract.
    unsafe { free_if_asked(listener) };
    ssl
}

/// Closes a listener. The SSLs that the caller has stay valid, to be freed by him: but for the
/// detached, reads give the end and writes fail. Those that he has not been told of are freed. NULL:
/// nothing happens. In a callback that runs in one of the listener's own functions, it is closed when
/// that returns.
///
/// # Safety
///
/// `listener` is NULL or a live listener that no other thread uses, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listener_free(listener: *mut ListenerHandle) {
    // SAFETY: by this function's contract.
    let Some(shared) = (unsafe { shared(listener) }) else { return };
    if !shared.close() {
        // SAFETY: by this function's contract.
        unsafe { give_back(listener) };
    }
}

/// # Safety
///
/// `listener` is live, and the function that worked with it is about to return.
unsafe fn free_if_asked(listener: *mut ListenerHandle) {
    // SAFETY: by this function's contract.
    if unsafe { shared(listener) }.is_some_and(|listener| listener.was_freed()) {
        // SAFETY: by this function's contract: the caller gave it up.
        unsafe { dtlsv1_listener_free(listener) };
    }
}

/// # Safety
///
/// `listener` is live and is not used again.
unsafe fn give_back(listener: *mut ListenerHandle) {
    if let Some(handle) = NonNull::new(listener.cast::<Shared<Listener>>()) {
        let one = NonNull::slice_from_raw_parts(handle, 1);
        // SAFETY: what C has is a box of one.
        drop(unsafe { Box::from_raw(one.as_ptr()) });
    }
}

/// # Safety
///
/// `listener` is NULL or live for as long as the result is used.
unsafe fn shared<'a>(listener: *mut ListenerHandle) -> Option<&'a Shared<Listener>> {
    // SAFETY: what C has is a box of one.
    unsafe { listener.cast::<Shared<Listener>>().as_ref() }
}

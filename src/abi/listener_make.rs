//! Making listeners.

use super::listen::announce;
use super::listener::ListenerHandle;
use super::listener_options::{ListenerOptions, read_options};
use super::told::{done, libssl};
use crate::hello::error::Fault;
use crate::listener::{Address, Listener, Options};
use crate::openssl::{Libssl, OwnedCtx, SSL_CTX, SslCtx};
use crate::os::try_box;
use libc::{sockaddr, socklen_t};
use std::ffi::{c_int, c_uint};
use std::ptr::{NonNull, null_mut};

/// Makes a listener with sockets of its own on a numeric address.
///
/// `ctx`: a DTLS server's, of which a reference is kept until the listener is freed. Cookies are the
/// built-in ones: its cookie callbacks are not called, and DTLSV1_LISTEN_COOKIES_APP is an error.
///
/// `local`, `len`: a struct sockaddr_in or sockaddr_in6. The IPv6 address `::` serves IPv4 as well.
/// With the wildcard addresses, answers leave from the address that was written to. Port 0 takes a
/// free one. A port that somebody has, another listener too, is an error.
///
/// `options`: NULL for the usual. Read in the call alone.
///
/// Returns the listener, or NULL with the reason queued (a system call's is ERR_LIB_SYS, errno).
///
/// # Safety
///
/// `ctx` is NULL or a live SSL_CTX; `local` is NULL or readable for `len` bytes; `options` is NULL or
/// readable for its own `size`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listener_bind(
    ctx: *mut SSL_CTX,
    local: *const sockaddr,
    len: socklen_t,
    options: *const ListenerOptions,
) -> *mut ListenerHandle {
    let mut listener = null_mut();
    // SAFETY: by this function's contract, and `listener` is room for one.
    let made =
        unsafe { dtlsv1_listener_bind_group(ctx, local, len, options, &raw mut listener, 1) };
    if made == 1 { listener } else { null_mut() }
}

/// Makes `n` listeners on one address, one for each of n threads. A client always comes to the same
/// one, by its port. All are there before any of them hears a datagram, and their number does not
/// change: freeing one of them cuts its clients off, and may mix up the others'.
///
/// `listeners`: where they go, in order. `n`: 1 to 1024. The rest is as for dtlsv1_listener_bind().
///
/// Returns 1, or 0 with the reason queued and nothing written.
///
/// # Safety
///
/// As for dtlsv1_listener_bind(); `listeners` is NULL or writable for `n` pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listener_bind_group(
    ctx: *mut SSL_CTX,
    local: *const sockaddr,
    len: socklen_t,
    options: *const ListenerOptions,
    listeners: *mut *mut ListenerHandle,
    n: c_uint,
) -> c_int {
    let Some(libssl) = libssl() else { return 0 };
    let make = |ctx: &OwnedCtx, options| {
        let to = NonNull::new(listeners).ok_or(Fault::NullArgument)?;
        let count = u16::try_from(n).ok().filter(|n| (1..=MAX_GROUP).contains(n));
        let count = count.ok_or(Fault::InvalidArgument)?;
        // SAFETY: by this function's contract.
        let address = unsafe { address(local, len) }?;
        let made = Listener::bind(ctx, &address, options, count)?;
        let mut handles = Vec::new();
        handles.try_reserve_exact(made.len()).map_err(|_| Fault::NoMemory)?;
        for listener in made {
            handles.push(try_box(listener).ok_or(Fault::NoMemory)?);
        }
        for (n, handle) in handles.into_iter().enumerate() {
            // SAFETY: there is room for as many, by this function's contract.
            let place = unsafe { to.add(n) };
            // SAFETY: there is room for as many, by this function's contract.
            unsafe { place.write(Box::into_raw(handle).cast()) };
        }
        Ok(())
    };
    // SAFETY: by this function's contract.
    let made = unsafe { begin(libssl, ctx, options, make) };
    done(libssl, made).map_or(0, |()| 1)
}

const MAX_GROUP: u16 = 1024;

/// Makes a listener on a UDP socket of the caller's, which is bound: systemd's, or a privileged
/// parent's.
///
/// `fd`: stays the caller's, who closes it once the listener is freed. It becomes non-blocking, and
/// is read by the listener alone. It is joined by two sockets more (see DTLSV1_LISTENER_ONE_SOCKET) if
/// it was bound with SO_REUSEPORT and nobody else has a socket on its address, as sock_diag(7) or
/// /proc/net/udp tells. The rest is as for dtlsv1_listener_bind().
///
/// # Safety
///
/// As for dtlsv1_listener_bind().
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listener_new(
    ctx: *mut SSL_CTX,
    fd: c_int,
    options: *const ListenerOptions,
) -> *mut ListenerHandle {
    let Some(libssl) = libssl() else { return null_mut() };
    let make = |ctx: &OwnedCtx, options| {
        try_box(Listener::beside(ctx, fd, options)?).ok_or(Fault::NoMemory)
    };
    // SAFETY: by this function's contract.
    let made = unsafe { begin(libssl, ctx, options, make) };
    done(libssl, made).map_or(null_mut(), |handle| Box::into_raw(handle).cast())
}

/// What every listener begins with.
///
/// # Safety
///
/// dtlsv1_listener_bind()'s.
unsafe fn begin<T>(
    libssl: &'static Libssl,
    ctx: *mut SSL_CTX,
    given: *const ListenerOptions,
    make: impl FnOnce(&OwnedCtx, Options) -> Result<T, Fault>,
) -> Result<T, Fault> {
    announce(libssl);
    // SAFETY: by this function's contract.
    let ctx = unsafe { SslCtx::from_c(ctx, libssl) }.ok_or(Fault::NullArgument)?;
    // SAFETY: by this function's contract.
    let options = unsafe { read_options(given) }?;
    make(&OwnedCtx::new(ctx)?, options)
}

/// # Safety
///
/// `local` is NULL or readable for `len` bytes.
unsafe fn address(local: *const sockaddr, len: socklen_t) -> Result<Address, Fault> {
    let local = NonNull::new(local.cast_mut()).ok_or(Fault::NullArgument)?.cast::<u8>();
    let len = usize::try_from(len).map_err(|_| Fault::ListenerAddress)?;
    // SAFETY: by this function's contract.
    let bytes = unsafe { std::slice::from_raw_parts(local.as_ptr(), len) };
    Address::from_sockaddr(bytes).ok_or(Fault::ListenerAddress)
}

//! What a listener's functions tell their caller: addresses, and why something failed.

use crate::hello::error::Fault;
use crate::listener::SockAddr;
use crate::openssl::{Call, Libssl, queue_fault};
use libc::{sockaddr, socklen_t};
use std::ffi::c_int;
use std::ptr::NonNull;

/// The libssl of the caller's objects; where none that is served has them, a line on stderr says so.
pub(super) fn libssl() -> Option<&'static Libssl> {
    let call = Call::of_our_own();
    let libssl = call.libssl();
    if libssl.is_none() {
        call.say_that_it_is_not_served();
    }
    libssl
}

/// Queues why something failed.
pub(super) fn done<T>(libssl: &Libssl, outcome: Result<T, Fault>) -> Option<T> {
    outcome.map_err(|fault| queue_fault(libssl, fault)).ok()
}

/// # Safety
///
/// dtlsv1_listener_peer()'s.
pub(super) unsafe fn tell(
    libssl: &Libssl,
    address: Result<SockAddr, Fault>,
    addr: *mut sockaddr,
    addrlen: *mut socklen_t,
) -> c_int {
    let told = address.and_then(|address| {
        let Some(addr) = NonNull::new(addr) else { return Ok(()) };
        let addrlen = NonNull::new(addrlen).ok_or(Fault::NullArgument)?;
        let bytes = address.as_bytes();
        // SAFETY: readable, by this function's contract.
        let room = usize::try_from(unsafe { addrlen.read() }).unwrap_or(0);
        let cut = bytes.get(..room).unwrap_or(bytes);
        let from = NonNull::from(cut).cast::<u8>();
        // SAFETY: writable for as many bytes, by this function's contract.
        unsafe { addr.cast::<u8>().copy_from_nonoverlapping(from, cut.len()) };
        // SAFETY: writable, by this function's contract.
        unsafe { addrlen.write(socklen_t::try_from(bytes.len()).unwrap_or(0)) };
        Ok(())
    });
    done(libssl, told).map_or(0, |()| 1)
}

//! The peer, for BIOs that know none.

use super::done;
use crate::hello::error::Fault;
use crate::hello::peer::{MAX_ADDRESS_LEN, Peer};
use crate::openssl::{SSL, Ssl, forget_named_peer, name_peer};
use libc::{sockaddr, socklen_t};
use std::ffi::c_int;
use std::ptr::NonNull;

/// Names the peer whose datagrams an SSL's read BIO yields, for BIOs that do not know: memory BIOs
/// of a program that calls recvfrom(2) itself, and custom BIOs without BIO_CTRL_DGRAM_GET_PEER.
/// Built-in cookies are bound to the peer. Without one DTLSv1_listen() asks the program's own cookie
/// callbacks, and fails if there are none.
///
/// Call it with the sender of each datagram, before DTLSv1_listen() reads it. The name is kept with
/// the SSL until the next call, until DTLSv1_listen() accepts a client on it, or until the SSL is
/// freed; SSL_clear() does not forget it, and a copy made by SSL_dup() has none. A BIO that knows its
/// peer is believed instead. The peer argument of DTLSv1_listen() says what the BIO knows, not this.
///
/// `ssl`: a live SSL that no other thread is using. `addr`: the sender, `len` bytes (at least the
/// family's own length, 16 for AF_INET and 28 for AF_INET6; at most 128), copied. NULL: forget.
///
/// Returns 1, or 0 with the reason queued (`ssl` NULL, `len` out of range, an address that tells
/// nobody apart: AF_UNSPEC, or AF_UNIX without a name; no memory).
///
/// # Safety
///
/// `ssl` is NULL or a live SSL that no other thread is using; `addr` is NULL or readable for `len`
/// bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listen_set_peer(
    ssl: *mut SSL,
    addr: *const sockaddr,
    len: socklen_t,
) -> c_int {
    done(|libssl| {
        let ssl = NonNull::new(ssl).ok_or(Fault::NullArgument)?;
        // SAFETY: live by this function's contract.
        let ssl = unsafe { Ssl::new(ssl, libssl) };
        let Some(addr) = NonNull::new(addr.cast_mut()) else {
            forget_named_peer(ssl);
            return Ok(());
        };
        let len = usize::try_from(len).map_err(|_| Fault::InvalidArgument)?;
        if !(size_of::<libc::sa_family_t>()..=MAX_ADDRESS_LEN).contains(&len) {
            return Err(Fault::InvalidArgument);
        }
        // SAFETY: readable for that many bytes by this function's contract.
        let given = unsafe { std::slice::from_raw_parts(addr.cast::<u8>().as_ptr(), len) };
        let peer = Peer::from_given(given).ok_or(Fault::InvalidArgument)?;
        if name_peer(ssl, peer) { Ok(()) } else { Err(Fault::NoMemory) }
    })
}

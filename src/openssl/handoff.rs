//! The handoff: libssl's own `DTLSv1_listen` is given the verified record and nothing else.
//!
//! Only libssl can set its private handshake state, so the last step is libssl's. Its read BIO is
//! exchanged for one that yields the one record, and put back whatever happens.

use super::bio::{Address, Bio};
use super::once_bio::Once;
use super::real;
use super::ssl::Ssl;
use super::sys;
use crate::error::{Fault, Stop};
use crate::peer::Peer;
use std::ffi::{c_int, c_void};
use std::mem::transmute;
use std::ptr::null_mut;

type Listen = unsafe extern "C" fn(*mut sys::SSL, *mut c_void) -> c_int;

/// What libssl said of the peer of an accepted hello.
pub(crate) enum Accepted {
    /// The BIO knows the peer.
    From(Peer),
    /// It does not: the caller is told AF_UNSPEC.
    Unknown,
    /// It claims to know and wrote nothing: the caller's bytes stay as they were, as in libssl.
    Untouched,
}

/// Gives the SSL a record whose cookie is right. After `Ok`, `SSL_accept` goes on from there.
pub(crate) fn hand_off(ssl: Ssl, rbio: Bio, record: &[u8]) -> Result<Accepted, Stop> {
    let listen = real::DTLSV1_LISTEN.find().ok_or(Fault::Handoff)?;
    // SAFETY: this is what libssl's function of that name is; BIO_ADDR is a union of sockaddrs.
    let listen = unsafe { transmute::<*mut c_void, Listen>(listen.as_ptr()) };
    let mut once = Once::new(record, rbio);
    let mut address = Address::new();
    let stand_in = once.bio().ok_or(Fault::Handoff)?;

    // SAFETY: the BIO lives. This reference takes the place of the SSL's, which goes with the next
    // call; libssl, with two references where both BIOs are one, and LibreSSL, with one, agree.
    if unsafe { sys::BIO_up_ref(rbio.as_ptr()) } == 0 {
        // SAFETY: it never got into the SSL.
        unsafe { sys::BIO_free_all(stand_in.as_ptr()) };
        return Err(Fault::Handoff.into());
    }
    // SAFETY: the SSL lives, and takes over our reference to the stand-in.
    unsafe { sys::SSL_set0_rbio(ssl.as_ptr(), stand_in.as_ptr()) };
    // SAFETY: `address` has room for any address.
    let result = unsafe { listen(ssl.as_ptr(), address.as_mut_ptr().cast()) };
    // SAFETY: `once` ends with this function; a BIO that somebody kept must not reach it.
    unsafe { sys::BIO_set_data(stand_in.as_ptr(), null_mut()) };
    // SAFETY: the SSL takes over the reference from above and drops the stand-in.
    unsafe { sys::SSL_set0_rbio(ssl.as_ptr(), rbio.as_ptr()) };

    match result {
        1.. if address.is_untouched() => Ok(Accepted::Untouched),
        1.. => Ok(address.peer().map_or(Accepted::Unknown, Accepted::From)),
        // SAFETY: the queue is this thread's.
        _ if unsafe { sys::ERR_peek_error() } != 0 => Err(Fault::Libssl.into()),
        _ => Err(Fault::Handoff.into()),
    }
}

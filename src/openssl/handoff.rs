//! The handoff: libssl's own `DTLSv1_listen` is given the verified record and nothing else.
//!
//! Only libssl can set its private handshake state, so the last step is libssl's. Its read BIO is
//! exchanged for one that yields the one record, and put back whatever happens.

use super::bio::{Address, Bio};
use super::message::Listener;
use super::once_bio::{Once, put_away};
use super::queue::Errors;
use super::ssl::Ssl;
use super::{real, sys};
use crate::hello::error::{Fault, Stop};
use crate::hello::peer::Peer;
use std::ffi::{c_int, c_void};
use std::mem::transmute;

/// libssl's `DTLSv1_listen`; BIO_ADDR is a union of sockaddrs.
pub(super) type Listen = unsafe extern "C" fn(*mut sys::SSL, *mut c_void) -> c_int;

/// What libssl said of the peer of an accepted hello. The address is given beside it: a result with
/// room for one is copied at every return on the way up, and nearly no call has one to give.
#[derive(Clone, Copy)]
pub(crate) enum Accepted {
    /// The BIO knows the peer, and it was put in the caller's place for it.
    From,
    /// It does not: the caller is told AF_UNSPEC.
    Unknown,
    /// It claims to know and wrote nothing: the caller's bytes stay as they were, as in libssl.
    Untouched,
}

/// The function that the program would have called, had it not been for us.
pub(super) fn real_listen() -> Option<Listen> {
    let listen = real::DTLSV1_LISTEN.find();
    // SAFETY: this is what libssl's function of that name is.
    let listen = listen.map(|at| unsafe { transmute::<*mut c_void, Listen>(at.as_ptr()) });
    listen.or_else(super::macro_world::real_listen)
}

/// Gives the SSL a record whose cookie is right. After `Ok`, `SSL_accept` goes on from there.
pub(crate) fn hand_off(
    ssl: Ssl,
    rbio: Bio,
    record: &[u8],
    from: &mut Option<Peer>,
) -> Result<Accepted, Stop> {
    let listen = real_listen().ok_or(Fault::Handoff)?;
    // What the application's callbacks queued; libssl's function empties the queue on entry.
    let errors = Errors::take();
    let hushed = Listener::of(ssl).map(Listener::hush);
    let mut address = Address::untouched();
    let result = with_stand_in(ssl, rbio, Once::new(record, rbio), || {
        // SAFETY: the SSL lives and `address` has room for any address.
        unsafe { listen(ssl.as_ptr(), address.as_mut_ptr().cast()) }
    })?;
    drop(hushed);
    if result >= 1 {
        if let Some(errors) = errors {
            errors.put_back();
        }
        if address.is_untouched() {
            return Ok(Accepted::Untouched);
        }
        *from = Some(address.peer()).filter(|peer| !peer.is_unspecified());
        return Ok(if from.is_some() { Accepted::From } else { Accepted::Unknown });
    }
    let explained = super::queue::holds_any();
    Err(if explained { Fault::Libssl } else { Fault::Handoff }.into())
}

/// Runs `body` while another read BIO stands in the SSL.
pub(super) fn with_stand_in<T>(
    ssl: Ssl,
    rbio: Bio,
    mut once: Once<'_>,
    body: impl FnOnce() -> T,
) -> Result<T, Fault> {
    let stand_in = once.bio().ok_or(Fault::NoMemory)?;
    // SAFETY: the BIO lives. This reference takes the place of the SSL's, which goes with the next
    // call; libssl, with two references where both BIOs are one, and LibreSSL, with one, agree.
    let kept = unsafe { sys::BIO_up_ref(rbio.as_ptr()) } != 0;
    // SAFETY: the BIO is ours. This reference is the SSL's.
    let lent = kept && unsafe { sys::BIO_up_ref(stand_in.as_ptr()) } != 0;
    if !lent {
        if kept {
            // SAFETY: the reference from above.
            unsafe { sys::BIO_free_all(rbio.as_ptr()) };
        }
        put_away(stand_in);
        return Err(Fault::NoMemory);
    }
    // SAFETY: the SSL lives, and takes over its reference to the stand-in.
    unsafe { sys::SSL_set0_rbio(ssl.as_ptr(), stand_in.as_ptr()) };
    let result = body();
    // SAFETY: the SSL takes over the reference from above and drops its own to the stand-in.
    unsafe { sys::SSL_set0_rbio(ssl.as_ptr(), rbio.as_ptr()) };
    // `once` ends with this function.
    put_away(stand_in);
    Ok(result)
}

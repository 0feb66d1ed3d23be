//! The handoff: libssl's own `DTLSv1_listen` is given the verified record and nothing else.
//!
//! Only libssl can set its private handshake state, so the last step is libssl's. Its read BIO is
//! exchanged for one that yields the one record, and put back whatever happens.

use super::bio::{Address, Bio};
use super::message::Listener;
use super::once_bio::{Once, with_stand_in};
use super::queue::{Errors, holds_any};
use super::real;
use super::ssl::Ssl;
use crate::hello::error::{Fault, Stop};
use crate::hello::peer::Peer;

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

/// Gives the SSL a record whose cookie is right. After `Ok`, `SSL_accept` goes on from there.
pub(crate) fn hand_off(
    ssl: Ssl,
    rbio: Bio,
    record: &[u8],
    from: &mut Option<Peer>,
) -> Result<Accepted, Stop> {
    let listen = real::real_listen().ok_or(Fault::Handoff)?;
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
    let explained = holds_any();
    Err(if explained { Fault::Libssl } else { Fault::Handoff }.into())
}

/// Leaves an SSL that found nothing to read as that world's function leaves it: so that
/// `SSL_get_error` says SSL_ERROR_WANT_READ, which is what its callers wait by.
#[cfg(libressl)]
pub(crate) fn note_would_block(ssl: Ssl) {
    let Some(rbio) = ssl.rbio() else { return };
    let mut address = Address::untouched();
    // libssl's own function finds a BIO that would block; it reads nothing and sends nothing.
    let _ = with_stand_in(ssl, rbio, Once::empty(rbio), || {
        // SAFETY: the SSL lives and `address` has room for any address.
        unsafe { real::listen_by_ctrl(ssl.as_ptr(), address.as_mut_ptr().cast()) }
    });
}

/// With OpenSSL there is nothing to do: its function leaves the SSL as it is.
#[cfg(not(libressl))]
pub(crate) fn note_would_block(_ssl: Ssl) {}

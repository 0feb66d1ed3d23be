//! The handoff: libssl's own `DTLSv1_listen` is given the verified record and nothing else.
//!
//! Only libssl can set its private handshake state, so the last step is libssl's. Its read BIO is
//! exchanged for one that yields the one record, and put back whatever happens.

use super::bio::Address;
use super::message::MessageObserver;
use super::queue::{Errors, holds_any};
use super::ssl::Ssl;
use super::ssl_state;
use super::stand_in::{Controls, Script, with_stand_in};
use crate::hello::error::{Discard, Fault, Stop};
use crate::hello::peer::Peer;
use crate::hello::step::VerifiedHello;

/// What libssl said of the peer of an accepted hello.
///
/// A place of the caller's and not part of a result: it would be copied at every return on the way
/// up, and nearly no call has an address to give.
pub(crate) enum Sender {
    /// Nothing: no hello was accepted, or the BIO claims to know and wrote nothing, and the caller's
    /// bytes stay as they were, as in libssl.
    Untold,
    /// The BIO does not know: the caller is told AF_UNSPEC.
    Unknown,
    /// The BIO knows.
    Known(Peer),
}

/// How a hello is handed over.
pub(crate) struct Manner {
    /// Who answers libssl's controls.
    pub(crate) controls: Controls,
    /// Does libssl see what came behind the record?
    pub(crate) with_trailing: bool,
}

/// Gives the SSL a hello whose cookie was right. After `Ok`, `SSL_accept` goes on from there.
pub(crate) fn hand_off(
    ssl: Ssl,
    hello: &VerifiedHello<'_>,
    manner: Manner,
    sender: &mut Sender,
) -> Result<(), Stop> {
    let rbio = ssl.rbio().ok_or(Fault::BioNotSet)?;
    let libssl = ssl.libssl();
    // From here on the SSL is libssl's again: whatever comes of it, the next call clears it.
    ssl_state::forget(ssl);
    // What the application's callbacks queued; libssl's function empties the queue on entry.
    let errors = Errors::take(libssl);
    let suppressed = MessageObserver::of(ssl).map(MessageObserver::suppress);
    let mut address = Address::untouched();
    let shown = if manner.with_trailing { hello.datagram() } else { hello.record() };
    let result = with_stand_in(ssl, rbio, Script::new(shown, manner.controls), || {
        // SAFETY: type invariant, and `address` has room for any address.
        unsafe { libssl.ssl.listen(ssl.as_ptr(), address.as_mut_ptr().cast()) }
    })?;
    drop(suppressed);
    if result >= 1 {
        if let Some(errors) = errors {
            errors.put_back();
        }
        if !address.is_untouched() {
            let peer = *address.peer();
            *sender = if peer.is_unspecified() { Sender::Unknown } else { Sender::Known(peer) };
        }
        return Ok(());
    }
    if holds_any(libssl) {
        return Err(Fault::Libssl.into());
    }
    // A first fragment, where they are not put together here: LibreSSL waits for the others, and no
    // error of its tells.
    if libssl.release.listens_by_ctrl && ssl.wants_to_read() {
        return Err(Discard::Fragment.into());
    }
    Err(Fault::Handoff.into())
}

/// Where `DTLSv1_listen` is a macro, leaves an SSL that found nothing to read as that macro does: so
/// that `SSL_get_error` says SSL_ERROR_WANT_READ, which is what its callers wait by. Elsewhere
/// libssl's function leaves the SSL as it is, and so does this one.
pub(crate) fn note_would_block(ssl: Ssl) {
    let libssl = ssl.libssl();
    let Some(rbio) = ssl.rbio().filter(|_| libssl.release.listens_by_ctrl) else { return };
    // So it says, unless the call stopped short of what there is to read.
    rbio.set_retry_read();
    let mut address = Address::untouched();
    // libssl's own function finds a BIO that would block; it reads nothing and sends nothing.
    let _ = with_stand_in(ssl, rbio, Script::empty(Controls::Forward(rbio)), || {
        // SAFETY: type invariant, and `address` has room for any address.
        unsafe { libssl.ssl.listen(ssl.as_ptr(), address.as_mut_ptr().cast()) }
    });
}

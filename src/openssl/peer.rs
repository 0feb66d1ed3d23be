//! Who sends what an SSL reads: its BIO tells, or the program names them.

use super::bio::Bio;
use super::ex_data::{OnSsl, Slot};
use super::libssl::Libssl;
use super::ssl::Ssl;
use crate::hello::peer::Peer;

/// The peer that a program named.
#[repr(align(8))]
struct Named(Peer);

impl OnSsl for Named {
    /// A copy reads somebody else's datagrams.
    fn of_copy(&self) -> Option<Self> {
        None
    }
}

static NAMED: Slot<Named> = Slot::new();

/// Asks for the place on SSLs ahead of need.
pub(super) fn prepare(libssl: &'static Libssl) {
    NAMED.prepare(libssl);
}

/// Has the SSL's peer be this one where its BIO knows none; false without memory.
pub(crate) fn name_peer(ssl: Ssl, peer: Peer) -> bool {
    NAMED.set(ssl, Named(peer))
}

/// Forgets the peer that was named.
pub(crate) fn forget_named_peer(ssl: Ssl) {
    if NAMED.get(ssl).is_some() {
        let _ = NAMED.set_mark(ssl, 0);
    }
}

/// An SSL's peer, asked for at most once.
pub(crate) struct PeerOfSsl {
    asked: bool,
    peer: Option<Peer>,
}

impl PeerOfSsl {
    pub(crate) const fn unasked() -> Self {
        Self { asked: false, peer: None }
    }

    /// Asks the BIO, if that was not done yet.
    #[inline(always)]
    pub(crate) fn ask(&mut self, ssl: Ssl, rbio: Bio) -> Option<&mut Peer> {
        if !self.asked {
            self.asked = true;
            rbio.peer(&mut self.peer);
            if self.known().is_none() {
                self.peer = elsewhere(ssl, rbio).or(self.peer);
            }
        }
        self.peer.as_mut()
    }

    /// Has it been asked for?
    #[inline(always)]
    pub(crate) const fn was_asked(&self) -> bool {
        self.asked
    }

    /// The peer, if it was found and is told from others by its address.
    #[inline(always)]
    pub(crate) fn known(&self) -> Option<&Peer> {
        self.peer.as_ref().filter(|peer| peer.is_known())
    }
}

/// The SSL's peer, as of now.
pub(crate) fn peer_of(ssl: Ssl) -> Option<Peer> {
    PeerOfSsl::unasked().ask(ssl, ssl.rbio()?).copied()
}

/// Where the BIO does not know.
#[cold]
fn elsewhere(ssl: Ssl, rbio: Bio) -> Option<Peer> {
    NAMED.get(ssl).map(|named| named.0).or_else(|| rbio.connected_to())
}

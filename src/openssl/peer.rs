//! Who sends what an SSL reads: its BIO tells, or the program names them.

use super::bio::{Address, Bio};
use super::ex_data::{ExData, SslValue};
use super::libssl::Libssl;
use super::ssl::Ssl;
use crate::hello::peer::Peer;
use std::mem::MaybeUninit;

/// The peer that a program named.
#[repr(align(8))]
struct Named(Peer);

impl SslValue for Named {
    /// A copy reads somebody else's datagrams.
    fn of_copy(&self) -> Option<Self> {
        None
    }
}

static NAMED: ExData<Named> = ExData::new();

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

/// Where a BIO puts the peer. Cleared when it is asked, and not before: that takes 30 instructions.
pub(crate) struct PeerRoom(MaybeUninit<Address>);

impl PeerRoom {
    pub(crate) const fn new() -> Self {
        Self(MaybeUninit::uninit())
    }
}

/// An SSL's peer, asked for at most once.
pub(crate) struct PeerOfSsl<'a> {
    answer: Answer,
    /// There, once it was asked for.
    address: &'a mut MaybeUninit<Address>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Unasked,
    Unknown,
    Told,
}

impl<'a> PeerOfSsl<'a> {
    #[inline(always)]
    pub(crate) const fn unasked(room: &'a mut PeerRoom) -> Self {
        Self { answer: Answer::Unasked, address: &mut room.0 }
    }

    /// Asks the BIO, if that was not done yet.
    #[inline(always)]
    pub(crate) fn ask(&mut self, ssl: Ssl, rbio: Bio) -> Option<&mut Peer> {
        if !self.was_asked() {
            let told = rbio.tell_peer(self.address.write(Address::unspecified()));
            self.answer = if told { Answer::Told } else { Answer::Unknown };
            if self.known().is_none() {
                self.ask_elsewhere(ssl, rbio);
            }
        }
        if self.answer != Answer::Told {
            return None;
        }
        // SAFETY: it is there, since it was asked for.
        Some(unsafe { self.address.assume_init_mut() }.peer_mut())
    }

    /// Where the BIO does not know.
    #[cold]
    fn ask_elsewhere(&mut self, ssl: Ssl, rbio: Bio) {
        let named = NAMED.get(ssl).map(|named| named.0);
        if let Some(peer) = named.or_else(|| rbio.connected_to()) {
            self.answer = Answer::Told;
            *self.address.write(Address::unspecified()).peer_mut() = peer;
        }
    }

    /// Has it been asked for?
    #[inline(always)]
    pub(crate) const fn was_asked(&self) -> bool {
        !matches!(self.answer, Answer::Unasked)
    }

    /// The peer, if it was found and is told from others by its address.
    #[inline(always)]
    pub(crate) fn known(&self) -> Option<&Peer> {
        if self.answer != Answer::Told {
            return None;
        }
        // SAFETY: it is there, since it was asked for.
        let peer = unsafe { self.address.assume_init_ref() }.peer();
        peer.is_known().then_some(peer)
    }
}

/// The SSL's peer, as of now.
pub(crate) fn peer_of(ssl: Ssl) -> Option<Peer> {
    PeerOfSsl::unasked(&mut PeerRoom::new()).ask(ssl, ssl.rbio()?).copied()
}

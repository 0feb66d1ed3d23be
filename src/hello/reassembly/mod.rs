//! Fragmented ClientHellos: one that does not fit a datagram is gathered, and leaves as one
//! unfragmented record.
//!
//! Only a peer that has shown its address gets memory: a gathering begins with a first fragment
//! whose cookie was right ([`Admitted`]). Any other fragment either fits one or is refused. The
//! transcript hash is defined over the unfragmented message (RFC 6347 section 4.2.6), so for the
//! client nothing changes.
//!
//! Pure: bytes, peer and time in, a complete hello out. The bounds are [`MAX_PEERS`] at once, of
//! whom the oldest leaves first, [`MAX_MESSAGE_LEN`] and [`PATIENCE`]. Nothing here runs by
//! itself: what is out of time goes, and its memory with it, when the next fragment comes.

mod complete;
mod partial;
#[cfg(test)]
mod tests;

use crate::hello::gate::Admitted;
use crate::hello::peer::Peer;
use crate::hello::wire::{Fragment, HANDSHAKE_HEADER_LEN, RECORD_HEADER_LEN, Record};
use partial::Partial;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use complete::Complete;

/// Peers whose hellos are gathered at the same time.
pub const MAX_PEERS: usize = 64;

/// Bytes of the longest hello. Behind its handshake header it fills a plaintext record, and libssl
/// reads no more at once.
pub const MAX_MESSAGE_LEN: usize = 16_384 - HANDSHAKE_HEADER_LEN;

/// How long the rest may take. A client repeats its hello after 1 second and after 3 (RFC 6347
/// section 4.2.4.1).
pub const PATIENCE: Duration = Duration::from_secs(5);

/// What became of a fragment.
pub enum Outcome {
    /// It belongs to a hello of which more is missing.
    Kept,
    /// It was the last one.
    Complete(Complete),
    /// A first fragment: the hello is too long, or there is no memory for it. Any other: the peer
    /// has begun no such hello, or it does not lie within it.
    Refused,
}

/// The hellos that are being gathered, the oldest in front; one a peer.
#[derive(Default)]
pub struct Gatherer(VecDeque<Gathering>);

struct Gathering {
    peer: Peer,
    since: Instant,
    hello: Partial,
}

impl Gatherer {
    /// Nothing is gathered, and no memory in use.
    pub const fn new() -> Self {
        Self(VecDeque::new())
    }

    /// How many hellos are being gathered.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Is none being gathered?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a first fragment whose cookie was right, and what is behind it in its datagram. What
    /// there was of this peer before is forgotten: a client that repeats its hello repeats all of
    /// it. The very same record again is not the client's doing but the network's, and forgets
    /// nothing.
    pub fn first(
        &mut self,
        peer: &Peer,
        admitted: &Admitted<'_>,
        datagram: &[u8],
        now: Instant,
    ) -> Outcome {
        self.end_overdue(now);
        let again = self.of(peer).is_some_and(|gathering| gathering.hello.began_with(admitted));
        if !again && self.begin(peer, admitted, now).is_none() {
            return Outcome::Refused;
        }
        self.take_behind(peer, &admitted.fragment, datagram)
    }

    /// Takes any other fragment, if this peer has begun the hello that it is part of, and what is
    /// behind it. Of bytes that come twice, those that came first count: the cookie and all that it
    /// vouches for among them.
    pub fn rest(
        &mut self,
        peer: &Peer,
        fragment: &Fragment<'_>,
        datagram: &[u8],
        now: Instant,
    ) -> Outcome {
        self.end_overdue(now);
        if !self.of(peer).is_some_and(|gathering| gathering.hello.take(fragment)) {
            return Outcome::Refused;
        }
        self.take_behind(peer, fragment, datagram)
    }

    fn begin(&mut self, peer: &Peer, admitted: &Admitted<'_>, now: Instant) -> Option<()> {
        self.end(peer);
        let hello = Partial::new(admitted)?;
        if self.len() >= MAX_PEERS {
            self.0.pop_front();
        }
        self.0.try_reserve(1).ok()?;
        self.0.push_back(Gathering { peer: *peer, since: now, hello });
        Some(())
    }

    /// Some clients put several records with a fragment each into one datagram.
    fn take_behind(&mut self, peer: &Peer, fragment: &Fragment<'_>, datagram: &[u8]) -> Outcome {
        let Some(gathering) = self.of(peer) else { return Outcome::Refused };
        let behind = datagram.get(RECORD_HEADER_LEN.saturating_add(fragment.message.len())..);
        for fragment in fragments(behind.unwrap_or_default()) {
            gathering.hello.take(&fragment);
        }
        let Some(complete) = gathering.hello.complete() else { return Outcome::Kept };
        self.end(peer);
        Outcome::Complete(complete)
    }

    /// A peer is known by what its cookie is bound to: address, scope and port.
    fn of(&mut self, peer: &Peer) -> Option<&mut Gathering> {
        let endpoint = peer.endpoint();
        self.0.iter_mut().find(|gathering| gathering.peer.endpoint() == endpoint)
    }

    fn end(&mut self, peer: &Peer) {
        let endpoint = peer.endpoint();
        self.keep_those(|gathering| gathering.peer.endpoint() != endpoint);
    }

    fn end_overdue(&mut self, now: Instant) {
        self.keep_those(|gathering| now.saturating_duration_since(gathering.since) < PATIENCE);
    }

    fn keep_those(&mut self, which: impl FnMut(&Gathering) -> bool) {
        self.0.retain(which);
        if self.0.is_empty() {
            self.0 = VecDeque::new();
        }
    }
}

/// The records of a datagram, up to one that is no ClientHello's.
fn fragments(mut bytes: &[u8]) -> impl Iterator<Item = Fragment<'_>> {
    std::iter::from_fn(move || {
        let (header, rest) = bytes.split_first_chunk()?;
        let record = Record::parse(header, rest).ok()?;
        bytes = rest.get(record.body.len()..)?;
        Fragment::parse(record.body).ok()
    })
}

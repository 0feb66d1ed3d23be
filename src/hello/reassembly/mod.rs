//! Reassembly of fragmented ClientHellos: one that does not fit a datagram leaves as one
//! unfragmented record.
//!
//! Only a peer that has shown its address gets memory: a hello begins with a first fragment whose
//! cookie was right ([`Admitted`]). Any other fragment either fits one or is refused. The transcript
//! hash is defined over the unfragmented message (RFC 6347 section 4.2.6), so for the client nothing
//! changes.
//!
//! Pure: bytes, peer and time in, a complete hello out. The bounds are [`MAX_MEMORY`], of which each
//! address has a share, [`MAX_MESSAGE_LEN`] and [`PATIENCE`]. Nothing here runs by itself: what is
//! out of time goes, and its memory with it, when the next fragment comes or somebody calls
//! [`Reassembler::expire`].

mod bits;
mod complete;
mod filter;
mod partial;
mod table;
#[cfg(test)]
mod tests;
mod who;

use crate::hello::admitted::Admitted;
use crate::hello::wire::{Fragment, HANDSHAKE_HEADER_LEN, Record};
use partial::Partial;
use std::time::{Duration, Instant};
use table::Table;

pub use complete::Complete;
pub use filter::Filter;
pub use table::MAX_MEMORY;
pub use who::Who;

/// Bytes of the longest hello. Behind its handshake header it fills a plaintext record, and libssl
/// reads no more at once.
pub const MAX_MESSAGE_LEN: usize = 16_384 - HANDSHAKE_HEADER_LEN;

/// How long after the last of its fragments a hello is given up. The longest that clients wait
/// before they send theirs again is 60 seconds (RFC 6347 section 4.2.4.1), some 64; and there is the
/// way.
pub const PATIENCE: Duration = Duration::from_secs(65);

/// Hellos out of time that one call forgets at most, so that none takes long.
const AT_ONCE: usize = 64;

/// What became of a fragment.
pub enum Outcome {
    /// It belongs to a hello of which more is missing.
    Kept,
    /// It was the last one.
    Complete(Complete),
    /// A first fragment: the hello is longer than [`MAX_MESSAGE_LEN`], or there is no memory for it.
    /// Any other: the peer has begun no such hello, or it does not lie within it.
    Refused,
}

/// The hellos of which fragments are missing, one a peer.
pub struct Reassembler(Table);

impl Reassembler {
    /// Nothing is under way, and no memory in use. The filter will know who has something here.
    pub const fn new(filter: &'static Filter) -> Self {
        Self(Table::new(filter))
    }

    /// How many hellos are under way.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Is none under way?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a first fragment whose cookie was right, and what is behind it in its datagram. The
    /// same hello once more goes on with what has come of it; another takes its place.
    pub fn first(
        &mut self,
        who: &Who<'_>,
        admitted: &Admitted<'_>,
        datagram: &[u8],
        now: Instant,
    ) -> Outcome {
        self.expire(now);
        if !self.of(who, now).is_some_and(|hello| hello.again(admitted))
            && self.begin(who, admitted, now).is_none()
        {
            return Outcome::Refused;
        }
        let behind = datagram.get(admitted.record.len()..).unwrap_or_default();
        self.take(who, behind, now)
    }

    /// Takes any other fragment, if this peer has begun the hello that it is part of, and what is
    /// behind it. `datagram` begins with the fragment's record.
    pub fn rest(
        &mut self,
        who: &Who<'_>,
        fragment: &Fragment<'_>,
        datagram: &[u8],
        now: Instant,
    ) -> Outcome {
        if !self.of(who, now).is_some_and(|hello| hello.has_place_for(fragment)) {
            return Outcome::Refused;
        }
        self.take(who, datagram, now)
    }

    /// Forgets hellos that are out of time: all of a few, and many by and by.
    pub fn expire(&mut self, now: Instant) {
        for _ in 0..AT_ONCE {
            match self.0.oldest() {
                Some((id, heard)) if is_over(heard, now) => self.0.remove(id),
                _ => return,
            }
        }
    }

    /// When the next one is out of time.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.0.oldest()?.1.checked_add(PATIENCE)
    }

    fn begin(&mut self, who: &Who<'_>, admitted: &Admitted<'_>, now: Instant) -> Option<()> {
        if self.0.get(who).is_some() {
            self.0.remove(who.id);
        }
        let size = Partial::size_for(admitted.fragment.message_len)?;
        if !self.0.has_room(who, size) {
            return None;
        }
        self.0.insert(who, Partial::new(admitted)?, size, now)
    }

    /// Takes all records of a datagram; some clients put several with a fragment each into one.
    fn take(&mut self, who: &Who<'_>, datagram: &[u8], now: Instant) -> Outcome {
        let Some((hello, _)) = self.0.get(who) else { return Outcome::Refused };
        for (number, fragment) in fragments(datagram) {
            hello.take(number, &fragment);
        }
        if let Some(complete) = hello.complete() {
            self.0.remove(who.id);
            return Outcome::Complete(complete);
        }
        self.0.hear(who, now);
        Outcome::Kept
    }

    /// A peer's hello, if it still has time.
    fn of(&mut self, who: &Who<'_>, now: Instant) -> Option<&mut Partial> {
        if self.0.get(who).is_some_and(|(_, heard)| is_over(heard, now)) {
            self.0.remove(who.id);
        }
        self.0.get(who).map(|(hello, _)| hello)
    }
}

fn is_over(heard: Instant, now: Instant) -> bool {
    now.saturating_duration_since(heard) >= PATIENCE
}

/// The records of a datagram with their numbers, up to one that is no ClientHello's.
fn fragments(mut bytes: &[u8]) -> impl Iterator<Item = (u64, Fragment<'_>)> {
    std::iter::from_fn(move || {
        let (header, rest) = bytes.split_first_chunk()?;
        let record = Record::parse(header, rest).ok()?;
        bytes = rest.get(record.body.len()..)?;
        Some((record.sequence_number(), Fragment::parse(record.body).ok()?))
    })
}

//! One reassembler for all SSLs of an SSL_CTX: their threads may each get a part of the same hello.

use crate::hello::gate::Admitted;
use crate::hello::peer::Peer;
use crate::hello::reassembly::{Filter, Outcome, Reassembler, Who};
use crate::hello::wire::Fragment;
use crate::os::{Guarded, Keyed, Lock, coarse_seconds, monotonic};
use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Release};

/// Who has a hello under way, at any SSL_CTX of the process. Pages that were never written to take
/// no memory.
static PRESENT: Filter = Filter::new();

/// Nothing is under way.
const NEVER: u64 = u64::MAX;

/// Locked for first fragments whose cookie was right and for further fragments of peers that sent
/// one: never for a hello that fits its datagram, nor for what a stranger sends.
pub(crate) struct Shared {
    /// When the next hello is out of time, by [`coarse_seconds`].
    due: AtomicU64,
    hashing: Keyed,
    reassembler: Lock<Reassembler>,
}

impl Guarded for Reassembler {
    /// The hellos are forgotten, and their clients send them again. Their memory is not given back:
    /// what pointed to it may be half written.
    fn left_behind(&mut self) {
        std::mem::forget(std::mem::replace(self, Self::new(&PRESENT)));
    }
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            due: AtomicU64::new(NEVER),
            hashing: Keyed::new(),
            reassembler: Lock::new(Reassembler::new(&PRESENT)),
        }
    }

    /// Is nothing under way? Then a fragment that is not a first one, which anyone can send, need
    /// not come this far.
    pub(crate) fn is_idle(&self) -> bool {
        self.due.load(Acquire) == NEVER
    }

    pub(crate) fn first(&self, peer: &Peer, admitted: &Admitted<'_>, datagram: &[u8]) -> Outcome {
        let who = Who::new(peer, &self.hashing);
        let mut reassembler = self.reassembler.lock();
        let outcome = reassembler.first(&who, admitted, datagram, monotonic());
        self.publish(&reassembler);
        outcome
    }

    pub(crate) fn rest(&self, peer: &Peer, fragment: &Fragment<'_>, datagram: &[u8]) -> Outcome {
        let who = Who::new(peer, &self.hashing);
        if !PRESENT.may_have(who.id()) {
            return Outcome::Refused;
        }
        let mut reassembler = self.reassembler.lock();
        let outcome = reassembler.rest(&who, fragment, datagram, monotonic());
        self.publish(&reassembler);
        outcome
    }

    /// Gives back the memory of hellos that are out of time, if there are any. For every call and
    /// every datagram: while nothing is under way it is one look.
    #[inline(always)]
    pub(crate) fn expire_if_due(&self) {
        let due = self.due.load(Acquire);
        if due != NEVER && coarse_seconds() >= due {
            self.expire();
        }
    }

    #[cold]
    fn expire(&self) {
        let Some(mut reassembler) = self.reassembler.try_lock() else {
            return; // the next one does it
        };
        reassembler.expire(monotonic());
        self.publish(&reassembler);
    }

    fn publish(&self, reassembler: &Reassembler) {
        let due = reassembler.next_expiry().map_or(NEVER, |at| {
            let left = at.saturating_duration_since(monotonic());
            // Cut to whole seconds, and the coarse clock is a tick behind. Those that are over
            // already go with the next datagrams, a few with each.
            let wait = if left.is_zero() { 0 } else { left.as_secs().saturating_add(2) };
            coarse_seconds().saturating_add(wait)
        });
        self.due.store(due, Release);
    }
}

//! One gatherer for all SSLs of an SSL_CTX: their threads may each get a part of the same hello.

use crate::hello::gate::Admitted;
use crate::hello::peer::Peer;
use crate::hello::reassembly::{Gatherer, Outcome};
use crate::hello::wire::Fragment;
use crate::os::{lock, lock_until};
use std::sync::atomic::{AtomicUsize, Ordering::Acquire, Ordering::Release};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

/// Locked for first fragments whose cookie was right and, while there are any of those, for
/// fragments that are not first: never for a hello that fits its datagram.
pub(crate) struct Gatherings {
    /// How many the gatherer has, to be looked at without the lock.
    under_way: AtomicUsize,
    gatherer: Mutex<Gatherer>,
}

impl Gatherings {
    pub(crate) const fn new() -> Self {
        Self { under_way: AtomicUsize::new(0), gatherer: Mutex::new(Gatherer::new()) }
    }

    /// Is nothing being gathered? Then a fragment that is not a first one, which anyone can send,
    /// need not come this far.
    pub(crate) fn is_idle(&self) -> bool {
        self.under_way.load(Acquire) == 0
    }

    pub(crate) fn first(&self, peer: &Peer, admitted: &Admitted<'_>, datagram: &[u8]) -> Outcome {
        let now = crate::os::monotonic();
        self.locked(|gatherer| gatherer.first(peer, admitted, datagram, now))
    }

    pub(crate) fn rest(&self, peer: &Peer, fragment: &Fragment<'_>, datagram: &[u8]) -> Outcome {
        let now = crate::os::monotonic();
        self.locked(|gatherer| gatherer.rest(peer, fragment, datagram, now))
    }

    /// For the time of a fork.
    pub(crate) fn lock_until(&self, end: Instant) -> Option<MutexGuard<'_, Gatherer>> {
        lock_until(&self.gatherer, end)
    }

    fn locked(&self, usage: impl FnOnce(&mut Gatherer) -> Outcome) -> Outcome {
        let mut gatherer = lock(&self.gatherer);
        let outcome = usage(&mut gatherer);
        self.under_way.store(gatherer.len(), Release);
        outcome
    }
}

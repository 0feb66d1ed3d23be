//! The counters: cheap to count, right with many threads, exact.
//!
//! A call has one of a few shards to itself for as long as it lasts, so that it counts with a plain
//! load and store; an atomic addition for each event would cost a tenth of a challenge. Where all
//! shards are taken, and for what is rare, there is one more that is shared and added to atomically.
//! Nobody ever waits. A reader adds the shards up.

use super::event::Event;
use crate::hello::error::Discard;
use std::cell::Cell;
use std::sync::atomic::{
    AtomicBool, AtomicU64, AtomicUsize, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};

/// Calls that can count at the same time without getting in each other's way.
pub(crate) const SHARDS: usize = 32;

/// Two cache lines apart from the next: processors fetch them in pairs.
#[repr(align(128))]
struct Shard {
    taken: AtomicBool,
    events: [AtomicU64; Event::COUNT],
    discards: [AtomicU64; Discard::ALL.len()],
}

struct Counters {
    shards: [Shard; SHARDS],
    shared: Shard,
}

static COUNTERS: Counters = Counters::new();

/// Where one call counts.
pub(crate) struct Tally {
    shard: &'static Shard,
    /// The shard's number; [`SHARDS`] for the shared one.
    at: usize,
}

/// Finds a place to count in for the length of a call.
pub(crate) fn tally() -> Tally {
    COUNTERS.tally()
}

/// How often it happened.
pub(crate) fn total(event: Event) -> u64 {
    COUNTERS.sum(|shard| shard.event(event))
}

/// A number that is another one whenever something has happened.
pub(super) fn progress() -> u64 {
    const APART: [Event; 5] = [
        Event::Datagram,
        Event::Accepted,
        Event::SequenceRepaired,
        // A client goes, and a timer runs down, without a datagram.
        Event::ListenerClosed,
        Event::ListenerOverdue,
    ];
    APART.into_iter().fold(0, |sum, event| sum.wrapping_add(total(event)))
}

/// How many datagrams were dropped for this reason.
pub(crate) fn total_discards(reason: Discard) -> u64 {
    COUNTERS.sum(|shard| shard.discarded(reason))
}

/// For a process that was forked off: its only thread runs this, and nobody counts yet. What other
/// threads had taken stays taken: this one may be in a call too.
pub(super) fn reset() {
    for shard in COUNTERS.all() {
        for counter in shard.events.iter().chain(&shard.discards) {
            counter.store(0, Relaxed);
        }
    }
}

impl Counters {
    const fn new() -> Self {
        Self { shards: [const { Shard::new() }; SHARDS], shared: Shard::new() }
    }

    fn all(&self) -> impl Iterator<Item = &Shard> {
        self.shards.iter().chain([&self.shared])
    }

    /// Begins with the shard that the thread had before, which is still in its cache.
    #[inline]
    fn tally(&'static self) -> Tally {
        thread_local! {
            static LAST: Cell<usize> = const { Cell::new(usize::MAX) };
        }
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let mut at = LAST.get();
        if at >= SHARDS {
            at = NEXT.fetch_add(1, Relaxed) % SHARDS;
            LAST.set(at);
        }
        if let Some(shard) = self.shards.get(at).filter(|shard| shard.take()) {
            return Tally { shard, at };
        }
        let tally = self.another();
        LAST.set(tally.at);
        tally
    }

    #[cold]
    fn another(&'static self) -> Tally {
        let free = self.shards.iter().enumerate().find(|(_, shard)| shard.take());
        let Some((at, shard)) = free else { return Tally { shard: &self.shared, at: SHARDS } };
        Tally { shard, at }
    }

    /// Beyond 2^64 it begins anew, like the counters themselves.
    fn sum<'a>(&'a self, counter: impl Fn(&'a Shard) -> Option<&'a AtomicU64>) -> u64 {
        self.all().filter_map(counter).fold(0, |sum, c| sum.wrapping_add(c.load(Relaxed)))
    }
}

impl Shard {
    const fn new() -> Self {
        Self {
            taken: AtomicBool::new(false),
            events: [const { AtomicU64::new(0) }; Event::COUNT],
            discards: [const { AtomicU64::new(0) }; Discard::ALL.len()],
        }
    }

    fn take(&self) -> bool {
        !self.taken.load(Relaxed) && !self.taken.swap(true, Acquire)
    }

    fn event(&self, event: Event) -> Option<&AtomicU64> {
        self.events.get(event as usize)
    }

    fn discarded(&self, reason: Discard) -> Option<&AtomicU64> {
        self.discards.get(reason as usize)
    }
}

impl Tally {
    /// A number below [`SHARDS`] that no other call has as long as this lives, if there was one left.
    #[inline]
    pub(crate) const fn place(&self) -> Option<usize> {
        if self.is_alone() { Some(self.at) } else { None }
    }

    #[inline]
    const fn is_alone(&self) -> bool {
        self.at < SHARDS
    }

    /// Counts one.
    #[inline]
    pub(crate) fn count(&self, event: Event) {
        self.add(event, 1);
    }

    /// Counts several, such as the bytes of a datagram.
    #[inline]
    pub(crate) fn add(&self, event: Event, n: usize) {
        self.add_to(self.shard.event(event), n);
    }

    pub(crate) fn discard(&self, reason: Discard) {
        self.add_to(self.shard.discarded(reason), 1);
    }

    #[inline]
    fn add_to(&self, counter: Option<&AtomicU64>, n: usize) {
        let Some(counter) = counter else { return };
        if self.is_alone() {
            counter.store(counter.load(Relaxed).wrapping_add(n as u64), Relaxed);
        } else {
            counter.fetch_add(n as u64, Relaxed);
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        if self.is_alone() {
            // Whoever takes it next sees all that was counted here.
            self.shard.taken.store(false, Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn counters() -> &'static Counters {
        Box::leak(Box::new(Counters::new()))
    }

    #[test]
    fn nothing_is_lost_between_more_threads_than_shards() {
        let counters = counters();
        thread::scope(|scope| {
            for _ in 0..SHARDS * 2 {
                scope.spawn(|| {
                    for n in 0..300 {
                        let tally = counters.tally();
                        tally.add(Event::BytesIn, n % 3);
                        tally.discard(Discard::ALL[n % Discard::ALL.len()]);
                        if n % 7 == 0 {
                            thread::yield_now();
                        }
                    }
                });
            }
        });
        let threads = 2 * SHARDS as u64;
        assert_eq!(counters.sum(|shard| shard.event(Event::BytesIn)), threads * 300);
        let discards = Discard::ALL.iter().map(|&d| counters.sum(|shard| shard.discarded(d)));
        assert_eq!(discards.sum::<u64>(), threads * 300);
        assert!(counters.all().all(|shard| !shard.taken.load(Relaxed)));
    }

    #[test]
    fn a_call_is_alone_until_all_shards_are_taken() {
        let counters = counters();
        let tallies: Vec<_> = (0..SHARDS).map(|_| counters.tally()).collect();
        assert!(tallies.iter().all(|tally| tally.is_alone()));
        let (one, other) = (counters.tally(), counters.tally());
        assert!(!one.is_alone() && !other.is_alone());
        one.count(Event::Datagram);
        other.count(Event::Datagram);
        drop(tallies);
        assert!(counters.tally().is_alone());
        assert_eq!(counters.sum(|shard| shard.event(Event::Datagram)), 2);
    }

    #[test]
    fn a_thread_has_its_shard_again() {
        let counters = counters();
        let shard = || std::ptr::from_ref(counters.tally().shard).addr();
        assert_eq!(shard(), shard());
        assert_eq!(shard() % 128, 0);
        assert_eq!(size_of::<Shard>() % 128, 0);
    }
}

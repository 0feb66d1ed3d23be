//! The counters: cheap to count, right with many threads, exact.
//!
//! Each thread is given one of a few shards, once, and counts there: threads that share a shard
//! still count right, they only get in each other's way. A reader adds the shards up.

use crate::error::Discard;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// What is counted, discards apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Event {
    /// A datagram was read.
    Datagram,
    /// Its bytes.
    BytesIn,
    /// A HelloVerifyRequest was sent.
    Challenge,
    /// Its bytes.
    BytesOut,
    /// It was larger than the datagram that it answers: an application's cookie.
    ChallengeLarger,
    /// A cookie was right.
    CookieRight,
    /// It was right, and made with a secret that makes no cookies any more.
    CookiePreviousSecret,
    /// A cookie was ours once and is too old.
    CookieExpired,
    /// A cookie was wrong.
    CookieForged,
    /// A client was accepted.
    Accepted,
    /// A HelloVerifyRequest could not be sent without blocking.
    WriteBlocked,
    /// A HelloVerifyRequest could not be sent.
    WriteFailed,
    /// libssl did not take a hello whose cookie was right.
    HandoffFailed,
    /// A hello was put together from its fragments.
    HelloGathered,
    /// The record sequence numbers of a server's first flight were set right.
    SequenceRepaired,
    /// A call returned because its budget was spent.
    BudgetSpent,
}

impl Event {
    pub(crate) const COUNT: usize = Self::BudgetSpent as usize + 1;
}

const SHARDS: usize = 32;

/// One thread's counters, or a few threads'. Two cache lines apart from the next: processors fetch
/// them in pairs.
#[repr(align(128))]
pub(crate) struct Shard {
    events: [AtomicU64; Event::COUNT],
    discards: [AtomicU64; Discard::ALL.len()],
}

static COUNTERS: [Shard; SHARDS] = [const { Shard::new() }; SHARDS];

thread_local! {
    static MINE: Cell<Option<&'static Shard>> = const { Cell::new(None) };
}

/// This thread's shard. Finding it costs more than counting: ask once a call.
#[inline]
pub(crate) fn mine() -> &'static Shard {
    MINE.get().unwrap_or_else(choose)
}

#[cold]
fn choose() -> &'static Shard {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let [first, ..] = &COUNTERS;
    let shard = COUNTERS.get(NEXT.fetch_add(1, Relaxed) % SHARDS).unwrap_or(first);
    MINE.set(Some(shard));
    shard
}

/// Counts one.
#[inline]
pub(crate) fn count(event: Event) {
    mine().count(event);
}

/// How often it happened.
pub(crate) fn total(event: Event) -> u64 {
    sum(&COUNTERS, |shard| shard.event(event))
}

/// How many datagrams were dropped for this reason.
pub(crate) fn total_discards(reason: Discard) -> u64 {
    sum(&COUNTERS, |shard| shard.discarded(reason))
}

/// For a process that was forked off: its only thread runs this, and nobody counts yet.
pub(super) fn reset() {
    for shard in &COUNTERS {
        for counter in shard.events.iter().chain(&shard.discards) {
            counter.store(0, Relaxed);
        }
    }
}

/// Beyond 2^64 it begins anew, like the counters themselves.
fn sum<'a>(shards: &'a [Shard], counter: impl Fn(&'a Shard) -> Option<&'a AtomicU64>) -> u64 {
    shards.iter().filter_map(counter).fold(0, |sum, c| sum.wrapping_add(c.load(Relaxed)))
}

impl Shard {
    const fn new() -> Self {
        Self {
            events: [const { AtomicU64::new(0) }; Event::COUNT],
            discards: [const { AtomicU64::new(0) }; Discard::ALL.len()],
        }
    }

    /// Counts one.
    #[inline]
    pub(crate) fn count(&self, event: Event) {
        self.add(event, 1);
    }

    /// Counts several, such as the bytes of a datagram.
    #[inline]
    pub(crate) fn add(&self, event: Event, n: usize) {
        if let Some(counter) = self.event(event) {
            counter.fetch_add(n as u64, Relaxed);
        }
    }

    pub(super) fn discard(&self, reason: Discard) {
        if let Some(counter) = self.discarded(reason) {
            counter.fetch_add(1, Relaxed);
        }
    }

    fn event(&self, event: Event) -> Option<&AtomicU64> {
        self.events.get(event as usize)
    }

    fn discarded(&self, reason: Discard) -> Option<&AtomicU64> {
        self.discards.get(reason as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_between_many_threads() {
        // One shard, as threads beyond their number share one.
        static SHARED: [Shard; 1] = [const { Shard::new() }; 1];
        let count = || {
            for n in 0..10_000 {
                SHARED[0].add(Event::BytesIn, n % 3);
                SHARED[0].discard(Discard::ALL[n % Discard::ALL.len()]);
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(count);
            }
        });
        assert_eq!(sum(&SHARED, |shard| shard.event(Event::BytesIn)), 8 * 9_999);
        let discards: u64 =
            Discard::ALL.iter().map(|&d| sum(&SHARED, |shard| shard.discarded(d))).sum();
        assert_eq!(discards, 80_000);
    }

    #[test]
    fn a_thread_keeps_its_shard_and_the_next_has_another() {
        assert!(std::ptr::eq(mine(), mine()));
        let here = std::ptr::from_ref(mine()).addr();
        let there = std::thread::spawn(|| std::ptr::from_ref(mine()).addr()).join().unwrap();
        assert_ne!(here, there);
        assert_eq!(here % 128, 0);
        assert_eq!(size_of::<Shard>() % 128, 0);
    }
}

//! When to write the file: soon after something happened, and seldom for all that.
//!
//! A quiet server's file shows everything, since nobody knows when the next call comes. A busy
//! one's is a second old at most.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Milliseconds from one write to the next, for what happens in passing.
const PAUSE: u64 = 1000;
/// A client's acceptance is written at once, so many times in a row ...
const BURST: u64 = 16;
/// ... and once in so many milliseconds where they keep coming.
const INTERVAL: u64 = 250;

/// Times are milliseconds since some beginning.
pub(super) struct Schedule {
    /// When to write next; [`NEVER`]: nothing is to be written.
    due: AtomicU64,
    /// When the acceptances that were written would have been, had they come [`INTERVAL`] apart.
    paid: AtomicU64,
    /// How much had been counted when it was written last.
    shown: AtomicU64,
}

pub(super) const NEVER: u64 = u64::MAX;
const NOTHING: u64 = u64::MAX;

impl Schedule {
    pub(super) const fn new() -> Self {
        Self { due: AtomicU64::new(NEVER), paid: AtomicU64::new(0), shown: AtomicU64::new(NOTHING) }
    }

    /// From now on, beginning with the next look.
    pub(super) fn begin(&self) {
        self.shown.store(NOTHING, Relaxed);
        self.paid.store(0, Relaxed);
        self.due.store(0, Relaxed);
    }

    /// No more. Was there anything to be written at all?
    pub(super) fn end(&self) -> bool {
        self.due.swap(NEVER, Relaxed) != NEVER
    }

    #[inline]
    pub(super) fn is_over(&self) -> bool {
        self.due.load(Relaxed) == NEVER
    }

    /// Is it time to write, and has anything been counted since? True for one thread.
    pub(super) fn take(&self, now: u64, counted: impl FnOnce() -> u64) -> bool {
        let due = self.due.load(Relaxed);
        if due == NEVER || now < due || counted() == self.shown.load(Relaxed) {
            return false;
        }
        let next = now.saturating_add(PAUSE);
        self.due.compare_exchange(due, next, Relaxed, Relaxed).is_ok()
    }

    /// A client was accepted: is that to be written at once?
    pub(super) fn take_accepted(&self, now: u64) -> bool {
        const AHEAD: u64 = (BURST - 1) * INTERVAL;
        let due = self.due.load(Relaxed);
        if due == NEVER {
            return false;
        }
        let paid = self.paid.load(Relaxed);
        if paid > now.saturating_add(AHEAD) {
            return false;
        }
        let next = paid.max(now).saturating_add(INTERVAL);
        if self.paid.compare_exchange(paid, next, Relaxed, Relaxed).is_err() {
            return self.take_accepted(now); // another thread's was first
        }
        // Not if it is over by now.
        let _ = self.due.compare_exchange(due, now.saturating_add(PAUSE), Relaxed, Relaxed);
        true
    }

    /// The file shows so much.
    pub(super) fn shows(&self, counted: u64) {
        self.shown.store(counted, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_in_passing_is_written_once_a_second() {
        let schedule = Schedule::new();
        assert!(
            schedule.is_over() && !schedule.take(5_000, || 1) && !schedule.take_accepted(5_000)
        );
        schedule.begin();
        // At once, even if nothing has happened: the library is at work.
        assert!(schedule.take(7, || 0));
        schedule.shows(0);
        assert!(!schedule.take(1_006, || 1));
        // A look at which there is nothing new does not take the turn of the next.
        assert!(!schedule.take(1_007, || 0));
        assert!(schedule.take(1_007, || 1));
        schedule.shows(1);
        assert!(!schedule.take(2_006, || 2) && schedule.take(2_007, || 2));
        assert!(schedule.end() && !schedule.end());
        assert!(!schedule.take(9_000, || 3));
    }

    #[test]
    fn acceptances_are_written_at_once_as_long_as_they_are_few() {
        let schedule = Schedule::new();
        schedule.begin();
        let written =
            |from: u64, to: u64| (from..to).filter(|&n| schedule.take_accepted(n)).count();
        assert_eq!(written(1_000, 1_100), 16);
        assert_eq!(written(1_100, 2_000), 4 - 1);
        assert_eq!(written(2_000, 12_000), 40);
        // After a lull a burst again.
        assert_eq!(written(60_000, 60_001), 1);
        assert_eq!(written(60_001, 60_100), 15);
        // What is written at once is not due in passing.
        assert!(schedule.take_accepted(90_000) && !schedule.take(90_999, || 1));
        assert!(schedule.take(91_000, || 1));
        assert!(schedule.end() && !schedule.take_accepted(95_000) && schedule.is_over());
    }
}

//! When to write the file: soon after something happened, and seldom for all that.
//!
//! A quiet server's file shows everything, since nobody knows when the next call comes. A busy
//! one's is a second old.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// For what happens in passing, so many times in a row, then once in so many milliseconds.
const PASSING: Pace = Pace { burst: 3, interval: 1000 };
/// For a client's acceptance.
const ACCEPTED: Pace = Pace { burst: 32, interval: 250 };

struct Pace {
    burst: u64,
    interval: u64,
}

/// Times are milliseconds since some beginning.
pub(super) struct Schedule {
    /// When what was written would have been, had it come at its interval; [`NEVER`]: nothing is to
    /// be written.
    passing: AtomicU64,
    accepted: AtomicU64,
    /// How much had been counted when it was written last.
    shown: AtomicU64,
}

const NEVER: u64 = u64::MAX;
const NOTHING: u64 = u64::MAX;

impl Schedule {
    pub(super) const fn new() -> Self {
        Self {
            passing: AtomicU64::new(NEVER),
            accepted: AtomicU64::new(NEVER),
            shown: AtomicU64::new(NOTHING),
        }
    }

    /// From now on, beginning with the next look.
    pub(super) fn begin(&self) {
        self.shown.store(NOTHING, Relaxed);
        self.accepted.store(0, Relaxed);
        self.passing.store(0, Relaxed);
    }

    /// No more. Was there anything to be written at all?
    pub(super) fn end(&self) -> bool {
        self.accepted.store(NEVER, Relaxed);
        self.passing.swap(NEVER, Relaxed) != NEVER
    }

    #[inline]
    pub(super) fn is_over(&self) -> bool {
        self.passing.load(Relaxed) == NEVER
    }

    /// Is it time to write, and has anything been counted since? True for one thread.
    pub(super) fn take(&self, now: u64, counted: impl FnOnce() -> u64) -> bool {
        PASSING.has(self.passing.load(Relaxed), now)
            && counted() != self.shown.load(Relaxed)
            && PASSING.take(&self.passing, now)
    }

    /// A client was accepted: is that to be written at once?
    pub(super) fn take_accepted(&self, now: u64) -> bool {
        ACCEPTED.take(&self.accepted, now)
    }

    /// The file shows so much.
    pub(super) fn shows(&self, counted: u64) {
        self.shown.store(counted, Relaxed);
    }
}

impl Pace {
    fn has(&self, used: u64, now: u64) -> bool {
        let ahead = self.burst.saturating_sub(1).saturating_mul(self.interval);
        used != NEVER && used <= now.saturating_add(ahead)
    }

    fn take(&self, used: &AtomicU64, now: u64) -> bool {
        let mut before = used.load(Relaxed);
        while self.has(before, now) {
            let after = before.max(now).saturating_add(self.interval);
            match used.compare_exchange(before, after, Relaxed, Relaxed) {
                Ok(_) => return true,
                Err(other) => before = other,
            }
        }
        false
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
        assert!(schedule.take(5_000, || 0));
        schedule.shows(0);
        // A look at which there is nothing new costs nothing.
        assert!((5_000..6_000).all(|now| !schedule.take(now, || 0)));
        // After a lull three in a row.
        let mut counted = 0;
        let mut written = |from: u64, to: u64| {
            (from..to)
                .filter(|&now| {
                    counted += 1;
                    let write = schedule.take(now, || counted);
                    if write {
                        schedule.shows(counted);
                    }
                    write
                })
                .count()
        };
        assert_eq!(written(60_000, 60_100), 3);
        assert_eq!(written(60_100, 61_000), 0);
        assert_eq!(written(61_000, 71_000), 10);
        assert!(schedule.take_accepted(71_000));
        assert!(schedule.end() && !schedule.end() && schedule.is_over());
        assert!(!schedule.take(99_000, || 0));
    }

    #[test]
    fn acceptances_are_written_at_once_as_long_as_they_are_few() {
        let schedule = Schedule::new();
        schedule.begin();
        let written =
            |from: u64, to: u64| (from..to).filter(|&now| schedule.take_accepted(now)).count();
        assert_eq!(written(10_000, 10_100), 32);
        assert_eq!(written(10_100, 11_000), 3);
        assert_eq!(written(11_000, 21_000), 40);
        assert!((21_000..21_003).all(|now| schedule.take(now, || 1)));
        // After a lull a burst again.
        assert_eq!(written(60_000, 60_100), 32);
        assert!(schedule.end() && !schedule.take_accepted(95_000));
    }
}

//! Who may have something here, to be asked without a lock.

use std::sync::atomic::{AtomicU8, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

/// A counter for each value of a key's upper 16 bits.
const COUNTERS: usize = 1 << 16;

/// Counts the hellos under way by their peers' keys. Somebody who has none is told so nearly
/// always; somebody who has one is never told that he has none. Several [`Reassembler`]s may share
/// one.
///
/// [`Reassembler`]: super::Reassembler
pub struct Filter([AtomicU8; COUNTERS]);

impl Filter {
    /// Nobody has anything.
    pub const fn new() -> Self {
        Self([const { AtomicU8::new(0) }; COUNTERS])
    }

    /// May the peer with this key have a hello under way?
    pub fn may_have(&self, id: u64) -> bool {
        self.counter(id).is_some_and(|counter| counter.load(Acquire) != 0)
    }

    pub(super) fn add(&self, id: u64) {
        self.change(id, |count| count.checked_add(1));
    }

    pub(super) fn remove(&self, id: u64) {
        // A counter that was full once no longer knows how many it counted, and stays.
        self.change(id, |count| if count == u8::MAX { None } else { count.checked_sub(1) });
    }

    fn change(&self, id: u64, change: impl FnMut(u8) -> Option<u8>) {
        if let Some(counter) = self.counter(id) {
            let _ = counter.fetch_update(Release, Relaxed, change);
        }
    }

    fn counter(&self, id: u64) -> Option<&AtomicU8> {
        self.0.get(usize::try_from(id >> 48).ok()?)
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static FILTER: Filter = Filter::new();

    #[test]
    fn counts_and_stays_when_full() {
        let (one, other) = ((7 << 48) | 1, 8 << 48);
        FILTER.add(one);
        FILTER.add((7 << 48) | 2);
        FILTER.remove(one);
        assert!(FILTER.may_have(one) && !FILTER.may_have(other));
        FILTER.remove(one);
        assert!(!FILTER.may_have(one));
        FILTER.remove(one);
        assert!(!FILTER.may_have(one));
        for _ in 0..300 {
            FILTER.add(other);
        }
        for _ in 0..300 {
            FILTER.remove(other);
        }
        assert!(FILTER.may_have(other));
    }
}

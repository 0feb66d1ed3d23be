//! How many challenges one call may send, and fragments it may keep, so that a flood does not hold
//! an event loop in it.

use crate::hello::error::Stop;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// An SSL_CTX's choice; 0 is no bound.
pub(crate) struct Budget(AtomicU32);

/// What is left of it in one call.
pub(crate) struct BudgetLeft(Option<NonZeroU32>);

impl Budget {
    pub(crate) const fn new(bound: u32) -> Self {
        Self(AtomicU32::new(bound))
    }

    /// Holds from the next call on.
    pub(crate) fn set(&self, bound: u32) {
        self.0.store(bound, Relaxed);
    }

    pub(crate) fn of_a_call(&self) -> BudgetLeft {
        BudgetLeft(NonZeroU32::new(self.0.load(Relaxed)))
    }
}

impl BudgetLeft {
    /// Takes note of a datagram after which a call would go on; an `Err` after the last that it may.
    pub(crate) fn use_one(&mut self) -> Result<(), Stop> {
        let Some(left) = self.0 else { return Ok(()) };
        self.0 = NonZeroU32::new(left.get().saturating_sub(1));
        if self.0.is_none() { Err(Stop::BudgetSpent) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_ends_the_call() {
        let budget = Budget::new(3);
        for _ in 0..2 {
            let mut left = budget.of_a_call();
            let spent: Vec<_> = (0..3).map(|_| left.use_one()).collect();
            assert_eq!(spent, [Ok(()), Ok(()), Err(Stop::BudgetSpent)]);
        }
        budget.set(1);
        assert_eq!(budget.of_a_call().use_one(), Err(Stop::BudgetSpent));
    }

    #[test]
    fn nought_is_no_bound() {
        let mut left = Budget::new(0).of_a_call();
        for _ in 0..10 {
            assert_eq!(left.use_one(), Ok(()));
        }
    }
}

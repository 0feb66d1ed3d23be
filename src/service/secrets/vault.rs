//! The secrets in force, in protected memory.

use super::set::Secrets;
use crate::hello::cookie::{Keyring, Lifetime, MAX_HELD, Secret};

pub(super) struct Vault {
    /// Those in force, the one that makes cookies first; then those that were, newest first.
    held: [Option<Held>; MAX_HELD],
}

struct Held {
    secret: Secret,
    /// The last second since 1970 in which it is accepted; none while it is in force.
    until: Option<u64>,
}

impl Vault {
    pub(super) const EMPTY: Self = Self { held: [const { None }; MAX_HELD] };

    /// Puts other secrets in force. Those that were are accepted for two lifetimes more and the
    /// second in which these end, as far as there is room.
    ///
    /// A cookie made just now is accepted to the end of the next slot, which is no further than
    /// that; the second more is for a process that sees a file's change a second later. A maker
    /// whose clock is ahead names a later slot, which would be accepted for longer by as much: such
    /// a cookie has the two lifetimes that any other has at most.
    pub(super) fn replace(&mut self, secrets: &Secrets, now: u64, lifetime: Lifetime) {
        let last = now.saturating_add(lifetime.seconds().saturating_mul(2));
        let mut held = [const { None }; MAX_HELD];
        let mut room = held.iter_mut();
        for (secret, place) in secrets.iter().zip(&mut room) {
            *place = Some(Held { secret: secret.clone(), until: None });
        }
        let past = self.held.iter_mut().filter_map(Option::take);
        for (mut old, place) in past.filter(|old| !secrets.contains(&old.secret)).zip(room) {
            old.until.get_or_insert(last);
            *place = Some(old);
        }
        self.held = held;
    }

    /// The one that makes cookies.
    pub(super) fn maker(&self) -> Option<&Secret> {
        let [first, ..] = &self.held;
        first.as_ref().map(|held| &held.secret)
    }

    /// The first second in which less is accepted than now; none if that never comes.
    pub(super) fn changes_at(&self) -> Option<u64> {
        self.held.iter().flatten().filter_map(|held| held.until?.checked_add(1)).min()
    }

    /// Makes the keys for a slot anew. What is no longer accepted goes.
    pub(super) fn renew(&mut self, ring: &Keyring, now: u64, slot: u64) {
        for place in &mut self.held {
            if place.as_ref().is_some_and(|held| held.until.is_some_and(|until| until < now)) {
                *place = None;
            }
        }
        ring.renew(self.held.iter().flatten().map(|held| &held.secret), slot);
    }
}

//! The secrets that are accepted now, in protected memory.

use super::set::Secrets;
use super::time::Now;
use crate::hello::cookie::{Keyring, Lifetime, MAX_HELD, Secret};

pub(super) struct Accepted {
    /// Those in force, the one that makes cookies first; then those that were, newest first.
    entries: [Option<Entry>; MAX_HELD],
    /// By the wall clock, when this was looked at last.
    seen: u64,
}

/// Fewer seconds back are no set clock, but a thread that read it and was held up.
const SET_BACK: u64 = 10;

struct Entry {
    secret: Secret,
    /// None while it is in force.
    until: Option<Until>,
}

/// When a secret is accepted for the last time: by the wall clock, and by one that nobody sets,
/// whichever comes first. A wall clock that is set back takes its end back with it, and if that went
/// unseen there is the other: a secret that was replaced because it has leaked does not return.
#[derive(Clone, Copy)]
struct Until {
    unix: u64,
    boot: u64,
}

impl Entry {
    fn is_over(&self, now: Now) -> bool {
        self.until.is_some_and(|until| until.unix < now.unix || until.boot < now.boot)
    }
}

impl Accepted {
    pub(super) const NONE: Self = Self { entries: [const { None }; MAX_HELD], seen: 0 };

    /// What is accepted once other secrets are put in force, in a place that is empty: what is there
    /// is never half changed. Those that were in force are accepted for two lifetimes more and the
    /// second in which these end, as far as there is room.
    ///
    /// A cookie made just now is accepted to the end of the next slot, which is no further than
    /// that; the second more is for a process that sees a file's change a second later. If the
    /// issuing host's clock is ahead, its cookie names a later slot, which would be accepted for
    /// longer by as much: such a cookie has the two lifetimes that any other has at most.
    pub(super) fn follow_on(
        &mut self,
        before: Option<&Self>,
        secrets: &Secrets,
        now: Now,
        lifetime: Lifetime,
    ) {
        let two = lifetime.seconds().saturating_mul(2);
        let last = Until {
            unix: now.unix.saturating_add(two),
            // The two clocks' seconds do not begin at the same moment.
            boot: now.boot.saturating_add(two).saturating_add(1),
        };
        let past = before.map_or(&[][..], |before| &before.entries);
        let past = past.iter().flatten().filter(|old| !secrets.contains(&old.secret));
        let ends = past.clone().map(|old| Some(old.until.unwrap_or(last)));
        let all = secrets.iter().map(|secret| (secret, None));
        let all = all.chain(past.map(|old| &old.secret).zip(ends));
        for (place, (secret, until)) in self.entries.iter_mut().zip(all) {
            *place = Some(Entry { secret: secret.clone(), until });
        }
        self.seen = now.unix;
    }

    /// The one that makes cookies.
    pub(super) fn signing(&self) -> Option<&Secret> {
        let [first, ..] = &self.entries;
        first.as_ref().map(|entry| &entry.secret)
    }

    /// Has the ends follow a wall clock that was set back.
    pub(super) fn follow(&mut self, now: Now) {
        let back = self.seen.saturating_sub(now.unix);
        if back >= SET_BACK {
            for until in self.entries.iter_mut().flatten().filter_map(|entry| entry.until.as_mut())
            {
                until.unix = until.unix.saturating_sub(back);
            }
        }
        if back == 0 || back >= SET_BACK {
            self.seen = now.unix;
        }
    }

    /// Will less be accepted than now, if nothing is done?
    pub(super) fn any_expires(&self) -> bool {
        self.entries.iter().flatten().any(|entry| entry.until.is_some())
    }

    /// Is anything held that is not accepted any more?
    pub(super) fn any_expired(&self, now: Now) -> bool {
        self.entries.iter().flatten().any(|entry| entry.is_over(now))
    }

    /// Makes the keys for a slot anew. What is no longer accepted goes.
    pub(super) fn renew(&mut self, keys: &Keyring, now: Now, slot: u64) {
        for place in &mut self.entries {
            if place.as_ref().is_some_and(|entry| entry.is_over(now)) {
                *place = None;
            }
        }
        keys.renew(self.entries.iter().flatten().map(|entry| &entry.secret), slot);
    }
}

//! A context's secrets and the keyring made of them.

use crate::cookie::{Binding, Check, Cookie, Keyring, Lifetime, MIN_SECRET_LEN};
use crate::error::Fault;
use std::sync::{PoisonError, RwLock};
use zeroize::Zeroizing;

/// Secrets, lifetime and the ring for the current slot. The lock is written once a slot.
pub(crate) struct Keys(RwLock<State>);

struct State {
    secrets: Vec<Zeroizing<Vec<u8>>>,
    lifetime: Lifetime,
    ring: Option<Keyring>,
}

impl Keys {
    /// No secret yet: the first use draws one from the system's random source.
    pub(crate) const fn new() -> Self {
        Self(RwLock::new(State { secrets: Vec::new(), lifetime: Lifetime::DEFAULT, ring: None }))
    }

    pub(crate) fn make(&self, now: u64, binding: &Binding<'_>) -> Result<Cookie, Fault> {
        self.with_ring(now, |ring| ring.make(binding))?.ok_or(Fault::NoSecret)
    }

    pub(crate) fn check(
        &self,
        now: u64,
        cookie: &[u8],
        binding: &Binding<'_>,
    ) -> Result<Check, Fault> {
        self.with_ring(now, |ring| ring.check(cookie, binding))
    }

    fn with_ring<T>(&self, now: u64, usage: impl FnOnce(&Keyring) -> T) -> Result<T, Fault> {
        {
            // A panic while writing leaves at worst no ring: the state is whole either way.
            let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(ring) = state.current_ring(now) {
                return Ok(usage(ring));
            }
        }
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.refresh(now)?;
        state.ring.as_ref().map(usage).ok_or(Fault::NoSecret)
    }
}

impl State {
    fn current_ring(&self, now: u64) -> Option<&Keyring> {
        self.ring.as_ref().filter(|ring| ring.slot() == self.lifetime.slot(now))
    }

    fn refresh(&mut self, now: u64) -> Result<(), Fault> {
        if self.current_ring(now).is_some() {
            return Ok(()); // another thread was here first
        }
        if self.secrets.is_empty() {
            let secret = private_secret().ok_or(Fault::NoSecret)?;
            self.secrets.try_reserve_exact(1).map_err(|_| Fault::NoSecret)?;
            self.secrets.push(secret);
        }
        let ring = Keyring::new(&self.secrets, self.lifetime.slot(now));
        self.ring = Some(ring.ok_or(Fault::NoSecret)?);
        Ok(())
    }
}

/// A secret that only this context has.
fn private_secret() -> Option<Zeroizing<Vec<u8>>> {
    let mut secret = Vec::new();
    secret.try_reserve_exact(MIN_SECRET_LEN).ok()?;
    secret.resize(MIN_SECRET_LEN, 0);
    let mut secret = Zeroizing::new(secret);
    getrandom::fill(&mut secret).ok()?;
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_do_not_share_a_private_secret() {
        let (a, b) = (Keys::new(), Keys::new());
        let binding = Binding::peer(None);
        let cookie = a.make(1000, &binding).unwrap();
        assert_eq!(a.check(1000, &cookie, &binding), Ok(Check::Right { previous_secret: false }));
        assert_eq!(b.check(1000, &cookie, &binding), Ok(Check::Forged));
    }

    #[test]
    fn a_cookie_lives_at_least_one_and_at_most_two_slots() {
        let keys = Keys::new();
        let binding = Binding::peer(None);
        let cookie = keys.make(6_059, &binding).unwrap(); // the last second of its slot
        let right = Ok(Check::Right { previous_secret: false });
        assert_eq!(keys.check(6_060 + 59, &cookie, &binding), right);
        assert_eq!(keys.check(6_120, &cookie, &binding), Ok(Check::Expired));
        // A clock that steps back finds the slot ahead.
        assert_eq!(keys.check(5_999, &cookie, &binding), right);
    }
}

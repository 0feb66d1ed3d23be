//! A context's secrets, and the keys made of them.
//!
//! Readers take no lock: they compare the second with the range of seconds for which all holds as
//! it is (a slot, or less of it where a secret's time is over before; a single second where a secret
//! file is to be looked at) and read a ring that is made for that ([`Keyring`]). Only the first one outside the range does more.

mod file;
mod parse;
mod set;
mod vault;
mod watch;

use crate::hello::cookie::{Binding, Check, Cookie, Keyring, Lifetime, MIN_SECRET_LEN, Secret};
use crate::hello::error::Fault;
use crate::os::{lock, lock_until};
use crate::protected::{Protected, scrub_stack};
use crate::service::settings::Defaults;
use set::Secrets;
use std::ops::Range;
use std::sync::atomic::{
    AtomicBool, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Instant;
use vault::Vault;
use watch::Watched;
pub(crate) use watch::{Files, lock_files};
use zeroize::Zeroizing;

/// Secrets, lifetime and the keys for the slots around now.
pub(crate) struct Keys {
    /// Has there been a secret? From then on there is one.
    ready: AtomicBool,
    ring: Ring,
    state: Mutex<State>,
}

/// What is read without a lock, and written with the state locked.
struct Ring {
    /// Made when there is a secret to make keys of.
    keys: OnceLock<Protected<Keyring>>,
    /// The seconds since 1970 for which the keys hold, published after the keys.
    from: AtomicU64,
    until: AtomicU64,
}

/// What is changed with a lock.
pub(crate) struct State {
    source: Source,
    /// None: the environment's.
    lifetime: Option<Lifetime>,
    /// The seconds since 1970 for which what is in the vault, or that there is none, holds.
    valid: Range<u64>,
    vault: Option<Protected<Vault>>,
}

/// Where the secrets come from.
enum Source {
    /// What the environment says, once it is asked; else a secret of the context's own.
    Environment,
    /// They are in the vault.
    Vault,
    /// A file, and the generation of what was taken from it; 0 for nothing.
    File { file: Watched, generation: u64 },
}

impl Keys {
    /// No secret yet: it is read or drawn at first use.
    pub(crate) const fn new() -> Self {
        let state = State { source: Source::Environment, lifetime: None, valid: 0..0, vault: None };
        Self { ready: AtomicBool::new(false), ring: Ring::new(), state: Mutex::new(state) }
    }

    /// Sees to it that there is a secret, before anybody is listened to.
    #[inline]
    pub(crate) fn prepare(&self) -> Result<(), Fault> {
        if self.ready.load(Relaxed) {
            return Ok(());
        }
        self.with_ring(crate::os::unix_seconds(), |_| Some(()))?;
        self.ready.store(true, Relaxed);
        Ok(())
    }

    #[inline]
    pub(crate) fn make(&self, now: u64, binding: &Binding<'_>) -> Result<Cookie, Fault> {
        self.with_ring(now, |ring| ring.make(binding))
    }

    pub(crate) fn check(
        &self,
        now: u64,
        cookie: &[u8],
        binding: &Binding<'_>,
    ) -> Result<Check, Fault> {
        self.with_ring(now, |ring| ring.check(cookie, binding))
    }

    /// Puts a secret in force. The one before is accepted beside it until the next call.
    pub(crate) fn set_secret(&self, secret: &[u8], now: u64) -> Result<(), Fault> {
        let outcome = Secret::new(secret)
            .ok_or(Fault::SecretLength)
            .and_then(|secret| lock(&self.state).set_secret(&self.ring, secret, now));
        scrub_stack();
        outcome
    }

    /// Takes the secrets from a file from now on, and says whether it is right now.
    pub(crate) fn set_file(&self, path: &[u8], now: u64) -> Result<(), Fault> {
        let file = Watched::at(path).ok_or(Fault::NoMemory)?;
        let mut state = lock(&self.state);
        let right = file.is_right(now);
        state.source = Source::File { file, generation: 0 };
        state.hold(&self.ring, 0..0);
        state.refresh(&self.ring, now)?;
        if right { Ok(()) } else { Err(Fault::SecretFile) }
    }

    pub(crate) fn set_lifetime(&self, lifetime: Lifetime) {
        let mut state = lock(&self.state);
        state.lifetime = Some(lifetime);
        state.hold(&self.ring, 0..0);
    }

    /// For the time of a fork.
    pub(crate) fn lock_until(&self, end: Instant) -> Option<MutexGuard<'_, State>> {
        lock_until(&self.state, end)
    }

    /// `usage` gives `None` where the keys are not there or being changed.
    #[inline]
    fn with_ring<T>(&self, now: u64, usage: impl Fn(&Keyring) -> Option<T>) -> Result<T, Fault> {
        match self.ring.at(now).and_then(&usage) {
            Some(value) => Ok(value),
            None => self.with_state(now, usage),
        }
    }

    #[cold]
    fn with_state<T>(&self, now: u64, usage: impl Fn(&Keyring) -> Option<T>) -> Result<T, Fault> {
        let mut state = lock(&self.state);
        state.refresh(&self.ring, now)?;
        self.ring.keys.get().and_then(|keys| usage(keys)).ok_or(Fault::NoSecret)
    }
}

impl Ring {
    const fn new() -> Self {
        Self { keys: OnceLock::new(), from: AtomicU64::new(0), until: AtomicU64::new(0) }
    }

    /// The keys, if they hold at that second. Keys that are newer than that are none the worse: a
    /// cookie of theirs is accepted wherever one of that second is.
    #[inline]
    fn at(&self, now: u64) -> Option<&Keyring> {
        let until = self.until.load(Acquire);
        let holds = now < until && self.from.load(Relaxed) <= now;
        self.keys.get().filter(|_| holds).map(|keys| &**keys)
    }

    /// Publishes for which seconds the keys hold.
    fn hold(&self, seconds: &Range<u64>) {
        self.until.store(0, Relaxed);
        self.from.store(seconds.start, Release);
        self.until.store(seconds.end, Release);
    }

    /// Makes room for keys, if there is none yet.
    fn room(&self) -> Result<&Keyring, Fault> {
        if self.keys.get().is_none() {
            let room = Protected::new(Keyring::new()).ok_or(Fault::NoMemory)?;
            let _ = self.keys.set(room); // the state is locked: nobody else was here
        }
        self.keys.get().map(|keys| &**keys).ok_or(Fault::NoSecret)
    }
}

impl State {
    /// Brings everything up to date, unless another thread was here first.
    fn refresh(&mut self, ring: &Ring, now: u64) -> Result<(), Fault> {
        if !self.valid.contains(&now) {
            self.hold(ring, 0..0); // a failure on the way is no success at the next call
            self.ask_environment()?;
            let lifetime = self.lifetime();
            let replaced = self.look(now)?;
            let slot = lifetime.slot(now);
            let start = slot.saturating_mul(lifetime.seconds());
            let mut valid = match &self.source {
                Source::File { .. } => now..now.saturating_add(1),
                _ => start..start.saturating_add(lifetime.seconds()),
            };
            if let Some(vault) = &mut self.vault {
                let keys = ring.room()?;
                let expired = vault.changes_at().is_some_and(|change| change <= now);
                if replaced || expired || keys.slot() != slot {
                    vault.renew(keys, now, slot);
                    scrub_stack();
                }
                valid.end = vault.changes_at().map_or(valid.end, |change| change.min(valid.end));
            }
            self.hold(ring, valid);
        }
        match (&self.vault, &self.source) {
            (Some(_), _) => Ok(()),
            (None, Source::File { .. }) => Err(Fault::SecretFile),
            (None, _) => Err(Fault::NoSecret),
        }
    }

    /// For which seconds all holds as it is.
    fn hold(&mut self, ring: &Ring, seconds: Range<u64>) {
        // Without a vault there is nothing that readers could use.
        ring.hold(if self.vault.is_some() { &seconds } else { &(0..0) });
        self.valid = seconds;
    }

    fn ask_environment(&mut self) -> Result<(), Fault> {
        if matches!(self.source, Source::Environment) {
            self.source = match &Defaults::read().secret_file {
                // Without memory to watch it there is no falling back to a secret of our own.
                Some(path) => {
                    Source::File { file: Watched::at(path).ok_or(Fault::NoMemory)?, generation: 0 }
                }
                None => Source::Vault,
            };
        }
        Ok(())
    }

    fn lifetime(&self) -> Lifetime {
        self.lifetime.unwrap_or_else(|| Defaults::read().lifetime)
    }

    /// Sees to it that the vault holds what it must; true if it held something else before.
    fn look(&mut self, now: u64) -> Result<bool, Fault> {
        let lifetime = self.lifetime();
        let mut outcome = Ok(false);
        match &mut self.source {
            Source::File { file, generation } => {
                let vault = &mut self.vault;
                let known = *generation;
                let found = file.look(now, known, |secrets| {
                    outcome = replace(vault, secrets, now, lifetime).map(|()| true);
                });
                if outcome.is_ok() {
                    *generation = found;
                }
            }
            _ if self.vault.is_none() => {
                let mut secrets = Secrets::NONE;
                secrets.add(private_secret().ok_or(Fault::NoSecret)?);
                outcome = replace(&mut self.vault, &secrets, now, lifetime).map(|()| true);
            }
            _ => {}
        }
        outcome
    }

    fn set_secret(&mut self, ring: &Ring, secret: Secret, now: u64) -> Result<(), Fault> {
        let keys = ring.room()?; // first: what fails later has put nothing in force
        let lifetime = self.lifetime();
        let mut secrets = Secrets::NONE;
        secrets.add(secret);
        if let Some(before) = self.vault.as_ref().and_then(|vault| vault.maker()) {
            secrets.add(before.clone());
        }
        replace(&mut self.vault, &secrets, now, lifetime)?;
        if let Some(vault) = &mut self.vault {
            vault.renew(keys, now, lifetime.slot(now));
        }
        self.source = Source::Vault;
        self.hold(ring, 0..0);
        Ok(())
    }
}

fn replace(
    vault: &mut Option<Protected<Vault>>,
    secrets: &Secrets,
    now: u64,
    lifetime: Lifetime,
) -> Result<(), Fault> {
    if vault.is_none() {
        *vault = Some(Protected::new(Vault::EMPTY).ok_or(Fault::NoMemory)?);
    }
    if let Some(vault) = vault {
        vault.replace(secrets, now, lifetime);
    }
    Ok(())
}

/// A secret that only this context has.
fn private_secret() -> Option<Secret> {
    let mut bytes = Zeroizing::new([0; MIN_SECRET_LEN]);
    getrandom::fill(bytes.as_mut_slice()).ok()?;
    Secret::new(bytes.as_slice())
}

#[cfg(test)]
mod tests;

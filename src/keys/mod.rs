//! A context's secrets, and the keys made of them.
//!
//! Readers take one lock and compare the second with the range of seconds for which all holds as
//! it is: a slot, or a single second where a secret file is to be looked at. Only the first one
//! outside it does more.

mod file;
mod parse;
mod secrets;
mod vault;
mod watch;

use crate::cookie::{Binding, Check, Cookie, Keyring, Lifetime, MIN_SECRET_LEN, Secret};
use crate::error::Fault;
use crate::memory::{Protected, scrub_stack};
use crate::settings::Defaults;
use secrets::Secrets;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};
use vault::Vault;
use watch::Watched;
use zeroize::Zeroizing;

/// Secrets, lifetime and the keys for the slots around now.
pub(crate) struct Keys {
    /// Has there been a secret? From then on there is one.
    ready: AtomicBool,
    state: RwLock<State>,
}

struct State {
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
        Self { ready: AtomicBool::new(false), state: RwLock::new(state) }
    }

    /// Sees to it that there is a secret, before anybody is listened to.
    #[inline]
    pub(crate) fn prepare(&self) -> Result<(), Fault> {
        if self.ready.load(Relaxed) {
            return Ok(());
        }
        self.with_ring(crate::os::unix_seconds(), |_| self.ready.store(true, Relaxed))
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

    /// Puts a secret in force. The one before is accepted beside it until the next call.
    pub(crate) fn set_secret(&self, secret: &[u8], now: u64) -> Result<(), Fault> {
        let outcome = Secret::new(secret)
            .ok_or(Fault::SecretLength)
            .and_then(|secret| self.write().set_secret(secret, now));
        scrub_stack();
        outcome
    }

    /// Takes the secrets from a file from now on, and says whether it is right now.
    pub(crate) fn set_file(&self, path: &[u8], now: u64) -> Result<(), Fault> {
        let file = Watched::at(path).ok_or(Fault::NoSecret)?;
        let mut state = self.write();
        let right = file.is_right(now);
        state.source = Source::File { file, generation: 0 };
        state.valid = 0..0;
        state.refresh(now)?;
        if right { Ok(()) } else { Err(Fault::SecretFile) }
    }

    pub(crate) fn set_lifetime(&self, lifetime: Lifetime) {
        let mut state = self.write();
        state.lifetime = Some(lifetime);
        state.valid = 0..0;
    }

    fn with_ring<T>(&self, now: u64, usage: impl FnOnce(&Keyring) -> T) -> Result<T, Fault> {
        {
            // A panic while writing leaves at worst no ring: the state is whole either way.
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(vault) = &state.vault
                && state.valid.contains(&now)
            {
                return Ok(usage(&vault.ring));
            }
        }
        let mut state = self.write();
        state.refresh(now)?;
        state.vault.as_ref().map(|vault| usage(&vault.ring)).ok_or(Fault::NoSecret)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Brings everything up to date, unless another thread was here first.
    fn refresh(&mut self, now: u64) -> Result<(), Fault> {
        if !self.valid.contains(&now) {
            self.valid = 0..0; // a failure on the way is no success at the next call
            self.ask_environment()?;
            let lifetime = self.lifetime();
            let replaced = self.look(now)?;
            let slot = lifetime.slot(now);
            if let Some(vault) = &mut self.vault
                && (replaced || vault.ring.slot() != slot)
            {
                vault.renew(now, slot);
                scrub_stack();
            }
            let start = slot.saturating_mul(lifetime.seconds());
            self.valid = match &self.source {
                Source::File { .. } => now..now.saturating_add(1),
                _ => start..start.saturating_add(lifetime.seconds()),
            };
        }
        match (&self.vault, &self.source) {
            (Some(_), _) => Ok(()),
            (None, Source::File { .. }) => Err(Fault::SecretFile),
            (None, _) => Err(Fault::NoSecret),
        }
    }

    fn ask_environment(&mut self) -> Result<(), Fault> {
        if matches!(self.source, Source::Environment) {
            self.source = match &Defaults::read().secret_file {
                // Without memory to watch it there is no falling back to a secret of our own.
                Some(path) => Source::File {
                    file: Watched::at(path).ok_or(Fault::SecretFile)?,
                    generation: 0,
                },
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

    fn set_secret(&mut self, secret: Secret, now: u64) -> Result<(), Fault> {
        let lifetime = self.lifetime();
        let mut secrets = Secrets::NONE;
        secrets.add(secret);
        if let Some(before) = self.vault.as_ref().and_then(|vault| vault.maker()) {
            secrets.add(before.clone());
        }
        replace(&mut self.vault, &secrets, now, lifetime)?;
        if let Some(vault) = &mut self.vault {
            vault.renew(now, lifetime.slot(now));
        }
        self.source = Source::Vault;
        self.valid = 0..0;
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
        *vault = Some(Protected::new(Vault::EMPTY).ok_or(Fault::NoSecret)?);
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

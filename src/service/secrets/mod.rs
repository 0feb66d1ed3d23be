//! A context's secrets, and the keys made of them.
//!
//! Readers take no lock: they compare the second with the range of seconds for which all holds as
//! it is (a slot; a single second where a secret file is to be looked at, or a secret's time runs
//! out) and read keys that are made for that ([`Keyring`]). Only the first one outside the range
//! does more.

mod accepted;
mod file;
mod filter;
mod look;
mod parse;
mod parse_error;
mod process;
mod published;
mod set;
mod state;
mod time;
mod watch;

use crate::hello::cookie::{Binding, Check, CookieRoom, Keyring, Lifetime, Secret};
use crate::hello::error::{Fault, Stop};
use crate::os::{self, Lock, uncancelled};
use crate::panic_guard::guard;
use crate::protected::scrub_stack;
pub use filter::FileKeys;
pub(crate) use process::draw_at_load;
use published::Published;
pub(crate) use state::State;
use state::{Next, Source};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use time::Now;
use watch::Watched;

/// Secrets, lifetime and the keys for the slots around now.
pub(crate) struct Keys {
    /// Has there been a secret? From then on there is one.
    ready: AtomicBool,
    published: Published,
    state: Lock<State>,
}

/// How long a call waits for another thread's first look at a secret file. It reads nothing, and
/// the caller calls again.
const PATIENCE: Duration = Duration::from_millis(50);
/// The same for a callback, which can only say yes or no.
const LAST_PATIENCE: Duration = Duration::from_secs(5);
/// Between two questions whether it is over.
const PAUSE: Duration = Duration::from_millis(1);

/// Why there are no keys.
enum Missing {
    Fault(Fault),
    /// Another thread looks at the secret file for the first time.
    Pending,
}

impl From<Fault> for Missing {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Keys {
    /// No secret yet: it is found at first use.
    pub(crate) const fn new() -> Self {
        Self {
            ready: AtomicBool::new(false),
            published: Published::new(),
            state: Lock::new(State::new()),
        }
    }

    /// Sees to it that there is a secret, before anybody is listened to. Would block where another
    /// thread is about to read it.
    #[inline]
    pub(crate) fn prepare(&self) -> Result<(), Stop> {
        if self.ready.load(Relaxed) {
            return Ok(());
        }
        self.find_secret()
    }

    #[cold]
    fn find_secret(&self) -> Result<(), Stop> {
        match self.refresh(os::unix_seconds(), PATIENCE) {
            Ok(()) => {
                self.ready.store(true, Relaxed);
                Ok(())
            }
            Err(Missing::Pending) => Err(Stop::WouldBlock),
            Err(Missing::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Makes a cookie, where it is to be.
    #[inline]
    pub(crate) fn make_in(
        &self,
        room: &mut CookieRoom,
        now: u64,
        binding: &Binding<'_>,
    ) -> Result<(), Fault> {
        self.with_keys(now, |keys| keys.make_in(room, binding))
    }

    pub(crate) fn check(
        &self,
        now: u64,
        cookie: &[u8],
        binding: &Binding<'_>,
    ) -> Result<Check, Fault> {
        self.with_keys(now, |keys| keys.check(cookie, binding))
    }

    /// Puts a secret in force. The one before is accepted beside it until the next call.
    pub(crate) fn set_secret(&self, secret: &[u8], now: u64) -> Result<(), Fault> {
        let outcome = Secret::new(secret)
            .ok_or(Fault::SecretLength)
            .and_then(|secret| self.state.lock().set_secret(&self.published, secret, Now::at(now)));
        scrub_stack();
        outcome
    }

    /// Takes the secrets from a file from now on, and says whether it is right now.
    pub(crate) fn set_file(&self, path: &[u8], now: u64) -> Result<(), Fault> {
        uncancelled(|| self.set_file_uncancelled(path, now))
    }

    fn set_file_uncancelled(&self, path: &[u8], now: u64) -> Result<(), Fault> {
        let file = Watched::at(path).ok_or(Fault::NoMemory)?;
        let right = file.look_again(now).ok_or(Fault::NoMemory)?.take();
        let before = self.state.lock().set_source(&self.published, Source::of(file));
        drop(before);
        match self.refresh(now, LAST_PATIENCE) {
            Err(Missing::Fault(fault)) => Err(fault),
            Ok(()) if right => Ok(()),
            Ok(()) | Err(Missing::Pending) => Err(Fault::SecretFile),
        }
    }

    pub(crate) fn set_lifetime(&self, lifetime: Lifetime) {
        self.state.lock().set_lifetime(&self.published, lifetime);
    }

    /// How long a slot is now.
    pub(crate) fn lifetime(&self) -> Lifetime {
        self.state.lock().lifetime()
    }

    /// `usage` gives `None` where the keys are not there or being changed.
    #[inline]
    fn with_keys<T>(
        &self,
        now: u64,
        mut usage: impl FnMut(&Keyring) -> Option<T>,
    ) -> Result<T, Fault> {
        match self.published.at(now).and_then(&mut usage) {
            Some(value) => Ok(value),
            None => self.with_state(now, usage),
        }
    }

    #[cold]
    fn with_state<T>(
        &self,
        now: u64,
        usage: impl FnOnce(&Keyring) -> Option<T>,
    ) -> Result<T, Fault> {
        match self.refresh(now, LAST_PATIENCE) {
            Ok(()) => {}
            Err(Missing::Fault(fault)) => return Err(fault),
            Err(Missing::Pending) => return Err(Fault::SecretFile),
        }
        let _unchanged = self.state.lock();
        self.published.keys().and_then(usage).ok_or(Fault::NoSecret)
    }

    /// Brings everything up to date, whatever becomes of the thread.
    fn refresh(&self, now: u64, patience: Duration) -> Result<(), Missing> {
        guard(|| Ok(uncancelled(|| self.refresh_uncancelled(now, patience))))
            .unwrap_or_else(|fault| Err(Missing::Fault(fault)))
    }

    /// Nothing is locked while a file is looked at: other threads go
    /// on with the keys that are in force, and where there are none yet they wait a little.
    fn refresh_uncancelled(&self, now: u64, patience: Duration) -> Result<(), Missing> {
        let mut may_look = true;
        let begin = os::monotonic();
        loop {
            let waited = os::monotonic().saturating_duration_since(begin);
            let now = Now::at(now.saturating_add(waited.as_secs()));
            let next = self.state.lock().refresh(&self.published, now, may_look)?;
            match next {
                Next::Ready => return Ok(()),
                Next::Look(look) => {
                    look.take();
                    may_look = false;
                }
                Next::Wait if waited >= patience => return Err(Missing::Pending),
                Next::Wait => std::thread::sleep(PAUSE),
            }
        }
    }
}

#[cfg(test)]
mod tests;

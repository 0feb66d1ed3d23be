//! What is changed with a lock. Nothing in here reads a file or writes to stderr.

use super::accepted::Accepted;
use super::look::Look;
use super::process;
use super::published::Published;
use super::set::Secrets;
use super::time::Now;
use super::watch::Watched;
use crate::hello::cookie::{Lifetime, Secret};
use crate::hello::error::Fault;
use crate::os::Guarded;
use crate::protected::{Protected, scrub_stack};
use crate::service::settings::Defaults;
use std::ops::Range;

pub(crate) struct State {
    source: Source,
    /// None: the environment's.
    lifetime: Option<Lifetime>,
    /// The seconds since 1970 for which what is accepted, or that nothing is, holds.
    valid: Range<u64>,
    pub(super) accepted: Option<Protected<Accepted>>,
    /// The keys may not be those of what is accepted.
    unsettled: bool,
}

impl Guarded for State {
    /// What is accepted was put there whole; the keys may be half changed.
    fn left_behind(&mut self) {
        self.valid = 0..0;
        self.unsettled = true;
        if let Source::File { generation, .. } = &mut self.source {
            *generation = 0;
        }
    }
}

/// Where the secrets come from.
pub(super) enum Source {
    /// What the environment says, once it is asked; else the process has one.
    Environment,
    /// The process's, or what was set: they are accepted already.
    Given,
    /// A file, and the generation of what was taken from it; 0 for nothing.
    File { file: Watched, generation: u64 },
}

impl Source {
    pub(super) const fn of(file: Watched) -> Self {
        Self::File { file, generation: 0 }
    }
}

/// What a thread that wants keys is to do.
pub(super) enum Next {
    Ready,
    /// A look at the file, with nothing locked; then it asks again.
    Look(Look),
    /// Another thread has the first look at the file: ask again.
    Wait,
}

impl State {
    pub(super) const fn new() -> Self {
        Self {
            source: Source::Environment,
            lifetime: None,
            valid: 0..0,
            accepted: None,
            unsettled: false,
        }
    }

    /// Brings everything up to date, unless another thread was here first.
    pub(super) fn refresh(
        &mut self,
        published: &Published,
        now: Now,
        may_look: bool,
    ) -> Result<Next, Fault> {
        let mut pending = false;
        if !self.valid.contains(&now.unix) {
            self.hold(published, 0..0); // a failure on the way is no success at the next call
            self.ask_environment()?;
            let look = match &self.source {
                Source::File { file, .. } if may_look => file.look(now.unix),
                _ => None,
            };
            if let Some(look) = look {
                return Ok(Next::Look(look));
            }
            let replaced;
            (replaced, pending) = self.find(now)?;
            self.publish(published, now, replaced)?;
        }
        match (&self.accepted, &self.source) {
            (Some(_), _) => Ok(Next::Ready),
            (None, _) if pending => {
                self.hold(published, 0..0);
                Ok(Next::Wait)
            }
            (None, Source::File { .. }) => Err(Fault::SecretFile),
            (None, _) => Err(Fault::NoSecret),
        }
    }

    /// Makes the keys, if they are not those for now, and says for how long they hold.
    fn publish(&mut self, published: &Published, now: Now, replaced: bool) -> Result<(), Fault> {
        let lifetime = self.lifetime();
        let slot = lifetime.slot(now.unix);
        let start = slot.saturating_mul(lifetime.seconds());
        let mut valid = match &self.source {
            Source::File { .. } => now.unix..now.unix.saturating_add(1),
            _ => start..start.saturating_add(lifetime.seconds()),
        };
        if let Some(accepted) = &mut self.accepted {
            let keys = published.room()?;
            accepted.follow(now);
            let expired = accepted.any_expired(now);
            if replaced || expired || self.unsettled || keys.slot() != slot {
                accepted.renew(keys, now, slot);
                self.unsettled = false;
                scrub_stack();
            }
            if accepted.any_expires() {
                // Looked at once a second: readers see one of the two clocks, which may be set back.
                valid = now.unix..now.unix.saturating_add(1);
            }
        }
        self.hold(published, valid);
        Ok(())
    }

    /// For which seconds all holds as it is.
    fn hold(&mut self, published: &Published, seconds: Range<u64>) {
        // Where nothing is accepted there is nothing that readers could use.
        published.hold(if self.accepted.is_some() { &seconds } else { &(0..0) });
        self.valid = seconds;
    }

    fn ask_environment(&mut self) -> Result<(), Fault> {
        if matches!(self.source, Source::Environment) {
            self.source = match &Defaults::read().secret_file {
                // Without memory to watch it there is no falling back to another secret.
                Some(path) => Source::of(Watched::at(path).ok_or(Fault::NoMemory)?),
                None => Source::Given,
            };
        }
        Ok(())
    }

    pub(super) fn lifetime(&self) -> Lifetime {
        self.lifetime.or(Defaults::read().lifetime).unwrap_or(Lifetime::DEFAULT)
    }

    /// Sees to it that what is to be accepted is: whether that was something else before, and
    /// whether another thread is about to find it.
    fn find(&mut self, now: Now) -> Result<(bool, bool), Fault> {
        let lifetime = self.lifetime();
        let accepted = &mut self.accepted;
        match &mut self.source {
            Source::File { file, generation } => {
                let mut outcome = Ok(false);
                let known = file.known(*generation, |secrets| {
                    outcome = replace(accepted, secrets, now, lifetime).map(|()| true);
                });
                let replaced = outcome?;
                *generation = known.generation;
                Ok((replaced, known.pending))
            }
            _ if accepted.is_none() => {
                let mut secrets = Secrets::NONE;
                secrets.add(process::secret().ok_or(Fault::NoSecret)?);
                replace(accepted, &secrets, now, lifetime)?;
                Ok((true, false))
            }
            _ => Ok((false, false)),
        }
    }

    pub(super) fn set_secret(
        &mut self,
        published: &Published,
        secret: Secret,
        now: Now,
    ) -> Result<(), Fault> {
        let keys = published.room()?; // first: what fails later has put nothing in force
        let lifetime = self.lifetime();
        let mut secrets = Secrets::NONE;
        secrets.add(secret);
        if let Some(before) = self.accepted.as_ref().and_then(|accepted| accepted.signing()) {
            secrets.add(before.clone());
        }
        replace(&mut self.accepted, &secrets, now, lifetime)?;
        if let Some(accepted) = &mut self.accepted {
            accepted.renew(keys, now, lifetime.slot(now.unix));
        }
        self.source = Source::Given;
        self.hold(published, 0..0);
        Ok(())
    }

    /// Gives the one before, whose share in a file goes with it.
    pub(super) fn set_source(&mut self, published: &Published, source: Source) -> Source {
        self.hold(published, 0..0);
        std::mem::replace(&mut self.source, source)
    }

    pub(super) fn set_lifetime(&mut self, published: &Published, lifetime: Lifetime) {
        self.lifetime = Some(lifetime);
        self.hold(published, 0..0);
    }
}

pub(super) fn replace(
    accepted: &mut Option<Protected<Accepted>>,
    secrets: &Secrets,
    now: Now,
    lifetime: Lifetime,
) -> Result<(), Fault> {
    let mut next = Protected::new(Accepted::NONE).ok_or(Fault::NoMemory)?;
    if let Some(before) = accepted {
        before.follow(now);
    }
    next.follow_on(accepted.as_deref(), secrets, now, lifetime);
    let _before = accepted.replace(next); // wiped when the other is in its place
    Ok(())
}

//! What is read without a lock, and written with the state locked.

use crate::hello::cookie::Keyring;
use crate::hello::error::Fault;
use crate::os::Once;
use crate::protected::Protected;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

pub(super) struct Published {
    /// Made when there is a secret to make keys of.
    keys: Once<Protected<Keyring>>,
    /// The seconds since 1970 for which the keys hold, published after the keys.
    from: AtomicU64,
    until: AtomicU64,
}

impl Published {
    pub(super) const fn new() -> Self {
        Self { keys: Once::new(), from: AtomicU64::new(0), until: AtomicU64::new(0) }
    }

    /// The keys, if they hold at that second. Keys that are newer than that are none the worse: a
    /// cookie of theirs is accepted wherever one of that second is.
    #[inline]
    pub(super) fn at(&self, now: u64) -> Option<&Keyring> {
        let until = self.until.load(Acquire);
        let holds = now < until && self.from.load(Relaxed) <= now;
        self.keys().filter(|_| holds)
    }

    /// The keys that were published last.
    #[inline]
    pub(super) fn keys(&self) -> Option<&Keyring> {
        self.keys.get().map(|keys| &**keys)
    }

    /// Publishes for which seconds the keys hold.
    pub(super) fn hold(&self, seconds: &Range<u64>) {
        self.until.store(0, Relaxed);
        self.from.store(seconds.start, Release);
        self.until.store(seconds.end, Release);
    }

    /// Makes room for keys, if there is none yet.
    pub(super) fn room(&self) -> Result<&Keyring, Fault> {
        if self.keys().is_none() {
            let room = Protected::new(Keyring::new()).ok_or(Fault::NoMemory)?;
            self.keys.get_or_make(|| room); // the state is locked: nobody else was here
        }
        self.keys().ok_or(Fault::NoSecret)
    }
}

//! The secret files in use, each looked at once a second at most, whoever asks.
//!
//! Contexts that name the same file share what was read, and what is said about it: a file that
//! goes bad is one line on stderr and not one for each context.

use super::file::{Opened, Stamp, Trouble};
use super::set::Secrets;
use crate::os::{self, PATH_LEN, lock, lock_until};
use crate::protected::Protected;
use std::ffi::CStr;
use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

/// One context's share in a file. The file's secrets go with the last.
pub(super) struct Watched {
    id: u64,
}

struct Entry {
    id: u64,
    /// Absolute, with a zero at its end.
    path: Vec<u8>,
    users: usize,
    /// The second of the last look.
    looked: Option<u64>,
    /// The file as it was read last, good or bad; none if it has to be read whatever it looks like.
    seen: Option<Stamp>,
    /// What stderr was told last, until the file is right again.
    told: Option<Trouble>,
    warned: bool,
    secrets: Option<Protected<Secrets>>,
    /// Counts the times that the secrets changed; 0 before there are any.
    generation: u64,
}

static FILES: Mutex<Files> = Mutex::new(Files { entries: Vec::new(), last_id: 0 });

/// All that are watched.
pub(crate) struct Files {
    entries: Vec<Entry>,
    last_id: u64,
}

fn files() -> MutexGuard<'static, Files> {
    lock(&FILES)
}

/// For the time of a fork.
pub(crate) fn lock_files(end: Instant) -> Option<MutexGuard<'static, Files>> {
    lock_until(&FILES, end)
}

impl Watched {
    /// Takes a share in the file at a path, which is read at the first look. `None` without memory.
    pub(super) fn at(path: &[u8]) -> Option<Self> {
        let path = absolute(path)?;
        let mut files = files();
        if let Some(entry) = files.entries.iter_mut().find(|entry| entry.path == path) {
            entry.users = entry.users.saturating_add(1);
            return Some(Self { id: entry.id });
        }
        files.entries.try_reserve(1).ok()?;
        files.last_id = files.last_id.saturating_add(1);
        let id = files.last_id;
        files.entries.push(Entry {
            id,
            path,
            users: 1,
            looked: None,
            seen: None,
            told: None,
            warned: false,
            secrets: None,
            generation: 0,
        });
        Some(Self { id })
    }

    /// Looks whether the file has changed, unless that was done this second already. Secrets of
    /// another generation than the known one are shown to `take`; gives their generation, which
    /// is 0 while there never were any.
    pub(super) fn look(&self, now: u64, known: u64, take: impl FnOnce(&Secrets)) -> u64 {
        self.with(|entry| {
            if entry.looked != Some(now) {
                entry.looked = Some(now);
                entry.look(now);
            }
            if let Some(secrets) = &entry.secrets
                && entry.generation != known
            {
                take(secrets);
            }
            entry.generation
        })
        .unwrap_or(0)
    }

    /// Has the next look be a look, and gives what it found: is the file right?
    pub(super) fn is_right(&self, now: u64) -> bool {
        self.with(|entry| {
            entry.looked = Some(now);
            entry.look(now);
            entry.told.is_none()
        })
        .unwrap_or(false)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        files().entries.iter_mut().find(|entry| entry.id == self.id).map(act)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut files = files();
        let Some(at) = files.entries.iter().position(|entry| entry.id == self.id) else { return };
        if let Some(entry) = files.entries.get_mut(at) {
            entry.users = entry.users.saturating_sub(1);
            if entry.users == 0 {
                files.entries.swap_remove(at);
            }
        }
    }
}

impl Entry {
    fn look(&mut self, now: u64) {
        match self.read(now) {
            Ok(()) => {
                if self.told.take().is_some() {
                    os::notice(format_args!("{} is right again and in force", self.name()));
                }
            }
            Err(trouble) => {
                if self.told.replace(trouble) == Some(trouble) {
                    return;
                }
                let outcome = if self.secrets.is_some() {
                    "going on with the secrets that were read before"
                } else {
                    "DTLSv1_listen fails until that is done, unless the program sets a secret"
                };
                os::notice(format_args!("{}{trouble}; {outcome}", self.name()));
            }
        }
    }

    /// Reads the file if it is not as it was.
    fn read(&mut self, now: u64) -> Result<(), Trouble> {
        let path = CStr::from_bytes_with_nul(&self.path).map_err(|_| Trouble::Open(0))?;
        let opened = match Opened::at(path) {
            Ok(opened) => opened,
            Err(trouble) => {
                self.seen = None;
                return Err(trouble);
            }
        };
        let stamp = opened.stamp;
        if self.seen == Some(stamp) {
            return self.told.map_or(Ok(()), Err);
        }
        let open_to_all = opened.open_to_all();
        let outcome = opened.secrets();
        let settled = !stamp.may_change_unseen(now) && !matches!(outcome, Err(Trouble::NoMemory));
        self.seen = settled.then_some(stamp);
        let secrets = outcome?;
        if let Some(mode) = open_to_all
            && !self.warned
        {
            self.warned = true;
            os::notice(format_args!(
                "{} can be read by every user (mode {mode:04o}): chmod o-r it, unless the \
                 directory keeps them out",
                self.name()
            ));
        }
        if !self.secrets.as_ref().is_some_and(|before| before.is(&secrets)) {
            self.secrets = Some(secrets);
            self.generation = self.generation.saturating_add(1);
        }
        Ok(())
    }

    fn name(&self) -> Name<'_> {
        Name(self.path.strip_suffix(&[0]).unwrap_or(&self.path))
    }
}

/// A path for a line on stderr: a long one by its end.
struct Name<'a>(&'a [u8]);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 150;
        let cut = self.0.len().saturating_sub(SHOWN);
        let shown = self.0.get(cut..).unwrap_or_default();
        write!(f, "secret file {}{}", if cut > 0 { "..." } else { "" }, shown.escape_ascii())
    }
}

/// The path as it is from now on, wherever the program changes its directory to.
fn absolute(path: &[u8]) -> Option<Vec<u8>> {
    let mut room = [0; PATH_LEN];
    let directory = match path {
        [b'/', ..] => &[][..],
        // Without a directory to stand in, the path is what it is.
        _ => os::working_directory(&mut room).and_then(|len| room.get(..len)).unwrap_or_default(),
    };
    let len = directory.len().checked_add(path.len())?.checked_add(2)?;
    let mut absolute = Vec::new();
    absolute.try_reserve_exact(len).ok()?;
    if !directory.is_empty() {
        absolute.extend_from_slice(directory);
        absolute.push(b'/');
    }
    absolute.extend_from_slice(path);
    absolute.push(0);
    Some(absolute)
}

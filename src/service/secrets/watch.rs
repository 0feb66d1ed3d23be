//! The secret files in use, each looked at once a second at most, whoever asks.
//!
//! Contexts that name the same file share what was read, and what is said about it: a file that
//! goes bad is one line on stderr and not one for each context.
//!
//! Nothing is locked while a file is opened and read, or a line written: a file system may take its
//! time, and so may the reader of stderr. One thread looks; the others go on with what is known.

use super::file::{FileError, Stamp};
use super::look::{Found, Look, Said, Turn};
use super::set::Secrets;
use crate::map::{Entry as Place, Map};
use crate::os::{self, Guarded, Lock, Locked, PATH_LEN};
use crate::protected::Protected;

/// One context's share in a file. The file's secrets go with the last.
pub(super) struct Watched {
    id: usize,
}

struct Entry {
    id: usize,
    /// Absolute, with a zero at its end.
    path: Vec<u8>,
    users: usize,
    /// The second in which the last look began.
    looked: Option<u64>,
    /// Who looks now.
    looking: Option<Turn>,
    /// Counts the looks: one that began before another that is over says nothing new.
    looks: u64,
    /// The last look that is over.
    over: u64,
    /// The file as it was read last, good or bad; none if it has to be read whatever it looks like.
    seen: Option<Stamp>,
    /// What stderr was told last, until the file is right again.
    told: Option<FileError>,
    warned: bool,
    secrets: Option<Protected<Secrets>>,
    /// Counts the times that the secrets changed; 0 before there are any.
    generation: u64,
}

static FILES: Lock<Files> = Lock::new(Files { entries: Map::new(), last_id: 0 });

/// All that are watched, by their ids.
struct Files {
    entries: Map<Entry, 8>,
    last_id: usize,
}

impl Guarded for Files {
    /// Each file is read again, whatever was about to be noted of it.
    fn left_behind(&mut self) {
        for entry in self.entries.values_mut() {
            entry.looked = None;
            entry.looking = None;
            entry.seen = None;
        }
    }
}

impl Look {
    /// Looks, and says so if something is new. Is the file right?
    pub(super) fn take(self) -> bool {
        let errno = os::errno();
        let found = os::uncancelled(|| self.find()); // to open and to read are points where a thread ends
        os::set_errno(errno);
        let said = end(self.id, self.turn, found);
        said.say(&self.path);
        said.right
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        give_up(self.id, self.turn);
    }
}

fn files() -> Locked<'static, Files> {
    FILES.lock()
}

/// What is known of a file without a look at it.
pub(super) struct Known {
    /// Of the secrets; 0 while there never were any.
    pub(super) generation: u64,
    /// There never were any, and another thread is looking.
    pub(super) pending: bool,
}

impl Watched {
    /// Takes a share in the file at a path, which is read at the first look. `None` without memory.
    pub(super) fn at(path: &[u8]) -> Option<Self> {
        let path = absolute(path)?;
        let mut files = files();
        if let Some(entry) = files.entries.values_mut().find(|entry| entry.path == path) {
            entry.users = entry.users.saturating_add(1);
            return Some(Self { id: entry.id });
        }
        files.last_id = files.last_id.saturating_add(1);
        let id = files.last_id;
        let entry = Entry {
            id,
            path,
            users: 1,
            looked: None,
            looking: None,
            looks: 0,
            over: 0,
            seen: None,
            told: None,
            warned: false,
            secrets: None,
            generation: 0,
        };
        files.entries.insert(Place::new(id, entry)?)?;
        Some(Self { id })
    }

    /// A look at the file, for the caller to take with nothing locked; none if it was looked at this
    /// second already, or another thread is looking.
    pub(super) fn look(&self, now: u64) -> Option<Look> {
        with(self.id, |entry| {
            let mine = entry.looked != Some(now) && !entry.is_looked_at();
            if mine { entry.begin(now) } else { None }
        })?
    }

    /// A look in any case.
    pub(super) fn look_again(&self, now: u64) -> Option<Look> {
        with(self.id, |entry| entry.begin(now))?
    }

    /// Shows the secrets to `take` if they are of another generation than this.
    pub(super) fn known(&self, generation: u64, take: impl FnOnce(&Secrets)) -> Known {
        let known = with(self.id, |entry| {
            match &entry.secrets {
                Some(secrets) if entry.generation != generation => take(secrets),
                _ => {}
            }
            let pending = entry.generation == 0 && entry.is_looked_at();
            Known { generation: entry.generation, pending }
        });
        known.unwrap_or(Known { generation: 0, pending: false })
    }
}

/// Ends a look: what is to be said about it.
fn end(id: usize, turn: Turn, found: Found) -> Said {
    let ended = with(id, |entry| entry.end(turn, found));
    let (said, unneeded) = ended.unwrap_or_default();
    drop(unneeded); // wiped with nothing locked
    said
}

/// Ends one that came to nothing.
fn give_up(id: usize, turn: Turn) {
    with(id, |entry| entry.give_up(turn));
}

fn with<T>(id: usize, act: impl FnOnce(&mut Entry) -> T) -> Option<T> {
    files().entries.find_mut(id).map(act)
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut files = files();
        let Some(entry) = files.entries.find_mut(self.id) else { return };
        entry.users = entry.users.saturating_sub(1);
        if entry.users == 0 {
            let gone = files.entries.remove(self.id);
            drop(files);
            drop(gone);
        }
    }
}

impl Entry {
    fn is_looked_at(&self) -> bool {
        self.looking.is_some_and(|turn| turn.process == std::process::id())
    }

    /// `None` without memory for the path.
    fn begin(&mut self, now: u64) -> Option<Look> {
        let mut path = Vec::new();
        path.try_reserve_exact(self.path.len()).ok()?;
        path.extend_from_slice(&self.path);
        self.looks = self.looks.saturating_add(1);
        self.looked = Some(now);
        let turn = Turn { look: self.looks, process: std::process::id() };
        self.looking = Some(turn);
        Some(Look { id: self.id, turn, path, seen: self.seen, now })
    }

    /// Takes what a look found. Gives what is to be said about it, and what is not needed any more.
    fn end(&mut self, turn: Turn, found: Found) -> (Said, Option<Protected<Secrets>>) {
        let mut said = Said::default();
        let mut unneeded = None;
        let late = turn.look < self.over;
        self.give_up(turn);
        self.over = self.over.max(turn.look);
        match found {
            _ if late => {}
            Found::Unchanged => {}
            Found::Good { stamp, secrets, open_to_all } => {
                self.seen = stamp;
                said.open_to_all = open_to_all.filter(|_| !self.warned);
                self.warned |= said.open_to_all.is_some();
                said.right_again = self.told.take().is_some();
                unneeded = self.replace(secrets);
            }
            Found::Bad { stamp, trouble } => {
                self.seen = stamp;
                let new = self.told.replace(trouble) != Some(trouble);
                said.trouble = new.then_some((trouble, self.secrets.is_some()));
            }
        }
        said.right = self.told.is_none();
        (said, unneeded)
    }

    /// Gives back what is not used: the secrets of before, or these if they are the same.
    fn replace(&mut self, secrets: Protected<Secrets>) -> Option<Protected<Secrets>> {
        if self.secrets.as_ref().is_some_and(|before| before.is(&secrets)) {
            return Some(secrets);
        }
        self.generation = self.generation.saturating_add(1);
        self.secrets.replace(secrets)
    }

    fn give_up(&mut self, turn: Turn) {
        if self.looking == Some(turn) {
            self.looking = None;
        }
    }
}

/// The path as it is from now on, wherever the program changes its directory to.
fn absolute(path: &[u8]) -> Option<Vec<u8>> {
    let mut absolute = Vec::new();
    if !path.starts_with(b"/") {
        absolute.try_reserve_exact(PATH_LEN).ok()?;
        absolute.resize(PATH_LEN, 0);
        // Without a directory to stand in, the path is what it is.
        let len = os::working_directory(&mut absolute).unwrap_or(0);
        absolute.truncate(len);
        if len > 0 {
            absolute.push(b'/');
        }
    }
    absolute.try_reserve_exact(path.len().checked_add(1)?).ok()?;
    absolute.extend_from_slice(path);
    absolute.push(0);
    Some(absolute)
}

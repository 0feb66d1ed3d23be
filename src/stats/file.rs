//! `DTLSV1_LISTEN_STATS`: the counters in a file, for programs that nobody recompiles.
//!
//! It is written where `DTLSv1_listen` is called, when [`Schedule`] says so, and at exit: a guest
//! starts no thread. Whoever reads it sees the old file or the new one, never half of one.
//!
//! Two processes on one file would show now one's counters and now the other's. So a process whose
//! file was replaced by somebody else's leaves it to them, and one that was forked off by a process
//! that writes leaves it to its parent; `%p` in the path gives each process a file of its own.

use super::counters;
use super::path::{FilePath, Pattern};
use super::place::{Failure, Mark, Written};
use super::prometheus;
use super::schedule::Schedule;
use crate::os::{self, Once, Unnoticed};
use std::fs::{self, Permissions};
use std::io::{Error, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::sync::atomic::{
    AtomicBool, Ordering::Acquire, Ordering::Relaxed, Ordering::Release, Ordering::SeqCst,
};
use std::time::{Duration, Instant, SystemTime};

/// Room for all of the text.
pub(super) const ROOM: usize = 32 * 1024;

struct File {
    pattern: Pattern,
    began: Instant,
    /// By the wall clock.
    began_at: SystemTime,
}

/// None: there is no file to write.
static FILE: Once<Option<File>> = Once::new();
static SCHEDULE: Schedule = Schedule::new();
/// Has this process itself listened? One that only forked and exits has nothing to show.
static USED: AtomicBool = AtomicBool::new(false);
/// Is a thread writing, and has anybody wanted to write meanwhile?
static BUSY: AtomicBool = AtomicBool::new(false);
static AGAIN: AtomicBool = AtomicBool::new(false);
static WRITTEN: Written = Written::nothing();
/// Have those that were killed while they wrote been looked for?
static TIDY: AtomicBool = AtomicBool::new(false);
/// Was this process forked off by one that writes to the same file?
static ORPHAN: AtomicBool = AtomicBool::new(false);
/// Has a failure been told, and that the file is another process's?
static TOLD: AtomicBool = AtomicBool::new(false);
static LEFT: AtomicBool = AtomicBool::new(false);

/// Reads the variable.
pub(super) fn begin() {
    if FILE.get_or_make(asked_for).is_some() {
        SCHEDULE.begin();
        os::at_exit(at_exit);
    }
}

fn asked_for() -> Option<File> {
    let text = os::environment(c"DTLSV1_LISTEN_STATS")?;
    if text.is_empty() {
        return None;
    }
    match Pattern::new(text) {
        Ok(pattern) => Some(File { pattern, began: Instant::now(), began_at: SystemTime::now() }),
        Err(why) => {
            os::notice(format_args!(
                "DTLSV1_LISTEN_STATS={}: {why}; no counters are written",
                text.escape_ascii(),
            ));
            None
        }
    }
}

/// Writes the file if there is one, it is time, and something happened. To be called before a read:
/// what blocks there has all that came before it in the file, or will have it when the second is
/// over.
#[inline]
pub(crate) fn write_if_due() {
    if !SCHEDULE.is_over() {
        write_at();
    }
}

#[cold]
fn write_at() {
    let Some(file) = file() else { return };
    USED.store(true, Relaxed);
    if SCHEDULE.take(file.now(), counters::progress) {
        file.write();
    }
}

/// A client was accepted: nobody knows when the next call comes.
#[inline]
pub(super) fn accepted() {
    if !SCHEDULE.is_over() {
        accepted_at();
    }
}

#[cold]
fn accepted_at() {
    match file() {
        Some(file) if SCHEDULE.take_accepted(file.now()) => file.write(),
        _ => {}
    }
}

fn file() -> Option<&'static File> {
    FILE.get()?.as_ref()
}

extern "C" fn at_exit() {
    crate::panic_guard::guard_value((), || {
        let wanted = SCHEDULE.end() && USED.load(Relaxed);
        let Some(file) = file().filter(|_| wanted) else { return };
        // Another thread may be about it: it takes a moment, and has less to show.
        for _ in 0..100 {
            if acquire() {
                let _unnoticed = Unnoticed::begin();
                file.write_once();
                return; // the last to write
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}

/// In a process that was forked off.
pub(super) fn in_child() {
    AGAIN.store(false, Relaxed);
    release();
    USED.store(false, Relaxed);
    let Some(file) = file().filter(|_| !SCHEDULE.is_over()) else { return };
    WRITTEN.forget();
    ORPHAN.store(!file.pattern.is_per_process(), Relaxed);
    SCHEDULE.begin();
}

fn acquire() -> bool {
    BUSY.compare_exchange(false, true, Acquire, Relaxed).is_ok()
}

fn release() {
    BUSY.store(false, Release);
}

impl File {
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Writes all that has been counted by now, or leaves that to the thread that is about it.
    fn write(&self) {
        AGAIN.store(true, SeqCst);
        while AGAIN.load(SeqCst) && acquire() {
            AGAIN.store(false, SeqCst);
            let _unnoticed = Unnoticed::begin();
            self.write_once();
            release();
        }
    }

    /// Called by one thread at a time.
    fn write_once(&self) {
        let pid = std::process::id();
        let (Some(path), Some(draft)) = (self.pattern.file(pid), self.pattern.draft(pid)) else {
            return;
        };
        if ORPHAN.load(Relaxed) {
            SCHEDULE.end();
            leave(&path, "belongs to the process that this one was forked off by");
            return;
        }
        let counted = counters::progress();
        match self.replace(&path, &draft, pid) {
            Ok(true) => SCHEDULE.shows(counted),
            Ok(false) => {
                SCHEDULE.shows(counted); // as far as this process shows anything
                if !LEFT.swap(true, Relaxed) {
                    leave(&path, "is written by another process, too");
                }
            }
            Err(failure) => {
                if !TOLD.swap(true, Relaxed) {
                    os::notice(format_args!(
                        "no counters in {}: {failure} It is tried again every second",
                        path.as_bytes().escape_ascii(),
                    ));
                }
            }
        }
    }

    /// False, and nothing is done, if the file is not what we left there.
    fn replace(&self, path: &FilePath, draft: &FilePath, pid: u32) -> Result<bool, Failure> {
        let mark = Mark::of(pid, self.began_at);
        if !WRITTEN.may_replace(path, mark)? {
            return Ok(false);
        }
        let mut text = Vec::new();
        text.try_reserve_exact(ROOM).map_err(Error::from)?;
        text.resize(ROOM, 0);
        let mut rest = &mut text[..];
        prometheus::write(&mut rest, mark, &self.pattern.labels(pid))?;
        let len = ROOM.saturating_sub(rest.len());

        if !TIDY.swap(true, Relaxed) {
            self.remove_left_behind(path, pid);
        }
        // Left there by a process of our number that was killed.
        let _ = fs::remove_file(draft.as_path());
        fill(draft, text.get(..len).unwrap_or_default())
            .and_then(|()| fs::rename(draft.as_path(), path.as_path()))
            .inspect_err(|_| {
                let _ = fs::remove_file(draft.as_path());
            })?;
        // Not before: a file on another host has its time only now.
        WRITTEN.is_at(path)?;
        Ok(true)
    }

    /// Removes what was left by processes that were killed while they wrote. Who writes is there
    /// for a moment only, so old ones are nobody's, also where processes have other numbers.
    fn remove_left_behind(&self, path: &FilePath, pid: u32) {
        const OLD: Duration = Duration::from_secs(60);
        let Some(directory) = path.directory() else { return };
        os::each_name(directory.as_c_str(), |name| {
            let Some(other) = self.pattern.drafted_by(name, pid).filter(|&other| other != pid)
            else {
                return;
            };
            let Some(draft) = self.pattern.draft(other) else { return };
            let age = fs::symlink_metadata(draft.as_path())
                .and_then(|found| found.modified())
                .ok()
                .and_then(|changed| changed.elapsed().ok());
            if age.is_some_and(|age| age > OLD) || !os::is_running(other) {
                let _ = fs::remove_file(draft.as_path());
            }
        });
    }
}

/// Makes a file that was not there. It is closed on every way out.
fn fill(draft: &FilePath, text: &[u8]) -> Result<(), Error> {
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .custom_flags(libc::O_NOFOLLOW)
        .open(draft.as_path())?;
    let mut file = os::moved_out_of_the_way(file)?;
    // node_exporter is another user, and a server's umask may shut it out.
    file.set_permissions(Permissions::from_mode(0o644))?;
    file.write_all(text)
}

/// Says that the file is not ours to write.
fn leave(path: &FilePath, why: &str) {
    os::notice(format_args!(
        "{} {why}: process {} writes no counters. With %p in DTLSV1_LISTEN_STATS each process has \
         a file of its own",
        path.as_bytes().escape_ascii(),
        std::process::id(),
    ));
}

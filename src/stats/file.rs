//! `DTLSV1_LISTEN_STATS`: the counters in a file, for programs that nobody recompiles.
//!
//! It is written where `DTLSv1_listen` is called, at most once a second, and at exit: a guest
//! starts no thread. Whoever reads it sees the old file or the new one, never half of one.
//!
//! Two processes on one file would show now one's counters and now the other's. So a process whose
//! file was replaced by somebody else's leaves it to them, and one that was forked off by a process
//! that writes leaves it to its parent; `%p` in the path gives each process a file of its own.

use super::path::{FilePath, Pattern};
use super::prometheus;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{Error, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{
    AtomicBool, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};
use std::time::{Duration, Instant};

/// Room for all of the text.
pub(super) const ROOM: usize = 32 * 1024;

const SECOND: u64 = 1000;
/// In [`DUE`]: nothing is to be written.
const NEVER: u64 = u64::MAX;

struct File {
    pattern: Pattern,
    began: Instant,
}

static FILE: OnceLock<File> = OnceLock::new();
/// When to write next, in milliseconds since the beginning.
static DUE: AtomicU64 = AtomicU64::new(NEVER);
/// Has this process itself listened? One that only forked and exits has nothing to show.
static USED: AtomicBool = AtomicBool::new(false);
/// Is a thread writing?
static BUSY: AtomicBool = AtomicBool::new(false);
/// What we wrote last: device, inode and time of change, which together no other file has.
static WRITTEN: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];
/// Was this process forked off by one that writes to the same file?
static ORPHAN: AtomicBool = AtomicBool::new(false);
/// Has a failure been told?
static TOLD: AtomicBool = AtomicBool::new(false);

/// Reads the variable.
pub(super) fn begin() {
    let Some(text) = crate::os::environment(c"DTLSV1_LISTEN_STATS") else { return };
    if text.is_empty() {
        return;
    }
    let pattern = match Pattern::new(text) {
        Ok(pattern) => pattern,
        Err(why) => {
            crate::os::notice(format_args!(
                "DTLSV1_LISTEN_STATS={}: {why}; no counters are written",
                text.escape_ascii(),
            ));
            return;
        }
    };
    if FILE.set(File { pattern, began: Instant::now() }).is_ok() {
        DUE.store(0, Relaxed);
        crate::os::at_exit(at_exit);
    }
}

/// Writes the file if there is one and it is time. To be called before a read: what blocks there
/// has all that came before it in the file, or will have it when the second is over.
#[inline]
pub(crate) fn tick() {
    let due = DUE.load(Relaxed);
    if due != NEVER {
        tick_at(due);
    }
}

#[cold]
fn tick_at(due: u64) {
    let Some(file) = FILE.get() else { return };
    USED.store(true, Relaxed);
    let now = u64::try_from(file.began.elapsed().as_millis()).unwrap_or(NEVER);
    if now < due {
        return;
    }
    let next = now.saturating_add(SECOND);
    if DUE.compare_exchange(due, next, Relaxed, Relaxed).is_ok() && acquire() {
        file.write();
        release();
    }
}

extern "C" fn at_exit() {
    crate::panic_guard::guard_value((), || {
        let due = DUE.swap(NEVER, Relaxed);
        let Some(file) = FILE.get() else { return };
        if due == NEVER || !USED.load(Relaxed) {
            return;
        }
        // Another thread may be about it: it takes a moment, and has less to show.
        for _ in 0..100 {
            if acquire() {
                file.write();
                return; // the last to write
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}

/// In a process that was forked off.
pub(super) fn in_child() {
    release();
    USED.store(false, Relaxed);
    let Some(file) = FILE.get() else { return };
    if DUE.load(Relaxed) == NEVER {
        return;
    }
    forget();
    ORPHAN.store(!file.pattern.is_per_process(), Relaxed);
    DUE.store(0, Relaxed);
}

fn acquire() -> bool {
    BUSY.compare_exchange(false, true, Acquire, Relaxed).is_ok()
}

fn release() {
    BUSY.store(false, Release);
}

impl File {
    /// Called by one thread at a time.
    fn write(&self) {
        let pid = std::process::id();
        let (Some(path), Some(draft)) = (self.pattern.file(pid), self.pattern.draft(pid)) else {
            return;
        };
        if ORPHAN.load(Relaxed) {
            stop(&path, "belongs to the process that this one was forked off by");
            return;
        }
        match self.replace(&path, &draft, pid) {
            Ok(true) => {}
            Ok(false) => stop(&path, "is written by another process, too"),
            Err(error) => {
                let _ = fs::remove_file(draft.as_path());
                if !TOLD.swap(true, Relaxed) {
                    crate::os::notice(format_args!(
                        "no counters in {}: {error}. Does its directory exist, and may this \
                         process write to it? It is tried again every second",
                        path.as_bytes().escape_ascii(),
                    ));
                }
            }
        }
    }

    /// False, and nothing is done, if the file is not what we left there.
    fn replace(&self, path: &FilePath, draft: &FilePath, pid: u32) -> Result<bool, Error> {
        if is_somebody_elses(path) {
            return Ok(false);
        }
        let mut text = Vec::new();
        text.try_reserve_exact(ROOM)?;
        text.resize(ROOM, 0);
        let mut rest = &mut text[..];
        prometheus::write(&mut rest, &self.pattern.labels(pid))?;
        let len = ROOM.saturating_sub(rest.len());

        // Left there by a process of our number that was killed.
        let _ = fs::remove_file(draft.as_path());
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .custom_flags(libc::O_NOFOLLOW)
            .open(draft.as_path())?;
        // node_exporter is another user, and a server's umask may shut it out.
        file.set_permissions(Permissions::from_mode(0o644))?;
        file.write_all(text.get(..len).unwrap_or_default())?;
        drop(file);
        fs::rename(draft.as_path(), path.as_path())?;
        // Not before: a file on another host has its time only now.
        let ours = identity(&fs::symlink_metadata(path.as_path())?);
        for (to, from) in WRITTEN.iter().zip(ours) {
            to.store(from, Relaxed);
        }
        Ok(true)
    }
}

/// A file that we find there at first is an earlier run's, and one that is gone may be made anew.
fn is_somebody_elses(path: &FilePath) -> bool {
    let ours = WRITTEN.each_ref().map(|part| part.load(Relaxed));
    ours != [0; 4]
        && fs::symlink_metadata(path.as_path()).is_ok_and(|found| identity(&found) != ours)
}

fn identity(file: &fs::Metadata) -> [u64; 4] {
    [file.dev(), file.ino(), file.mtime().cast_unsigned(), file.mtime_nsec().cast_unsigned()]
}

fn forget() {
    for part in &WRITTEN {
        part.store(0, Relaxed);
    }
}

/// Leaves the file alone from now on.
fn stop(path: &FilePath, why: &str) {
    DUE.store(NEVER, Relaxed);
    crate::os::notice(format_args!(
        "{} {why}: process {} writes no counters. With %p in DTLSV1_LISTEN_STATS each process has \
         a file of its own",
        path.as_bytes().escape_ascii(),
        std::process::id(),
    ));
}

impl FilePath {
    fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(self.as_bytes()))
    }
}

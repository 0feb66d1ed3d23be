//! What is at the file's place, and may it be replaced?

use super::path::FilePath;
use crate::os;
use std::fmt::{self, Display, Formatter};
use std::fs::{self, FileType, Metadata};
use std::io::{Error, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A line of the file that says which process wrote it: its number, and when it began.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pid: u32,
    began: Duration,
}

const MARK: &str = "# Written by process ";

impl Mark {
    pub(super) fn of(pid: u32, began: SystemTime) -> Self {
        Self { pid, began: began.duration_since(UNIX_EPOCH).unwrap_or_default() }
    }

    /// Is this how a file of this process begins? None if it does not begin as a file of ours.
    fn is_in(self, head: &[u8]) -> Option<bool> {
        if !head.starts_with(MARK.as_bytes()) {
            return None;
        }
        let mut own = [0; HEAD];
        let mut rest = &mut own[..];
        let _ = writeln!(rest, "{self}");
        let len = HEAD.saturating_sub(rest.len());
        Some(own.get(..len).is_some_and(|own| head.starts_with(own)))
    }
}

/// More than the longest mark.
const HEAD: usize = 96;

impl Display for Mark {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.began.as_secs(), self.began.subsec_nanos());
        write!(f, "{MARK}{} that began at {seconds}.{nanos:09}", self.pid)
    }
}

/// Why nothing was written.
pub(super) enum Failure {
    Io(Error),
    /// What there is.
    NoFile(&'static str),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Io(error)
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => {
                write!(f, "{error}. Does its directory exist, and may this process write to it?")
            }
            Self::NoFile(what) => write!(f, "it is {what}, and only a regular file is replaced."),
        }
    }
}

/// The file that was written last: device, inode and time of change.
pub(super) struct Written([AtomicU64; 4]);

impl Written {
    pub(super) const fn nothing() -> Self {
        Self([const { AtomicU64::new(0) }; 4])
    }

    pub(super) fn forget(&self) {
        self.set([0; 4]);
    }

    pub(super) fn is_at(&self, path: &FilePath) -> Result<(), Error> {
        self.set(identity(&fs::symlink_metadata(path.as_path())?));
        Ok(())
    }

    /// May it be replaced? Not what another process of this library has put there since, nor what
    /// anybody has put in its place. A file that is there at first is an earlier run's, one that is
    /// gone may be made anew, and one that was only touched, or emptied, is still ours.
    pub(super) fn may_replace(&self, path: &FilePath, own: Mark) -> Result<bool, Failure> {
        let found = match fs::symlink_metadata(path.as_path()) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        // The rename would put a file in the place of /dev/null.
        if !found.is_file() {
            return Err(Failure::NoFile(kind(found.file_type())));
        }
        let written = self.0.each_ref().map(|part| part.load(Relaxed));
        let found = identity(&found);
        if written == [0; 4] || written == found {
            return Ok(true);
        }
        // A number is given to another file when a file has gone, so it alone tells nothing.
        Ok(match own.is_in(&head(path)) {
            Some(own) => own,
            None => written.first_chunk::<2>() == found.first_chunk(),
        })
    }

    fn set(&self, identity: [u64; 4]) {
        for (to, from) in self.0.iter().zip(identity) {
            to.store(from, Relaxed);
        }
    }
}

fn identity(file: &Metadata) -> [u64; 4] {
    [file.dev(), file.ino(), file.mtime() as u64, file.mtime_nsec() as u64]
}

fn kind(found: FileType) -> &'static str {
    if found.is_symlink() {
        "a symbolic link"
    } else if found.is_dir() {
        "a directory"
    } else if found.is_fifo() {
        "a pipe"
    } else if found.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// How the file begins; nothing if it cannot be read.
fn head(path: &FilePath) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    if let Ok(mut file) = os::open(path.as_c_str()) {
        let _ = file.read(&mut head);
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_ours_by_how_they_begin() {
        let began = UNIX_EPOCH + Duration::new(1_764_178_524, 1_000);
        let own = Mark::of(123, began);
        let text = format!("{own}\n# HELP");
        assert_eq!(text, "# Written by process 123 that began at 1764178524.000001000\n# HELP");
        assert_eq!(own.is_in(text.as_bytes()), Some(true));
        assert_eq!(Mark::of(12, began).is_in(text.as_bytes()), Some(false));
        assert_eq!(Mark::of(123, began + Duration::new(0, 1)).is_in(text.as_bytes()), Some(false));
        for other in ["", "# HELP", "# Written by", "x# Written by process 123 that"] {
            assert_eq!(own.is_in(other.as_bytes()), None, "{other}");
        }
        let longest = Mark::of(u32::MAX, UNIX_EPOCH + Duration::from_secs(u64::MAX >> 2));
        assert!(longest.to_string().len() < HEAD);
    }
}

//! A secret file: who may have written it, and what is in it.

use super::parse::parse;
use super::parse_error::ParseError;
use super::set::Secrets;
use crate::os;
use crate::protected::{Protected, scrub_stack};
use std::ffi::CStr;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;

/// Eight secrets of the longest kind in hex leave as much again for comments.
const MAX_FILE_LEN: usize = 32 * 1024;

/// What tells one state of a file from another. The time of the last change of mode or owner is in
/// it too, and a new file put in the old one's place has another number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    file: (u64, u64),
    size: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Too young for its times to tell whether more was written since: a file system counts them in
    /// steps of some milliseconds, some in seconds. The later time counts: cp -p and touch -d set
    /// back the one of writing, and a clock set back in between the one of change.
    pub(super) fn may_change_unseen(&self, now: u64) -> bool {
        let (seconds, _) = self.written.max(self.changed);
        u64::try_from(seconds).is_ok_and(|last| now < last.saturating_add(2))
    }
}

/// Why a file gives no secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileError {
    /// The system's number for it.
    Open(i32),
    Read(i32),
    NotAFile,
    Owner(u32),
    Writable(u32),
    TooLarge,
    NoMemory,
    Text(ParseError),
}

/// A file as it was opened, and the system's word on it.
pub(super) struct Opened {
    file: File,
    pub(super) stamp: Stamp,
    kind: Kind,
}

struct Kind {
    regular: bool,
    user: u32,
    mode: u32,
}

impl Kind {
    /// Could anybody but root and the user we run as have written it?
    fn check(&self, effective_user: u32) -> Result<(), FileError> {
        if !self.regular {
            return Err(FileError::NotAFile);
        }
        if self.user != 0 && self.user != effective_user {
            return Err(FileError::Owner(self.user));
        }
        if self.mode & 0o022 != 0 {
            return Err(FileError::Writable(self.mode));
        }
        Ok(())
    }
}

impl Opened {
    pub(super) fn at(path: &CStr) -> Result<Self, FileError> {
        let file = os::open(path).map_err(FileError::Open)?;
        let data = file.metadata().map_err(|e| FileError::Open(number(&e)))?;
        let stamp = Stamp {
            file: (data.dev(), data.ino()),
            size: data.size(),
            written: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        };
        let kind = Kind { regular: data.is_file(), user: data.uid(), mode: data.mode() & 0o7777 };
        Ok(Self { file, stamp, kind })
    }

    /// Its permissions, if everybody may read it.
    pub(super) fn open_to_all(&self) -> Option<u32> {
        (self.kind.mode & 0o004 != 0).then_some(self.kind.mode)
    }

    /// The secrets, if the file is as it must be.
    pub(super) fn secrets(self) -> Result<Protected<Secrets>, FileError> {
        self.kind.check(os::effective_user())?;
        let outcome = self.read();
        scrub_stack();
        outcome
    }

    #[inline(never)] // the stack that it used is scrubbed
    fn read(mut self) -> Result<Protected<Secrets>, FileError> {
        let mut text = Protected::<[u8; MAX_FILE_LEN]>::zeroed().ok_or(FileError::NoMemory)?;
        let mut len = 0_usize;
        loop {
            let room = text.get_mut(len..).unwrap_or_default();
            if room.is_empty() {
                return Err(FileError::TooLarge);
            }
            match self.file.read(room) {
                Ok(0) => break,
                Ok(n) => len = len.saturating_add(n),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(FileError::Read(number(&e))),
            }
        }
        let mut secrets = Protected::new(Secrets::NONE).ok_or(FileError::NoMemory)?;
        parse(text.get(..len).unwrap_or_default(), &mut secrets).map_err(FileError::Text)?;
        Ok(secrets)
    }
}

fn number(error: &std::io::Error) -> i32 {
    error.raw_os_error().unwrap_or(0)
}

/// Where (the line), what, and what to do about it; it comes behind the path.
impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Open(libc::ENOENT) => {
                write!(f, ": no such file: put it there, or name the one to use")
            }
            Self::Open(libc::EACCES | libc::EPERM) => {
                write!(f, ": permission denied: let user {} read it", os::effective_user())
            }
            Self::Open(error) => write!(f, ": cannot be opened (errno {error})"),
            Self::Read(error) => write!(f, ": cannot be read (errno {error})"),
            Self::NotAFile => write!(f, ": not a regular file: put the secrets in one"),
            Self::Owner(user) => write!(
                f,
                ": belongs to user {user}, who could change it: chown it to root or to user {}",
                os::effective_user()
            ),
            Self::Writable(mode) => write!(
                f,
                ": others than its owner may write to it (mode {mode:04o}): chmod go-w it"
            ),
            Self::TooLarge => {
                write!(f, ": larger than {MAX_FILE_LEN} bytes: is it the right file?")
            }
            Self::NoMemory => write!(f, ": no memory to read it"),
            Self::Text(error) => match error.line() {
                Some(line) => write!(f, " line {line}: {error}"),
                None => write!(f, ": {error}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::{Path, PathBuf};
    use std::time::UNIX_EPOCH;

    /// A directory of the test's own, gone with it.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("dtlsv1-{}-{name}", std::process::id()));
            fs::create_dir(&dir).unwrap();
            Self(dir)
        }
        fn file(&self, text: impl AsRef<[u8]>) -> PathBuf {
            let path = self.0.join("secrets");
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
            path
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn open(path: &Path) -> Result<Opened, FileError> {
        Opened::at(&CString::new(path.as_os_str().as_encoded_bytes()).unwrap())
    }

    fn read(path: &Path) -> Result<usize, FileError> {
        open(path)?.secrets().map(|secrets| secrets.iter().count())
    }

    const SECRET: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";

    #[test]
    fn reads_what_is_right_and_names_what_is_not() {
        let place = Place::new("file");
        let path = place.file(SECRET);
        assert_eq!(read(&path), Ok(1));
        for mode in [0o620, 0o602, 0o666] {
            fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(read(&path), Err(FileError::Writable(mode)));
        }
        for (mode, to_all) in [(0o400, false), (0o440, false), (0o444, true), (0o644, true)] {
            fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(open(&path).unwrap().open_to_all().is_some(), to_all);
            assert_eq!(read(&path), Ok(1));
        }
        assert_eq!(read(&place.0), Err(FileError::NotAFile));
        assert_eq!(read(&place.0.join("none")), Err(FileError::Open(libc::ENOENT)));
        let path = place.file([SECRET, "c2hvcnQ="].concat());
        let line = ParseError::TooShort { line: 2, bytes: 5 };
        assert_eq!(read(&path), Err(FileError::Text(line)));
        let full = SECRET.to_string() + &"#".repeat(MAX_FILE_LEN - SECRET.len() - 1);
        assert_eq!(read(&place.file(&full)), Ok(1));
        assert_eq!(read(&place.file(full + "#")), Err(FileError::TooLarge));
    }

    #[test]
    fn somebody_elses_file_is_refused() {
        let check = |user, us| Kind { regular: true, user, mode: 0o400 }.check(us);
        for (user, us) in [(0, 0), (0, 1000), (1000, 1000)] {
            assert_eq!(check(user, us), Ok(()));
        }
        for (user, us) in [(1000, 0), (1001, 1000)] {
            assert_eq!(check(user, us), Err(FileError::Owner(user)));
        }
    }

    #[test]
    fn every_change_shows() {
        let place = Place::new("stamp");
        let path = place.file(SECRET);
        let link = place.0.join("link");
        symlink("secrets", &link).unwrap();
        let stamp = || open(&link).unwrap().stamp;
        let first = stamp();
        assert!(first == stamp());
        fs::write(&path, [SECRET, "#"].concat()).unwrap();
        let longer = stamp();
        assert!(first != longer);
        // Same size and times, another file: what a rename or a symlink's swap leaves.
        let other = place.0.join("other");
        fs::copy(&path, &other).unwrap();
        fs::remove_file(&link).unwrap();
        symlink("other", &link).unwrap();
        assert!(longer != stamp());
    }

    #[test]
    fn a_young_file_is_looked_at_again() {
        let young = |written, changed, now| {
            let stamp =
                Stamp { file: (0, 0), size: 0, written: (written, 0), changed: (changed, 0) };
            stamp.may_change_unseen(now)
        };
        for (written, changed) in [(100, 100), (100, 50), (50, 100)] {
            assert!(young(written, changed, 100) && young(written, changed, 101));
            assert!(!young(written, changed, 102));
        }
        assert!(!young(-1, -1, 0));
    }

    #[test]
    fn a_file_with_an_older_ones_time_is_young() {
        let place = Place::new("dated");
        let path = place.file(SECRET);
        File::options().write(true).open(&path).unwrap().set_modified(UNIX_EPOCH).unwrap();
        assert!(open(&path).unwrap().stamp.may_change_unseen(os::unix_seconds()));
    }
}

//! One look at a secret file, with nothing locked.

use super::file::{FileError, Opened, Stamp};
use super::set::Secrets;
use crate::os;
use crate::protected::Protected;
use std::ffi::CStr;
use std::fmt;

/// A look, and the process whose thread has it: a child has not got the thread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) look: u64,
    pub(super) process: u32,
}

/// A look that one thread is to take.
pub(super) struct Look {
    pub(super) id: usize,
    pub(super) turn: Turn,
    /// With a zero at its end.
    pub(super) path: Vec<u8>,
    /// The file as it was read last.
    pub(super) seen: Option<Stamp>,
    pub(super) now: u64,
}

/// What it finds.
pub(super) enum Found {
    /// The file as it was read last.
    Unchanged,
    Good {
        stamp: Option<Stamp>,
        secrets: Protected<Secrets>,
        open_to_all: Option<u32>,
    },
    Bad {
        stamp: Option<Stamp>,
        trouble: FileError,
    },
}

/// What stderr is to be told.
#[derive(Default)]
pub(super) struct Said {
    /// Is the file as it must be?
    pub(super) right: bool,
    pub(super) right_again: bool,
    /// Its permissions.
    pub(super) open_to_all: Option<u32>,
    /// And whether there are secrets of before.
    pub(super) trouble: Option<(FileError, bool)>,
}

impl Look {
    pub(super) fn find(&self) -> Found {
        let bad = |stamp, trouble| Found::Bad { stamp, trouble };
        let Ok(path) = CStr::from_bytes_with_nul(&self.path) else {
            return bad(None, FileError::Open(0));
        };
        let opened = match Opened::at(path) {
            Ok(opened) => opened,
            Err(trouble) => return bad(None, trouble),
        };
        let stamp = opened.stamp;
        if self.seen == Some(stamp) {
            return Found::Unchanged;
        }
        let stamp = (!stamp.may_change_unseen(self.now)).then_some(stamp);
        let open_to_all = opened.open_to_all();
        match opened.secrets() {
            Ok(secrets) => Found::Good { stamp, secrets, open_to_all },
            Err(FileError::NoMemory) => bad(None, FileError::NoMemory),
            Err(trouble) => bad(stamp, trouble),
        }
    }
}

impl Said {
    pub(super) fn say(&self, path: &[u8]) {
        let name = Name(path.strip_suffix(&[0]).unwrap_or(path));
        if self.right_again {
            os::notice(format_args!("{name} is right again and in force"));
        }
        if let Some(mode) = self.open_to_all {
            os::notice(format_args!(
                "{name} can be read by every user (mode {mode:04o}): chmod o-r it, unless the \
                 directory keeps them out"
            ));
        }
        if let Some((trouble, before)) = self.trouble {
            let outcome = if before {
                "going on with the secrets that were read before"
            } else {
                "DTLSv1_listen fails until that is done, unless the program sets a secret"
            };
            os::notice(format_args!("{name}{trouble}; {outcome}"));
        }
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

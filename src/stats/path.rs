//! Where the file is.

use super::labels::{Labels, PID};
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// The decimal digits of the largest process number, and one to spare.
const PID_ROOM: usize = 10;
/// What is added while the file is being written.
const SUFFIX: &[u8] = b".tmp";

/// Bytes of the longest path. `std::fs` copies a longer one to the heap, without a way to fail.
pub(super) const MAX_PATH: usize = 350;

/// A path as `DTLSV1_LISTEN_STATS` has it.
pub(super) struct Pattern {
    path: Box<[u8]>,
}

/// A path with everything in its place.
pub(super) struct FilePath {
    bytes: [u8; Self::ROOM],
    len: usize,
}

impl Pattern {
    /// Takes the path of a file; the reason if it is none to write to.
    pub(super) fn new(text: &[u8]) -> Result<Self, &'static str> {
        if !text.starts_with(b"/") {
            return Err(
                "the path has to begin at the root, since a server may change its directory",
            );
        }
        if text.ends_with(b"/") {
            return Err("it is a directory: name a file in it, such as server.prom");
        }
        let mut path = Vec::new();
        path.try_reserve_exact(text.len()).map_err(|_| "there is no memory for the path")?;
        path.extend_from_slice(text);
        let pattern = Self { path: path.into_boxed_slice() };
        pattern.at(u32::MAX, b"").ok_or("the path is longer than 350 bytes")?;
        Ok(pattern)
    }

    /// Does each process have a file of its own?
    pub(super) fn is_per_process(&self) -> bool {
        self.path.windows(PID.len()).any(|two| two == PID)
    }

    /// The file's path in this process.
    pub(super) fn file(&self, pid: u32) -> Option<FilePath> {
        self.at(pid, b"")
    }

    /// Where it is written before it takes the file's place: in the same directory, and of no
    /// interest to node_exporter, which reads what ends in `.prom`.
    pub(super) fn draft(&self, pid: u32) -> Option<FilePath> {
        let mut suffix = FilePath::new();
        suffix.push(b".")?;
        suffix.push_number(pid)?;
        suffix.push(SUFFIX)?;
        self.at(pid, suffix.as_bytes())
    }

    /// The number of the process that would make a draft of this name in this one's directory; none
    /// for what is no draft of this file.
    pub(super) fn drafted_by(&self, name: &[u8], pid: u32) -> Option<u32> {
        let digits = name.strip_suffix(SUFFIX)?.rsplit(|&b| b == b'.').next()?;
        let other = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let (own, draft) = (self.draft(pid)?, self.draft(other)?);
        (own.split().0 == draft.split().0 && draft.split().1 == name).then_some(other)
    }

    fn at(&self, pid: u32, suffix: &[u8]) -> Option<FilePath> {
        let mut path = FilePath::new();
        let mut rest = &self.path[..];
        while let Some((&byte, after)) = rest.split_first() {
            if let Some(after) = rest.strip_prefix(PID) {
                path.push_number(pid)?;
                rest = after;
            } else {
                path.push(&[byte])?;
                rest = after;
            }
        }
        // A path just short enough has room for what is added to it.
        if path.len > MAX_PATH {
            return None;
        }
        path.push(suffix)?;
        Some(path)
    }
    /// What tells this file's series from another's in one scrape.
    pub(super) fn labels(&self, pid: u32) -> Labels<'_> {
        Labels::of(&self.path, self.is_per_process().then_some(pid))
    }
}

impl FilePath {
    /// With a zero at the end, whatever is pushed.
    const ROOM: usize = MAX_PATH + 1 + PID_ROOM + SUFFIX.len() + 1;

    const fn new() -> Self {
        Self { bytes: [0; Self::ROOM], len: 0 }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    pub(super) fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(self.as_bytes()))
    }

    pub(super) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }

    /// The directory, with a slash at its end, and the name in it.
    pub(super) fn split(&self) -> (&[u8], &[u8]) {
        let path = self.as_bytes();
        let name = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
        (path.strip_suffix(name).unwrap_or_default(), name)
    }

    /// The directory alone.
    pub(super) fn directory(&self) -> Option<Self> {
        let mut directory = Self::new();
        directory.push(self.split().0)?;
        Some(directory)
    }

    fn push(&mut self, more: &[u8]) -> Option<()> {
        let end = self.len.checked_add(more.len())?;
        let (_, room) = self.bytes.split_last_mut()?;
        room.get_mut(self.len..end)?.copy_from_slice(more);
        self.len = end;
        Some(())
    }

    fn push_number(&mut self, number: u32) -> Option<()> {
        let mut digits = [0; PID_ROOM];
        let mut at = digits.len();
        let mut rest = number;
        loop {
            at = at.checked_sub(1)?;
            *digits.get_mut(at)? = b'0'.checked_add(u8::try_from(rest % 10).ok()?)?;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.push(digits.get(at..)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_path_and_its_draft() {
        let one = pattern("/d/coap.prom");
        assert!(!one.is_per_process());
        assert_eq!(one.file(42).unwrap().as_bytes(), b"/d/coap.prom");
        assert_eq!(one.draft(42).unwrap().as_bytes(), b"/d/coap.prom.42.tmp");
        let many = pattern("/d/%p/coap-%p.prom");
        assert!(many.is_per_process());
        assert_eq!(
            many.file(4_294_967_295).unwrap().as_bytes(),
            b"/d/4294967295/coap-4294967295.prom"
        );
        assert_eq!(many.draft(7).unwrap().as_bytes(), b"/d/7/coap-7.prom.7.tmp");
        assert_eq!(pattern("/100%.prom").file(7).unwrap().as_bytes(), b"/100%.prom");
    }

    #[test]
    fn drafts_by_their_names() {
        let rows = [
            ("/d/coap.prom", "coap.prom.42.tmp", Some(42)),
            ("/d/coap.prom", "coap.prom.042.tmp", None),
            ("/d/coap.prom", "coap.prom..tmp", None),
            ("/d/coap.prom", "coap.prom.42", None),
            ("/d/coap.prom", "coap.prom.x42.tmp", None),
            ("/d/coap.prom", "xcoap.prom.42.tmp", None),
            ("/d/w-%p.prom", "w-42.prom.42.tmp", Some(42)),
            ("/d/w-%p.prom", "w-41.prom.42.tmp", None),
            // Its own directory is another process's.
            ("/d/%p/w.prom", "w.prom.42.tmp", None),
            ("/d/%p/w.prom", "w.prom.7.tmp", Some(7)),
        ];
        for (path, name, process) in rows {
            assert_eq!(pattern(path).drafted_by(name.as_bytes(), 7), process, "{path} {name}");
        }
        let draft = pattern("/d/coap.prom").draft(42).unwrap();
        assert_eq!(draft.split(), (&b"/d/"[..], &b"coap.prom.42.tmp"[..]));
        assert_eq!(draft.directory().unwrap().as_c_str(), c"/d/");
        assert_eq!(draft.as_c_str(), c"/d/coap.prom.42.tmp");
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", "x.prom", "./x", "/d/", "/"] {
            assert!(Pattern::new(text.as_bytes()).is_err(), "{text}");
        }
        let long = format!("/{}", "x".repeat(MAX_PATH - 1));
        let longest = pattern(&long).draft(u32::MAX).unwrap();
        assert_eq!(longest.as_c_str().to_bytes(), longest.as_bytes());
        assert!(Pattern::new(format!("{long}x").as_bytes()).is_err());
        // Room for the process's number is asked for at once, not when it has grown.
        assert!(Pattern::new(long.replacen("xxx", "%p", 1).as_bytes()).is_err());
    }
}

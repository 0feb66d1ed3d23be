//! What can be chosen per SSL_CTX, and the environment's say for programs that nobody recompiles.

use crate::hello::cookie::Lifetime;
use crate::os::Once;
use crate::service::repairs::Repairs;
use std::ffi::CStr;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Whose cookies a context uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Policy {
    /// The application's if it set any callback, else ours.
    Auto = 0,
    /// The application's, as OpenSSL does it: a missing callback is an error.
    App = 1,
    /// Ours, whatever the application set.
    Builtin = 2,
}

impl Policy {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::App => "app",
            Self::Builtin => "builtin",
        }
    }

    fn parse(text: &[u8]) -> Option<Self> {
        [Self::Auto, Self::App, Self::Builtin].into_iter().find(|p| p.name().as_bytes() == text)
    }
}

/// The process's defaults, read from the environment once.
pub(crate) struct Defaults {
    pub(crate) policy: Policy,
    pub(crate) repairs: Repairs,
    pub(crate) trace: bool,
    /// Challenges in one call; 0: no bound.
    pub(crate) budget: u32,
    /// Is a listening socket to have a filter?
    pub(crate) filter: bool,
    /// None: not said, and [`Lifetime::DEFAULT`].
    pub(crate) lifetime: Option<Lifetime>,
    /// Where the secrets are. A copy, or nothing at all where memory is short: a path that no file
    /// has is an error later, and not a reason to do without the file.
    pub(crate) secret_file: Option<Vec<u8>>,
}

impl Defaults {
    /// Says nothing: a caller may have something locked.
    pub(crate) fn read() -> &'static Self {
        static DEFAULTS: Once<Defaults> = Once::new();
        DEFAULTS.get_or_make(|| Self::ask(|_| {}))
    }

    /// A line on stderr for each variable that means nothing, the first time. With nothing locked.
    pub(crate) fn say_what_is_not_understood() {
        static SAID: AtomicBool = AtomicBool::new(false);
        if SAID.swap(true, Relaxed) {
            return;
        }
        Self::ask(|variable| crate::os::notice(format_args!("{variable}")));
        crate::os::each_variable(START, |name| {
            if !NAMES.iter().any(|known| name.strip_prefix(START) == Some(known.as_bytes())) {
                crate::os::notice(format_args!(
                    "{} is none of the variables that it knows: see dtlsv1_listen(3)",
                    name.escape_ascii(),
                ));
            }
        });
    }

    fn ask(mut say: impl FnMut(NotUnderstood<'_>)) -> Self {
        Self {
            policy: variable(
                &mut say,
                c"DTLSV1_LISTEN_COOKIES",
                "auto, app or builtin",
                "auto",
                Policy::parse,
            )
            .unwrap_or(Policy::Auto),
            repairs: variable(
                &mut say,
                c"DTLSV1_LISTEN_REPAIR",
                "none, all, or some of sequence,trailing,fragments",
                "all",
                Repairs::parse,
            )
            .unwrap_or(Repairs::ALL),
            trace: variable(&mut say, c"DTLSV1_LISTEN_TRACE", "1 or 0", "0", switch)
                .unwrap_or(false),
            filter: variable(&mut say, c"DTLSV1_LISTEN_FILTER", "1 or 0", "0", switch)
                .unwrap_or(false),
            budget: variable(
                &mut say,
                c"DTLSV1_LISTEN_BUDGET",
                "a number up to 4294967295",
                "no bound",
                number,
            )
            .unwrap_or(0),
            lifetime: variable(
                &mut say,
                c"DTLSV1_LISTEN_COOKIE_LIFETIME",
                "seconds, from 1 to 86400",
                "60",
                seconds,
            ),
            secret_file: crate::os::environment(c"DTLSV1_LISTEN_SECRET_FILE").map(copy),
        }
    }
}

const START: &[u8] = b"DTLSV1_LISTEN_";

/// All that anything here asks for.
const NAMES: [&str; 8] =
    ["BUDGET", "COOKIES", "COOKIE_LIFETIME", "FILTER", "REPAIR", "SECRET_FILE", "STATS", "TRACE"];

/// A variable that is set to something that means nothing.
struct NotUnderstood<'a> {
    name: &'a CStr,
    text: &'a [u8],
    takes: &'a str,
    instead: &'a str,
}

impl fmt::Display for NotUnderstood<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}={} is not understood (it takes {}); going on with {}",
            self.name.to_string_lossy(),
            self.text.escape_ascii(),
            self.takes,
            self.instead,
        )
    }
}

fn switch(text: &[u8]) -> Option<bool> {
    match text {
        b"0" => Some(false),
        b"1" => Some(true),
        _ => None,
    }
}

/// Digits and nothing else.
fn number(text: &[u8]) -> Option<u32> {
    let digits = text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

fn seconds(text: &[u8]) -> Option<Lifetime> {
    let text = std::str::from_utf8(text).ok().filter(|t| !t.starts_with('+'))?;
    Lifetime::from_seconds(text.parse().ok()?)
}

fn copy(text: &[u8]) -> Vec<u8> {
    let mut copy = Vec::new();
    if copy.try_reserve_exact(text.len()).is_ok() {
        copy.extend_from_slice(text);
    }
    copy
}

/// A variable's value; one that means nothing is told of and counts as not set.
fn variable<T>(
    say: &mut impl FnMut(NotUnderstood<'_>),
    name: &CStr,
    takes: &str,
    instead: &str,
    parse: impl FnOnce(&[u8]) -> Option<T>,
) -> Option<T> {
    let text = crate::os::environment(name)?;
    let value = parse(text);
    if value.is_none() {
        say(NotUnderstood { name, text, takes, instead });
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_by_name_and_number() {
        for policy in [Policy::Auto, Policy::App, Policy::Builtin] {
            assert_eq!(Policy::parse(policy.name().as_bytes()), Some(policy));
        }
        for text in [&b""[..], b"Auto", b"apps", b"builtin "] {
            assert_eq!(Policy::parse(text), None);
        }
        for text in ["1", "60", "86400"] {
            let lifetime = Lifetime::from_seconds(text.parse().unwrap());
            assert_eq!(seconds(text.as_bytes()), lifetime);
        }
        for text in [&b""[..], b"0", b"86401", b"1m", b"-1", b"+1", b" 1", b"\xFF"] {
            assert_eq!(seconds(text), None);
        }
    }

    /// Whoever asks for another variable adds it to the list.
    #[test]
    fn the_names_are_those_that_are_asked_for() {
        fn collect(directory: &std::path::Path, names: &mut std::collections::BTreeSet<String>) {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    collect(&path, names);
                    continue;
                }
                let text = std::fs::read_to_string(path).unwrap();
                let found = text.split(concat!("c\"DTLSV1", "_LISTEN_")).skip(1);
                names.extend(found.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
            }
        }
        let mut names = std::collections::BTreeSet::new();
        collect(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut names);
        assert_eq!(names.into_iter().collect::<Vec<_>>(), NAMES);
    }

    #[test]
    fn switches_are_1_or_0() {
        assert_eq!(switch(b"1"), Some(true));
        assert_eq!(switch(b"0"), Some(false));
        for text in [&b""[..], b"no", b"off", b"yes", b" 1", b"0 ", b"00", b"2"] {
            assert_eq!(switch(text), None);
        }
    }

    #[test]
    fn numbers_have_digits_only() {
        assert_eq!(number(b"0"), Some(0));
        assert_eq!(number(b"4294967295"), Some(u32::MAX));
        for text in [&b""[..], b"4294967296", b"+1", b"-1", b" 1", b"1 ", b"0x10", b"\xFF"] {
            assert_eq!(number(text), None);
        }
    }
}

//! What can be wrong with a secret file's text.

use crate::hello::cookie::{MAX_SECRET_LEN, MAX_SECRETS, MIN_SECRET_LEN};
use std::fmt;

/// What is wrong, and in which line (from 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ParseError {
    /// No secret in the whole file.
    Empty,
    /// This byte of the line (from 1) is of neither alphabet.
    Character {
        line: usize,
        column: usize,
    },
    /// Hex with half a byte at its end.
    OddHex {
        line: usize,
    },
    /// Base64 that cannot end like this.
    CutBase64 {
        line: usize,
    },
    TooShort {
        line: usize,
        bytes: usize,
    },
    TooLong {
        line: usize,
    },
    /// One more than are accepted.
    TooMany {
        line: usize,
    },
}

impl ParseError {
    pub(super) const fn line(self) -> Option<usize> {
        match self {
            Self::Empty => None,
            Self::Character { line, .. }
            | Self::OddHex { line }
            | Self::CutBase64 { line }
            | Self::TooShort { line, .. }
            | Self::TooLong { line }
            | Self::TooMany { line } => Some(line),
        }
    }
}

/// What is wrong and what to do; never what the file says.
impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "holds no secret: put one in ('openssl rand -hex 32')"),
            Self::Character { column, .. } => write!(
                f,
                "byte {column} is neither hex nor base64: a line is one secret, a comment begins \
                 with #"
            ),
            Self::OddHex { .. } => write!(f, "an odd number of hex digits: one is missing"),
            Self::CutBase64 { .. } => {
                write!(f, "base64 that ends too early: is all of it in this line?")
            }
            Self::TooShort { bytes, .. } => write!(
                f,
                "{bytes} bytes, and a secret has at least {MIN_SECRET_LEN}: make one with \
                 'openssl rand -hex 32'"
            ),
            Self::TooLong { .. } => write!(
                f,
                "a secret has at most {MAX_SECRET_LEN} bytes: make one with 'openssl rand -hex 32'"
            ),
            Self::TooMany { .. } => {
                write!(f, "more than {MAX_SECRETS} secrets: remove those that are no longer used")
            }
        }
    }
}

//! What time it is, by two clocks.

use crate::os;

/// The moment of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Now {
    /// Seconds since 1970: the only clock that several hosts share, and one that can be set.
    pub(super) unix: u64,
    /// Seconds since the host was started, sleep included: nobody sets it.
    pub(super) boot: u64,
}

impl Now {
    /// The second clock is read here only: what is done for each datagram needs the first alone.
    pub(super) fn at(unix: u64) -> Self {
        Self { unix, boot: os::boot_seconds() }
    }
}

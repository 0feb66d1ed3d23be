//! Which of libssl's defects are repaired.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// A set of repairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repairs(u8);

impl Repairs {
    pub(crate) const NONE: Self = Self(0);
    /// The first ServerHello's record carries the hello's sequence.
    pub(crate) const SEQUENCE: Self = Self(1);
    /// Nothing that stands behind the verified record in its datagram reaches libssl.
    pub(crate) const TRAILING: Self = Self(2);
    /// Hellos in several fragments are put together before libssl sees them.
    pub(crate) const FRAGMENTS: Self = Self(4);
    pub(crate) const ALL: Self = Self(7);

    const NAMES: [(&'static [u8], Self); 3] = [
        (b"sequence", Self::SEQUENCE),
        (b"trailing", Self::TRAILING),
        (b"fragments", Self::FRAGMENTS),
    ];

    /// Those of either set.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// `none`, `all`, or names with commas between them.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        match text {
            b"none" => return Some(Self::NONE),
            b"all" => return Some(Self::ALL),
            _ => {}
        }
        let mut named = text
            .split(|byte| *byte == b',')
            .map(|name| Self::NAMES.iter().find(|(n, _)| *n == name).map(|(_, repairs)| repairs.0));
        named.try_fold(0, |all, one| Some(all | one?)).map(Self)
    }

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// An SSL_CTX's repairs, which any thread may change and read.
pub(crate) struct Switches(AtomicU8);

impl Switches {
    pub(crate) const fn new(repairs: Repairs) -> Self {
        Self(AtomicU8::new(repairs.0))
    }

    pub(crate) fn set(&self, repairs: Repairs) {
        self.0.store(repairs.0, Relaxed);
    }

    pub(crate) fn has(&self, repair: Repairs) -> bool {
        Repairs(self.0.load(Relaxed)).has(repair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repairs_by_name() {
        let parsed = |text: &str| Repairs::parse(text.as_bytes()).map(|repairs| repairs.0);
        assert_eq!(parsed("none"), Some(0));
        assert_eq!(parsed("all"), Some(7));
        assert_eq!(parsed("sequence"), Some(1));
        assert_eq!(parsed("trailing,fragments"), Some(6));
        assert_eq!(parsed("fragments,sequence,fragments"), Some(5));
        for text in ["", ",", "sequence,", "All", "trailing fragments", "sequence, trailing", "7"] {
            assert_eq!(parsed(text), None, "{text}");
        }
        for text in ["none,all", "all,none", "none,none", "none,sequence", "trailing,all"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn switches_are_set_one_by_one() {
        let switches = Switches::new(Repairs::ALL);
        assert!(switches.has(Repairs::TRAILING) && switches.has(Repairs::FRAGMENTS));
        switches.set(Repairs::FRAGMENTS);
        assert!(switches.has(Repairs::FRAGMENTS) && !switches.has(Repairs::SEQUENCE));
    }
}

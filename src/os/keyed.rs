//! Hashes under a key that nobody outside the process knows: whoever may choose what is hashed finds no
//! two that meet.
//!
//! The standard library's `RandomState` asks the system for its key in the first thread that needs one,
//! and panics where it is refused. The kernel gives every process 16 random bytes when it begins, which
//! takes no call that could fail.

use std::hash::{BuildHasher, DefaultHasher, Hasher as _};
use std::ptr::{NonNull, with_exposed_provenance_mut};

/// The process's key: the same in all threads, and in children that fork(2) makes.
#[derive(Clone, Copy)]
pub(crate) struct Keyed([u64; 2]);

impl Keyed {
    pub(crate) fn new() -> Self {
        Self(key())
    }

    #[cfg(test)]
    pub(crate) const fn with(key: [u64; 2]) -> Self {
        Self(key)
    }
}

impl BuildHasher for Keyed {
    type Hasher = DefaultHasher;

    /// SipHash under a key of zeros; what it hashes first is secret, and with it all that it is in after.
    fn build_hasher(&self) -> DefaultHasher {
        let Self([a, b]) = self;
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(*a);
        hasher.write_u64(*b);
        hasher
    }
}

#[cfg(not(target_os = "linux"))]
fn key() -> [u64; 2] {
    let (mut a, mut b) = ([0; 8], [0; 8]);
    super::random_at_once(&mut a);
    super::random_at_once(&mut b);
    [a, b].map(u64::from_ne_bytes)
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn key() -> [u64; 2] {
    // SAFETY: takes an entry's number, and gives 0 for one that is not there.
    let at = unsafe { libc::getauxval(libc::AT_RANDOM) };
    let random = NonNull::new(with_exposed_provenance_mut::<[u64; 2]>(at as usize));
    // SAFETY: the entry is the address of 16 bytes, aligned or not, which stay for the process's life.
    let [a, b] = random.map_or([0; 2], |at| unsafe { at.read_unaligned() });
    // A program may clear those bytes. Where things lie in memory is random, too.
    let here: fn() -> [u64; 2] = key;
    [a ^ (at as usize as u64), b ^ (here as usize as u64)]
}

#[cfg(test)]
mod tests {
    use super::Keyed;
    use std::hash::BuildHasher as _;

    #[test]
    fn one_key_for_all_and_another_elsewhere() {
        let here = Keyed::new().hash_one(b"address");
        assert_eq!(here, Keyed::new().hash_one(b"address"));
        assert_eq!(std::thread::spawn(|| Keyed::new().hash_one(b"address")).join().unwrap(), here);
        for other in [[0, 0], [0, 1], [1, 0]] {
            assert_ne!(here, Keyed::with(other).hash_one(b"address"));
        }
        assert_ne!(Keyed::with([0, 1]).hash_one(b"a"), Keyed::with([1, 0]).hash_one(b"a"));
        assert_ne!(here, Keyed::new().hash_one(b"Address"));
    }

    #[test]
    fn the_key_is_no_constant() {
        let Keyed([a, b]) = Keyed::new();
        assert!(a != 0 && b != 0 && a != b);
    }
}

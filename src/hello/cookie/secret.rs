//! Secrets, as the MAC takes them.

use sha2::{Digest as _, Sha256};
use zeroize::Zeroize as _;

/// Fewest bytes of a secret: as many as the MAC is strong.
pub const MIN_SECRET_LEN: usize = 32;

/// Most bytes of a secret. More would make none of it stronger.
pub const MAX_SECRET_LEN: usize = 1024;

/// Most secrets that are accepted at once. A forged cookie is held against each.
pub const MAX_SECRETS: usize = 8;

/// Secrets that are accepted at once: those in force, and as many that went out of force lately.
pub const MAX_HELD: usize = 2 * MAX_SECRETS;

/// The block of SHA-256: HMAC takes a longer key by its hash (RFC 2104 section 2).
const BLOCK_LEN: usize = 64;

/// What cookies are made with. Wiped when it goes.
#[derive(Clone)]
pub struct Secret {
    key: [u8; BLOCK_LEN],
    len: usize,
}

impl Secret {
    /// From 32 to 1024 bytes.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        if !(MIN_SECRET_LEN..=MAX_SECRET_LEN).contains(&bytes.len()) {
            return None;
        }
        let mut secret = Self { key: [0; BLOCK_LEN], len: bytes.len() };
        if let Some(room) = secret.key.get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
        } else {
            let mut hash: [u8; 32] = Sha256::digest(bytes).into();
            *secret.key.first_chunk_mut()? = hash;
            hash.zeroize();
            secret.len = hash.len();
        }
        Some(secret)
    }

    /// The key for HMAC, as good as the secret itself.
    pub fn key(&self) -> &[u8] {
        self.key.get(..self.len).unwrap_or(&self.key)
    }

    /// Both are ours: nobody outside sees how long it took.
    pub fn is(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_its_bounds() {
        for (len, good) in [(0, false), (31, false), (32, true), (1024, true), (1025, false)] {
            assert_eq!(Secret::new(&vec![1; len]).is_some(), good, "{len} bytes");
        }
    }

    #[test]
    fn a_long_secret_keys_the_mac_as_it_is() {
        use hmac::{KeyInit as _, Mac as _};
        for len in [32, 63, 64, 65, 1024] {
            let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let mac = |key: &[u8]| crate::hello::cookie::Mac::new_from_slice(key).unwrap();
            let right = mac(&bytes).finalize().into_bytes();
            assert_eq!(mac(Secret::new(&bytes).unwrap().key()).finalize().into_bytes(), right);
        }
    }

    #[test]
    fn tells_equal_from_other() {
        let secret = |byte| Secret::new(&[byte; 40]).unwrap();
        assert!(secret(1).is(&secret(1)));
        assert!(!secret(1).is(&secret(2)));
        assert!(!secret(1).is(&Secret::new(&[1; 41]).unwrap()));
    }
}

//! The keys of a secret file, for a packet filter that makes and checks cookies for this library
//! (`dtlsv1-listen-xdp`).

use super::Keys;
use crate::hello::cookie::{FilterKey, Lifetime};
use crate::hello::error::Fault;

/// A secret file as every server reads it: secrets that went out of force are accepted for two
/// lifetimes more. Any thread may use it.
pub struct FileKeys(Keys);

impl FileKeys {
    /// Reads the file at `path`, relative to the working directory or absolute, at `now` (seconds
    /// since 1970). [`Fault::SecretFile`] if it holds no good secret; stderr says why.
    pub fn new(path: &[u8], lifetime: Lifetime, now: u64) -> Result<Self, Fault> {
        let keys = Keys::new();
        keys.set_lifetime(lifetime);
        keys.set_file(path, now)?;
        Ok(Self(keys))
    }

    /// Reads the file again if it was not read in this second and has changed, and shows every key
    /// of the slots that are accepted at `now` (seconds since 1970). A file that is not right any
    /// more changes nothing; stderr says so, once.
    pub fn show(&self, now: u64, show: impl FnMut(FilterKey)) -> Result<(), Fault> {
        let show = std::cell::RefCell::new(show);
        self.0.with_state(now, |ring| {
            ring.show(&mut *show.borrow_mut());
            Some(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hello::cookie::{Binding, Keyring, Secret};
    use crate::hello::peer::{MAX_ADDRESS_LEN, Peer};
    use crate::os::BOOT_SECONDS;

    #[test]
    fn shows_the_keys_that_the_library_uses() {
        let path =
            std::env::temp_dir().join(format!("dtlsv1_listen-filter-{}", std::process::id()));
        let name = path.as_os_str().as_encoded_bytes();
        let lifetime = Lifetime::from_seconds(10).unwrap();
        std::fs::write(&path, format!("{}\n{}\n", "01".repeat(32), "02".repeat(40))).unwrap();
        BOOT_SECONDS.set(Some(1000));
        let keys = FileKeys::new(name, lifetime, 1000).unwrap();
        let at = |now| {
            BOOT_SECONDS.set(Some(now));
            let mut seen = Vec::new();
            keys.show(now, |key| seen.push((key.secret, key.distance, key.name, key.words)))
                .unwrap();
            seen
        };
        let seen = at(1000);
        let places: Vec<_> =
            seen.iter().map(|&(secret, distance, name, _)| (secret, distance, name)).collect();
        let expected =
            [(0, 0, 100), (0, 1, 101), (0, -1, 99), (1, 0, 100), (1, 1, 101), (1, -1, 99)];
        assert_eq!(places, expected);
        let ring = Keyring::new();
        let secrets = [[1; 32].to_vec(), [2; 40].to_vec()].map(|s| Secret::new(&s).unwrap());
        ring.renew(&secrets, 100);
        let mut shown = Vec::new();
        ring.show(|key| shown.push(key.words));
        assert_eq!(shown, seen.iter().map(|s| s.3).collect::<Vec<_>>());
        assert!(ring.make(&Binding::peer(&Peer::new([2; MAX_ADDRESS_LEN]))).is_some());

        // The second one makes them now, and the first is accepted for two lifetimes more.
        std::fs::write(&path, "02".repeat(40)).unwrap();
        let later = at(1010);
        assert_eq!(later.len(), 6);
        assert_eq!(later[0].2, 101);
        assert_eq!((later[0].3, later[3].3), (seen[4].3, seen[1].3));
        std::fs::remove_file(&path).unwrap();
        assert_eq!((at(1030).len(), at(1040).len()), (6, 3));
        assert!(FileKeys::new(name, lifetime, 1050).is_err());
    }
}

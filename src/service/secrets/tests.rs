use super::*;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

const RIGHT: Result<Check, Fault> = Ok(Check::Right { previous_secret: false });
const PREVIOUS: Result<Check, Fault> = Ok(Check::Right { previous_secret: true });
const FORGED: Result<Check, Fault> = Ok(Check::Forged);

fn made(keys: &Keys, now: u64) -> Cookie {
    keys.make(now, &Binding::peer(None)).unwrap()
}

fn checked(keys: &Keys, now: u64, cookie: &Cookie) -> Result<Check, Fault> {
    keys.check(now, cookie, &Binding::peer(None))
}

fn of(secrets: &[u8]) -> Keys {
    let keys = Keys::new();
    for &byte in secrets {
        keys.set_secret(&[byte; 32], 600).unwrap();
    }
    keys
}

#[test]
fn contexts_do_not_share_a_private_secret() {
    let (a, b) = (Keys::new(), Keys::new());
    let cookie = made(&a, 1000);
    assert_eq!(checked(&a, 1000, &cookie), RIGHT);
    assert_eq!(checked(&b, 1000, &cookie), FORGED);
}

#[test]
fn a_cookie_lives_at_least_one_and_at_most_two_slots() {
    let keys = Keys::new();
    let cookie = made(&keys, 6_059); // the last second of its slot
    assert_eq!(checked(&keys, 6_060 + 59, &cookie), RIGHT);
    assert_eq!(checked(&keys, 6_120, &cookie), Ok(Check::Expired));
    // A clock that steps back finds the slot ahead.
    assert_eq!(checked(&keys, 5_999, &cookie), RIGHT);
}

#[test]
fn clocks_may_be_a_lifetime_apart() {
    let (maker, checker) = (of(&[1]), of(&[1]));
    for at in 6_000..6_060 {
        let cookie = made(&maker, at);
        for other in [at - 60, at - 30, at + 30, at + 60] {
            assert_eq!(checked(&checker, other, &cookie), RIGHT, "{at} and {other}");
        }
    }
}

#[test]
fn lifetimes_as_chosen() {
    let keys = of(&[1]);
    keys.set_lifetime(Lifetime::from_seconds(1).unwrap());
    let cookie = made(&keys, 1000);
    assert_eq!(checked(&keys, 1001, &cookie), RIGHT);
    assert_eq!(checked(&keys, 1002, &cookie), Ok(Check::Expired));
    keys.set_lifetime(Lifetime::from_seconds(Lifetime::MAX).unwrap());
    let cookie = made(&keys, 1000);
    assert_eq!(checked(&keys, 2 * 86_400 - 1, &cookie), RIGHT);
}

#[test]
fn a_secret_has_its_length() {
    let keys = Keys::new();
    for len in [0, 31, 1025] {
        assert_eq!(keys.set_secret(&vec![1; len], 0), Err(Fault::SecretLength));
    }
    for len in [32, 1024] {
        assert_eq!(keys.set_secret(&vec![1; len], 0), Ok(()));
    }
}

#[test]
fn a_secret_that_finds_no_memory_is_not_in_force() {
    use crate::protected::tests::LEFT;
    let cookie = made(&of(&[1]), 6_000);
    for pieces in [0, 1] {
        let keys = Keys::new();
        LEFT.set(pieces);
        assert_eq!(keys.set_secret(&[1; 32], 6_000), Err(Fault::NoMemory), "{pieces}");
        LEFT.set(usize::MAX);
        assert_eq!(checked(&keys, 6_000, &cookie), FORGED, "{pieces}");
        keys.set_secret(&[1; 32], 6_000).unwrap();
        assert_eq!(checked(&keys, 6_000, &cookie), RIGHT);
    }
}

#[test]
fn the_secret_before_is_accepted_until_the_next() {
    let keys = Keys::new();
    let private = made(&keys, 600);
    for byte in [1, 2] {
        keys.set_secret(&[byte; 32], 600).unwrap();
    }
    // However fast one follows the other, what a client was given just now is good.
    assert_eq!(checked(&keys, 600, &private), PREVIOUS);
    let one = made(&of(&[1]), 100_000);
    assert_eq!(checked(&keys, 100_000, &one), PREVIOUS);
    assert_eq!(checked(&keys, 100_000, &made(&of(&[2]), 100_000)), RIGHT);
    // The same secret again: nothing is before it any more, when two lifetimes are over.
    keys.set_secret(&[2; 32], 100_000).unwrap();
    assert_eq!(checked(&keys, 100_000, &one), PREVIOUS);
    for (now, old) in [(100_120, PREVIOUS), (100_121, FORGED), (100_240, FORGED)] {
        assert_eq!(checked(&keys, now, &made(&of(&[1]), now)), old, "{now}");
        assert_eq!(checked(&keys, now, &made(&of(&[2]), now)), RIGHT);
    }
}

#[test]
fn what_is_replaced_is_accepted_for_two_lifetimes_to_the_second() {
    for replaced in 6_000..6_060 {
        let keys = of(&[1, 2]);
        keys.set_secret(&[3; 32], replaced).unwrap();
        keys.set_secret(&[4; 32], replaced + 7).unwrap();
        let accepts = |now, byte| checked(&keys, now, &made(&of(&[byte]), now));
        for (byte, last) in [(1, replaced + 120), (2, replaced + 127)] {
            assert_eq!([accepts(last, byte), accepts(last + 1, byte)], [PREVIOUS, FORGED]);
        }
        assert_eq!([accepts(6_240, 3), accepts(6_240, 4)], [PREVIOUS, RIGHT]);
    }
}

#[test]
fn a_cookie_made_just_before_the_change_has_all_its_life() {
    for replaced in 6_000..6_060 {
        let (keys, maker) = (of(&[1]), of(&[1]));
        let cookie = made(&maker, replaced);
        let ahead = made(&maker, replaced + 30); // by half a lifetime
        keys.set_secret(&[2; 32], replaced).unwrap();
        keys.set_secret(&[2; 32], replaced).unwrap(); // and now the one before goes, too
        for now in replaced..6_120 {
            assert_eq!(checked(&keys, now, &cookie), PREVIOUS, "{replaced} {now}");
        }
        assert_eq!(checked(&keys, 6_120, &cookie), Ok(Check::Expired), "{replaced}");
        for now in replaced..=replaced + 120 {
            let old = checked(&maker, now, &ahead).map(|check| check != Check::Expired);
            assert_eq!(checked(&keys, now, &ahead) == PREVIOUS, old.unwrap(), "{replaced} {now}");
        }
    }
}

#[test]
fn a_secret_may_be_accepted_before_it_makes_cookies() {
    // What several hosts that are called one after the other need: docs/operations.md.
    let ahead = of(&[2, 1]);
    assert_eq!(checked(&ahead, 90_000, &made(&of(&[1]), 90_000)), RIGHT);
    assert_eq!(checked(&ahead, 90_000, &made(&of(&[2]), 90_000)), PREVIOUS);
}

struct SecretFile(PathBuf);

impl SecretFile {
    fn new(name: &str) -> Self {
        let name = format!("dtlsv1-keys-{}-{name}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    /// As it should be done: another file in the old one's place.
    fn holds(&self, secrets: &[u8]) {
        let text: Vec<_> = secrets.iter().map(|b| format!("{b:02x}").repeat(32)).collect();
        self.is(&text.join("\n"));
    }

    fn is(&self, text: &str) {
        let new = self.0.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, PermissionsExt::from_mode(0o600)).unwrap();
        fs::rename(&new, &self.0).unwrap();
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_os_str().as_bytes()
    }

    fn keys(&self, now: u64) -> Keys {
        let keys = Keys::new();
        keys.set_file(self.bytes(), now).unwrap();
        keys
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn a_file_is_read_again_when_it_changes_and_a_second_has_passed() {
    let file = SecretFile::new("changes");
    file.holds(&[1, 2]);
    let keys = file.keys(6_000);
    let accepts = |now, byte| checked(&keys, now, &made(&of(&[byte]), now));
    assert_eq!(
        [accepts(6_000, 1), accepts(6_000, 2), accepts(6_000, 3)],
        [RIGHT, PREVIOUS, FORGED]
    );
    file.holds(&[2, 3]);
    assert_eq!(accepts(6_000, 3), FORGED);
    // What went is accepted as long as cookies of it are about.
    assert_eq!(
        [accepts(6_001, 2), accepts(6_001, 3), accepts(6_001, 1)],
        [RIGHT, PREVIOUS, PREVIOUS]
    );
    assert_eq!([accepts(6_121, 1), accepts(6_122, 1)], [PREVIOUS, FORGED]);
}

#[test]
fn eight_secrets_replaced_by_eight_others_are_all_accepted() {
    let file = SecretFile::new("full");
    file.holds(&[1, 2, 3, 4, 5, 6, 7, 8]);
    let keys = file.keys(6_000);
    let before = made(&keys, 6_000);
    file.holds(&[11, 12, 13, 14, 15, 16, 17, 18]);
    assert_eq!(checked(&keys, 6_001, &made(&of(&[11]), 6_001)), RIGHT);
    for byte in (1..=8).chain(12..=18) {
        assert_eq!(checked(&keys, 6_001, &made(&of(&[byte]), 6_001)), PREVIOUS, "{byte}");
    }
    assert_eq!([checked(&keys, 6_001, &before), checked(&keys, 6_119, &before)], [PREVIOUS; 2]);
}

#[test]
fn a_bad_file_leaves_the_last_good_secrets_in_force() {
    let file = SecretFile::new("bad");
    file.holds(&[1]);
    let keys = file.keys(6_000);
    let mut now = 6_000;
    for bad in ["", "# nothing", "short", "!"] {
        file.is(bad);
        now += 1;
        assert_eq!(checked(&keys, now, &made(&of(&[1]), now)), RIGHT, "{bad}");
    }
    fs::remove_file(&file.0).unwrap();
    for now in [6_010, 60_000] {
        assert_eq!(checked(&keys, now, &made(&of(&[1]), now)), RIGHT);
    }
    file.holds(&[2]);
    assert_eq!(checked(&keys, 60_001, &made(&of(&[2]), 60_001)), RIGHT);
}

#[test]
fn without_a_good_file_there_are_no_cookies_until_it_is_good() {
    let file = SecretFile::new("start");
    let keys = Keys::new();
    assert_eq!(keys.set_file(file.bytes(), 6_000), Err(Fault::SecretFile));
    let binding = Binding::peer(None);
    assert_eq!(keys.make(6_000, &binding), Err(Fault::SecretFile));
    assert_eq!(keys.check(6_001, &[0; 32], &binding), Err(Fault::SecretFile));
    assert_eq!(keys.prepare(), Err(Fault::SecretFile));
    file.holds(&[1]);
    assert_eq!(keys.make(6_002, &binding), Ok(made(&of(&[1]), 6_002)));
    assert_eq!(keys.prepare(), Ok(()));
}

#[test]
fn a_file_that_is_bad_when_it_is_named_leaves_the_secrets_there_are() {
    let file = SecretFile::new("named");
    let keys = of(&[1]);
    assert_eq!(keys.set_file(file.bytes(), 6_000), Err(Fault::SecretFile));
    assert_eq!(checked(&keys, 6_000, &made(&of(&[1]), 6_000)), RIGHT);
    file.holds(&[2]);
    assert_eq!(checked(&keys, 6_001, &made(&of(&[2]), 6_001)), RIGHT);
    assert_eq!(checked(&keys, 6_001, &made(&of(&[1]), 6_001)), PREVIOUS);
}

#[test]
fn two_contexts_share_a_file_and_a_third_may_leave_it() {
    let file = SecretFile::new("shared");
    file.holds(&[1]);
    let (a, b, c) = (file.keys(6_000), file.keys(6_000), file.keys(6_000));
    c.set_secret(&[9; 32], 6_000).unwrap();
    drop(a);
    file.holds(&[2, 1]);
    assert_eq!(checked(&b, 6_001, &made(&of(&[2]), 6_001)), RIGHT);
    assert_eq!(checked(&c, 6_001, &made(&of(&[2]), 6_001)), FORGED);
    assert_eq!(checked(&c, 6_001, &made(&of(&[1]), 6_001)), PREVIOUS);
}

#[test]
fn as_kubernetes_does_it_a_symlink_on_the_way_is_swapped() {
    use std::os::unix::fs::symlink;
    let dir = SecretFile::new("mount").0.clone();
    for (version, byte) in [("..1", 1), ("..2", 2)] {
        fs::create_dir_all(dir.join(version)).unwrap();
        fs::write(dir.join(version).join("cookie"), format!("{byte:02x}").repeat(32)).unwrap();
    }
    symlink("..1", dir.join("..data")).unwrap();
    symlink("..data/cookie", dir.join("cookie")).unwrap();
    let keys = Keys::new();
    keys.set_file(dir.join("cookie").as_os_str().as_bytes(), 6_000).unwrap();
    assert_eq!(checked(&keys, 6_000, &made(&of(&[1]), 6_000)), RIGHT);
    symlink("..2", dir.join("..tmp")).unwrap();
    fs::rename(dir.join("..tmp"), dir.join("..data")).unwrap();
    assert_eq!(checked(&keys, 6_001, &made(&of(&[2]), 6_001)), RIGHT);
    fs::remove_dir_all(dir).unwrap();
}

//! Secrets from a file.

use super::*;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

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
    let binding = Binding::peer(somebody());
    assert_eq!(try_make(&keys, 6_000), Err(Fault::SecretFile));
    assert_eq!(keys.check(6_001, &[0; 32], &binding), Err(Fault::SecretFile));
    assert_eq!(keys.prepare(), Err(Fault::SecretFile.into()));
    file.holds(&[1]);
    assert_eq!(try_make(&keys, 6_002), Ok(made(&of(&[1]), 6_002)));
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

#[test]
fn while_one_looks_the_others_go_on_with_what_is_known() {
    let file = SecretFile::new("looking");
    file.holds(&[1]);
    let keys = file.keys(6_000);
    let watched = Watched::at(file.bytes()).unwrap();
    assert!(watched.look(6_000).is_none(), "looked at this second");
    let look = watched.look(6_001).unwrap();
    assert!(watched.look(6_002).is_none(), "another is looking");
    file.holds(&[2]);
    assert_eq!(checked(&keys, 6_002, &made(&of(&[1]), 6_002)), RIGHT);
    assert!(look.take());
    assert_eq!(checked(&keys, 6_003, &made(&of(&[2]), 6_003)), RIGHT);
}

#[test]
fn a_look_that_comes_to_nothing_is_not_the_last() {
    let file = SecretFile::new("nothing");
    file.holds(&[1]);
    let watched = Watched::at(file.bytes()).unwrap();
    drop(watched.look(6_000).unwrap()); // its thread ended in it
    assert!(watched.known(0, |_| panic!("nothing was read")).generation == 0);
    assert!(watched.look(6_000).is_none());
    assert!(watched.look(6_001).unwrap().take());
}

#[test]
fn a_look_that_is_overtaken_changes_nothing() {
    let file = SecretFile::new("overtaken");
    file.holds(&[1]);
    let watched = Watched::at(file.bytes()).unwrap();
    let slow = watched.look(6_000).unwrap();
    file.holds(&[2]);
    assert!(watched.look_again(6_000).unwrap().take());
    let keys = file.keys(6_001);
    file.is("not a secret");
    assert!(slow.take(), "what it says is old");
    assert_eq!(checked(&keys, 6_001, &made(&of(&[2]), 6_001)), RIGHT);
}

#[test]
fn the_first_look_is_waited_for() {
    let file = SecretFile::new("first");
    file.holds(&[1]);
    let watched = Watched::at(file.bytes()).unwrap();
    let look = watched.look(0).unwrap();
    let keys = Keys::new();
    keys.state.lock().set_source(&keys.published, Source::of(Watched::at(file.bytes()).unwrap()));
    assert_eq!(keys.prepare(), Err(Stop::WouldBlock), "and not for ever");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(20));
            look.take()
        });
        let cookie = made(&of(&[1]), 6_000);
        assert_eq!(checked(&keys, 6_000, &cookie), RIGHT);
    });
    assert_eq!(keys.prepare(), Ok(()));
}

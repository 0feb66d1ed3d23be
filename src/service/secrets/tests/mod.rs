mod clock;
mod files;

use super::*;
use crate::hello::cookie::{COOKIE_LEN, Cookie};
use crate::hello::peer::tests::somebody;

const RIGHT: Result<Check, Fault> = Ok(Check::Right { previous_secret: false });
const PREVIOUS: Result<Check, Fault> = Ok(Check::Right { previous_secret: true });
const FORGED: Result<Check, Fault> = Ok(Check::Forged);

fn try_make(keys: &Keys, now: u64) -> Result<Cookie, Fault> {
    let mut room = [0; COOKIE_LEN + 1];
    keys.make_in(&mut room, now, &Binding::peer(somebody()))?;
    Ok(*room.first_chunk().unwrap())
}

fn made(keys: &Keys, now: u64) -> Cookie {
    try_make(keys, now).unwrap()
}

fn checked(keys: &Keys, now: u64, cookie: &Cookie) -> Result<Check, Fault> {
    keys.check(now, cookie, &Binding::peer(somebody()))
}

fn of(secrets: &[u8]) -> Keys {
    let keys = Keys::new();
    for &byte in secrets {
        keys.set_secret(&[byte; 32], 600).unwrap();
    }
    keys
}

#[test]
fn contexts_without_a_secret_share_the_processs() {
    let (a, b, own) = (Keys::new(), Keys::new(), of(&[1]));
    let cookie = made(&a, 1000);
    assert_eq!([checked(&a, 1000, &cookie), checked(&b, 1000, &cookie)], [RIGHT; 2]);
    assert_eq!(checked(&own, 1000, &cookie), FORGED);
    assert_eq!(checked(&a, 1000, &made(&own, 1000)), FORGED);
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
        let maker = of(&[1]);
        let changed = || {
            let keys = of(&[1]);
            keys.set_secret(&[2; 32], replaced).unwrap();
            keys.set_secret(&[2; 32], replaced).unwrap(); // and now the one before goes, too
            keys
        };
        let cookie = made(&maker, replaced);
        let ahead = made(&maker, replaced + 30); // by half a lifetime
        let keys = changed();
        for now in replaced..6_120 {
            assert_eq!(checked(&keys, now, &cookie), PREVIOUS, "{replaced} {now}");
        }
        assert_eq!(checked(&keys, 6_120, &cookie), Ok(Check::Expired), "{replaced}");
        let keys = changed(); // the clock does not go back
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

/// A thread of the parent was in the middle of it when the process was forked off.
#[test]
fn what_was_left_half_done_is_settled() {
    let keys = of(&[1]);
    let before = made(&keys, 6_000);
    let mut secrets = set::Secrets::NONE;
    secrets.add(Secret::new(&[2; 32]).unwrap());
    let lifetime = Lifetime::DEFAULT;
    // The secret is in force, and nothing of the keys is.
    state::replace(&mut keys.state.lock().accepted, &secrets, Now::at(6_000), lifetime).unwrap();
    keys.state.leave_behind();
    keys.set_lifetime(lifetime); // the first to have the lock
    assert_eq!(checked(&keys, 6_001, &made(&of(&[2]), 6_001)), RIGHT);
    assert_eq!(checked(&keys, 6_001, &before), PREVIOUS);
    assert_eq!(made(&keys, 6_001), made(&of(&[2]), 6_001));
}

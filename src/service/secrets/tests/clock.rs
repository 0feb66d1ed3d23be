//! A clock that is set.

use super::*;
use crate::os::BOOT_SECONDS;

/// Wall clock and seconds since the start, as this thread is to see them.
fn accepts(keys: &Keys, unix: u64, boot: u64, byte: u8) -> Result<Check, Fault> {
    let cookie = made(&of(&[byte]), unix);
    BOOT_SECONDS.set(Some(boot));
    checked(keys, unix, &cookie)
}

const DAY: u64 = 86_400;

#[test]
fn what_is_replaced_does_not_come_back_with_a_clock_that_is_set_back() {
    BOOT_SECONDS.set(Some(500));
    let keys = of(&[1]);
    for byte in [2, 3] {
        keys.set_secret(&[byte; 32], 100 * DAY).unwrap();
    }
    assert_eq!(accepts(&keys, 100 * DAY, 500, 1), PREVIOUS);
    assert_eq!(accepts(&keys, 70 * DAY, 510, 1), PREVIOUS);
    assert_eq!(accepts(&keys, 70 * DAY + 110, 500 + 121, 1), PREVIOUS);
    assert_eq!(accepts(&keys, 70 * DAY + 111, 500 + 122, 1), FORGED);
    assert_eq!(accepts(&keys, 70 * DAY + 112, 500 + 123, 2), PREVIOUS);
}

#[test]
fn a_clock_that_is_set_back_again_and_again_wins_no_second() {
    BOOT_SECONDS.set(Some(500));
    let keys = of(&[1]);
    for byte in [2, 3] {
        keys.set_secret(&[byte; 32], 6_000).unwrap();
    }
    for boot in 500..=621 {
        let unix = 6_030 - (boot - 500) % 2; // one step on, one step back
        assert_eq!(accepts(&keys, unix, boot, 1), PREVIOUS, "{boot}");
    }
    assert_eq!([accepts(&keys, 6_028, 622, 1), accepts(&keys, 6_029, 623, 1)], [FORGED; 2]);
}

#[test]
fn the_end_is_set_back_with_the_clock() {
    BOOT_SECONDS.set(Some(500)); // and stands still, as a program's that sets its own time may
    let keys = of(&[1]);
    for byte in [2, 3] {
        keys.set_secret(&[byte; 32], 100 * DAY).unwrap();
    }
    assert_eq!(accepts(&keys, 70 * DAY, 500, 1), PREVIOUS);
    assert_eq!(accepts(&keys, 70 * DAY + 120, 500, 1), PREVIOUS);
    assert_eq!(accepts(&keys, 70 * DAY + 121, 500, 1), FORGED);
}

#[test]
fn threads_that_are_held_up_are_no_set_clock() {
    BOOT_SECONDS.set(Some(500));
    let keys = of(&[1]);
    for byte in [2, 3] {
        keys.set_secret(&[byte; 32], 6_000).unwrap();
    }
    for unix in 6_001..=6_110 {
        assert_eq!(accepts(&keys, unix + 9, 500, 1), PREVIOUS, "{unix}");
        assert_eq!(accepts(&keys, unix, 500, 1), PREVIOUS, "{unix}");
    }
    assert_eq!([accepts(&keys, 6_120, 500, 1), accepts(&keys, 6_121, 500, 1)], [PREVIOUS, FORGED]);
}

#[test]
fn a_clock_that_is_set_on_ends_it_too() {
    BOOT_SECONDS.set(Some(500));
    let keys = of(&[1]);
    for byte in [2, 3] {
        keys.set_secret(&[byte; 32], 6_000).unwrap();
    }
    assert_eq!(accepts(&keys, 6_000 + 120, 501, 1), PREVIOUS);
    assert_eq!(accepts(&keys, 6_000 + 121, 501, 1), FORGED);
    assert_eq!(accepts(&keys, 6_000, 502, 1), FORGED, "gone is gone");
}

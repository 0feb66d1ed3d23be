//! All that comes from the library: secrets, slots and keys are its own.

use crate::shared::{Ring, SECRETS, SLOTS};
pub use dtlsv1_listen::FileKeys;
pub use dtlsv1_listen::hello::cookie::{FilterKey, Lifetime};

/// Seconds that keys hold without a word from the loader.
const PATIENCE: u64 = 5;
const SECOND: u64 = 1_000_000_000;

/// A point in time by both clocks, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Since 1970.
    pub wall: u64,
    /// CLOCK_MONOTONIC.
    pub monotonic: u64,
}

/// The keys of a secret file for the slots around now.
pub fn ring(file: &FileKeys, lifetime: Lifetime, now: Now) -> Option<Ring> {
    let seconds = now.wall.checked_div(SECOND)?;
    let mut ring = Ring { valid_until: valid_until(lifetime, now), ..Ring::NONE };
    file.show(seconds, |key| put(&mut ring, &key)).ok()?;
    (ring.secrets > 0).then_some(ring)
}

/// Puts one key in its place.
pub fn put(ring: &mut Ring, key: &FilterKey) {
    let slot = key.distance.checked_add(1).and_then(|slot| usize::try_from(slot).ok());
    let Some(slot) = slot.filter(|&slot| slot < SLOTS && key.secret < SECRETS) else { return };
    if let Some(name) = ring.names.get_mut(slot) {
        *name = key.name;
    }
    let place = ring.keys.get_mut(key.secret).and_then(|keys| keys.get_mut(slot));
    if let Some(place) = place {
        *place = key.words;
    }
    ring.secrets = ring.secrets.max(u32::try_from(key.secret.saturating_add(1)).unwrap_or(0));
}

/// Until when keys may be used that nobody renews. A cookie of a slot is accepted for a lifetime
/// after the slot's end: half of it is the client's.
fn valid_until(lifetime: Lifetime, now: Now) -> u64 {
    let length = lifetime.seconds().saturating_mul(SECOND);
    let into = now.wall.checked_rem(length).unwrap_or(0);
    let left = length.saturating_sub(into).saturating_add(length >> 1);
    now.monotonic.saturating_add(left.min(PATIENCE * SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hold_for_five_seconds_or_half_a_lifetime_past_their_slot() {
        let at = |lifetime, wall_ms: u64| {
            let now = Now { wall: wall_ms * 1_000_000, monotonic: 7 };
            (valid_until(Lifetime::from_seconds(lifetime).unwrap(), now) - 7) / 1_000_000
        };
        assert_eq!(at(60, 0), 5000);
        assert_eq!(at(60, 59_999), 5000);
        assert_eq!(at(4, 4_000), 5000);
        assert_eq!(at(4, 7_500), 2500);
        assert_eq!(at(1, 10_000), 1500);
        assert_eq!(at(1, 10_999), 501);
    }

    #[test]
    fn a_key_that_has_no_place_changes_nothing() {
        let mut ring = Ring::NONE;
        for (secret, distance) in [(SECRETS, 0), (0, 2), (0, -2), (0, i64::MAX)] {
            put(&mut ring, &FilterKey { secret, distance, name: 1, words: [1; 16] });
        }
        assert!(ring == Ring::NONE);
        put(&mut ring, &FilterKey { secret: 1, distance: -1, name: 9, words: [1; 16] });
        assert_eq!((ring.secrets, ring.names[0], ring.keys[1][0][0]), (2, 9, 1));
    }
}

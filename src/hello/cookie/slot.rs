//! Time slots, and the key of one slot of one secret.

use super::mac::{Keyed, Pads};
use super::{Binding, COOKIE_ROOM_LEN, Cookie, CookieRoom, Mac};
use hmac::{KeyInit as _, Mac as _};
use std::num::NonZeroU32;
use zeroize::Zeroizing;

/// Set apart from every other use of the same secret.
const LABEL: &[u8] = b"dtlsv1_listen cookie slot v1";

/// How long a slot is, in seconds. A cookie is accepted for at least as long after it was made, less
/// what the clocks of the two hosts differ that made and check it, and for at most twice as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime(NonZeroU32);

impl Lifetime {
    /// A minute: clocks may be half a minute apart and leave half a minute for the round trip.
    #[allow(clippy::unwrap_used, reason = "of a constant: the compiler would say so")]
    pub const DEFAULT: Self = Self(NonZeroU32::new(60).unwrap());
    /// A day, in seconds.
    pub const MAX: u32 = 86_400;

    /// From 1 second to a day.
    pub fn from_seconds(seconds: u32) -> Option<Self> {
        NonZeroU32::new(seconds).filter(|s| s.get() <= Self::MAX).map(Self)
    }

    /// In seconds.
    pub const fn seconds(self) -> u64 {
        self.0.get() as u64
    }

    /// The slot that a time (seconds since 1970) falls in.
    pub fn slot(self, unix_seconds: u64) -> u64 {
        unix_seconds.checked_div(self.seconds()).unwrap_or(0)
    }
}

/// The MAC of one slot under one secret, keyed and ready.
#[derive(Clone)]
pub struct SlotKey {
    name: u8,
    mac: Keyed,
}

impl SlotKey {
    /// HMAC-SHA256(secret, label and the slot's number in 8 bytes), which in turn keys the MAC.
    pub fn derive(secret: &[u8], slot: u64) -> Self {
        let mut kdf = keyed(secret);
        kdf.update(LABEL);
        kdf.update(&slot.to_be_bytes());
        let key = Zeroizing::new(<[u8; 32]>::from(kdf.finalize().into_bytes()));
        let [.., name] = slot.to_be_bytes();
        Self { name, mac: Keyed::new(&key) }
    }

    pub(super) const fn mac(&self) -> &Keyed {
        &self.mac
    }

    /// The byte by which cookies of this slot are told: the slot's number modulo 256.
    pub const fn name(&self) -> u8 {
        self.name
    }

    /// Makes this slot's cookie for a client.
    pub fn make(&self, binding: &Binding<'_>) -> Cookie {
        let mut room = [0; COOKIE_ROOM_LEN];
        make_in(&mut room, self.name, &self.mac, binding);
        super::cookie_of(room)
    }
}

/// [`SlotKey::make`], with a slot's key wherever it is.
#[inline(always)]
pub(super) fn make_in(room: &mut CookieRoom, name: u8, mac: &impl Pads, binding: &Binding<'_>) {
    let [first, rest @ ..] = room;
    *first = name;
    *rest = *binding.tag(mac).bytes();
}

/// Is it the slot's tag for this client, or a short cookie's? In constant time.
pub(super) fn verify<const N: usize>(
    mac: &impl Pads,
    tag: &[u8; N],
    binding: &Binding<'_>,
) -> bool {
    binding.tag(mac).begins(tag)
}

/// HMAC takes a key of any length (RFC 2104), so the error cannot occur; an unkeyed MAC would be a
/// hole, hence a panic, which the C boundary turns into -1.
#[expect(clippy::expect_used, reason = "see above")]
fn keyed(key: &[u8]) -> Mac {
    Mac::new_from_slice(key).expect("HMAC takes any key length")
}

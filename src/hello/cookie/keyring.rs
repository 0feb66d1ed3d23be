//! The secrets in force, prepared for the slots around now.
//!
//! Every thread of a server reads the keys for every datagram, and once a slot one thread changes
//! them. So they are shared without a lock: a reader uses a key's 16 words and then looks whether a
//! change was made meanwhile (a sequence lock). Readers write nothing, so that threads do not
//! take a cache line from each other; a read-write lock took 60 instructions, two of them atomic,
//! for each datagram.

use super::mac::{Pads, State, WORDS};
use super::slot;
use super::{
    Binding, COOKIE_ROOM_LEN, Cookie, CookieRoom, MAX_HELD, SHORT_TAG_LEN, Secret, SlotKey,
    TAG_LEN, cookie_of,
};
use std::sync::atomic::{
    AtomicU32, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release, fence,
};

/// What a cookie turned out to be. From outside all but `Right` look alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Ours, of the current, the previous or (the issuing host's clock is ahead) the next slot.
    Right {
        /// Made with a secret that makes no cookies any more.
        previous_secret: bool,
    },
    /// Ours once, too old now.
    Expired,
    /// Not ours, not this client's, or not a cookie.
    Forged,
}

/// Every secret's keys for one moment's slots. A new slot means other keys.
pub struct Keyring {
    /// Counts the changes, twice each: odd while one is being made.
    version: AtomicU32,
    now: AtomicU64,
    secrets: [SecretKeys; MAX_HELD],
}

/// A key that a packet filter makes and checks cookies with.
#[derive(Clone, Copy)]
pub struct FilterKey {
    /// The secret's place in the ring; cookies are made with the first one's, 0.
    pub secret: usize,
    /// The slot, by its distance from the ring's: -1, 0 or 1.
    pub distance: i64,
    /// The first byte of the slot's cookies.
    pub name: u8,
    /// SHA-256's state behind the inner pad and behind the outer one.
    pub words: [u32; WORDS],
}

/// One secret's keys, the current slot's first; none for no secret.
struct SecretKeys([SharedKey; NEAR.len()]);

/// The slots that a secret has keys for, by their distance from now. Of those three and two back a
/// cookie is not accepted: they tell an expired one from a forged one, for the counters.
const NEAR: [(i64, Age); 5] = [
    (0, Age::Accepted),
    (1, Age::Accepted),
    (-1, Age::Accepted),
    (-2, Age::Expired),
    (-3, Age::Expired),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    Accepted,
    Expired,
}

/// A [`SlotKey`] as it is shared.
struct SharedKey {
    /// The key's name and [`SharedKey::THERE`], or 0 for no key.
    name: AtomicU32,
    /// Two words each, the first one's bits the lower.
    words: [AtomicU64; PAIRS],
}

const PAIRS: usize = WORDS / 2;

impl Keyring {
    /// No keys: makes no cookies and accepts none.
    pub const fn new() -> Self {
        Self {
            version: AtomicU32::new(0),
            now: AtomicU64::new(u64::MAX),
            secrets: [const { SecretKeys::none() }; MAX_HELD],
        }
    }

    /// Prepares the keys around slot `now`, in place: they are worth keeping out of the way. The
    /// first secret makes cookies, all are accepted, up to [`MAX_HELD`]. One thread at a time:
    /// what two would leave is nobody's keys.
    pub fn renew<'a>(&self, secrets: impl IntoIterator<Item = &'a Secret>, now: u64) {
        let changing = self.version.load(Relaxed) | 1;
        self.version.store(changing, Relaxed);
        fence(Release); // whoever sees a word of the change sees this
        let mut secrets = secrets.into_iter();
        for keys in &self.secrets {
            keys.renew(secrets.next(), now);
        }
        self.now.store(now, Relaxed);
        self.version.store(changing.wrapping_add(1), Release);
    }

    /// The slot that the ring was made for.
    pub fn slot(&self) -> u64 {
        self.now.load(Relaxed)
    }

    /// Shows the keys of all slots that are accepted, secret by secret, the current slot's first.
    /// Nobody may change them meanwhile.
    pub fn show(&self, mut show: impl FnMut(FilterKey)) {
        for (secret, SecretKeys(keys)) in self.secrets.iter().enumerate() {
            for (key, (distance, age)) in keys.iter().zip(NEAR) {
                if let (Some(name), Age::Accepted) = (key.name(), age) {
                    let [inner, outer] = [key.inner(), key.outer()];
                    let mut words = [0; WORDS];
                    let all = words.iter_mut().zip(inner.iter().chain(&outer));
                    all.for_each(|(to, from)| *to = *from);
                    show(FilterKey { secret, distance, name, words });
                }
            }
        }
    }

    /// Makes a cookie for a client, in place: each copy of one waits for the stores of the one before.
    /// `None`, and nothing of use in the room, without a secret or while the keys are being changed.
    #[inline]
    pub fn make_in(&self, room: &mut CookieRoom, binding: &Binding<'_>) -> Option<()> {
        let version = self.version.load(Acquire);
        let [first, ..] = &self.secrets;
        let SecretKeys([current, ..]) = first;
        slot::make_in(room, current.name()?, current, binding);
        self.is_still(version).then_some(())
    }

    /// The same by value.
    pub fn make(&self, binding: &Binding<'_>) -> Option<Cookie> {
        let mut room = [0; COOKIE_ROOM_LEN];
        self.make_in(&mut room, binding).map(|()| cookie_of(room))
    }

    /// Checks what a client sent back. `None` while the keys are being changed.
    pub fn check(&self, cookie: &[u8], binding: &Binding<'_>) -> Option<Check> {
        // The length is no secret.
        let (Some((&name, tag)), Some(binding)) =
            (cookie.split_first(), binding.shown(cookie.len()))
        else {
            return Some(Check::Forged);
        };
        if let Some(tag) = tag.first_chunk::<TAG_LEN>() {
            self.check_tag(name, tag, &binding)
        } else if let Some(tag) = tag.first_chunk::<SHORT_TAG_LEN>() {
            self.check_tag(name, tag, &binding)
        } else {
            Some(Check::Forged)
        }
    }

    fn check_tag<const N: usize>(
        &self,
        name: u8,
        tag: &[u8; N],
        binding: &Binding<'_>,
    ) -> Option<Check> {
        let version = self.version.load(Acquire);
        let mut check = Check::Forged;
        // They stand side by side from the first place on.
        for (i, secret) in self.secrets.iter().take_while(|secret| secret.is_there()).enumerate() {
            let Some((key, age)) = secret.named(name) else { continue };
            if slot::verify(key, tag, binding) {
                check = match age {
                    Age::Accepted => Check::Right { previous_secret: i != 0 },
                    Age::Expired => Check::Expired,
                };
                break;
            }
        }
        self.is_still(version).then_some(check)
    }

    /// Is what was read since that version was, whole and of that version?
    fn is_still(&self, version: u32) -> bool {
        fence(Acquire);
        version & 1 == 0 && self.version.load(Relaxed) == version
    }
}

impl Default for Keyring {
    fn default() -> Self {
        Self::new()
    }
}

impl SecretKeys {
    const fn none() -> Self {
        Self([const { SharedKey::none() }; NEAR.len()])
    }

    fn renew(&self, secret: Option<&Secret>, now: u64) {
        for (shared, (distance, _)) in self.0.iter().zip(NEAR) {
            match secret.zip(now.checked_add_signed(distance)) {
                Some((secret, slot)) => shared.put(&SlotKey::derive(secret.key(), slot)),
                None => shared.remove(),
            }
        }
    }

    fn is_there(&self) -> bool {
        let [current, ..] = &self.0;
        current.name().is_some()
    }

    fn named(&self, name: u8) -> Option<(&SharedKey, Age)> {
        let mut keys = self.0.iter().zip(NEAR);
        let (shared, (_, age)) = keys.find(|(shared, _)| shared.name() == Some(name))?;
        Some((shared, age))
    }
}

impl SharedKey {
    const THERE: u32 = 0x100;
    const fn none() -> Self {
        Self { name: AtomicU32::new(0), words: [const { AtomicU64::new(0) }; PAIRS] }
    }

    fn name(&self) -> Option<u8> {
        let name = self.name.load(Relaxed);
        (name & Self::THERE != 0).then_some(name as u8)
    }

    fn put(&self, key: &SlotKey) {
        self.name.store(u32::from(key.name()) | Self::THERE, Relaxed);
        for (shared, pair) in self.words.iter().zip(key.mac().word_pairs()) {
            shared.store(pair, Relaxed);
        }
    }

    fn remove(&self) {
        self.name.store(0, Relaxed);
        for shared in &self.words {
            shared.store(0, Relaxed);
        }
    }
}

/// Pair by pair, each from where it is shared to where the block function has its state: an array on
/// the way would stay on the stack.
impl Pads for SharedKey {
    #[inline(always)]
    fn inner(&self) -> State {
        let [a, b, c, d, ..] = &self.words;
        loaded([a, b, c, d])
    }

    #[inline(always)]
    fn outer(&self) -> State {
        let [.., a, b, c, d] = &self.words;
        loaded([a, b, c, d])
    }
}

#[inline(always)]
fn loaded(pairs: [&AtomicU64; 4]) -> State {
    let [[a, b], [c, d], [e, f], [g, h]] = pairs.map(|pair| {
        let pair = pair.load(Relaxed);
        [pair as u32, (pair >> 32) as u32]
    });
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests;

//! The secrets in force, prepared for the slots around now.

use super::{Binding, COOKIE_LEN, Cookie, MAX_SECRETS, Secret, SlotKey};

/// What a cookie turned out to be. From outside all but `Right` look alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Ours, of the current, the previous or (the maker's clock is ahead) the next slot.
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
    now: u64,
    secrets: [Option<SecretKeys>; MAX_SECRETS],
}

struct SecretKeys {
    current: SlotKey,
    /// The slot ahead and three back. Of those only the first is still accepted: the others tell an
    /// expired cookie from a forged one, for the counters.
    others: [Option<(SlotKey, Age)>; 4],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    Accepted,
    Expired,
}

impl Keyring {
    /// No keys: makes no cookies and accepts none.
    pub const EMPTY: Self = Self { now: u64::MAX, secrets: [const { None }; MAX_SECRETS] };

    /// Prepares the keys around slot `now`, in place: they are worth keeping out of the way. The
    /// first secret makes cookies, all are accepted, up to [`MAX_SECRETS`].
    pub fn renew<'a>(&mut self, secrets: impl IntoIterator<Item = &'a Secret>, now: u64) {
        let mut secrets = secrets.into_iter();
        for place in &mut self.secrets {
            *place = secrets.next().map(|secret| SecretKeys::new(secret.key(), now));
        }
        self.now = now;
    }

    /// The slot that the ring was made for.
    pub const fn slot(&self) -> u64 {
        self.now
    }

    /// Makes a cookie for a client.
    pub fn make(&self, binding: &Binding<'_>) -> Option<Cookie> {
        let [first, ..] = &self.secrets;
        first.as_ref().map(|secret| secret.current.make(binding))
    }

    /// Checks what a client sent back.
    pub fn check(&self, cookie: &[u8], binding: &Binding<'_>) -> Check {
        let Ok(cookie) = <&[u8; COOKIE_LEN]>::try_from(cookie) else {
            return Check::Forged; // the length is no secret
        };
        let (&name, tag) = split(cookie);
        for (i, secret) in self.secrets.iter().flatten().enumerate() {
            let Some((key, age)) = secret.named(name) else { continue };
            if key.verify(tag, binding) {
                return match age {
                    Age::Accepted => Check::Right { previous_secret: i != 0 },
                    Age::Expired => Check::Expired,
                };
            }
        }
        Check::Forged
    }
}

impl SecretKeys {
    fn new(secret: &[u8], now: u64) -> Self {
        let near = [
            (now.checked_add(1), Age::Accepted),
            (now.checked_sub(1), Age::Accepted),
            (now.checked_sub(2), Age::Expired),
            (now.checked_sub(3), Age::Expired),
        ];
        Self {
            current: SlotKey::derive(secret, now),
            others: near.map(|(slot, age)| Some((SlotKey::derive(secret, slot?), age))),
        }
    }

    fn named(&self, name: u8) -> Option<(&SlotKey, Age)> {
        if self.current.name() == name {
            return Some((&self.current, Age::Accepted));
        }
        self.others
            .iter()
            .flatten()
            .find(|(key, _)| key.name() == name)
            .map(|(key, age)| (key, *age))
    }
}

const fn split(cookie: &Cookie) -> (&u8, &[u8; COOKIE_LEN - 1]) {
    match (cookie.first(), cookie.last_chunk()) {
        (Some(name), Some(tag)) => (name, tag),
        _ => unreachable!(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::{MAX_ADDRESS_LEN, Peer};
    use crate::wire::{ClientHello, Method};

    fn ring(secrets: &[&[u8]], slot: u64) -> Keyring {
        let secrets: Vec<_> = secrets.iter().map(|s| Secret::new(s).unwrap()).collect();
        let mut ring = Keyring::EMPTY;
        ring.renew(&secrets, slot);
        ring
    }

    fn peer(last: u8, port: u8) -> Peer {
        let mut bytes = [0; MAX_ADDRESS_LEN];
        bytes[..8].copy_from_slice(&[2, 0, 0, port, 127, 0, 0, last]);
        Peer::new(bytes)
    }

    fn body(random: u8, session_id: &[u8]) -> Vec<u8> {
        let mut body = vec![0xFE, 0xFD];
        body.extend([random; 32]);
        body.push(session_id.len() as u8);
        body.extend(session_id);
        body.push(0);
        body
    }

    const RIGHT: Check = Check::Right { previous_secret: false };

    #[test]
    fn accepts_what_it_made_for_the_slots_around() {
        let (peer, body) = (peer(1, 1), body(1, b""));
        let hello = ClientHello::parse(&body, Method::Any).unwrap();
        let binding = Binding::hello(Some(&peer), &hello);
        let cookie = ring(&[&[1; 32]], 1000).make(&binding).unwrap();
        let at = |slot| ring(&[&[1; 32]], slot).check(&cookie, &binding);
        assert_eq!([at(999), at(1000), at(1001)], [RIGHT; 3]);
        assert_eq!([at(1002), at(1003)], [Check::Expired; 2]);
        // 256 slots later the same byte names another slot.
        assert_eq!([at(998), at(1004), at(1256), at(744)], [Check::Forged; 4]);
    }

    #[test]
    fn works_at_both_ends_of_time() {
        let binding = Binding::peer(None);
        for slot in [0, 1, 255, 256, u64::MAX] {
            let ring = ring(&[&[1; 32]], slot);
            let cookie = ring.make(&binding).unwrap();
            assert_eq!(ring.check(&cookie, &binding), RIGHT);
        }
    }

    #[test]
    fn every_part_of_the_binding_counts() {
        let ring = ring(&[&[1; 32]], 7);
        let (a, b, c) = (peer(1, 1), peer(2, 1), peer(1, 2));
        let bodies = [body(1, b""), body(2, b""), body(1, b"s")];
        let mut older = body(1, b"");
        older[1] = 0xFF;
        let bodies = bodies.iter().chain([&older]);
        let hellos: Vec<_> = bodies.map(|b| ClientHello::parse(b, Method::Any).unwrap()).collect();
        let mut all = vec![Binding::peer(None)];
        for peer in [&a, &b, &c] {
            all.push(Binding::peer(Some(peer)));
            all.extend(hellos.iter().map(|hello| Binding::hello(Some(peer), hello)));
        }
        all.extend(hellos.iter().map(|hello| Binding::hello(None, hello)));
        for (i, made) in all.iter().enumerate() {
            let cookie = ring.make(made).unwrap();
            for (j, shown) in all.iter().enumerate() {
                let expected = if i == j { RIGHT } else { Check::Forged };
                assert_eq!(ring.check(&cookie, shown), expected, "{i} {j}");
            }
        }
    }

    #[test]
    fn cut_extended_and_flipped_cookies_are_refused() {
        let (ring, binding) = (ring(&[&[1; 32]], 7), Binding::peer(None));
        let cookie = ring.make(&binding).unwrap();
        for n in 0..COOKIE_LEN {
            assert_eq!(ring.check(&cookie[..n], &binding), Check::Forged);
        }
        assert_eq!(ring.check(&[&cookie[..], &[0]].concat(), &binding), Check::Forged);
        for bit in 0..COOKIE_LEN * 8 {
            let mut flipped = cookie;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(ring.check(&flipped, &binding), Check::Forged, "bit {bit}");
        }
    }

    #[test]
    fn the_first_secret_makes_and_all_are_accepted() {
        let binding = Binding::peer(None);
        let (old, new): (&[u8], &[u8]) = (&[1; 32], &[2; 32]);
        let cookie = ring(&[old], 7).make(&binding).unwrap();
        let previous = Check::Right { previous_secret: true };
        assert_eq!(ring(&[new, old], 7).check(&cookie, &binding), previous);
        assert_eq!(ring(&[old, new], 7).check(&cookie, &binding), RIGHT);
        assert_eq!(ring(&[new], 7).check(&cookie, &binding), Check::Forged);
        assert!(ring(&[], 7).make(&binding).is_none());
        let mut gone = ring(&[old, new], 7);
        gone.renew(&[Secret::new(new).unwrap()], 7);
        assert_eq!(gone.check(&cookie, &binding), Check::Forged);
    }
}

use super::*;
use crate::hello::cookie::{COOKIE_LEN, SHORT_COOKIE_LEN};
use crate::hello::peer::tests::somebody;
use crate::hello::peer::{MAX_ADDRESS_LEN, Peer};
use crate::hello::wire::{ClientHello, Method};

fn ring(secrets: &[&[u8]], slot: u64) -> Keyring {
    let secrets: Vec<_> = secrets.iter().map(|s| Secret::new(s).unwrap()).collect();
    let ring = Keyring::new();
    ring.renew(&secrets, slot);
    ring
}

fn peer(last: u8, port: u8) -> Peer {
    let mut bytes = [0; MAX_ADDRESS_LEN];
    bytes[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
    bytes[2..8].copy_from_slice(&[0, port, 127, 0, 0, last]);
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

const RIGHT: Option<Check> = Some(Check::Right { previous_secret: false });
const EXPIRED: Option<Check> = Some(Check::Expired);
const FORGED: Option<Check> = Some(Check::Forged);

#[test]
fn makes_what_the_key_makes_that_it_shares() {
    let peer = peer(1, 1);
    let binding = Binding::peer(&peer);
    let made = ring(&[&[9; 32]], 1000).make(&binding);
    assert_eq!(made, Some(SlotKey::derive(&[9; 32], 1000).make(&binding)));
}

#[test]
fn accepts_what_it_made_for_the_slots_around() {
    let (peer, body) = (peer(1, 1), body(1, b""));
    let hello = ClientHello::parse(&body, Method::Any).unwrap();
    let binding = Binding::hello(&peer, &hello);
    let cookie = ring(&[&[1; 32]], 1000).make(&binding).unwrap();
    let at = |slot| ring(&[&[1; 32]], slot).check(&cookie, &binding);
    assert_eq!([at(999), at(1000), at(1001)], [RIGHT; 3]);
    assert_eq!([at(1002), at(1003)], [EXPIRED; 2]);
    // 256 slots later the same byte names another slot.
    assert_eq!([at(998), at(1004), at(1256), at(744)], [FORGED; 4]);
}

#[test]
fn works_at_both_ends_of_time() {
    let binding = Binding::peer(somebody());
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
    let mut all = vec![];
    for peer in [&a, &b, &c] {
        all.push(Binding::peer(peer));
        all.extend(hellos.iter().map(|hello| Binding::hello(peer, hello)));
    }
    for (i, made) in all.iter().enumerate() {
        let cookie = ring.make(made).unwrap();
        for (j, shown) in all.iter().enumerate() {
            let expected = if i == j { RIGHT } else { FORGED };
            assert_eq!(ring.check(&cookie, shown), expected, "{i} {j}");
        }
    }
}

#[test]
fn cut_extended_and_flipped_cookies_are_refused() {
    let (ring, binding) = (ring(&[&[1; 32]], 7), Binding::peer(somebody()));
    let cookie = ring.make(&binding).unwrap();
    for n in 0..COOKIE_LEN {
        assert_eq!(ring.check(&cookie[..n], &binding), FORGED);
    }
    assert_eq!(ring.check(&[&cookie[..], &[0]].concat(), &binding), FORGED);
    for bit in 0..COOKIE_LEN * 8 {
        let mut flipped = cookie;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(ring.check(&flipped, &binding), FORGED, "bit {bit}");
    }
}

#[test]
fn a_short_cookie_is_for_who_has_no_room_and_every_bit_counts() {
    let (peer, body) = (peer(1, 1), body(1, b""));
    let whole = ClientHello::parse(&body, Method::Any).unwrap();
    let hellos = [0, 17, 31, 32, 255].map(|room| ClientHello { room, ..whole });
    let [none, little, less, enough, more] =
        hellos.each_ref().map(|hello| Binding::hello(&peer, hello));
    let at = |slot| ring(&[&[1; 32]], slot);
    assert_eq!([enough, more].map(|b| b.cookie_len()), [COOKIE_LEN; 2]);
    assert_eq!([none, little, less].map(|b| b.cookie_len()), [SHORT_COOKIE_LEN; 3]);

    let long = at(7).make(&enough).unwrap();
    let short = at(7).make(&less).unwrap();
    let short = &short[..SHORT_COOKIE_LEN];
    for binding in [none, less, enough, more] {
        let check = |slot, cookie: &[u8]| at(slot).check(cookie, &binding);
        assert_eq!([check(6, short), check(7, short), check(8, short)], [RIGHT; 3]);
        assert_eq!([check(9, short), check(7, &long)], [EXPIRED, RIGHT]);
        assert_eq!(check(7, &long[..SHORT_COOKIE_LEN]), FORGED, "cut");
    }
    assert_eq!(at(7).check(short, &Binding::peer(&peer)), FORGED);
    for bit in 0..SHORT_COOKIE_LEN * 8 {
        let mut flipped = short.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(at(7).check(&flipped, &less), FORGED, "bit {bit}");
    }
}

#[test]
fn the_first_secret_makes_and_all_are_accepted() {
    let binding = Binding::peer(somebody());
    let (old, new): (&[u8], &[u8]) = (&[1; 32], &[2; 32]);
    let cookie = ring(&[old], 7).make(&binding).unwrap();
    let previous = Some(Check::Right { previous_secret: true });
    assert_eq!(ring(&[new, old], 7).check(&cookie, &binding), previous);
    assert_eq!(ring(&[old, new], 7).check(&cookie, &binding), RIGHT);
    assert_eq!(ring(&[new], 7).check(&cookie, &binding), FORGED);
    assert!(ring(&[], 7).make(&binding).is_none());
    let gone = ring(&[old, new], 7);
    gone.renew(&[Secret::new(new).unwrap()], 7);
    assert_eq!(gone.check(&cookie, &binding), FORGED);
}

#[test]
fn a_reader_gets_whole_keys_or_none_while_they_change() {
    use std::sync::atomic::AtomicBool;
    let (ring, done) = (Keyring::new(), AtomicBool::new(false));
    let secret = Secret::new(&[1; 32]).unwrap();
    let binding = Binding::peer(somebody());
    let right: Vec<_> =
        (0..4).map(|slot| SlotKey::derive(secret.key(), slot).make(&binding)).collect();
    ring.renew([&secret], 0);
    std::thread::scope(|scope| {
        let readers = [(); 2].map(|()| {
            scope.spawn(|| {
                let mut whole = 0;
                while !done.load(Relaxed) {
                    let Some(cookie) = ring.make(&binding) else { continue };
                    assert!(right.contains(&cookie));
                    if let Some(check) = ring.check(&right[0], &binding) {
                        assert!(matches!(check, Check::Right { .. } | Check::Expired));
                    }
                    whole += 1;
                }
                whole
            })
        });
        for round in 0..if cfg!(miri) { 20 } else { 3_000 } {
            ring.renew([&secret], round % 4);
            std::thread::yield_now();
        }
        done.store(true, Relaxed);
        let whole: u32 = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
        assert!(whole > 0);
    });
}

//! Fragments that do not belong, and those that lie about their place.

use super::*;
use crate::hello::reassembly::MAX_MESSAGE_LEN;
use crate::hello::wire::Version;
use std::hash::{BuildHasherDefault, Hasher};

const TOP: usize = 0xFF_FFFF;

/// A hello of 300 bytes of which the first 100 have come.
fn begun() -> (Server, Peer, Vec<u8>) {
    let (mut server, from, body) = (Server::new(), peer(1, 1), hello(300));
    assert_eq!(server.give(&from, &cut(&body, 0..100)), Nothing);
    (server, from, body)
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let (mut server, from, body) = begun();
    let bad = [99; 400];
    let mut other_seq = record(6, 300, 100, &bad[..200]);
    other_seq[18] = 0;
    let mut no_hello = record(6, 300, 100, &bad[..200]);
    no_hello[13] = 2;
    let rows = [
        ("one byte too many", STRANGE, record(6, 300, 100, &bad[..201])),
        ("one byte past the end", STRANGE, record(6, 300, 300, &bad[..1])),
        ("no bytes past the end", STRANGE, record(6, 300, 301, &[])),
        ("an offset as large as can be", STRANGE, record(6, 300, TOP, &bad[..1])),
        ("and no bytes", STRANGE, record(6, 300, TOP, &[])),
        ("a shorter message", STRANGE, record(6, 299, 100, &bad[..199])),
        ("a longer message", STRANGE, record(6, 301, 100, &bad[..201])),
        ("the longest message", STRANGE, record(6, TOP, 100, &bad[..200])),
        ("the last byte of the longest", STRANGE, record(6, TOP, TOP - 1, &bad[..1])),
        ("past the longest", STRANGE, record(6, TOP, TOP, &bad[..1])),
        ("an empty message", STRANGE, record(6, 0, 1, &[])),
        ("longer than its message", STRANGE, record(6, 300, 1, &bad[..301])),
        ("another message_seq", STRANGE, other_seq),
        ("another type", Dropped(Discard::NotClientHello), no_hello),
        ("a first fragment without its cookie", Dropped(Discard::HelloLength), cut(&body, 0..40)),
        ("a first fragment with a wrong cookie", Challenge, {
            let mut wrong = body.clone();
            wrong[COOKIE_END - 1] ^= 1;
            cut(&wrong, 0..200)
        }),
    ];
    for (what, expected, datagram) in rows {
        assert_eq!(server.give(&from, &datagram), expected, "{what}");
    }
    assert_eq!(server.give(&peer(1, 2), &cut(&body, 100..300)), STRANGE);
    assert_eq!(server.give(&peer(2, 1), &cut(&body, 100..300)), STRANGE);
    assert_eq!(server.give(&from, &cut(&body, 100..300)), whole(&body));
}

/// Gives everybody the same key.
#[derive(Default)]
struct Same;

impl Hasher for Same {
    fn finish(&self) -> u64 {
        7
    }
    fn write(&mut self, _: &[u8]) {}
}

#[test]
fn of_two_peers_with_one_key_the_second_has_nothing_here() {
    let (mut server, one, other, body) = (Server::new(), peer(1, 1), peer(2, 2), hello(300));
    let mut give = |from: &Peer, part: Range<usize>| {
        let who = Who::new(from, &BuildHasherDefault::<Same>::default());
        server.give_of(who, Method::Any, &cut(&body, part))
    };
    assert_eq!(give(&one, 0..100), Nothing);
    assert_eq!(give(&other, 100..300), STRANGE);
    assert_eq!(give(&other, 0..100), Alone);
    assert_eq!(give(&one, 100..300), whole(&body));
}

#[test]
fn empty_fragments_within_the_message_add_nothing() {
    let (mut server, from, body) = begun();
    for offset in [1, 99, 100, 299, 300] {
        assert_eq!(server.give(&from, &record(6, 300, offset, &[])), Nothing);
    }
    assert_eq!(server.give(&from, &cut(&body, 100..300)), whole(&body));
}

#[test]
fn bytes_that_came_first_count() {
    let (mut server, from, body) = begun();
    let bad = [99; 400];
    assert_eq!(server.give(&from, &record(6, 300, 1, &bad[..99])), Nothing);
    assert_eq!(server.give(&from, &cut(&body, 250..300)), Nothing);
    assert_eq!(server.give(&from, &record(6, 300, 240, &bad[..60])), Nothing);
    let mut expected = body.clone();
    expected[240..250].fill(99);
    assert_eq!(server.give(&from, &cut(&body, 100..300)), whole(&expected));
}

#[test]
fn a_repeated_hello_begins_anew() {
    let (mut server, from, body) = begun();
    assert_eq!(server.give(&from, &record(6, 300, 200, &[99; 100])), Nothing);
    let again = record(9, 300, 0, &body[..100]);
    assert_eq!(server.give(&from, &again), Nothing);
    assert_eq!(server.reassembler.len(), 1);
    assert_eq!(server.give(&from, &record(10, 300, 100, &body[100..200])), Nothing);
    // The network's late duplicate of the second first fragment forgets nothing.
    assert_eq!(server.give(&from, &again), Nothing);
    let expected = Accepted(record(9, 300, 0, &body));
    assert_eq!(server.give(&from, &record(11, 300, 200, &body[200..])), expected);
}

#[test]
fn another_hello_takes_the_place_of_the_first() {
    let (mut server, from, body) = begun();
    // A client that starts over from the same port: the same sequence number, other bytes.
    let mut other = hello(300);
    other[10] = 8;
    assert_eq!(server.give(&from, &cut(&body, 100..200)), Nothing);
    assert_eq!(server.give(&from, &cut(&other, 0..100)), Nothing);
    assert_eq!(server.give(&from, &cut(&other, 200..300)), Nothing);
    assert_eq!(server.give(&from, &cut(&other, 100..200)), whole(&other));
    // And one that does not fit its record: put together no more, and the old one is gone.
    assert_eq!(server.give(&from, &cut(&body, 0..100)), Nothing);
    assert_eq!(server.give(&from, &record(9, MAX_MESSAGE_LEN + 1, 0, &body)), Alone);
    assert!(server.reassembler.is_empty());
}

#[test]
fn an_ssl_of_another_version_still_refuses_an_old_client() {
    let (mut server, from) = (Server::new(), peer(1, 1));
    let mut body = hello(300);
    body[1] = 0xFF;
    let (first, second) = (cut(&body, 0..100), cut(&body, 100..300));
    let fixed = Method::Fixed(Version(0xFEFD));
    for (method, seen) in [(fixed, Dropped(Discard::ClientVersion)), (Method::Any, whole(&body))] {
        assert_eq!(server.give(&from, &first), Nothing);
        assert_eq!(server.give_to(method, &from, &second), seen);
    }
}

#[test]
fn any_bytes_whatever_end_somewhere() {
    let (mut server, from, body) = begun();
    let mut accepted = 0;
    for good in [cut(&body, 0..100), cut(&body, 100..300)] {
        for at in 0..good.len().min(40) {
            for value in 0..=255 {
                let mut bytes = good.clone();
                bytes[at] = value;
                // The other half behind it, in the same datagram.
                bytes.extend(cut(&body, 150..300));
                accepted += usize::from(matches!(server.give(&from, &bytes), Accepted(_)));
                assert!(server.reassembler.len() <= 1);
            }
        }
    }
    assert!(accepted > 0);
}

//! How long, how large.

use super::*;
use crate::hello::reassembly::{MAX_MESSAGE_LEN, PATIENCE};
use std::time::Duration;

const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn patience_ends() {
    let (mut server, body) = (Server::new(), hello(200));
    let (first, second) = (cut(&body, 0..100), cut(&body, 100..200));
    let (slow, quick, late) = (peer(1, 1), peer(1, 2), peer(1, 3));
    assert_eq!(server.give(&slow, &first), Nothing);
    assert_eq!(server.give(&quick, &first), Nothing);
    server.now += PATIENCE - MOMENT;
    assert_eq!(server.give(&late, &first), Nothing);
    assert_eq!(server.give(&quick, &second), whole(&body));
    server.now += MOMENT;
    assert_eq!(server.give(&slow, &second), STRANGE);
    assert_eq!(server.reassembler.len(), 1);
    assert_eq!(server.give(&slow, &record(9, 200, 0, &body[..100])), Nothing);
    server.now += PATIENCE - MOMENT;
    assert_eq!(server.give(&late, &second), STRANGE);
    assert_eq!(server.give(&slow, &second), Accepted(record(9, 200, 0, &body)));
    assert!(server.reassembler.is_empty());
}

#[test]
fn every_fragment_gives_more_time() {
    let (mut server, body, from) = (Server::new(), hello(300), peer(1, 1));
    // OpenSSL waits for 1, 2, 4 ... 60 seconds, and then for 60 each time.
    assert_eq!(server.give(&from, &cut(&body, 0..100)), Nothing);
    for wait in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
        server.now += Duration::from_secs(wait);
        assert_eq!(server.give(&from, &cut(&body, 100..200)), Nothing);
    }
    assert_eq!(server.give(&from, &cut(&body, 200..300)), whole(&body));
}

#[test]
fn a_clock_read_before_another_threads_does_no_harm() {
    let (mut server, body, from) = (Server::new(), hello(200), peer(1, 1));
    assert_eq!(server.give(&from, &cut(&body, 0..100)), Nothing);
    server.now -= Duration::from_micros(1);
    assert_eq!(server.give(&from, &cut(&body, 100..200)), whole(&body));
}

#[test]
fn the_longest_hello_fills_a_record() {
    let (mut server, from) = (Server::new(), peer(1, 1));
    let body = hello(MAX_MESSAGE_LEN);
    assert_eq!(cut(&body, 0..body.len()).len(), 13 + 16_384); // SSL3_RT_MAX_PLAIN_LENGTH
    for start in (0..body.len()).step_by(1000) {
        let end = body.len().min(start + 1000);
        let expected = if end == body.len() { whole(&body) } else { Nothing };
        assert_eq!(server.give(&from, &cut(&body, start..end)), expected);
    }
    // Nothing is kept of longer ones.
    for len in [MAX_MESSAGE_LEN + 1, 0xFFFF, 0x1_0000, 0xFF_FFFF] {
        assert_eq!(server.give(&from, &record(5, len, 0, &body[..1000])), Alone);
        assert_eq!(server.give(&from, &record(6, len, 1000, &body[1000..2000])), STRANGE);
        assert!(server.reassembler.is_empty());
    }
}

#[test]
fn one_that_is_whole_goes_through() {
    let (mut server, from, body) = (Server::new(), peer(1, 1), hello(COOKIE_END));
    assert_eq!(server.give(&from, &cut(&body, 0..COOKIE_END)), whole(&body));
    assert!(server.reassembler.is_empty());
}

#[test]
fn memory_is_given_back() {
    let (mut server, body) = (Server::new(), hello(200));
    for from in (0..250).map(|port| peer(1, port)) {
        assert_eq!(server.give(&from, &cut(&body, 0..100)), Nothing);
        assert!(known(&server, &from));
    }
    assert!(server.reassembler.0.capacity() >= 250);
    assert!(server.reassembler.0.used() > 250 * 200);
    server.now += PATIENCE;
    assert_eq!(server.reassembler.next_expiry(), Some(server.now));
    for left in [250 - 64, 250 - 128, 250 - 192, 0] {
        server.reassembler.expire(server.now);
        assert_eq!(server.reassembler.len(), left, "few at once");
    }
    assert_eq!(server.reassembler.next_expiry(), None);
    assert_eq!((server.reassembler.0.capacity(), server.reassembler.0.used()), (0, 0));
    assert!((0..250).all(|port| !known(&server, &peer(1, port))));
}

#[test]
fn the_filter_forgets_what_goes_with_its_table() {
    let (mut server, body, from) = (Server::new(), hello(200), peer(1, 1));
    assert!(!known(&server, &from));
    assert_eq!(server.give(&from, &cut(&body, 0..100)), Nothing);
    assert!(known(&server, &from));
    server.reassembler = Reassembler::new(&FILTER);
    assert!(!known(&server, &from));
    assert_eq!(server.give(&from, &cut(&body, 0..100)), Nothing);
    assert_eq!(server.give(&from, &cut(&body, 100..200)), whole(&body));
    assert!(!known(&server, &from));
}

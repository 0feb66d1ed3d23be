//! How many, how long, how large.

use super::*;
use crate::hello::reassembly::MAX_MESSAGE_LEN;
use std::time::Duration;

const MAX_PEERS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(5);

#[test]
fn the_oldest_leaves_for_one_too_many() {
    let (mut server, body) = (Server::new(), hello(200));
    let (first, second) = (cut(&body, 0..100), cut(&body, 100..200));
    let peers: Vec<_> = (0..MAX_PEERS as u8 + 2).map(|port| peer(1, port)).collect();
    for from in &peers[..MAX_PEERS] {
        assert_eq!(server.give(from, &first), Nothing);
    }
    // Repeats its hello, and is the youngest by that; another, a mere duplicate, is not.
    assert_eq!(server.give(&peers[0], &record(9, 200, 0, &body[..100])), Nothing);
    assert_eq!(server.give(&peers[1], &first), Nothing);
    assert_eq!(server.gatherer.len(), MAX_PEERS);
    for from in &peers[MAX_PEERS..] {
        assert_eq!(server.give(from, &first), Nothing);
        assert_eq!(server.gatherer.len(), MAX_PEERS);
    }
    for from in &peers[1..3] {
        assert_eq!(server.give(from, &second), STRANGE);
    }
    for from in &peers[3..] {
        assert_eq!(server.give(from, &second), whole(&body));
    }
    assert_eq!(server.give(&peers[0], &second), Accepted(record(9, 200, 0, &body)));
    assert!(server.gatherer.is_empty());
}

#[test]
fn patience_ends() {
    let (mut server, body) = (Server::new(), hello(200));
    let (first, second) = (cut(&body, 0..100), cut(&body, 100..200));
    let (slow, quick, late) = (peer(1, 1), peer(1, 2), peer(1, 3));
    assert_eq!(server.give(&slow, &first), Nothing);
    assert_eq!(server.give(&quick, &first), Nothing);
    server.now += PATIENCE - Duration::from_millis(1);
    assert_eq!(server.give(&late, &first), Nothing);
    assert_eq!(server.give(&slow, &first), Nothing); // the network's duplicate gives no more time
    assert_eq!(server.give(&quick, &second), whole(&body));
    server.now += Duration::from_millis(1);
    assert_eq!(server.give(&slow, &second), STRANGE);
    assert_eq!(server.gatherer.len(), 1);
    assert_eq!(server.give(&slow, &record(9, 200, 0, &body[..100])), Nothing);
    server.now += PATIENCE - Duration::from_millis(1);
    assert_eq!(server.give(&late, &second), STRANGE);
    assert_eq!(server.give(&slow, &second), Accepted(record(9, 200, 0, &body)));
    assert!(server.gatherer.is_empty());
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
    // Longer ones are libssl's, as far as it gets: nothing is kept of them.
    for len in [MAX_MESSAGE_LEN + 1, 0xFFFF, 0x1_0000, 0xFF_FFFF] {
        assert_eq!(server.give(&from, &record(5, len, 0, &body[..1000])), Alone);
        assert_eq!(server.give(&from, &record(6, len, 1000, &body[1000..2000])), STRANGE);
        assert!(server.gatherer.is_empty());
    }
}

#[test]
fn one_that_is_whole_goes_through() {
    let (mut server, from, body) = (Server::new(), peer(1, 1), hello(COOKIE_END));
    assert_eq!(server.give(&from, &cut(&body, 0..COOKIE_END)), whole(&body));
    assert!(server.gatherer.is_empty());
}

#[test]
fn memory_is_given_back() {
    let (mut server, body) = (Server::new(), hello(200));
    for from in (0..100).map(|port| peer(1, port)) {
        assert_eq!(server.give(&from, &cut(&body, 0..100)), Nothing);
    }
    assert!(server.gatherer.0.capacity() >= MAX_PEERS);
    server.now += PATIENCE;
    assert_eq!(server.give(&peer(9, 9), &cut(&body, 100..200)), STRANGE);
    assert_eq!(server.gatherer.0.capacity(), 0);
}

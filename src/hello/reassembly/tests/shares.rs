//! Who gets how much of the memory.

use super::*;
use crate::hello::reassembly::{MAX_MEMORY, MAX_MESSAGE_LEN};

/// A first fragment of a hello of so many bytes.
fn first(len: usize) -> Vec<u8> {
    record(SEQUENCE, len, 0, &hello(100))
}

/// Ports of one address, in the order of their numbers.
fn peers(address: u32) -> impl Iterator<Item = Peer> {
    (0..u32::from(u16::MAX)).map(move |port| {
        let mut bytes = [0; MAX_ADDRESS_LEN];
        bytes[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
        bytes[2..4].copy_from_slice(&(port as u16).to_be_bytes());
        bytes[4..8].copy_from_slice(&address.to_be_bytes());
        Peer::new(bytes)
    })
}

/// Begins hellos from one address until one is refused; how many were not.
fn fill(server: &mut Server, address: u32, len: usize) -> usize {
    peers(address).take_while(|from| server.give(from, &first(len)) == Nothing).count()
}

#[test]
fn one_address_gets_thousands_and_never_all() {
    let mut server = Server::new();
    let begun = fill(&mut server, 1, 2048);
    assert!(begun >= 4096, "{begun} of 2 KB");
    assert!(server.reassembler.0.used() < MAX_MEMORY / 2);
    // The rest is everybody else's: as many again of different addresses.
    for address in 2..4098 {
        let from = peers(address).next().unwrap();
        assert_eq!(server.give(&from, &first(2048)), Nothing, "{address}");
    }
    // Nobody has lost what he had.
    let (body, all) = (hello(2048), server.reassembler.len());
    let each = peers(1).take(begun).chain((2..4098).filter_map(|a| peers(a).next())).step_by(50);
    for (done, from) in (1..).zip(each) {
        assert_eq!(server.give(&from, &cut(&body, 100..2048)), whole(&body));
        assert_eq!(server.reassembler.len(), all - done);
    }
}

#[test]
fn many_who_take_what_they_get_leave_some_for_the_small() {
    let mut server = Server::new();
    for address in 1..=100 {
        assert!(fill(&mut server, address, MAX_MESSAGE_LEN) >= 1, "{address}");
        assert!(server.reassembler.0.used() <= MAX_MEMORY);
    }
    let (body, from) = (hello(2048), peers(1000).next().unwrap());
    assert_eq!(server.give(&from, &cut(&body, 0..100)), Nothing);
    assert_eq!(server.give(&from, &cut(&body, 100..2048)), whole(&body));
}

#[test]
fn a_newcomer_is_refused_when_all_is_taken() {
    let mut server = Server::new();
    let mut full = 1;
    while fill(&mut server, full, 2048) > 0 {
        full += 1;
    }
    assert!(full > 100, "{full}");
    assert!(server.reassembler.0.used() <= MAX_MEMORY);
    let begun = server.reassembler.len();
    let (body, newcomer) = (hello(2048), peers(5000).next().unwrap());
    assert_eq!(server.give(&newcomer, &cut(&body, 0..100)), Alone);
    assert_eq!(server.give(&newcomer, &cut(&body, 100..2048)), STRANGE);
    assert_eq!(server.reassembler.len(), begun);
    // There is room again when one is through, and it is whoever comes first that has it.
    let old = peers(1).next().unwrap();
    assert_eq!(server.give(&old, &cut(&body, 100..2048)), whole(&body));
    assert_eq!(server.give(&newcomer, &cut(&body, 0..100)), Nothing);
    // One that has begun may go on and begin anew.
    let mut other = body.clone();
    other[10] = 8;
    assert_eq!(server.give(&newcomer, &cut(&other, 0..100)), Nothing);
    assert_eq!(server.give(&newcomer, &cut(&other, 100..2048)), whole(&other));
}

#[test]
fn the_queue_keeps_its_order_whoever_leaves() {
    let (mut server, mut dice, body) = (Server::new(), Dice(8), hello(200));
    let start = server.now;
    let mut heard: Vec<(u8, Instant)> = vec![];
    for step in 1..5000_u64 {
        server.now = start + std::time::Duration::from_millis(step * 10);
        let port = dice.below(60) as u8;
        let from = peer(1, port);
        let at = heard.iter().position(|(of, _)| *of == port);
        let known = at.is_some();
        if let Some(at) = at {
            heard.remove(at);
        }
        if known && dice.below(2) == 0 {
            assert_eq!(server.give(&from, &cut(&body, 100..200)), whole(&body));
        } else {
            assert_eq!(server.give(&from, &cut(&body, 0..100)), Nothing);
            heard.push((port, server.now));
        }
        let oldest = heard.first().map(|(_, at)| *at + crate::hello::reassembly::PATIENCE);
        assert_eq!(server.reassembler.next_expiry(), oldest, "{step}");
        assert_eq!(server.reassembler.len(), heard.len());
    }
}

/// A fragment of somebody who has begun nothing is refused before there is a lock to be had or a table
/// to be looked into, however many have begun: the filter says so.
#[test]
fn strangers_beside_many_are_known_by_the_filter() {
    static FILTER: Filter = Filter::new();
    let mut server = Server::new();
    server.reassembler = Reassembler::new(&FILTER);
    let known = |server: &Server, address| {
        peers(address).filter(|from| FILTER.may_have(Who::new(from, &server.hashing).id)).count()
    };
    assert_eq!(known(&server, 2), 0);
    for from in peers(1).take(1000) {
        assert_eq!(server.give(&from, &first(2048)), Nothing);
    }
    // A counter for each of 65,536 values: a thousand take one in 65, and four standard deviations.
    assert!((1..1200).contains(&known(&server, 2)), "{} of 65,535", known(&server, 2));
    assert!(known(&server, 1) >= 1000);
}

//! What becomes of what comes.

use super::*;

#[test]
fn strangers_are_answered_and_forgotten() {
    let mut server = server(LIMITS, LIFE);
    let clients: Vec<UdpSocket> = (0..20).map(|_| server.client()).collect();
    for client in &clients {
        client.send(&hello(1, b"")).unwrap();
    }
    server.turn().unwrap();
    assert!(clients.iter().all(answered));
    assert_eq!(server.happened(), vec![ANSWERED; 20]);
    assert_eq!(server.core.with(|state| state.clients.len()), Some(0));
    assert!(server.news().is_empty());
}

#[test]
fn what_a_client_sends_comes_to_it_in_order() {
    let mut server = server(LIMITS, LIFE);
    let (one, two) = (server.accepted(1), server.accepted(2));
    for n in 0..3 {
        one.send(&data(n)).unwrap();
    }
    two.send(&data(9)).unwrap();
    server.turn().unwrap();
    assert_eq!(server.news(), [(1, 2), (2, 2)]);
    for n in 0..3 {
        assert_eq!(server.read(1), Reading::Datagram(40 + n));
    }
    assert_eq!(server.read(1), Reading::WouldBlock);
    assert_eq!(server.read(2), Reading::Datagram(49));
    assert!(server.happened().is_empty());
}

#[test]
fn a_hello_is_accepted_once_in_its_cookies_life() {
    let mut server = server(LIMITS, LIFE);
    let client = server.accepted(1);
    client.send(&hello(1, RIGHT)).unwrap();
    server.turn().unwrap();
    // libssl gets it: a client that has no answer repeats its flight.
    assert_eq!(server.news(), [(1, 2)]);
    assert_eq!(server.read(1), Reading::Datagram(113));
    server.core.forget(server.fake.links[&1]);
    client.send(&hello(1, RIGHT)).unwrap();
    server.turn().unwrap();
    assert_eq!(server.happened(), [Happening::Repeated, Happening::Repeated]);
    assert!(server.news().is_empty());
    // Another hello is another handshake.
    client.send(&hello(2, RIGHT)).unwrap();
    server.turn().unwrap();
    assert_eq!(server.news(), [(2, 1)]);
}

#[test]
fn who_begins_anew_is_challenged_before_the_old_one_is_touched() {
    let mut server = server(LIMITS, LIFE);
    let client = server.accepted(1);
    for cookie in [&b""[..], b"forged"] {
        client.send(&hello(2, cookie)).unwrap();
        server.turn().unwrap();
        assert!(answered(&client));
        assert_eq!(server.happened(), [ANSWERED]);
        client.send(&data(0)).unwrap();
        server.turn().unwrap();
        assert_eq!(server.news(), [(1, 2)]);
        assert_eq!(server.read(1), Reading::Datagram(40));
    }
    client.send(&hello(2, RIGHT)).unwrap();
    server.turn().unwrap();
    assert_eq!(server.happened(), [Happening::Replaced, Happening::Accepted]);
    assert_eq!(server.news(), [(2, 1), (1, 4)]);
    assert_eq!(server.read(1), Reading::End);
    let (old, flow) = server
        .core
        .with(|state| {
            let id = server.fake.links[&1];
            (id, state.clients.get(id).unwrap().flow)
        })
        .unwrap();
    assert_eq!(server.core.write(old, &flow, b"alert"), None);
    // The old hello, late: it takes nobody's place.
    client.send(&hello(1, RIGHT)).unwrap();
    client.send(&data(7)).unwrap();
    server.turn().unwrap();
    assert_eq!(server.happened(), [Happening::Repeated]);
    assert_eq!(server.news(), [(2, 2)]);
    assert_eq!(server.read(2), Reading::Datagram(47));
}

#[test]
fn a_hello_that_libssl_does_not_take_may_come_again() {
    let mut server = server(LIMITS, LIFE);
    server.fake.fails = true;
    let client = server.client();
    client.send(&hello(1, RIGHT)).unwrap();
    server.turn().unwrap();
    assert!(server.news().is_empty() && server.happened().is_empty());
    server.fake.fails = false;
    client.send(&hello(1, RIGHT)).unwrap();
    server.turn().unwrap();
    assert_eq!(server.news(), [(1, 1)]);
}

#[test]
fn what_the_network_does_to_datagrams_is_counted() {
    let mut server = server(LIMITS, LIFE);
    let client = server.accepted(1);
    client.send(b"junk").unwrap();
    client.send(&[0; 3000]).unwrap();
    server.turn().unwrap();
    let dropped = Happening::Dropped(Discard::RecordTooSmall);
    assert_eq!(server.happened(), [dropped, Happening::Unusable]);
}

#[test]
fn the_rest_of_a_hello_that_libssl_puts_together_comes_to_it() {
    let mut server = server(LIMITS, LIFE);
    let (mut first, mut rest) = (hello(1, RIGHT), hello(1, b""));
    (first[16], rest[16]) = (200, 200); // of a longer message
    rest[21] = 88;
    let client = server.client();
    client.send(&first).unwrap();
    client.send(&rest).unwrap();
    server.turn().unwrap();
    assert_eq!(server.news(), [(1, 1 | 2)]);
    assert_eq!(server.read(1), Reading::Datagram(113));
    // A stranger's is nobody's.
    server.client().send(&rest).unwrap();
    server.happened();
    server.turn().unwrap();
    assert_eq!(server.happened(), [Happening::Dropped(Discard::Fragment)]);
}

#[test]
fn a_fault_of_ours_comes_through_and_the_answers_before_it_are_sent() {
    let mut server = server(LIMITS, LIFE);
    let client = server.client();
    client.send(&hello(1, b"forged")).unwrap();
    client.send(&hello(1, b"fault")).unwrap();
    assert_eq!(server.turn(), Err(Fault::NoSecret));
    assert!(answered(&client));
}

#[test]
fn nothing_is_left_when_the_listener_has_gone() {
    let mut server = server(LIMITS, LIFE);
    let client = server.accepted(1);
    client.send(&data(0)).unwrap();
    server.turn().unwrap();
    let id = server.fake.links[&1];
    let flow = server.core.with(|state| state.clients.get(id).unwrap().flow).unwrap();
    assert_eq!(server.core.write(id, &flow, b"data"), Some(Sending::Out));
    assert!(server.core.close().is_some());
    assert_eq!(server.read(1), Reading::End);
    assert_eq!(server.core.write(id, &flow, b"data"), None);
    server.core.set_timeout(id, Some(soon()), Instant::now());
    server.core.forget(id);
    assert!(server.core.close().is_none());
}

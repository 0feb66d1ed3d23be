//! What a turn bounds, and what it keeps time of.

use super::*;

#[test]
fn who_does_not_read_loses_the_newest_and_strangers_data_is_counted() {
    let mut server = server(LIMITS, LIFE);
    let client = server.accepted(1);
    for n in 0..6 {
        client.send(&data(n)).unwrap();
    }
    server.client().send(&data(0)).unwrap();
    server.turn().unwrap();
    assert_eq!(server.happened(), [Happening::Overflow, Happening::Overflow, Happening::Stray]);
    assert_eq!(server.read(1), Reading::Datagram(40));
}

#[test]
fn who_is_refused_is_accepted_once_there_is_room() {
    let mut server = server(Limits { clients: 1, ..LIMITS }, LIFE);
    let first = server.accepted(1);
    let second = server.client();
    for _ in 0..2 {
        second.send(&hello(2, RIGHT)).unwrap();
        server.turn().unwrap();
        assert_eq!(server.happened(), [Happening::Refused]);
    }
    server.core.forget(server.fake.links[&1]);
    second.send(&hello(2, RIGHT)).unwrap();
    server.turn().unwrap();
    assert_eq!(server.news(), [(2, 1)]);
    first.send(&data(0)).unwrap();
    server.happened();
    server.turn().unwrap();
    assert_eq!(server.happened(), [Happening::Stray]);
}

#[test]
fn a_turn_is_bounded() {
    let mut server = server(Limits { queue: 1000, ..LIMITS }, LIFE);
    let (client, stranger) = (server.accepted(1), server.client());
    for _ in 0..100 {
        client.send(&data(0)).unwrap();
        stranger.send(&hello(1, b"")).unwrap();
    }
    server.turn().unwrap();
    let unread = |server: &Server| {
        std::iter::from_fn(|| Some(server.read(1)).filter(|r| *r != Reading::WouldBlock)).count()
    };
    assert_eq!(unread(&server), BATCHES * BATCH);
    assert_eq!(server.happened().len(), 100);
    for _ in 0..400 {
        stranger.send(&hello(1, b"")).unwrap();
    }
    server.turn().unwrap();
    assert_eq!(unread(&server), 100 - BATCHES * BATCH);
    assert!(server.happened().len() <= STRANGERS_BATCHES * BATCH);
}

#[test]
fn handshakes_begin_a_few_at_a_time_and_no_hello_is_lost() {
    let mut server = server(LIMITS, LIFE);
    let clients: Vec<UdpSocket> = (0..3 * ACCEPTS + 1).map(|_| server.client()).collect();
    for client in &clients {
        client.send(&hello(1, RIGHT)).unwrap();
        client.send(&hello(1, RIGHT)).unwrap();
    }
    let mut all = 0;
    for turn in 0..4 {
        server.turn().unwrap();
        let new = server.news();
        assert_eq!(new.len(), if turn < 3 { ACCEPTS } else { 1 });
        all += new.len();
    }
    assert_eq!(all, clients.len());
    assert_eq!(server.happened(), vec![Happening::Accepted; all]);
    assert_eq!(server.core.with(|state| state.poll.wait(0)).unwrap(), Ok(Ready::default()));
}

#[test]
fn libssl_is_asked_to_repeat_its_flight_though_nothing_comes() {
    let mut server = server(LIMITS, LIFE);
    let client = server.accepted(1);
    let id = server.fake.links[&1];
    server.fake.answers = vec![Repeated::GivenUp, Repeated::Early(Duration::from_millis(10))];
    server.core.set_timeout(id, Some(soon()), Instant::now());
    for n in 1..=2 {
        server.turn().unwrap();
        assert_eq!(server.fake.repeats.len(), n);
    }
    assert_eq!(server.happened(), [Happening::Overdue]);
    assert_eq!(server.news(), [(1, 8)]);
    // Once, though its time for the handshake has not run down yet.
    assert_eq!(server.core.with(|state| state.clients.next_timer()), Some(None));
    // Not while what it waits for is here and unread.
    client.send(&data(0)).unwrap();
    server.turn().unwrap();
    server.core.set_timeout(id, Some(soon()), Instant::now());
    server.turn().unwrap();
    assert_eq!(server.fake.repeats.len(), 2);
    server.read(1);
    server.turn().unwrap();
    assert_eq!(server.fake.repeats.len(), 3);
    // And not when it wants no more.
    server.core.set_timeout(id, Some(soon()), Instant::now());
    server.core.set_timeout(id, None, Instant::now());
    let ready = server.core.with(|state| state.poll.wait(60)).unwrap().unwrap();
    server.pump.turn(&mut server.fake, &server.core, ready).unwrap();
    assert_eq!(server.fake.repeats.len(), 3);
}

#[test]
fn a_handshake_has_its_time() {
    for connected in [true, false] {
        let mut server = server(LIMITS, Duration::from_millis(30));
        let _client = server.accepted(1);
        server.fake.connected = connected;
        server.turn().unwrap();
        let expected: &[(u32, u8)] = if connected { &[] } else { &[(1, 8)] };
        assert_eq!(server.news(), expected);
        let ready = server.core.with(|state| state.poll.wait(60)).unwrap();
        assert_eq!(ready, Ok(Ready::default()), "once");
    }
}

#[test]
fn the_backlog_is_bounded() {
    let mut server = server(LIMITS, LIFE);
    server.pump.backlog = Backlog::new(2);
    let clients: Vec<UdpSocket> = (0..5).map(|_| server.client()).collect();
    for client in &clients {
        client.send(&hello(1, RIGHT)).unwrap();
    }
    server.turn().unwrap();
    assert_eq!(server.news().len(), 2);
    let refused = server.happened().iter().filter(|h| **h == Happening::Refused).count();
    assert_eq!(refused, 3);
    clients[4].send(&hello(1, RIGHT)).unwrap();
    server.turn().unwrap();
    assert_eq!(server.news().len(), 1);
}

#[test]
fn the_descriptor_goes_on_telling_of_news_that_were_not_taken() {
    let mut server = server(LIMITS, LIFE);
    let ready = |server: &Server| server.core.with(|state| state.poll.wait(0)).unwrap().unwrap();
    for reminds in [true, false, true] {
        server.core.with(|state| {
            state.reminds = reminds;
            state.wake(Instant::now());
        });
        server.turn().unwrap();
        assert_eq!(ready(&server).timer, reminds);
    }
}

use super::super::address::{Address, Ip};
use super::super::clients::{Clients, Limits};
use super::super::core::{Reading, State};
use super::super::net::{Poll, open};
use super::*;
use crate::hello::gate::{Admitted, COOKIE_ROOM, Cookies, Observer};
use crate::hello::reassembly::Outcome;
use crate::hello::step::{Driver, Fragments, step};
use crate::hello::wire::{ClientHello, Fragment, Method};
use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::net::UdpSocket;

const RIGHT: &[u8] = b"right";
const LIFE: Duration = Duration::from_secs(60);

/// [`Happened`], to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happening {
    Dropped(Discard),
    Answered(Sending, usize, usize),
    Accepted,
    Replaced,
    Overdue,
    Repeated,
    Refused,
    Overflow,
    Stray,
    Unusable,
}

/// Hands out numbers for SSLs, and writes down what it is asked.
#[derive(Default)]
struct Fake {
    made: u32,
    links: HashMap<u32, ClientId>,
    happened: Vec<Happening>,
    repeats: Vec<u32>,
    answers: Vec<Repeated>,
    connected: bool,
    fails: bool,
}

/// One cookie is right, and one is a fault of ours.
struct FakeDriver<'p>(&'p Peer);

impl Cookies for FakeDriver<'_> {
    fn check(&mut self, hello: &ClientHello<'_>) -> Result<bool, Fault> {
        if hello.cookie == b"fault" { Err(Fault::NoSecret) } else { Ok(hello.cookie == RIGHT) }
    }
    fn make(
        &mut self,
        _: &ClientHello<'_>,
        cookie: &mut [u8; COOKIE_ROOM],
    ) -> Result<usize, Fault> {
        cookie[..6].copy_from_slice(b"cookie");
        Ok(6)
    }
}

impl Observer for FakeDriver<'_> {}

impl Fragments for FakeDriver<'_> {
    fn first(&mut self, _: &Admitted<'_>, _: &[u8]) -> Outcome {
        Outcome::Refused
    }
    fn rest(&mut self, _: &Fragment<'_>, _: &[u8]) -> Outcome {
        Outcome::Refused
    }
    fn longest(&mut self) -> u32 {
        u32::MAX
    }
}

impl<'p> Driver<'p> for FakeDriver<'p> {
    fn peer(&self) -> Option<&'p Peer> {
        Some(self.0)
    }
}

impl Engine for Fake {
    type Handle = u32;

    fn step<'a>(
        &mut self,
        datagram: &'a [u8],
        peer: &'a Peer,
        answer: &'a mut HelloVerifyRequest,
        _: bool,
    ) -> Result<Step<'a>, Fault> {
        step(datagram, Method::Any, &mut FakeDriver(peer), answer)
    }
    fn begin(&mut self, _: &VerifiedHello<'_>, _: &Flow) -> Option<u32> {
        if self.fails {
            return None;
        }
        self.made += 1;
        Some(self.made)
    }
    fn link(&mut self, handle: u32, id: ClientId) {
        self.links.insert(handle, id);
    }
    fn abandon(&mut self, _: u32) {
        panic!("nothing to abandon");
    }
    fn repeat(&mut self, handle: u32) -> Repeated {
        self.repeats.push(handle);
        self.answers.pop().unwrap_or(Repeated::Done)
    }
    fn is_connected(&mut self, _: u32) -> bool {
        self.connected
    }
    fn cookie_life(&self) -> Duration {
        LIFE
    }
    fn count(&mut self, happened: Happened<'_>) {
        self.happened.push(match happened {
            Happened::Came(_) => return,
            Happened::Dropped(discard, _) => Happening::Dropped(discard),
            Happened::Answered(sending, answered, answer) => {
                Happening::Answered(sending, answered, answer)
            }
            Happened::Accepted => Happening::Accepted,
            Happened::Replaced => Happening::Replaced,
            Happened::Overdue => Happening::Overdue,
            Happened::Repeated => Happening::Repeated,
            Happened::Refused => Happening::Refused,
            Happened::Overflow => Happening::Overflow,
            Happened::Stray => Happening::Stray,
            Happened::Unusable => Happening::Unusable,
        });
    }
}

struct Server {
    core: Core<u32>,
    pump: Pump,
    fake: Fake,
    port: u16,
}

fn server(limits: Limits, handshake: Duration) -> Server {
    let address = Address { ip: Ip::v4([127, 0, 0, 1]), scope: 0, port: 0 };
    let doors = open(&address, 1, true).unwrap().pop().unwrap();
    let port = doors.get(0).unwrap().local().unwrap().port;
    let poll = Poll::new().unwrap();
    doors.all().for_each(|(n, socket)| poll.add(socket, n).unwrap());
    let core = Core::new(State { clients: Clients::new(limits), doors, poll, blocked: false });
    Server { core, pump: Pump::new(2048, handshake).unwrap(), fake: Fake::default(), port }
}

const LIMITS: Limits = Limits { clients: 0, per_address: 0, queue: 4 };

impl Server {
    fn turn(&mut self) -> Result<(), Fault> {
        let ready = self.core.with(|state| state.poll.wait(2000)).unwrap().unwrap();
        self.pump.turn(&mut self.fake, &self.core, ready)
    }
    fn news(&self) -> Vec<(u32, u8)> {
        let next = || self.core.with(|state| state.clients.next(None)).unwrap();
        std::iter::from_fn(next).map(|(handle, news)| (handle, news.bits())).collect()
    }
    fn happened(&mut self) -> Vec<Happening> {
        std::mem::take(&mut self.fake.happened)
    }
    fn read(&self, handle: u32) -> Reading {
        self.core.read(self.fake.links[&handle], &mut [MaybeUninit::uninit(); 300])
    }
    fn client(&self) -> UdpSocket {
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(("127.0.0.1", self.port)).unwrap();
        client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        client
    }
    /// One that is accepted, and whose news are read.
    fn accepted(&mut self, random: u8) -> UdpSocket {
        let client = self.client();
        client.send(&hello(random, RIGHT)).unwrap();
        self.turn().unwrap();
        assert_eq!(self.news(), [(self.fake.made, 1)]);
        assert_eq!(self.happened(), [Happening::Accepted]);
        client
    }
}

fn hello(random: u8, cookie: &[u8]) -> Vec<u8> {
    let mut hello = vec![22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100];
    hello.extend([1, 0, 0, 88, 0, 0, 0, 0, 0, 0, 0, 88, 0xFE, 0xFD]);
    hello.extend([random; 32]);
    hello.extend([0, cookie.len() as u8]);
    hello.extend(cookie);
    hello.resize(113, 0);
    hello
}

fn data(number: u8) -> Vec<u8> {
    let mut data = vec![23, 0xFE, 0xFD, 0, 1];
    data.resize(40 + usize::from(number), number);
    data
}

fn answered(client: &UdpSocket) -> bool {
    let mut room = [0; 64];
    client.recv(&mut room).is_ok_and(|n| room[..n].ends_with(b"cookie"))
}

const ANSWERED: Happening = Happening::Answered(Sending::Out, 113, 34);

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
    assert_eq!(server.happened(), [Happening::Accepted, Happening::Replaced]);
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

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(20)
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

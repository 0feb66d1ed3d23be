//! A turn over sockets of loopback, with a libssl that hands out numbers.

mod bounds;
mod turns;

use super::*;
use crate::hello::error::Discard;
use crate::hello::gate::{Admitted, COOKIE_ROOM, Cookies, Observer};
use crate::hello::peer::Peer;
use crate::hello::reassembly::Outcome;
use crate::hello::step::VerifiedHello;
use crate::hello::step::{Driver, Fragments, step};
use crate::hello::wire::{ClientHello, Fragment, Method};
use crate::listener::address::{Address, Flow, Ip};
use crate::listener::clients::{ClientId, Clients, Limits};
use crate::listener::core::{Reading, State};
use crate::listener::net::{Answered, Poll, Sending, open};
use std::collections::BTreeMap;
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
    links: BTreeMap<u32, ClientId>,
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
            Happened::Answered(Answered { sending, question, answer, .. }) => {
                Happening::Answered(sending, question, answer)
            }
            Happened::Accepted(_) => Happening::Accepted,
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
    let core = Core::new(State {
        clients: Clients::new(limits),
        doors,
        poll,
        blocked: false,
        reminds: false,
    });
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

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(20)
}

//! Datagrams go through [`step`], so that what is tested is what runs.

mod bounds;
mod flights;
mod hostile;
mod orders;
mod shares;

use super::{Filter, Outcome, Reassembler, Who};
use crate::hello::error::{Discard, Fault};
use crate::hello::gate::{Admitted, COOKIE_ROOM, Cookies, Fragments, Observer};
use crate::hello::peer::{MAX_ADDRESS_LEN, Peer};
use crate::hello::step::{Driver, Step, step};
use crate::hello::wire::{ClientHello, Fragment, HelloVerifyRequest, Method, RECORD_HEADER_LEN};
use crate::os::Keyed;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// Of all tests at once: each has other keys.
static FILTER: Filter = Filter::new();
static KEYS: AtomicU64 = AtomicU64::new(0);

const COOKIE: &[u8] = b"the right cookie";
/// version, random, empty session id, cookie: a first fragment needs as much.
const COOKIE_END: usize = 2 + 32 + 1 + 1 + COOKIE.len();
const SEQUENCE: u8 = 5;

/// One server's reassembly, asked by [`step`].
struct FakeDriver<'a> {
    reassembler: &'a mut Reassembler,
    who: Who<'a>,
    now: Instant,
}

impl Observer for FakeDriver<'_> {}

impl Cookies for FakeDriver<'_> {
    fn check(&mut self, hello: &ClientHello<'_>) -> Result<bool, Fault> {
        Ok(hello.cookie == COOKIE)
    }
    fn make(&mut self, _: &ClientHello<'_>, _: &mut [u8; COOKIE_ROOM]) -> Result<usize, Fault> {
        Ok(0)
    }
}

impl Fragments for FakeDriver<'_> {
    fn first(&mut self, admitted: &Admitted<'_>, datagram: &[u8]) -> Outcome {
        self.reassembler.first(&self.who, admitted, datagram, self.now)
    }
    fn rest(&mut self, fragment: &Fragment<'_>, datagram: &[u8]) -> Outcome {
        self.reassembler.rest(&self.who, fragment, datagram, self.now)
    }
    fn longest(&mut self) -> u32 {
        u32::MAX
    }
}

impl<'p> Driver<'p> for FakeDriver<'_> {
    fn peer(&self) -> Option<&'p Peer> {
        None
    }
}

/// What a caller of `DTLSv1_listen` would see of a datagram.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    Dropped(Discard),
    Challenge,
    /// As libssl does it: the first fragment alone.
    Alone,
    Accepted(Vec<u8>),
}
use Seen::{Accepted, Alone, Challenge, Dropped, Nothing};

const STRANGE: Seen = Dropped(Discard::Fragment);

struct Server {
    reassembler: Reassembler,
    hashing: Keyed,
    now: Instant,
}

impl Server {
    fn new() -> Self {
        Self {
            reassembler: Reassembler::new(&FILTER),
            hashing: Keyed::with([1, KEYS.fetch_add(1, Relaxed)]),
            now: Instant::now(),
        }
    }

    fn give(&mut self, from: &Peer, datagram: &[u8]) -> Seen {
        self.give_to(Method::Any, from, datagram)
    }

    /// To an SSL of this method.
    fn give_to(&mut self, method: Method, from: &Peer, datagram: &[u8]) -> Seen {
        let who = Who::new(from, &self.hashing);
        self.give_of(who, method, datagram)
    }

    fn give_of(&mut self, who: Who<'_>, method: Method, datagram: &[u8]) -> Seen {
        let mut answer = HelloVerifyRequest::blank();
        let mut driver = FakeDriver { reassembler: &mut self.reassembler, who, now: self.now };
        match step(datagram, method, &mut driver, &mut answer).unwrap() {
            Step::Drop(discard) => Dropped(discard),
            Step::Answer(_) => Challenge,
            Step::Kept => Nothing,
            Step::Accept(hello) => {
                assert_eq!(hello.cookie(), COOKIE);
                let record = hello.record();
                let fragment = Fragment::parse(&record[RECORD_HEADER_LEN..]).unwrap();
                if fragment.is_whole() { Accepted(record.to_vec()) } else { Alone }
            }
        }
    }
}

fn peer(address: u8, port: u8) -> Peer {
    let mut bytes = [0; MAX_ADDRESS_LEN];
    bytes[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
    bytes[2..8].copy_from_slice(&[0, port, 127, 0, 0, address]);
    Peer::new(bytes)
}

/// A hello's message without its header: no two bytes behind the cookie that are near each other
/// are the same.
fn hello(len: usize) -> Vec<u8> {
    let mut body = vec![0xFE, 0xFD];
    body.extend([7; 32]);
    body.extend([0, COOKIE.len() as u8]);
    body.extend(COOKIE);
    body.extend((body.len()..len).map(|at| at as u8));
    body
}

/// Whether a peer has something here, as is known without a lock.
fn known(server: &Server, from: &Peer) -> bool {
    FILTER.may_have(Who::new(from, &server.hashing).id())
}

/// A record with one fragment of a hello with a cookie.
fn record(sequence: u8, message_len: usize, offset: usize, bytes: &[u8]) -> Vec<u8> {
    let u24 = |n: usize| [(n >> 16) as u8, (n >> 8) as u8, n as u8];
    let mut all = vec![22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, sequence];
    all.extend(((12 + bytes.len()) as u16).to_be_bytes());
    all.push(1);
    all.extend(u24(message_len));
    all.extend([0, 1]);
    all.extend(u24(offset));
    all.extend(u24(bytes.len()));
    all.extend(bytes);
    all
}

fn cut(body: &[u8], part: Range<usize>) -> Vec<u8> {
    let sequence = if part.start == 0 { SEQUENCE } else { SEQUENCE + 1 };
    record(sequence, body.len(), part.start, &body[part])
}

/// What comes out: one record with the first fragment's sequence number.
fn whole(body: &[u8]) -> Seen {
    Accepted(cut(body, 0..body.len()))
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % n
    }

    /// A hello in so many pieces, none empty, the cookie in the first.
    fn pieces(&mut self, body: &[u8], count: usize) -> Vec<Vec<u8>> {
        let mut at = vec![0, body.len()];
        while at.len() <= count {
            let here = COOKIE_END + self.below(body.len() - COOKIE_END);
            if !at.contains(&here) {
                at.push(here);
            }
        }
        at.sort_unstable();
        at.windows(2).map(|ends| cut(body, ends[0]..ends[1])).collect()
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

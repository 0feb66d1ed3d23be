use super::*;
use crate::hello::gate::{Admitted, COOKIE_ROOM};
use crate::hello::wire::{ClientHello, Fragment, RECORD_HEADER_LEN, RecordHeader, Version};

/// Accepts one cookie, makes it, and writes down what it saw.
#[derive(Default)]
struct FakeDriver {
    seen: Vec<&'static str>,
    made: Option<usize>,
    continued: Option<u32>,
}

const RIGHT: &[u8] = b"right";

impl Observer for FakeDriver {
    fn record_seen(&mut self, _: &RecordHeader) {
        self.seen.push("record");
    }
    fn hello_seen(&mut self, _: &[u8]) {
        self.seen.push("hello");
    }
}

impl Cookies for FakeDriver {
    fn check(&mut self, hello: &ClientHello<'_>) -> Result<bool, Fault> {
        self.seen.push("verify");
        if hello.cookie == b"fault" {
            Err(Fault::NoVerifyCallback)
        } else {
            Ok(hello.cookie == RIGHT)
        }
    }
    fn make(
        &mut self,
        _: &ClientHello<'_>,
        cookie: &mut [u8; COOKIE_ROOM],
    ) -> Result<usize, Fault> {
        self.seen.push("generate");
        cookie[..RIGHT.len()].copy_from_slice(RIGHT);
        Ok(self.made.unwrap_or(RIGHT.len()))
    }
}

impl Fragments for FakeDriver {
    fn first(&mut self, _: &Admitted<'_>, _: &[u8]) -> Outcome {
        self.seen.push("first");
        Outcome::Refused
    }
    fn rest(&mut self, fragment: &Fragment<'_>, _: &[u8]) -> Outcome {
        self.continued = Some(fragment.offset);
        Outcome::Refused
    }
    fn longest(&mut self) -> u32 {
        LONGEST
    }
}

impl<'p> Driver<'p> for FakeDriver {
    fn peer(&self) -> Option<&'p Peer> {
        None
    }
}

const LONGEST: u32 = 1000;

/// A whole hello of one cookie in one record, with a tail as cipher suites would be.
fn datagram(cookie: &[u8]) -> Vec<u8> {
    let mut body = vec![0xFE, 0xFD];
    body.extend([7; 32]);
    body.push(0);
    body.push(cookie.len() as u8);
    body.extend(cookie);
    body.extend([0, 2, 0xC0, 0x2B, 1, 0]);
    let body_len = body.len() as u8;
    let mut all = vec![22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 5, 0, body_len + 12];
    all.extend([1, 0, 0, body_len, 0, 1, 0, 0, 0, 0, 0, body_len]);
    all.extend(body);
    all
}

enum Ended {
    Discarded(Discard),
    Challenged(Vec<u8>),
    Continued(u32),
    Accepted(Vec<u8>, u64),
    Failed(Fault),
}
use Ended::*;

fn ask(datagram: &[u8], method: Method) -> (Ended, Vec<&'static str>) {
    ask_of(FakeDriver::default(), datagram, method)
}

fn ask_of(mut driver: FakeDriver, datagram: &[u8], method: Method) -> (Ended, Vec<&'static str>) {
    let mut answer = HelloVerifyRequest::blank();
    let ended = match step(datagram, method, &mut driver, &mut answer) {
        Ok(Step::Drop(discard)) => match driver.continued {
            Some(offset) => Continued(offset),
            None => Discarded(discard),
        },
        Ok(Step::Answer(answer)) => Challenged(answer.to_vec()),
        Ok(Step::Kept) => panic!("nothing is kept here"),
        Ok(Step::Accept(hello)) => {
            assert_eq!(hello.cookie(), RIGHT);
            assert_eq!(hello.datagram(), datagram);
            assert!(!hello.was_in_fragments());
            Accepted(hello.record().to_vec(), hello.sequence())
        }
        Err(fault) => Failed(fault),
    };
    (ended, driver.seen)
}

#[test]
fn no_cookie_and_a_wrong_cookie_are_challenged_alike() {
    let (without, seen) = ask(&datagram(b""), Method::Any);
    assert_eq!(seen, ["record", "hello", "generate"]);
    let (wrong, seen) = ask(&datagram(b"wrong"), Method::Any);
    assert_eq!(seen, ["record", "hello", "verify", "generate"]);
    let (Challenged(without), Challenged(wrong)) = (without, wrong) else { panic!() };
    assert_eq!(without, wrong);
    assert_eq!(without[3..11], [0, 0, 0, 0, 0, 0, 0, 5]);
    assert!(without.ends_with(RIGHT));
}

#[test]
fn a_right_cookie_admits_the_first_record_alone() {
    let record = datagram(RIGHT);
    let (ended, seen) = ask(&[&record[..], b"a second record"].concat(), Method::Any);
    assert_eq!(seen, ["record", "hello", "verify"]);
    assert!(matches!(ended, Accepted(admitted, 5) if admitted == record));
}

#[test]
fn every_rule_has_its_reason() {
    let fixed = Method::Fixed(Version(0xFEFD));
    let good = datagram(b"");
    let rows: [(&str, Box<dyn Fn(&mut Vec<u8>)>, Discard, &[&str]); 16] = [
        ("empty", Box::new(|d| d.clear()), Discard::RecordTooSmall, &[]),
        ("12 bytes", Box::new(|d| d.truncate(12)), Discard::RecordTooSmall, &[]),
        ("alert", Box::new(|d| d[0] = 21), Discard::NotHandshake, &["record"]),
        ("TLS", Box::new(|d| d[1] = 3), Discard::RecordVersion, &["record"]),
        ("record too long", Box::new(|d| d[12] += 1), Discard::RecordLength, &["record"]),
        ("epoch", Box::new(|d| d[4] = 1), Discard::Epoch, &["record"]),
        ("record too short", Box::new(|d| d[12] -= 1), Discard::HandshakeLength, &["record"]),
        ("no handshake header", Box::new(|d| d[12] = 11), Discard::HandshakeLength, &["record"]),
        ("fragment length", Box::new(|d| d[24] -= 1), Discard::HandshakeLength, &["record"]),
        ("ServerHello", Box::new(|d| d[13] = 2), Discard::NotClientHello, &["record"]),
        ("message_seq 2", Box::new(|d| d[18] = 2), Discard::MessageSequence, &["record"]),
        ("longer than its message", Box::new(|d| d[16] -= 1), Discard::Fragment, &["record"]),
        ("both", Box::new(|d| (d[16], d[21]) = (1, 1)), Discard::Fragment, &["record"]),
        ("session id", Box::new(|d| d[59] = 200), Discard::HelloLength, &["record", "hello"]),
        ("cookie", Box::new(|d| d[60] = 200), Discard::HelloLength, &["record", "hello"]),
        ("DTLS 1.0", Box::new(|d| d[26] = 0xFF), Discard::ClientVersion, &["record", "hello"]),
    ];
    for (name, spoil, reason, seen) in rows {
        let mut bad = good.clone();
        spoil(&mut bad);
        let (ended, saw) = ask(&bad, fixed);
        assert!(matches!(ended, Discarded(r) if r == reason), "{name}");
        assert_eq!(saw, seen, "{name}");
    }
}

#[test]
fn every_truncation_is_refused_in_silence() {
    let good = datagram(RIGHT);
    for n in 0..good.len() {
        let (ended, _) = ask(&good[..n], Method::Any);
        let expected =
            if n < RECORD_HEADER_LEN { Discard::RecordTooSmall } else { Discard::RecordLength };
        assert!(matches!(ended, Discarded(r) if r == expected), "{n} bytes");
    }
}

#[test]
fn a_first_fragment_with_the_cookie_is_enough() {
    let mut first = datagram(RIGHT);
    first[15] = 1; // the message is 256 bytes longer than this fragment
    let (ended, seen) = ask(&first, Method::Any);
    assert!(matches!(ended, Accepted(..)));
    assert_eq!(seen, ["record", "hello", "verify", "first"]);
    first[21] = 9;
    let (ended, seen) = ask(&first, Method::Any);
    assert!(matches!(ended, Continued(9)));
    assert_eq!(seen, ["record"]);
}

#[test]
fn a_first_fragment_that_claims_more_than_anybody_takes_is_dropped() {
    for cookie in [RIGHT, b""] {
        let mut first = datagram(cookie);
        for (len, taken) in [(LONGEST, true), (LONGEST + 1, false), (0xFF_FFFF, false)] {
            first[14..17].copy_from_slice(&len.to_be_bytes()[1..]);
            let (ended, seen) = ask(&first, Method::Any);
            assert_eq!(matches!(ended, Accepted(..) | Challenged(_)), taken, "{len}");
            assert_eq!(matches!(ended, Discarded(Discard::Fragment)), !taken, "{len}");
            assert!(taken || seen == ["record"], "{len}");
        }
    }
}

#[test]
fn faults_of_our_side_come_through() {
    let fault = ask(&datagram(b"fault"), Method::Any).0;
    assert!(matches!(fault, Failed(Fault::NoVerifyCallback)));
    for (made, fails) in [(0, false), (255, false), (256, true), (257, true), (usize::MAX, true)] {
        let driver = FakeDriver { made: Some(made), ..FakeDriver::default() };
        let (ended, _) = ask_of(driver, &datagram(b""), Method::Any);
        assert_eq!(matches!(ended, Failed(Fault::GenerateCallback)), fails, "{made}");
    }
}

#[test]
fn any_bytes_whatever_end_somewhere() {
    // Every single-byte change of a good hello; none may panic (lints and this see to it).
    let good = datagram(RIGHT);
    for at in 0..good.len() {
        for value in 0..=255 {
            let mut bytes = good.clone();
            bytes[at] = value;
            let _ = ask(&bytes, Method::Any);
            let _ = ask(&bytes, Method::Fixed(Version(0xFEFD)));
        }
    }
}

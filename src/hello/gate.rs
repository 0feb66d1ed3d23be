//! The gate: one datagram in, one verdict out.
//!
//! Pure: no sockets, no clock, no randomness, no OpenSSL. Whoever stands behind it is the
//! [`Doorkeeper`]. The checks come in the order of `DTLSv1_listen` in OpenSSL's `ssl/d1_lib.c`, so
//! that the first one to fail, and with it the reason that is queued, is the same.

use crate::hello::error::{Discard, Fault};
use crate::hello::wire::{
    ClientHello, Fragment, HelloVerifyRequest, Method, RECORD_HEADER_LEN, Record, RecordHeader,
};

pub use crate::hello::wire::COOKIE_ROOM;

/// Who makes and checks the cookies, and watches what passes.
pub trait Doorkeeper {
    /// A datagram long enough to have a record header (OpenSSL's message callback, SSL3_RT_HEADER).
    fn record_seen(&mut self, header: &RecordHeader);

    /// A fragment that can begin a hello (OpenSSL's message callback, SSL3_RT_HANDSHAKE).
    fn hello_seen(&mut self, message: &[u8]);

    /// Is this hello's cookie, which is not empty, right?
    fn verify(&mut self, hello: &ClientHello<'_>) -> Result<bool, Fault>;

    /// Writes a cookie for this hello and gives its length in bytes.
    fn generate(
        &mut self,
        hello: &ClientHello<'_>,
        cookie: &mut [u8; COOKIE_ROOM],
    ) -> Result<usize, Fault>;
}

/// What is to be done with a datagram.
pub enum Verdict<'a> {
    /// Drop it and say nothing.
    Discard(Discard),
    /// Send this back, a HelloVerifyRequest, and forget that it came.
    Challenge(&'a [u8]),
    /// The rest of a hello whose first fragment came before: for whoever puts it together, else a
    /// [`Discard::Fragment`].
    Continuation(Fragment<'a>),
    /// The cookie is right: the peer is where it says.
    Admit(Admitted<'a>),
}

/// A hello, or its first fragment, whose cookie is right.
pub struct Admitted<'a> {
    /// The record that it came in, header included, and nothing behind it.
    pub record: &'a [u8],
    /// The record's sequence number, without the epoch (48 bits).
    pub sequence: u64,
    /// The handshake message: whole, or the first of several fragments.
    pub fragment: Fragment<'a>,
    /// The cookie that was right.
    pub cookie: &'a [u8],
}

/// Judges one datagram; `answer` is room for what it may get back. An `Err` is our side's fault and
/// no fault of the datagram's.
pub fn judge<'a>(
    datagram: &'a [u8],
    method: Method,
    doorkeeper: &mut impl Doorkeeper,
    answer: &'a mut HelloVerifyRequest,
) -> Result<Verdict<'a>, Fault> {
    let hello = match read(datagram, method, doorkeeper) {
        Ok(Incoming::Hello(hello)) => hello,
        Ok(Incoming::Continuation(fragment)) => return Ok(Verdict::Continuation(fragment)),
        Err(discard) => return Ok(Verdict::Discard(discard)),
    };
    let Hello { record, fragment, hello } = hello;
    if !hello.cookie.is_empty() && doorkeeper.verify(&hello)? {
        let record_len = RECORD_HEADER_LEN.saturating_add(record.body.len());
        return Ok(Verdict::Admit(Admitted {
            record: datagram.get(..record_len).unwrap_or(datagram),
            sequence: record.sequence_number(),
            fragment,
            cookie: hello.cookie,
        }));
    }
    // RFC 6347 section 4.2.1: a wrong cookie is treated as none.
    let len = doorkeeper.generate(&hello, answer.cookie_room())?;
    answer
        .write(method.answer_version(), *record.sequence, len)
        .map(Verdict::Challenge)
        .ok_or(Fault::GenerateCallback)
}

enum Incoming<'a> {
    Hello(Hello<'a>),
    Continuation(Fragment<'a>),
}

struct Hello<'a> {
    record: Record<'a>,
    fragment: Fragment<'a>,
    hello: ClientHello<'a>,
}

fn read<'a>(
    datagram: &'a [u8],
    method: Method,
    watcher: &mut impl Doorkeeper,
) -> Result<Incoming<'a>, Discard> {
    let (header, rest) = datagram.split_first_chunk().ok_or(Discard::RecordTooSmall)?;
    watcher.record_seen(header);
    let record = Record::parse(header, rest)?;
    let fragment = Fragment::parse(record.body)?;
    if !fragment.is_first() {
        return Ok(Incoming::Continuation(fragment));
    }
    watcher.hello_seen(fragment.message);
    let hello = ClientHello::of(&fragment, method)?;
    Ok(Incoming::Hello(Hello { record, fragment, hello }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hello::wire::Version;

    /// Accepts one cookie, makes it, and writes down what it saw.
    #[derive(Default)]
    struct Porter {
        seen: Vec<&'static str>,
        made: Option<usize>,
    }

    const RIGHT: &[u8] = b"right";

    impl Doorkeeper for Porter {
        fn record_seen(&mut self, _: &RecordHeader) {
            self.seen.push("record");
        }
        fn hello_seen(&mut self, _: &[u8]) {
            self.seen.push("hello");
        }
        fn verify(&mut self, hello: &ClientHello<'_>) -> Result<bool, Fault> {
            self.seen.push("verify");
            if hello.cookie == b"fault" {
                Err(Fault::NoVerifyCallback)
            } else {
                Ok(hello.cookie == RIGHT)
            }
        }
        fn generate(
            &mut self,
            _: &ClientHello<'_>,
            cookie: &mut [u8; COOKIE_ROOM],
        ) -> Result<usize, Fault> {
            self.seen.push("generate");
            cookie[..RIGHT.len()].copy_from_slice(RIGHT);
            Ok(self.made.unwrap_or(RIGHT.len()))
        }
    }

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
        Admitted(Vec<u8>, u64),
        Failed(Fault),
    }
    use Ended::*;

    fn ask(datagram: &[u8], method: Method) -> (Ended, Vec<&'static str>) {
        ask_of(Porter::default(), datagram, method)
    }

    fn ask_of(mut porter: Porter, datagram: &[u8], method: Method) -> (Ended, Vec<&'static str>) {
        let ended = match judge(datagram, method, &mut porter, &mut HelloVerifyRequest::blank()) {
            Ok(Verdict::Discard(discard)) => Discarded(discard),
            Ok(Verdict::Challenge(answer)) => Challenged(answer.to_vec()),
            Ok(Verdict::Continuation(fragment)) => Continued(fragment.offset),
            Ok(Verdict::Admit(admitted)) => Admitted(admitted.record.to_vec(), admitted.sequence),
            Err(fault) => Failed(fault),
        };
        (ended, porter.seen)
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
        assert!(matches!(ended, Admitted(admitted, 5) if admitted == record));
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
            (
                "no handshake header",
                Box::new(|d| d[12] = 11),
                Discard::HandshakeLength,
                &["record"],
            ),
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
        assert!(matches!(ask(&first, Method::Any).0, Admitted(..)));
        first[21] = 9;
        let (ended, seen) = ask(&first, Method::Any);
        assert!(matches!(ended, Continued(9)));
        assert_eq!(seen, ["record"]);
    }

    #[test]
    fn faults_of_our_side_come_through() {
        let fault = ask(&datagram(b"fault"), Method::Any).0;
        assert!(matches!(fault, Failed(Fault::NoVerifyCallback)));
        for (made, fails) in [(0, false), (255, false), (256, true), (257, true), (1 << 40, true)] {
            let porter = Porter { made: Some(made), ..Porter::default() };
            let (ended, _) = ask_of(porter, &datagram(b""), Method::Any);
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
}

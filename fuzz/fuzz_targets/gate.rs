//! The step: an answer only to a hello, never larger than it with a built-in cookie's length, with
//! its sequence number; what is accepted is the first record and no more.
#![no_main]

use dtlsv1_listen::hello::error::Fault;
use dtlsv1_listen::hello::gate::{Admitted, COOKIE_ROOM, Cookies, Fragments, Observer};
use dtlsv1_listen::hello::peer::Peer;
use dtlsv1_listen::hello::reassembly::Outcome;
use dtlsv1_listen::hello::step::{Driver, Step, step};
use dtlsv1_listen::hello::wire::{ClientHello, Fragment, HelloVerifyRequest, Method, Version};
use libfuzzer_sys::fuzz_target;

const LONGEST: u32 = 100 * 1024;

struct FakeDriver;

impl Observer for FakeDriver {}

impl Cookies for FakeDriver {
    fn check(&mut self, hello: &ClientHello<'_>) -> Result<bool, Fault> {
        assert!(!hello.cookie.is_empty());
        Ok(hello.cookie[0] & 1 == 1)
    }
    fn make(
        &mut self,
        _: &ClientHello<'_>,
        cookie: &mut [u8; COOKIE_ROOM],
    ) -> Result<usize, Fault> {
        cookie[..32].fill(0xC0);
        Ok(32)
    }
}

impl Fragments for FakeDriver {
    fn first(&mut self, admitted: &Admitted<'_>, datagram: &[u8]) -> Outcome {
        assert!(datagram.starts_with(admitted.record));
        assert!(admitted.fragment.message_len <= LONGEST);
        Outcome::Refused
    }
    fn rest(&mut self, fragment: &Fragment<'_>, _: &[u8]) -> Outcome {
        assert!(fragment.offset > 0);
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

fuzz_target!(|input: &[u8]| {
    let Some((&choice, datagram)) = input.split_first() else { return };
    let method = match choice % 3 {
        0 => Method::Any,
        1 => Method::Fixed(Version(0xFEFD)),
        _ => Method::Fixed(Version(0xFEFF)),
    };
    let mut answer = HelloVerifyRequest::blank();
    match step(datagram, method, &mut FakeDriver, &mut answer).unwrap() {
        Step::Drop(_) => {}
        Step::Kept => unreachable!("nothing is kept here"),
        Step::Answer(answer) => {
            assert!(answer.len() <= datagram.len(), "the answer is larger than the question");
            assert_eq!(answer[3..11], datagram[3..11]);
            assert!(answer.ends_with(&[0xC0; 32]));
        }
        Step::Accept(hello) => {
            assert!(datagram.starts_with(hello.record()));
            let length = u16::from_be_bytes([datagram[11], datagram[12]]);
            assert_eq!(hello.record().len(), 13 + usize::from(length));
            assert!(hello.cookie()[0] & 1 == 1);
        }
    }
});

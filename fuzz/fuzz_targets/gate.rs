//! The gate: an answer only to a hello, never larger than it with a built-in cookie's length, with
//! its sequence number; what is admitted is the first record and no more.
#![no_main]

use dtlsv1_listen::hello::error::Fault;
use dtlsv1_listen::hello::gate::{COOKIE_ROOM, Cookies, Observer, Verdict, judge};
use dtlsv1_listen::hello::wire::{ClientHello, HelloVerifyRequest, Method, Version};
use libfuzzer_sys::fuzz_target;

struct FakeCookies;

impl Observer for FakeCookies {}

impl Cookies for FakeCookies {
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

fuzz_target!(|input: &[u8]| {
    let Some((&choice, datagram)) = input.split_first() else { return };
    let method = match choice % 3 {
        0 => Method::Any,
        1 => Method::Fixed(Version(0xFEFD)),
        _ => Method::Fixed(Version(0xFEFF)),
    };
    let mut answer = HelloVerifyRequest::blank();
    match judge(datagram, method, &mut FakeCookies, &mut answer).unwrap() {
        Verdict::Discard(_) | Verdict::Continuation(_) => {}
        Verdict::Challenge(answer) => {
            assert!(answer.len() <= datagram.len(), "the answer is larger than the question");
            assert_eq!(answer[3..11], datagram[3..11]);
            assert!(answer.ends_with(&[0xC0; 32]));
        }
        Verdict::Admit(admitted) => {
            assert!(datagram.starts_with(admitted.record));
            let length = u16::from_be_bytes([datagram[11], datagram[12]]);
            assert_eq!(admitted.record.len(), 13 + usize::from(length));
            assert!(admitted.cookie[0] & 1 == 1);
        }
    }
});

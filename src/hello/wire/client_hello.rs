//! ClientHello up to its cookie (RFC 6347 section 4.2.1).

use super::cursor::Cursor;
use super::handshake::Fragment;
use crate::hello::error::Discard;

/// A DTLS version as sent: 0xFEFF is 1.0, 0xFEFD is 1.2, and later means smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub u16);

impl Version {
    /// DTLS 1.0, which every HelloVerifyRequest names in its body.
    pub const DTLS1: Self = Self(0xFEFF);
    /// OpenSSL's number for the draft that Cisco AnyConnect speaks, older than 1.0.
    const BAD: Self = Self(0x0100);

    fn older_than(self, other: Self) -> bool {
        let age = |v: Self| if v == Self::BAD { 0xFF00 } else { v.0 };
        age(self) > age(other)
    }
}

/// Which versions the SSL's method speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `DTLS_method()`, `DTLS_server_method()`: decided by the handshake.
    Any,
    /// `DTLSv1_2_server_method()` and its like.
    Fixed(Version),
}

impl Method {
    /// The record version of a HelloVerifyRequest. 1.0 while undecided, since some clients ignore
    /// anything else.
    pub const fn answer_version(self) -> Version {
        match self {
            Self::Any => Version::DTLS1,
            Self::Fixed(version) => version,
        }
    }
}

/// The fields in front of the cipher suites. libssl reads the rest after the cookie is right.
#[derive(Clone, Copy, Debug)]
pub struct ClientHello<'a> {
    /// client_version
    pub version: Version,
    /// random
    pub random: &'a [u8; 32],
    /// session_id, as long as its length byte says (0 to 255 bytes)
    pub session_id: &'a [u8],
    /// cookie; empty in a first hello
    pub cookie: &'a [u8],
    /// Most bytes of cookie that the client can send in a first fragment, as far as can be told: any
    /// number after a hello that came whole, else as many as this fragment had behind the length
    /// of its cookie. A client fills its datagrams, so the next one will have no more room.
    pub room: usize,
}

/// Version, random, and the lengths of session id and cookie.
const BEFORE_COOKIE: usize = 2 + 32 + 1 + 1;

impl<'a> ClientHello<'a> {
    /// Reads the first fragment that a hello came in, and sees whether it is the only one.
    #[inline(always)]
    pub fn of(fragment: &Fragment<'a>, method: Method) -> Result<Self, Discard> {
        let mut hello = Self::parse(fragment.body, method)?;
        if !fragment.is_whole() {
            let in_front = BEFORE_COOKIE.saturating_add(hello.session_id.len());
            hello.room = fragment.body.len().saturating_sub(in_front);
        }
        Ok(hello)
    }

    /// Reads a hello's first fragment. The version is judged before anything behind it is read.
    #[inline(always)]
    pub fn parse(body: &'a [u8], method: Method) -> Result<Self, Discard> {
        let mut cursor = Cursor::new(body);
        let version = cursor.array().ok_or(Discard::HelloLength)?;
        let version = Version(u16::from_be_bytes(*version));
        match method {
            Method::Fixed(ours) if version.older_than(ours) => return Err(Discard::ClientVersion),
            _ => {}
        }
        Self::fields(version, cursor).ok_or(Discard::HelloLength)
    }

    #[inline(always)]
    fn fields(version: Version, mut cursor: Cursor<'a>) -> Option<Self> {
        Some(Self {
            version,
            random: cursor.array()?,
            session_id: cursor.vec8()?,
            cookie: cursor.vec8()?,
            room: usize::MAX,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(version: [u8; 2], session_id: &[u8], cookie: &[u8]) -> Vec<u8> {
        let mut body = version.to_vec();
        body.extend([7; 32]);
        body.push(session_id.len() as u8);
        body.extend(session_id);
        body.push(cookie.len() as u8);
        body.extend(cookie);
        body
    }

    #[test]
    fn reads_each_field() {
        let body = hello([0xFE, 0xFD], b"id", b"cookie");
        let hello = ClientHello::parse(&body, Method::Any).unwrap();
        assert_eq!(hello.version, Version(0xFEFD));
        assert_eq!(hello.random, &[7; 32]);
        assert_eq!((hello.session_id, hello.cookie), (&b"id"[..], &b"cookie"[..]));
    }

    #[test]
    fn a_fragment_tells_how_long_a_cookie_can_be() {
        let body = [&hello([0xFE, 0xFD], b"id", b"")[..], &[9; 20]].concat();
        let room = |message_len| {
            let fragment =
                Fragment { message: &[], message_len, message_seq: 0, offset: 0, body: &body };
            ClientHello::of(&fragment, Method::Any).unwrap().room
        };
        assert_eq!(room(body.len() as u32), usize::MAX);
        assert_eq!(room(body.len() as u32 + 1), 20);
    }

    #[test]
    fn every_truncation_is_a_length_mismatch() {
        let body = hello([0xFE, 0xFD], &[1; 32], &[2; 255]);
        for n in 0..body.len() {
            let error = ClientHello::parse(&body[..n], Method::Any).unwrap_err();
            assert_eq!(error, Discard::HelloLength, "{n} bytes");
        }
        assert!(ClientHello::parse(&body, Method::Any).is_ok());
    }

    #[test]
    fn a_length_one_too_large_is_a_length_mismatch() {
        let good = hello([0xFE, 0xFD], b"id", b"cookie");
        for at in [34, 37] {
            let mut body = good.clone();
            body[at] += if at == 34 { 100 } else { 1 };
            assert_eq!(ClientHello::parse(&body, Method::Any).unwrap_err(), Discard::HelloLength);
        }
    }

    #[test]
    fn what_follows_the_cookie_is_not_read() {
        let mut body = hello([0xFE, 0xFD], b"", b"c");
        body.extend([0xFF; 9]);
        assert_eq!(ClientHello::parse(&body, Method::Any).unwrap().cookie, b"c");
    }

    #[test]
    fn an_older_client_is_refused_by_a_fixed_version_only() {
        let fixed = Method::Fixed(Version(0xFEFD));
        for (version, accepted) in
            [([0xFE, 0xFD], true), ([0xFE, 0xFC], true), ([0xFE, 0xFF], false), ([1, 0], false)]
        {
            // Nothing behind the version: the version is judged first.
            let error = ClientHello::parse(&version, fixed).unwrap_err();
            let expected = if accepted { Discard::HelloLength } else { Discard::ClientVersion };
            assert_eq!(error, expected, "{version:02x?}");
            assert!(ClientHello::parse(&hello(version, b"", b""), Method::Any).is_ok());
        }
    }

    #[test]
    fn the_answer_names_1_0_until_the_version_is_fixed() {
        assert_eq!(Method::Any.answer_version(), Version(0xFEFF));
        assert_eq!(Method::Fixed(Version(0xFEFD)).answer_version(), Version(0xFEFD));
    }
}

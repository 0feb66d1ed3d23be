//! The handshake header (RFC 6347 section 4.2.2): one fragment of one message.

use super::cursor::{Cursor, u24};
use crate::hello::error::Discard;

/// Bytes in front of every handshake fragment.
pub const HANDSHAKE_HEADER_LEN: usize = 12;

const CLIENT_HELLO: u8 = 1;
/// A ClientHello is the client's message 0, and 1 when it repeats it with a cookie.
const LAST_MESSAGE_SEQ: u16 = 1;

/// A fragment of a ClientHello, alone in its record.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    /// Header and body as sent.
    pub message: &'a [u8],
    /// Length of the whole hello, in bytes (24 bits).
    pub message_len: u32,
    /// 0, or 1 for the hello that answers a HelloVerifyRequest.
    pub message_seq: u16,
    /// Where `body` lies in the whole hello (24 bits).
    pub offset: u32,
    /// The fragment's bytes.
    pub body: &'a [u8],
}

impl<'a> Fragment<'a> {
    /// Reads the one fragment that fills a record's body.
    #[inline(always)]
    pub fn parse(message: &'a [u8]) -> Result<Self, Discard> {
        let (kind, fragment) = Self::fields(message).ok_or(Discard::HandshakeLength)?;
        if kind != CLIENT_HELLO {
            return Err(Discard::NotClientHello);
        }
        if fragment.message_seq > LAST_MESSAGE_SEQ {
            return Err(Discard::MessageSequence);
        }
        if fragment.body.len() > fragment.message_len as usize {
            return Err(Discard::Fragment);
        }
        Ok(fragment)
    }

    #[inline(always)]
    fn fields(message: &'a [u8]) -> Option<(u8, Self)> {
        let mut cursor = Cursor::new(message);
        let &[kind] = cursor.array()?;
        let message_len = u24(*cursor.array()?);
        let message_seq = u16::from_be_bytes(*cursor.array()?);
        let offset = u24(*cursor.array()?);
        let length = u24(*cursor.array()?) as usize;
        let body = cursor.rest();
        (body.len() == length)
            .then_some((kind, Self { message, message_len, message_seq, offset, body }))
    }

    /// Does it begin the hello? The cookie has to be in this part.
    pub const fn is_first(&self) -> bool {
        self.offset == 0
    }

    /// Is it the whole hello?
    pub const fn is_whole(&self) -> bool {
        self.body.len() == self.message_len as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [u8; 15] = [1, 0, 0, 9, 0, 1, 0, 0, 0, 0, 0, 3, b'a', b'b', b'c'];

    fn with(at: usize, value: u8) -> [u8; 15] {
        let mut message = GOOD;
        message[at] = value;
        message
    }

    fn refuse(message: &[u8]) -> Discard {
        Fragment::parse(message).unwrap_err()
    }

    #[test]
    fn reads_a_first_fragment() {
        let fragment = Fragment::parse(&GOOD).unwrap();
        assert_eq!((fragment.message_len, fragment.message_seq, fragment.offset), (9, 1, 0));
        assert_eq!(fragment.body, b"abc");
        assert!(fragment.is_first() && !fragment.is_whole());
        assert!(Fragment::parse(&with(3, 3)).unwrap().is_whole());
    }

    #[test]
    fn every_truncation_is_a_length_mismatch() {
        for n in 0..GOOD.len() {
            assert_eq!(refuse(&GOOD[..n]), Discard::HandshakeLength, "{n} bytes");
        }
    }

    #[test]
    fn a_length_off_by_one_is_a_length_mismatch() {
        for length in [2, 4, 0xFF] {
            assert_eq!(refuse(&with(11, length)), Discard::HandshakeLength);
        }
        for at in [9, 10] {
            assert_eq!(refuse(&with(at, 1)), Discard::HandshakeLength);
        }
    }

    #[test]
    fn refusals_come_in_libssls_order() {
        assert_eq!(refuse(&with(0, 2)), Discard::NotClientHello);
        assert_eq!(refuse(&with(5, 2)), Discard::MessageSequence);
        assert_eq!(refuse(&with(4, 1)), Discard::MessageSequence);
        assert_eq!(refuse(&with(3, 2)), Discard::Fragment);
    }

    #[test]
    fn a_later_fragment_is_read_as_such() {
        assert!(!Fragment::parse(&with(8, 3)).unwrap().is_first());
    }
}

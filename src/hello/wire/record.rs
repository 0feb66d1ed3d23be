//! The record layer's header (RFC 6347 section 4.1).

use super::cursor::Cursor;
use crate::hello::error::Discard;

/// Bytes in front of every plaintext record.
pub const RECORD_HEADER_LEN: usize = 13;

/// The header as it came: 13 bytes that may still say anything.
pub type RecordHeader = [u8; RECORD_HEADER_LEN];

const HANDSHAKE: u8 = 22;
/// Major byte of every DTLS version: they count down from 0xFEFF.
const VERSION_MAJOR: u8 = 0xFE;

/// A handshake record of epoch 0, the first one of its datagram.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Epoch (two zero bytes) and 48-bit sequence number, as sent.
    pub sequence: &'a [u8; 8],
    /// What the record carries: here, one handshake fragment.
    pub body: &'a [u8],
}

impl<'a> Record<'a> {
    /// Checks a header and takes the body from `rest`, the bytes behind it. What comes after the
    /// body, more records perhaps, is left alone.
    #[inline(always)]
    pub fn parse(header: &'a RecordHeader, rest: &'a [u8]) -> Result<Self, Discard> {
        let [content_type, major, _minor, sequence @ .., high, low] = header;
        if *content_type != HANDSHAKE {
            return Err(Discard::NotHandshake);
        }
        if *major != VERSION_MAJOR {
            return Err(Discard::RecordVersion);
        }
        let length = u16::from_be_bytes([*high, *low]);
        let body = Cursor::new(rest).bytes(length.into()).ok_or(Discard::RecordLength)?;
        let &[0, 0, ..] = sequence else {
            return Err(Discard::Epoch);
        };
        Ok(Self { sequence, body })
    }

    /// The record's sequence number, without its epoch (48 bits).
    pub fn sequence_number(&self) -> u64 {
        u64::from_be_bytes(*self.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: RecordHeader = [22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 7, 0, 3];

    fn with(at: usize, value: u8) -> RecordHeader {
        let mut header = GOOD;
        header[at] = value;
        header
    }

    #[test]
    fn takes_the_first_record_and_leaves_the_rest() {
        let record = Record::parse(&GOOD, b"abcd").unwrap();
        assert_eq!(record.body, b"abc");
        assert_eq!(record.sequence_number(), 7);
    }

    #[test]
    fn names_the_first_thing_wrong() {
        let refuse = |header: RecordHeader, rest: &[u8]| Record::parse(&header, rest).unwrap_err();
        assert_eq!(refuse(with(0, 23), b""), Discard::NotHandshake);
        assert_eq!(refuse(with(1, 3), b""), Discard::RecordVersion);
        assert_eq!(refuse(GOOD, b"ab"), Discard::RecordLength);
        assert_eq!(refuse(with(3, 1), b"ab"), Discard::RecordLength);
        assert_eq!(refuse(with(3, 1), b"abc"), Discard::Epoch);
        assert_eq!(refuse(with(4, 1), b"abc"), Discard::Epoch);
    }

    #[test]
    fn the_minor_version_is_free() {
        assert!(Record::parse(&with(2, 0), b"abc").is_ok());
    }

    #[test]
    fn an_empty_record_is_a_record() {
        assert!(Record::parse(&with(12, 0), b"").unwrap().body.is_empty());
    }
}

//! HelloVerifyRequest, in a record of its own (RFC 6347 sections 4.2.1 and 4.2.2).

use super::client_hello::Version;
use super::handshake::HANDSHAKE_HEADER_LEN;
use super::record::RECORD_HEADER_LEN;

/// `opaque cookie<0..2^8-1>` (RFC 6347; RFC 4347 had 32).
pub const MAX_COOKIE_LEN: usize = 255;

/// server_version and the cookie's length byte.
const BODY_HEAD_LEN: usize = 3;
const HEAD_LEN: usize = RECORD_HEADER_LEN + HANDSHAKE_HEADER_LEN + BODY_HEAD_LEN;
const MAX_LEN: usize = HEAD_LEN + COOKIE_ROOM;

/// Longest cookie that can be written here, and one byte to tell one that is longer.
pub const COOKIE_ROOM: usize = MAX_COOKIE_LEN + 1;

/// Room for the one answer that a ClientHello can get before its cookie is right. Made once a call
/// and written anew for each hello: to make it anew, too, and hand it up cost 90 instructions.
pub struct HelloVerifyRequest([u8; MAX_LEN]);

impl HelloVerifyRequest {
    /// Nothing is written yet.
    pub const fn blank() -> Self {
        Self([0; MAX_LEN])
    }

    /// Where the cookie goes, before [`write`](Self::write).
    pub const fn cookie_room(&mut self) -> &mut [u8; COOKIE_ROOM] {
        match self.0.last_chunk_mut() {
            Some(room) => room,
            None => unreachable!(),
        }
    }

    /// Writes the answer around a cookie of that length, and gives the datagram to send.
    /// `sequence` is the epoch and record sequence number of the ClientHello that is answered: RFC
    /// 6347 section 4.2.1 wants the same number back. `None` for a cookie that its length byte
    /// cannot describe.
    pub fn write(
        &mut self,
        version: Version,
        sequence: [u8; 8],
        cookie_len: usize,
    ) -> Option<&[u8]> {
        let len = u8::try_from(cookie_len).ok()?;
        // At most 255 + 15 + 13: no sum here can overflow or saturate.
        let body_len = u16::from(len).saturating_add(BODY_HEAD_LEN as u16);
        let record_len = body_len.saturating_add(HANDSHAKE_HEADER_LEN as u16);
        let [v1, v2] = version.0.to_be_bytes();
        let [s0, s1, s2, s3, s4, s5, s6, s7] = sequence;
        let [r1, r2] = record_len.to_be_bytes();
        let [b1, b2] = body_len.to_be_bytes();
        let [d1, d2] = Version::DTLS1.0.to_be_bytes();
        #[rustfmt::skip]
        let head: [u8; HEAD_LEN] = [
            22, v1, v2, s0, s1, s2, s3, s4, s5, s6, s7, r1, r2, // record
            3, 0, b1, b2, 0, 0, 0, 0, 0, 0, b1, b2, // handshake: message_seq 0, one fragment
            d1, d2, len,
        ];
        *self.0.first_chunk_mut()? = head;
        self.0.get(..HEAD_LEN.saturating_add(cookie_len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(version: Version, sequence: [u8; 8], cookie: &[u8]) -> Option<Vec<u8>> {
        let mut answer = HelloVerifyRequest::blank();
        let len = cookie.len().min(COOKIE_ROOM);
        answer.cookie_room()[..len].copy_from_slice(&cookie[..len]);
        answer.write(version, sequence, cookie.len()).map(<[u8]>::to_vec)
    }

    #[test]
    fn is_what_s_server_sends() {
        // [bc] in ctests/corpus/clienthellos.txt
        let cookie = [
            0x47, 0x86, 0x73, 0xac, 0x64, 0xf1, 0xd9, 0x49, 0x8e, 0x13, 0x85, 0xc3, 0x1c, 0xa0,
            0xa8, 0x14, 0xb4, 0xff, 0xf0, 0x1d,
        ];
        let mut expected = vec![22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x23];
        expected.extend([3, 0, 0, 0x17, 0, 0, 0, 0, 0, 0, 0, 0x17, 0xfe, 0xff, 0x14]);
        expected.extend(cookie);
        let answer = answer(Version::DTLS1, [0; 8], &cookie).unwrap();
        assert_eq!(answer, expected);
    }

    #[test]
    fn echoes_version_and_sequence() {
        let answer = answer(Version(0xFEFD), [0, 0, 1, 2, 3, 4, 5, 6], b"x");
        let answer = answer.unwrap();
        assert_eq!(answer[1..11], [0xfe, 0xfd, 0, 0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(answer[25..27], [0xfe, 0xff]);
    }

    #[test]
    fn lengths_follow_the_cookie() {
        for n in [0, 1, 240, 241, 252, 253, 255] {
            let answer = answer(Version::DTLS1, [0; 8], &vec![9; n]).unwrap();
            let bytes = answer;
            assert_eq!(bytes.len(), 28 + n);
            assert_eq!(usize::from(u16::from_be_bytes([bytes[11], bytes[12]])), 15 + n);
            assert_eq!(usize::from(u16::from_be_bytes([bytes[15], bytes[16]])), 3 + n);
            assert_eq!(bytes[14..17], bytes[22..25]);
            assert_eq!(usize::from(bytes[27]), n);
        }
        assert!(answer(Version::DTLS1, [0; 8], &[0; 256]).is_none());
    }
}

//! What a secret file says: one secret a line in hex or base64, `#` begins a comment, the first
//! makes cookies and all are accepted.

use super::parse_error::ParseError;
use super::set::Secrets;
use crate::hello::cookie::{MAX_SECRET_LEN, Secret};
use zeroize::Zeroizing;

/// Adds the secrets of a file's text.
pub(super) fn parse(text: &[u8], secrets: &mut Secrets) -> Result<(), ParseError> {
    let mut room = Zeroizing::new([0; MAX_SECRET_LEN]);
    for (text, line) in text.split(|&b| b == b'\n').zip(1..) {
        let content = text.split(|&b| b == b'#').next().unwrap_or_default();
        let word = content.trim_ascii();
        if word.is_empty() {
            continue;
        }
        let len = decode(word, &mut room).map_err(|wrong| match wrong {
            DecodeError::Character(at) => {
                let indent = content.len().saturating_sub(content.trim_ascii_start().len());
                ParseError::Character { line, column: at.saturating_add(indent).saturating_add(1) }
            }
            DecodeError::OddHex => ParseError::OddHex { line },
            DecodeError::CutBase64 => ParseError::CutBase64 { line },
            DecodeError::TooLong => ParseError::TooLong { line },
        })?;
        let bytes = room.get(..len).unwrap_or_default();
        let secret = Secret::new(bytes).ok_or(ParseError::TooShort { line, bytes: len })?;
        if !secrets.add(secret) {
            return Err(ParseError::TooMany { line });
        }
    }
    if secrets.is_empty() { Err(ParseError::Empty) } else { Ok(()) }
}

enum DecodeError {
    /// At this byte of the word, from 0.
    Character(usize),
    OddHex,
    CutBase64,
    TooLong,
}

/// Hex if it can be: base64 of a random secret has a letter beyond F but once in 10^20.
fn decode(word: &[u8], room: &mut [u8; MAX_SECRET_LEN]) -> Result<usize, DecodeError> {
    let mut writer = Writer { room, len: 0 };
    if word.iter().all(u8::is_ascii_hexdigit) {
        if word.len() % 2 != 0 {
            return Err(DecodeError::OddHex);
        }
        writer.digits(word.iter().enumerate(), hex_digit, 4)?;
        return Ok(writer.len);
    }
    let padding = word.iter().rev().take_while(|&&b| b == b'=').count();
    let digits = word.len().saturating_sub(padding);
    let left_over = writer.digits(word.iter().take(digits).enumerate(), base64_digit, 6)?;
    // The padding may be left out; if it is there it has to be right.
    let padded = padding == 0 || (padding < 3 && word.len() % 4 == 0);
    if !padded || digits % 4 == 1 || left_over != 0 {
        return Err(DecodeError::CutBase64);
    }
    Ok(writer.len)
}

struct Writer<'a> {
    room: &'a mut [u8; MAX_SECRET_LEN],
    len: usize,
}

impl Writer<'_> {
    /// Puts digits of some bits each into bytes, and gives the bits that fill no byte.
    fn digits<'w>(
        &mut self,
        digits: impl Iterator<Item = (usize, &'w u8)>,
        value: impl Fn(u8) -> Option<u8>,
        bits_each: u32,
    ) -> Result<u32, DecodeError> {
        let (mut bits, mut held) = (0_u32, 0_u32);
        for (at, &digit) in digits {
            let value = value(digit).ok_or(DecodeError::Character(at))?;
            bits = (bits << bits_each) | u32::from(value);
            held = held.saturating_add(bits_each);
            if let Some(more) = held.checked_sub(8) {
                let [.., byte] = (bits >> more).to_be_bytes();
                *self.room.get_mut(self.len).ok_or(DecodeError::TooLong)? = byte;
                self.len = self.len.saturating_add(1);
                held = more;
                bits &= !(u32::MAX << more);
            }
        }
        Ok(bits)
    }
}

const fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        b'A'..=b'F' => Some(digit.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}

/// Both alphabets of RFC 4648.
const fn base64_digit(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit.wrapping_sub(b'A')),
        b'a'..=b'z' => Some(digit.wrapping_sub(b'a').wrapping_add(26)),
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0').wrapping_add(52)),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Vec<u8>>, ParseError> {
        let mut secrets = Secrets::NONE;
        parse(text.as_bytes(), &mut secrets)?;
        Ok(secrets.iter().map(|s| s.key().to_vec()).collect())
    }

    fn hex(byte: u8, len: usize) -> String {
        format!("{byte:02x}").repeat(len)
    }

    #[test]
    fn hex_and_base64_give_the_same_bytes() {
        let bytes: Vec<u8> = (0..33).map(|i| 255 - i * 7).collect();
        let hex = bytes.iter().fold(String::new(), |hex, b| format!("{hex}{b:02X}"));
        let base64 = base64_of(&bytes);
        assert!(base64.contains('/'));
        let url_safe = base64.replace('/', "_").replace('+', "-");
        for text in [hex.to_lowercase(), hex, url_safe, base64] {
            assert_eq!(read(&text), Ok(vec![bytes.clone()]), "{text}");
        }
    }

    /// By the definition, bit by bit.
    fn base64_of(bytes: &[u8]) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let bits: Vec<u8> =
            bytes.iter().flat_map(|b| (0..8).rev().map(move |i| (b >> i) & 1)).collect();
        let mut text: String = bits
            .chunks(6)
            .map(|c| {
                let value = (0..6).fold(0, |v, i| (v << 1) | c.get(i).copied().unwrap_or(0));
                char::from(ALPHABET[usize::from(value)])
            })
            .collect();
        while text.len() % 4 != 0 {
            text.push('=');
        }
        text
    }

    #[test]
    fn padding_may_be_left_out() {
        for len in [32, 33, 34] {
            let bytes = vec![0xEE; len];
            let text = base64_of(&bytes);
            assert_eq!(read(&text), Ok(vec![bytes.clone()]));
            assert_eq!(read(text.trim_end_matches('=')), Ok(vec![bytes]));
        }
    }

    #[test]
    fn comments_blanks_and_order() {
        let text = format!(
            "# the fleet's\r\n\r\n  {}\t# since May\r\n\n#{}\n{}",
            hex(2, 32),
            hex(9, 32),
            hex(1, 40)
        );
        assert_eq!(read(&text), Ok(vec![vec![2; 32], vec![1; 40]]));
    }

    #[test]
    fn every_mistake_has_its_line() {
        let good = hex(1, 32);
        let base64 = base64_of(&[0xEE; 32]);
        let nine: Vec<_> = (0..9).map(|b| hex(b, 32)).collect();
        let rows = [
            (String::new(), ParseError::Empty),
            ("# nothing\n\n".into(), ParseError::Empty),
            (format!("{good}\n  {good}!"), ParseError::Character { line: 2, column: 67 }),
            (format!("\n\u{FEFF}{good}"), ParseError::Character { line: 2, column: 1 }),
            (format!("{good} {good}"), ParseError::Character { line: 1, column: 65 }),
            (format!("{good}\n{}", &good[1..]), ParseError::OddHex { line: 2 }),
            (
                format!("{}={}", &base64[..20], &base64[21..]),
                ParseError::Character { line: 1, column: 21 },
            ),
            (format!("{base64}="), ParseError::CutBase64 { line: 1 }),
            (base64[..41].to_string(), ParseError::CutBase64 { line: 1 }),
            (base64[..42].to_string(), ParseError::CutBase64 { line: 1 }),
            (base64.replacen('=', "==", 1), ParseError::CutBase64 { line: 1 }),
            (hex(1, 31), ParseError::TooShort { line: 1, bytes: 31 }),
            (base64_of(&[0xEE; 30]), ParseError::TooShort { line: 1, bytes: 30 }),
            ("#\n=".into(), ParseError::CutBase64 { line: 2 }),
            (hex(1, 1025), ParseError::TooLong { line: 1 }),
            (nine.join("\n"), ParseError::TooMany { line: 9 }),
        ];
        for (text, bad) in rows {
            assert_eq!(read(&text), Err(bad), "{text}");
            assert!(!bad.to_string().contains("eeee"));
        }
        assert!(read(&hex(1, 1024)).is_ok());
        assert_eq!(read(&nine[..8].join("\n")).unwrap().len(), 8);
    }

    #[test]
    fn any_bytes_whatever_end_somewhere() {
        let good = format!("# a comment\n{}\n{}", hex(1, 32), base64_of(&[2; 33]));
        for at in 0..good.len() {
            for value in 0..=255 {
                let mut text = good.clone().into_bytes();
                text[at] = value;
                let _ = parse(&text, &mut Secrets::NONE.clone());
                let _ = parse(&text[..at], &mut Secrets::NONE.clone());
            }
        }
    }
}

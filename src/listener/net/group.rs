//! Has anybody else a socket on the same address? A program on a group decides for all of it, so a
//! group that others are in is left alone.

use super::socket::Socket;
use crate::listener::address::{Address, Family};
use std::fs::File;
use std::io::{ErrorKind, Read as _};

/// False as well where the kernel does not say (no /proc).
///
/// No heap memory: a file's lines as the standard library has them end the process when there is none.
pub(super) fn is_alone(socket: &Socket) -> bool {
    let Ok(local) = socket.local() else { return false };
    let path = match socket.family {
        Family::V4 => "/proc/net/udp",
        Family::V6 => "/proc/net/udp6",
    };
    let Ok(mut file) = File::open(path) else { return false };
    let mut block = [0; 512];
    let name = Name::of(&local, socket.family);
    let mut lines = Lines::new(name.as_bytes());
    loop {
        match file.read(&mut block) {
            Ok(0) => return lines.count == 1,
            Ok(n) => block.iter().take(n).for_each(|byte| lines.push(*byte)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

/// An address as the kernel writes it there: words of 32 bits in the host's order, and the port.
struct Name {
    bytes: [u8; Self::ROOM],
    len: usize,
}

impl Name {
    const ROOM: usize = 32 + 1 + 4;

    fn of(local: &Address, family: Family) -> Self {
        let mut name = Self { bytes: [0; Self::ROOM], len: 0 };
        let v4 = local.ip.as_v4().unwrap_or_default();
        let ip: &[u8] = if family == Family::V4 { &v4 } else { &local.ip.0 };
        for word in ip.chunks_exact(4) {
            let word = word.first_chunk().copied().unwrap_or_default();
            name.hex(&u32::from_ne_bytes(word).to_be_bytes());
        }
        name.push(b':');
        name.hex(&local.port.to_be_bytes());
        name
    }

    fn hex(&mut self, bytes: &[u8]) {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        for byte in bytes {
            for digit in [byte >> 4, byte & 0xF] {
                self.push(DIGITS.get(usize::from(digit)).copied().unwrap_or(b'0'));
            }
        }
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len = self.len.saturating_add(1);
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Counts the lines whose second field is this one: number, local address, ...
struct Lines<'a> {
    wanted: &'a [u8],
    /// What is still to come of it, if the field was the same up to now.
    rest: Option<&'a [u8]>,
    field: u32,
    inside: bool,
    count: usize,
}

impl<'a> Lines<'a> {
    const fn new(wanted: &'a [u8]) -> Self {
        Self { wanted, rest: None, field: 0, inside: false, count: 0 }
    }

    fn push(&mut self, byte: u8) {
        if byte.is_ascii_whitespace() {
            if self.inside && self.field == 2 && self.rest.is_some_and(<[u8]>::is_empty) {
                self.count = self.count.saturating_add(1);
            }
            self.inside = false;
            if byte == b'\n' {
                self.field = 0;
            }
            return;
        }
        if !self.inside {
            self.inside = true;
            self.field = self.field.saturating_add(1);
            self.rest = Some(self.wanted);
        }
        let next = self.rest.and_then(<[u8]>::split_first);
        self.rest = next.filter(|(first, _)| **first == byte).map(|(_, rest)| rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listener::address::Ip;

    fn count(wanted: &str, lines: &str) -> usize {
        let mut all = Lines::new(wanted.as_bytes());
        lines.bytes().for_each(|byte| all.push(byte));
        all.count
    }

    #[test]
    fn names_are_the_kernels() {
        let v4 = Address { ip: Ip::v4([127, 0, 0, 1]), scope: 0, port: 0x1F90 };
        let of = |local: &Address, family| Name::of(local, family).as_bytes().to_vec();
        let expected = format!("{:08X}:1F90", u32::from_ne_bytes([127, 0, 0, 1]));
        assert_eq!(of(&v4, Family::V4), expected.as_bytes());
        let words = ["0".repeat(16), format!("{:08X}", u32::from_ne_bytes([0, 0, 0xFF, 0xFF]))];
        assert_eq!(of(&v4, Family::V6), format!("{}{expected}", words.concat()).as_bytes());
    }

    #[test]
    fn the_second_field_of_each_line_counts_and_nothing_else() {
        let lines =
            "  sl  local_address rem_address\n 1: 0A:1 0A:2 07\n 20: 0A:12 0A:1\n 3: 0A:1 0\n";
        assert_eq!(count("0A:1", lines), 2);
        assert_eq!(count("0A:12", lines), 1);
        assert_eq!(count("0A:", lines), 0);
        assert_eq!(count("1:", lines), 0);
    }
}

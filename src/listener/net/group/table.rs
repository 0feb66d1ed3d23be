//! /proc/net/udp: for where the kernel is not asked by [`diag`](super::diag). After each piece that is read it finds its
//! place again by its number, and sockets that come and go meanwhile have it pass one over, or name one twice: of 100
//! looks beside threads that open and close all the time, 10 to 20. So a line counts by its inode, and it is read three
//! times.
//!
//! No heap memory: a file's lines as the standard library has them end the process when there is none.

use super::Seen;
use crate::listener::address::{Address, Family};
use std::fs::File;
use std::io::{ErrorKind, Read as _};

/// `None` where there is no /proc.
pub(super) fn seen(local: &Address, family: Family, own: u64) -> Option<Seen> {
    let path = match family {
        Family::V4 => "/proc/net/udp",
        Family::V6 => "/proc/net/udp6",
    };
    let name = Name::of(local, family);
    let mut lines = Lines::new(name.as_bytes(), own);
    for _ in 0..3 {
        look(path, &mut lines).ok()?;
    }
    Some(lines.seen)
}

fn look(path: &str, lines: &mut Lines<'_>) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    let mut block = [0; 512];
    loop {
        match file.read(&mut block) {
            Ok(0) => return Ok(()),
            Ok(n) => block.iter().take(n).for_each(|byte| lines.push(*byte)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
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
        for word in local.ip.in_family(family).chunks_exact(4) {
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

/// Looks for the lines whose second field is this one, and for the sockets' inodes in their tenth: number,
/// local address, remote address, state, queues, timer, retransmissions, user, timeout, inode.
struct Lines<'a> {
    wanted: &'a [u8],
    own: u64,
    /// What is still to come of it, if the field was the same up to now.
    rest: Option<&'a [u8]>,
    field: u32,
    inside: bool,
    is_wanted: bool,
    number: u64,
    seen: Seen,
}

impl<'a> Lines<'a> {
    fn new(wanted: &'a [u8], own: u64) -> Self {
        let (inside, is_wanted, seen) = (false, false, Seen::default());
        Self { wanted, own, rest: None, field: 0, inside, is_wanted, number: 0, seen }
    }

    fn push(&mut self, byte: u8) {
        if byte.is_ascii_whitespace() {
            if self.inside {
                self.end_of_field();
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
            self.number = 0;
        }
        let next = self.rest.and_then(<[u8]>::split_first);
        self.rest = next.filter(|(first, _)| **first == byte).map(|(_, rest)| rest);
        let digit = u64::from(byte.wrapping_sub(b'0'));
        self.number = self.number.wrapping_mul(10).wrapping_add(digit);
    }

    fn end_of_field(&mut self) {
        match self.field {
            2 => self.is_wanted = self.rest.is_some_and(<[u8]>::is_empty),
            10 => self.seen.add(self.is_wanted.then_some(self.number), self.own),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listener::address::Ip;

    fn seen(wanted: &str, own: u64, lines: &str) -> (bool, bool) {
        let mut all = Lines::new(wanted.as_bytes(), own);
        lines.bytes().for_each(|byte| all.push(byte));
        (all.seen.own, all.seen.other)
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
    fn the_second_field_and_the_tenth_of_each_line_count_and_nothing_else() {
        let lines = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  1: 0A:1 0A:2 07 00:00 00:00 00 0 0 7001 2 00 0
 20: 0A:12 0A:1 07 00:00 00:00 00 0 0 7002 2 00 7001
 21: 0A:1 0A:2 07 00:00 00:00 00 0 0 7003 2 00 0
 22: 0A:3 0A:2 07 00:00 00:00 00 0 0 7004 2 00 0
";
        let rows = [
            ("0A:1", 7001, (true, true)),
            ("0A:1", 7002, (false, true)),
            ("0A:12", 7002, (true, false)),
            ("0A:3", 7004, (true, false)),
            ("0A:3", 700, (false, true)),
            ("0A:", 7001, (false, false)),
            ("1:", 7001, (false, false)),
        ];
        for (wanted, own, expected) in rows {
            assert_eq!(seen(wanted, own, lines), expected, "{wanted} {own}");
        }
    }
}

//! Has anybody else a socket on the same address? A program on a group decides for all of it, so a
//! group that others are in is left alone.

use super::socket::Socket;
use crate::listener::address::Family;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader};

/// False as well where the kernel does not say (no /proc).
pub(super) fn is_alone(socket: &Socket) -> bool {
    let Ok(local) = socket.local() else { return false };
    let mut name = String::new();
    let path = match socket.family {
        Family::V4 => {
            let ip = local.ip.as_v4().unwrap_or_default();
            let _ = write!(name, "{:08X}", u32::from_ne_bytes(ip));
            "/proc/net/udp"
        }
        Family::V6 => {
            for word in local.ip.0.chunks_exact(4) {
                let word = word.first_chunk().copied().unwrap_or_default();
                let _ = write!(name, "{:08X}", u32::from_ne_bytes(word));
            }
            "/proc/net/udp6"
        }
    };
    let _ = write!(name, ":{:04X}", local.port);
    let Ok(file) = File::open(path) else { return false };
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    // Number, local address, ...
    lines.filter(|line| line.split_ascii_whitespace().nth(1) == Some(&name)).count() == 1
}

//! Frames as a client would send them.

use super::{CLIENT_MAC, MAC};
use std::net::SocketAddr;

/// What is in a frame.
#[derive(Clone)]
pub struct Frame {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub vlans: usize,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn new(from: &str, to: &str, payload: Vec<u8>) -> Self {
        Self { from: super::address(from), to: super::address(to), vlans: 0, payload }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut frame = [MAC, CLIENT_MAC].concat();
        for vlan in 0..self.vlans {
            frame.extend([0x81, 0, 0, vlan as u8 + 1]);
        }
        let udp_len = (self.payload.len() + 8) as u16;
        match (self.from, self.to) {
            (SocketAddr::V4(from), SocketAddr::V4(to)) => {
                frame.extend([8, 0, 0x45, 0]);
                frame.extend((udp_len + 20).to_be_bytes());
                frame.extend([0x12, 0x34, 0x40, 0, 61, 17, 0, 0]);
                frame.extend(from.ip().octets());
                frame.extend(to.ip().octets());
            }
            (SocketAddr::V6(from), SocketAddr::V6(to)) => {
                frame.extend([0x86, 0xDD, 0x60, 1, 2, 3]);
                frame.extend(udp_len.to_be_bytes());
                frame.extend([17, 61]);
                frame.extend(from.ip().octets());
                frame.extend(to.ip().octets());
            }
            _ => panic!("both of one family"),
        }
        frame.extend(self.from.port().to_be_bytes());
        frame.extend(self.to.port().to_be_bytes());
        frame.extend(udp_len.to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(&self.payload);
        fix_checksums(&mut frame);
        frame
    }
}

/// The bytes in front of the IP header.
pub fn l2(frame: &[u8]) -> usize {
    let mut at = 12;
    while at < 20 && matches!(frame.get(at..at + 2), Some([0x81, 0] | [0x88, 0xA8])) {
        at += 4;
    }
    at + 2
}

/// RFC 1071.
pub fn sum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u32;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
        }
    }
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    sum as u16
}

/// Where UDP begins and both addresses are, if it is UDP without options or extensions.
pub fn udp(frame: &[u8]) -> Option<(usize, std::ops::Range<usize>)> {
    let ip = l2(frame);
    let (udp, addresses) = match frame.get(ip - 2..ip)? {
        [8, 0] => (ip + 20, ip + 12..ip + 20),
        [0x86, 0xDD] => (ip + 40, ip + 8..ip + 40),
        _ => return None,
    };
    (frame.len() >= udp + 8).then_some((udp, addresses))
}

/// The UDP checksum over what is there, its field left out; and what the pseudo-header comes to.
pub fn udp_checksum(frame: &[u8]) -> Option<(u16, u16)> {
    let (udp, addresses) = udp(frame)?;
    let len = usize::from(u16::from_be_bytes([frame[udp + 4], frame[udp + 5]]));
    let datagram = frame.get(udp..udp + len).filter(|d| d.len() >= 8)?;
    let (length, protocol) = ((len as u16).to_be_bytes(), [0, 17]);
    let pseudo: [&[u8]; 3] = [&frame[addresses], &length, &protocol];
    let (pseudo_sum, rest) = (sum(&pseudo), [&datagram[..6], &datagram[8..]]);
    let whole = !sum(&[pseudo[0], pseudo[1], pseudo[2], rest[0], rest[1]]);
    Some((if whole == 0 { 0xFFFF } else { whole }, pseudo_sum))
}

/// Makes the checksums right, wherever there are any.
pub fn fix_checksums(frame: &mut [u8]) {
    let ip = l2(frame);
    if frame.get(ip - 2..ip) == Some(&[8, 0]) && frame.len() >= ip + 20 {
        frame[ip + 10..ip + 12].fill(0);
        let checksum = !sum(&[&frame[ip..ip + 20]]);
        frame[ip + 10..ip + 12].copy_from_slice(&checksum.to_be_bytes());
    }
    if let Some((checksum, _)) = udp_checksum(frame) {
        let (udp, _) = udp(frame).unwrap();
        frame[udp + 6..udp + 8].copy_from_slice(&checksum.to_be_bytes());
    }
}

/// A hello as clients send it, `extra` bytes of extensions behind it.
pub fn hello(random: u8, session_id: &[u8], cookie: &[u8], extra: usize) -> Vec<u8> {
    let mut body = vec![0xFE, 0xFD];
    body.extend((0..32).map(|i: u8| random.wrapping_add(i)));
    body.push(session_id.len() as u8);
    body.extend(session_id);
    body.push(cookie.len() as u8);
    body.extend(cookie);
    body.extend([0, 4, 0xC0, 0x2B, 0xC0, 0x2F, 1, 0]);
    body.extend((0..extra).map(|i| i as u8));
    body
}

/// A handshake fragment in a record of epoch 0.
pub fn fragment(body: &[u8], message_seq: u8, total: usize, offset: usize) -> Vec<u8> {
    let u24 = |n: usize| (n as u32).to_be_bytes()[1..].to_vec();
    let mut record = vec![22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 9];
    record.extend(((body.len() + 12) as u16).to_be_bytes());
    record.push(1);
    record.extend(u24(total));
    record.extend([0, message_seq]);
    record.extend(u24(offset));
    record.extend(u24(body.len()));
    record.extend(body);
    record
}

/// A whole hello in one record.
pub fn record(body: &[u8]) -> Vec<u8> {
    fragment(body, 1, body.len(), 0)
}

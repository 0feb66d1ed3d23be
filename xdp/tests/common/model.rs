//! What is to become of a frame: the network's rules written down once more, and the library's own
//! gate for what is in the datagram.

use super::frame::{l2, sum, udp, udp_checksum};
use super::{MAC, Outcome};
use dtlsv1_listen::hello::cookie::{Binding, Check, Keyring};
use dtlsv1_listen::hello::error::{Discard, Fault};
use dtlsv1_listen::hello::gate::{Admitted, COOKIE_ROOM, Cookies, Observer};
use dtlsv1_listen::hello::peer::{MAX_ADDRESS_LEN, Peer};
use dtlsv1_listen::hello::reassembly::Outcome as Kept;
use dtlsv1_listen::hello::step::{Driver, Fragments, Step, step};
use dtlsv1_listen::hello::wire::{ClientHello, Fragment, HelloVerifyRequest, Method};
use dtlsv1_listen_xdp::shared::Endpoint;
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

pub struct Model {
    pub listening: Vec<SocketAddr>,
    pub keys: Keyring,
    pub proved: HashSet<SocketAddr>,
    pub strangers_pass: bool,
    pub not_dtls_passes: bool,
}

/// The library's cookies for one peer, whose fragments nobody keeps.
struct OnePeer<'a> {
    keys: &'a Keyring,
    peer: Peer,
    session_id: usize,
    continued: bool,
}

impl Observer for OnePeer<'_> {}

impl Fragments for OnePeer<'_> {
    fn first(&mut self, _: &Admitted<'_>, _: &[u8]) -> Kept {
        Kept::Refused
    }
    fn rest(&mut self, _: &Fragment<'_>, _: &[u8]) -> Kept {
        self.continued = true;
        Kept::Refused
    }
    fn longest(&mut self) -> u32 {
        u32::MAX
    }
}

impl<'p> Driver<'p> for OnePeer<'_> {
    fn peer(&self) -> Option<&'p Peer> {
        None
    }
}

impl Cookies for OnePeer<'_> {
    fn check(&mut self, hello: &ClientHello<'_>) -> Result<bool, Fault> {
        let binding = Binding::hello(&self.peer, hello);
        let check = self.keys.check(hello.cookie, &binding).ok_or(Fault::NoSecret)?;
        self.session_id = hello.session_id.len();
        Ok(matches!(check, Check::Right { .. }))
    }
    fn make(
        &mut self,
        hello: &ClientHello<'_>,
        cookie: &mut [u8; COOKIE_ROOM],
    ) -> Result<usize, Fault> {
        let binding = Binding::hello(&self.peer, hello);
        let made = self.keys.make(&binding).ok_or(Fault::NoSecret)?;
        cookie[..made.len()].copy_from_slice(&made);
        self.session_id = hello.session_id.len();
        Ok(binding.cookie_len())
    }
}

pub fn peer(address: SocketAddr) -> Peer {
    let mut bytes = [0; MAX_ADDRESS_LEN];
    bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
    match address.ip() {
        IpAddr::V4(ip) => {
            bytes[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
            bytes[4..8].copy_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            bytes[..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
            bytes[8..24].copy_from_slice(&ip.octets());
        }
    }
    Peer::new(bytes)
}

fn be16(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]))
}

impl Model {
    pub fn judge(&mut self, frame: &[u8]) -> Outcome {
        let ip = l2(frame);
        let v6 = match frame.get(ip - 2..ip) {
            Some([8, 0]) => false,
            Some([0x86, 0xDD]) => true,
            _ => return Outcome::Pass,
        };
        let (fixed, protocol) = if v6 { (40, 6) } else { (20, 9) };
        let Some(header) = frame.get(ip..ip + fixed).filter(|h| h[protocol] == 17) else {
            return Outcome::Pass;
        };
        if frame.len() < ip + fixed + 8 || header[0] >> 4 != if v6 { 6 } else { 4 } {
            return Outcome::Pass;
        }
        let mut at = ip + 40;
        if !v6 {
            let options = usize::from(header[0] & 15) * 4;
            if be16(header, 6) & 0x3FFF != 0 || options < 20 || frame.len() < ip + options + 8 {
                return Outcome::Pass;
            }
            at = ip + options;
        }
        let port = |at| be16(frame, at) as u16;
        let [from, to]: [IpAddr; 2] = if v6 {
            [8, 24].map(|at| IpAddr::from(<[u8; 16]>::try_from(&header[at..at + 16]).unwrap()))
        } else {
            [12, 16].map(|at| IpAddr::from(<[u8; 4]>::try_from(&header[at..at + 4]).unwrap()))
        };
        let (from, to) = (SocketAddr::new(from, port(at)), SocketAddr::new(to, port(at + 2)));
        if !self.listening.contains(&to) || frame[..6] != MAC {
            return Outcome::Pass;
        }
        let total = if v6 { be16(header, 4) + 40 } else { be16(header, 2) };
        let length = be16(frame, at + 4);
        if at != ip + fixed || total > frame.len() - ip || length < 8 || at - ip + length > total {
            return Outcome::Drop;
        }
        if is_no_source(from, to) || frame[6] & 1 != 0 {
            return Outcome::Drop;
        }
        self.datagram(frame, from, &frame[at + 8..at + length])
    }

    fn datagram(&mut self, frame: &[u8], from: SocketAddr, datagram: &[u8]) -> Outcome {
        let is_known = self.strangers_pass || self.proved.contains(&from);
        let pass_if = |pass| if pass { Outcome::Pass } else { Outcome::Drop };
        let not_dtls = pass_if(self.not_dtls_passes);
        let mut one =
            OnePeer { keys: &self.keys, peer: peer(from), session_id: 0, continued: false };
        let mut answer = HelloVerifyRequest::blank();
        let step = step(datagram, Method::Any, &mut one, &mut answer).unwrap();
        let sound = || datagram.len() <= 2048 && checksums_are_right(frame);
        match step {
            Step::Drop(Discard::RecordTooSmall) => not_dtls,
            Step::Drop(Discard::NotHandshake) => match datagram[0] {
                0x20..=0x3F => pass_if(is_known),
                25 if datagram[1] == 0xFE => pass_if(is_known),
                20..=26 if datagram[1] == 0xFE && datagram.len() >= 13 + be16(datagram, 11) => {
                    pass_if(is_known)
                }
                _ => not_dtls,
            },
            Step::Drop(Discard::RecordVersion | Discard::RecordLength) => not_dtls,
            Step::Drop(Discard::Epoch) => pass_if(is_known),
            // The library says so of a flight in which several messages share a record, too.
            Step::Drop(Discard::HandshakeLength)
                if be16(datagram, 11) >= 12 && datagram[13] != 1 =>
            {
                pass_if(is_known)
            }
            Step::Drop(Discard::NotClientHello) => pass_if(is_known),
            Step::Drop(_) if one.continued => pass_if(self.proved.contains(&from)),
            Step::Drop(_) => Outcome::Drop,
            _ if one.session_id > 32 => Outcome::Drop,
            _ if datagram.len() > 2048 => Outcome::Pass,
            _ if !sound() => Outcome::Drop,
            Step::Accept(_) | Step::Kept => {
                self.proved.insert(from);
                Outcome::Pass
            }
            Step::Answer(answer) => {
                assert!(answer.len() < datagram.len());
                Outcome::Answer(answer_frame(frame, answer))
            }
        }
    }
}

/// Is nothing to be sent there, whatever comes from there?
pub fn is_no_source(from: SocketAddr, to: SocketAddr) -> bool {
    let bad = match from.ip() {
        IpAddr::V4(ip) => matches!(ip.octets()[0], 0 | 127 | 224..),
        IpAddr::V6(ip) => {
            let mapped = matches!(ip.segments(), [0, 0, 0, 0, 0, 0xFFFF, ..]);
            let compatible = matches!(ip.segments(), [0, 0, 0, 0, 0, 0, ..]);
            ip.is_multicast() || mapped || compatible
        }
    };
    bad || from.port() == 0 || from.ip() == to.ip()
}

fn checksums_are_right(frame: &[u8]) -> bool {
    let ip = l2(frame);
    let v4 = frame[ip - 2] == 8;
    if v4 && sum(&[&frame[ip..ip + 20]]) != 0xFFFF {
        return false;
    }
    let (udp, _) = udp(frame).unwrap();
    let given = be16(frame, udp + 6) as u16;
    let (right, pseudo) = udp_checksum(frame).unwrap();
    match given {
        0 => v4,
        // A sum of 0 and one of 0xFFFF are the same.
        _ => given == right || given == pseudo || (given == 0xFFFF && right == 0),
    }
}

/// The frame that goes back.
fn answer_frame(frame: &[u8], answer: &[u8]) -> Vec<u8> {
    let ip = l2(frame);
    let mut out = [&frame[6..12], &frame[..6], &frame[12..ip]].concat();
    let udp_len = (answer.len() + 8) as u16;
    let (udp, addresses) = udp(frame).unwrap();
    let half = addresses.len() / 2;
    let (from, to) = frame[addresses].split_at(half);
    if half == 4 {
        out.extend([0x45, 0]);
        out.extend((udp_len + 20).to_be_bytes());
        out.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
    } else {
        out.extend([0x60, 0, 0, 0]);
        out.extend(udp_len.to_be_bytes());
        out.extend([17, 64]);
    }
    out.extend(to);
    out.extend(from);
    out.extend(&frame[udp + 2..udp + 4]);
    out.extend(&frame[udp..udp + 2]);
    out.extend(udp_len.to_be_bytes());
    out.extend([0, 0]);
    out.extend(answer);
    super::frame::fix_checksums(&mut out);
    out
}

pub fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::from(address)
}

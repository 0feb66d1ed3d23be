//! Static probes (USDT) for bpftrace, perf, gdb and SystemTap.
//!
//! Not traced, a probe is a look at a number that tracers raise. All that it shows, the peer that
//! the BIO has to be asked for included, is made only when somebody looks.

use crate::hello::error::{Discard, Stop};
use crate::hello::peer::Peer;
use crate::openssl::Ssl;
use probe::probe_lazy;
use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

/// A HelloVerifyRequest was sent: peer, bytes received, bytes sent.
#[inline]
pub(crate) fn challenge(peer: impl FnOnce() -> Option<Peer>, received: usize, sent: usize) {
    let mut text = None; // made when somebody looks: it is cleared
    let peer = || text.insert(Text::new()).peer(peer());
    probe_lazy!(dtlsv1_listen, challenge, peer(), received, sent);
}

/// How a call ended.
#[inline]
pub(crate) fn end<T>(ssl: Ssl, outcome: &Result<T, Stop>) {
    match outcome {
        Ok(_) => accept(ssl),
        Err(Stop::Discard(reason)) => discard(ssl, *reason),
        Err(_) => {}
    }
}

/// A client was accepted: peer.
#[inline]
fn accept(ssl: Ssl) {
    let mut text = Text::new();
    probe_lazy!(dtlsv1_listen, accept, text.peer(sender(ssl)));
}

/// A datagram was dropped: reason, peer.
#[inline]
fn discard(ssl: Ssl, discard: Discard) {
    let (mut reason, mut text) = (Text::new(), Text::new());
    probe_lazy!(dtlsv1_listen, discard, reason.name(discard), text.peer(sender(ssl)));
}

/// The same where there is no SSL.
#[inline]
pub(crate) fn dropped(discard: Discard, peer: &Peer) {
    let (mut reason, mut text) = (Text::new(), Text::new());
    probe_lazy!(dtlsv1_listen, discard, reason.name(discard), text.peer(Some(*peer)));
}

/// A client was accepted, of whom the driver knows without the SSL's BIO.
#[inline]
pub(crate) fn accepted(peer: &Peer) {
    let mut text = Text::new();
    probe_lazy!(dtlsv1_listen, accept, text.peer(Some(*peer)));
}

fn sender(ssl: Ssl) -> Option<Peer> {
    crate::openssl::peer_of(ssl)
}

/// A C string for a tracer to read while the probe is hit. Longer than the longest IPv6 address
/// with scope and port; of a Unix path, as much as fits.
struct Text([u8; 80]);

impl Text {
    const fn new() -> Self {
        Self([0; 80])
    }

    fn name(&mut self, discard: Discard) -> *const u8 {
        self.write(format_args!("{}", discard.name()))
    }

    fn peer(&mut self, peer: Option<Peer>) -> *const u8 {
        let Some(peer) = peer.filter(|peer| !peer.is_unspecified()) else {
            return self.write(format_args!("unknown"));
        };
        let endpoint = peer.endpoint();
        // Only IP addresses have a port.
        let Some(port) = endpoint.port.first_chunk().map(|port| u16::from_be_bytes(*port)) else {
            return self.write(format_args!("{}", endpoint.address.escape_ascii()));
        };
        if let Ok(v4) = <[u8; 4]>::try_from(endpoint.address) {
            return self.write(format_args!("{}", SocketAddrV4::new(Ipv4Addr::from(v4), port)));
        }
        let v6 = <[u8; 16]>::try_from(endpoint.address).map_or(Ipv6Addr::UNSPECIFIED, Into::into);
        let scope = endpoint.scope.first_chunk().map_or(0, |scope| u32::from_ne_bytes(*scope));
        self.write(format_args!("{}", SocketAddrV6::new(v6, port, 0, scope)))
    }

    /// The array is cleared before, and its last byte stays so.
    fn write(&mut self, text: std::fmt::Arguments<'_>) -> *const u8 {
        if let Some((_, room)) = self.0.split_last_mut() {
            let mut room = room;
            let _ = room.write_fmt(text); // cut, where it does not fit
        }
        self.0.as_ptr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hello::peer::MAX_ADDRESS_LEN;

    fn shown(family: i32, rest: &[u8]) -> String {
        let mut bytes = [0; MAX_ADDRESS_LEN];
        bytes[..2].copy_from_slice(&(family as u16).to_ne_bytes());
        bytes[2..2 + rest.len()].copy_from_slice(rest);
        let mut text = Text::new();
        text.peer(Some(Peer::new(bytes)));
        let end = text.0.iter().position(|&b| b == 0).unwrap();
        String::from_utf8(text.0[..end].to_vec()).unwrap()
    }

    #[test]
    fn peers_as_people_write_them() {
        assert_eq!(shown(libc::AF_INET, &[0x16, 0x34, 192, 0, 2, 7]), "192.0.2.7:5684");
        let mut v6 = vec![0x16, 0x34, 0, 0, 0, 0, 0xFE, 0x80];
        v6.extend([0; 13]);
        v6.push(1);
        v6.extend(2_u32.to_ne_bytes());
        assert_eq!(shown(libc::AF_INET6, &v6), "[fe80::1%2]:5684");
        let mut mapped = vec![0x16, 0x34, 0, 0, 0, 0];
        mapped.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 7]);
        assert_eq!(shown(libc::AF_INET6, &mapped), "192.0.2.7:5684");
        assert_eq!(shown(libc::AF_UNIX, b"/a/b"), "/a/b");
        assert_eq!(shown(libc::AF_UNIX, b"/run/sixteen.long"), "/run/sixteen.long");
        assert_eq!(shown(libc::AF_UNIX, &[b'x'; 100]).len(), 79);
        assert_eq!(shown(libc::AF_UNSPEC, &[]), "unknown");
    }

    #[test]
    fn every_reason_fits() {
        for discard in Discard::ALL {
            let mut text = Text::new();
            text.name(discard);
            assert!(text.0.starts_with(discard.name().as_bytes()));
        }
    }
}

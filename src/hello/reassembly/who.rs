//! Who sends a fragment, as the tables know it.

use crate::hello::peer::{Endpoint, Peer};
use std::hash::{BuildHasher, Hasher};

/// A peer and the keys that it has in the tables. They are hashes under a key that nobody outside
/// knows, so that no choice of addresses makes them meet.
#[derive(Clone, Copy)]
pub struct Who<'a> {
    pub(super) peer: &'a Peer,
    /// Of its address, scope and port: of one link-local address on two links there are two peers, and
    /// each sends its own fragments. The cookie leaves the scope out, since another host may check it.
    pub(super) id: u64,
    /// Of whom it shares memory with: its IPv4 address, its IPv6 network (/64, which is what one
    /// host may have all of; of one link), or its path.
    pub(super) network: u64,
}

impl<'a> Who<'a> {
    /// Hashes a peer's address.
    pub fn new(peer: &'a Peer, hashing: &impl BuildHasher) -> Self {
        let endpoint = peer.endpoint();
        let id = hash(hashing, &[endpoint.address, endpoint.scope, endpoint.port]);
        Self { peer, id, network: hash(hashing, &[network(&endpoint), endpoint.scope]) }
    }

    /// For the [`Filter`](super::Filter).
    pub const fn id(&self) -> u64 {
        self.id
    }
}

fn hash(hashing: &impl BuildHasher, parts: &[&[u8]]) -> u64 {
    let mut hasher = hashing.build_hasher();
    for part in parts {
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    hasher.finish()
}

fn network<'a>(endpoint: &Endpoint<'a>) -> &'a [u8] {
    match endpoint.address.first_chunk::<8>() {
        // A path has no port, and may be as long as an address.
        Some(upper) if endpoint.address.len() == 16 && !endpoint.port.is_empty() => upper,
        _ => endpoint.address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hello::peer::MAX_ADDRESS_LEN;
    use crate::os::Keyed;

    fn peer(family: i32, rest: &[u8]) -> Peer {
        let mut bytes = [0; MAX_ADDRESS_LEN];
        bytes[..2].copy_from_slice(&(family as u16).to_ne_bytes());
        bytes[2..2 + rest.len()].copy_from_slice(rest);
        Peer::new(bytes)
    }

    fn v6(net: u8, host: u8, port: u8) -> Peer {
        let mut rest = [0; 26];
        (rest[1], rest[6], rest[13], rest[21]) = (port, 0x20, net, host);
        peer(libc::AF_INET6, &rest)
    }

    fn link_local(host: u8, scope: u8) -> Peer {
        let mut rest = [0; 26];
        (rest[1], rest[6], rest[7], rest[21], rest[22]) = (9, 0xFE, 0x80, host, scope);
        peer(libc::AF_INET6, &rest)
    }

    #[test]
    fn who_shares_memory_with_whom() {
        let hashing = Keyed::new();
        let rows = [
            (v6(1, 1, 1), v6(1, 1, 2), true, "the same host, another port"),
            (v6(1, 1, 1), v6(1, 2, 1), true, "the same /64"),
            (v6(1, 1, 1), v6(2, 1, 1), false, "another /64"),
            (link_local(1, 2), link_local(2, 2), true, "the same link"),
            (link_local(1, 2), link_local(1, 3), false, "the same address on another link"),
            (
                peer(libc::AF_INET, &[0, 1, 10, 0, 0, 1]),
                peer(libc::AF_INET, &[0, 2, 10, 0, 0, 1]),
                true,
                "IPv4, another port",
            ),
            (
                peer(libc::AF_INET, &[0, 1, 10, 0, 0, 1]),
                peer(libc::AF_INET, &[0, 1, 10, 0, 0, 2]),
                false,
                "IPv4, another address",
            ),
            (
                peer(libc::AF_UNIX, b"/run/server/peer"),
                peer(libc::AF_UNIX, b"/run/server/else"),
                false,
                "paths of 16 bytes",
            ),
        ];
        for (a, b, same, what) in rows {
            let (a, b) = (Who::new(&a, &hashing), Who::new(&b, &hashing));
            assert_ne!(a.id, b.id, "{what}");
            assert_eq!(a.network == b.network, same, "{what}");
        }
    }

    #[test]
    fn keys_differ_from_process_to_process() {
        let from = v6(1, 1, 1);
        let [a, b] = [[1, 2], [2, 1]].map(|key| Who::new(&from, &Keyed::with(key)).id);
        assert_ne!(a, b);
    }
}

//! Hellos that come again while the SSL that was accepted with them lives.
//!
//! A hello with a right cookie may come twice: the network doubled it, or the client repeated it since
//! the server took its time. A second SSL for the same client would leave both of them without an
//! end, for each hears half of what the client sends. The first one has a timer to repeat its answer
//! with, so the second hello is dropped.
//!
//! Only who has shown a right cookie is in here, and only as long as the SSL lives and does not listen
//! again: a server that gives a client up and hears from it again begins anew, as under libssl.

use crate::hello::peer::{Endpoint, Peer};
use crate::os::{Guarded, Lock};

/// One client's one hello: its random, and where it came from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct HelloId {
    random: [u8; 32],
    address: [u8; 16],
    scope: [u8; 4],
    port: [u8; 2],
    /// Of the address: an IPv4 one is none in IPv6.
    len: u8,
}

impl HelloId {
    /// `None` for a peer without an IP address.
    pub(crate) fn new(random: [u8; 32], peer: &Peer) -> Option<Self> {
        let Endpoint { address, scope, port } = peer.endpoint();
        let mut id = Self {
            random,
            address: [0; 16],
            scope: [0; 4],
            port: port.try_into().ok()?,
            len: u8::try_from(address.len()).ok()?,
        };
        id.address.get_mut(..address.len())?.copy_from_slice(address);
        id.scope.get_mut(..scope.len())?.copy_from_slice(scope);
        Some(id)
    }

    /// The first bytes of a random may be a time.
    fn set(&self) -> usize {
        let [.., set] = self.random;
        usize::from(set)
    }
}

/// Places for hellos of the same last byte. Where more clients are accepted at a time than there is
/// room for, the oldest is forgotten: its repeated hello would be accepted, as it is by libssl.
const WAYS: usize = 16;
const SETS: usize = 256;

#[derive(Clone, Copy)]
struct Place {
    id: HelloId,
    /// Which acceptance this is of; 0 for none.
    number: u64,
}

/// 256 KiB, of which a page is taken when the first hello comes into it.
pub(crate) struct Repeats {
    sets: [[Place; WAYS]; SETS],
    last: u64,
}

impl Guarded for Repeats {
    /// A place may be half written: it is somebody's whom nobody is equal to, or nobody's.
    fn left_behind(&mut self) {}
}

static REPEATS: Lock<Repeats> = Lock::new(Repeats::new());

/// An SSL's claim to its client's hello, until it is dropped.
pub(crate) struct Claim {
    set: usize,
    number: u64,
}

/// Claims a hello; `None` if a living SSL has it.
pub(crate) fn claim(id: &HelloId) -> Option<Claim> {
    REPEATS.lock().claim(id)
}

impl Drop for Claim {
    fn drop(&mut self) {
        REPEATS.lock().release(self);
    }
}

impl Repeats {
    const fn new() -> Self {
        const NOBODY: HelloId =
            HelloId { random: [0; 32], address: [0; 16], scope: [0; 4], port: [0; 2], len: 0 };
        Self { sets: [[Place { id: NOBODY, number: 0 }; WAYS]; SETS], last: 0 }
    }

    fn claim(&mut self, id: &HelloId) -> Option<Claim> {
        let set = id.set();
        let places = self.sets.get_mut(set)?;
        if places.iter().any(|place| place.number != 0 && place.id == *id) {
            return None;
        }
        let oldest = places.iter_mut().min_by_key(|place| place.number)?;
        self.last = self.last.wrapping_add(1).max(1);
        *oldest = Place { id: *id, number: self.last };
        Some(Claim { set, number: self.last })
    }

    fn release(&mut self, claim: &Claim) {
        let places = self.sets.get_mut(claim.set).into_iter().flatten();
        for place in places.filter(|place| place.number == claim.number) {
            place.number = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hello::peer::MAX_ADDRESS_LEN;

    fn id(random: u8, port: u8) -> HelloId {
        let mut bytes = [0; MAX_ADDRESS_LEN];
        let family = (libc::AF_INET as u16).to_ne_bytes();
        bytes[..8].copy_from_slice(&[family[0], family[1], 0, port, 192, 0, 2, 1]);
        let mut all = [0; 32];
        all[0] = random;
        HelloId::new(all, &Peer::new(bytes)).unwrap()
    }

    fn claim_of(repeats: &mut Repeats, id: &HelloId) -> Option<u64> {
        let claim = repeats.claim(id)?;
        let number = claim.number;
        std::mem::forget(claim); // it is not of the one that all share
        Some(number)
    }

    #[test]
    fn a_hello_is_claimed_once_until_it_is_released() {
        let mut repeats = Box::new(Repeats::new());
        let first = claim_of(&mut repeats, &id(1, 1)).unwrap();
        assert!(claim_of(&mut repeats, &id(1, 1)).is_none());
        assert!(claim_of(&mut repeats, &id(2, 1)).is_some(), "another hello");
        assert!(claim_of(&mut repeats, &id(1, 2)).is_some(), "another port");
        let mut last = Claim { set: 0, number: first };
        repeats.release(&last);
        let second = claim_of(&mut repeats, &id(1, 1)).unwrap();
        repeats.release(&last); // released already: not the other's
        assert!(claim_of(&mut repeats, &id(1, 1)).is_none());
        last.number = second;
        repeats.release(&last);
        assert!(claim_of(&mut repeats, &id(1, 1)).is_some());
        std::mem::forget(last);
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut repeats = Box::new(Repeats::new());
        for n in 0..=WAYS as u8 {
            assert!(claim_of(&mut repeats, &id(n, 1)).is_some());
        }
        assert!(claim_of(&mut repeats, &id(WAYS as u8, 1)).is_none());
        assert!(claim_of(&mut repeats, &id(1, 1)).is_none());
        assert!(claim_of(&mut repeats, &id(0, 1)).is_some(), "forgotten");
    }

    #[test]
    fn a_peer_without_a_port_has_none() {
        let mut bytes = [0; MAX_ADDRESS_LEN];
        bytes[..2].copy_from_slice(&(libc::AF_UNIX as u16).to_ne_bytes());
        bytes[2] = b'/';
        assert!(HelloId::new([0; 32], &Peer::new(bytes)).is_none());
    }
}

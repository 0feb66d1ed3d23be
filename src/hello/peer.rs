//! A peer's address, as the read BIO gives it: the bytes of some `struct sockaddr`.

use super::sockaddr::HERE;
pub use super::sockaddr::MAX_ADDRESS_LEN;
use std::ops::Range;

const AF_UNSPEC: u16 = libc::AF_UNSPEC as u16;
const AF_UNIX: u16 = libc::AF_UNIX as u16;
const AF_INET: u16 = libc::AF_INET as u16;
const AF_INET6: u16 = libc::AF_INET6 as u16;

/// Who sent a datagram.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Peer {
    bytes: [u8; MAX_ADDRESS_LEN],
}

/// The parts of an address that a cookie is bound to; the same whether the server's socket speaks
/// IPv4 or IPv6 with mapped addresses, so that hosts of both kinds can share a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Endpoint<'a> {
    /// IP address in network order, or the bytes of a Unix path, or another family's.
    pub address: &'a [u8],
    /// IPv6 scope, empty when it is 0 (it is but for link-local addresses).
    pub scope: &'a [u8],
    /// Port in network order; empty where there are no ports.
    pub port: &'a [u8],
}

impl Peer {
    /// Takes a `struct sockaddr` with whatever lies behind it.
    pub const fn new(bytes: [u8; MAX_ADDRESS_LEN]) -> Self {
        Self { bytes }
    }

    /// Bytes of the family's own `struct sockaddr_...`.
    const fn len(&self) -> usize {
        match family(&self.bytes) {
            AF_INET => size_of::<libc::sockaddr_in>(),
            AF_INET6 => size_of::<libc::sockaddr_in6>(),
            AF_UNIX => size_of::<libc::sockaddr_un>(),
            // A custom BIO's own family: what every sockaddr has at least.
            _ => size_of::<libc::sockaddr>(),
        }
    }

    /// Nobody yet: room for [`set`](Self::set).
    pub const fn nobody() -> Self {
        Self { bytes: [0; MAX_ADDRESS_LEN] }
    }

    /// From the bytes of an address that somebody gives, and no more than are there; `None` if they
    /// are too few for the family, or tell nobody apart.
    pub fn from_given(given: &[u8]) -> Option<Self> {
        Self::nobody().set(given).copied()
    }

    /// The same in place of [`nobody`](Self::nobody), which may not be used after `None`: for every
    /// datagram, each copy of it would count.
    #[inline(always)]
    pub fn set(&mut self, given: &[u8]) -> Option<&Self> {
        // Nearly all are IPv4 addresses: a copy of a length that is known is no call.
        if let Ok(sixteen) = <&[u8; 16]>::try_from(given) {
            *self.bytes.first_chunk_mut()? = *sixteen;
        } else {
            self.bytes.get_mut(..given.len())?.copy_from_slice(given);
        }
        let family = family(&self.bytes);
        // A path is as long as it is given.
        let enough = family == AF_UNIX || given.len() >= self.len();
        (enough && (family == AF_INET || self.is_known())).then_some(self)
    }

    /// As in `sa_family`.
    pub const fn family(&self) -> u16 {
        family(&self.bytes)
    }

    /// AF_UNSPEC: a BIO may say that it knows the peer and have nothing to show for it.
    pub fn is_unspecified(&self) -> bool {
        family(&self.bytes) == AF_UNSPEC
    }

    /// Does the address tell one peer from another? Neither AF_UNSPEC does nor AF_UNIX without a
    /// name, which a client has that never called bind(2).
    pub fn is_known(&self) -> bool {
        match family(&self.bytes) {
            AF_UNSPEC => false,
            AF_UNIX => self.bytes.get(2..4) != Some(&[0, 0]),
            _ => true,
        }
    }

    /// The address with whatever lies behind it, as it came.
    pub const fn as_given_mut(&mut self) -> &mut [u8; MAX_ADDRESS_LEN] {
        &mut self.bytes
    }

    /// Exactly the family's own `struct sockaddr_...`.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len()).unwrap_or_default()
    }

    /// What a cookie for this peer is bound to.
    #[inline(always)]
    pub fn endpoint(&self) -> Endpoint<'_> {
        if family(&self.bytes) != AF_INET {
            return self.other_endpoint();
        }
        Endpoint { address: self.at(4..8), scope: &[], port: self.at(2..4) }
    }

    /// Address and port of an IPv4 one, as in its [`endpoint`](Self::endpoint).
    #[inline(always)]
    pub const fn inet(&self) -> Option<(&[u8; 4], &[u8; 2])> {
        let [_, _, rest @ ..] = &self.bytes;
        let (Some((port, rest)), AF_INET) = (rest.split_first_chunk(), family(&self.bytes)) else {
            return None;
        };
        match rest.first_chunk() {
            Some(address) => Some((address, port)),
            None => None,
        }
    }

    #[inline(always)]
    fn at(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    #[inline(never)]
    fn other_endpoint(&self) -> Endpoint<'_> {
        let at = |range| self.at(range);
        match family(&self.bytes) {
            AF_UNSPEC => Endpoint::default(),
            AF_INET6 => {
                let address = at(8..24);
                let mapped = address.strip_prefix(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]);
                let scope = if at(24..28) == [0; 4] { &[] } else { at(24..28) };
                Endpoint { address: mapped.unwrap_or(address), scope, port: at(2..4) }
            }
            AF_UNIX => {
                let path = self.as_bytes().get(2..).unwrap_or_default();
                // Bytes behind a path's end are not part of it; an abstract name starts with 0.
                let end = path.iter().skip(1).position(|&b| b == 0);
                let end = end.map_or(path.len(), |n| n.saturating_add(1));
                let path = path.get(..end).unwrap_or_default();
                Endpoint { address: path, ..Endpoint::default() }
            }
            // All of it, whatever it is, but for the zeros that a caller has behind it or has not.
            _ => {
                let [_, _, address @ ..] = &self.bytes;
                let end = address.iter().rposition(|&b| b != 0).map_or(0, |n| n.saturating_add(1));
                Endpoint { address: at(2..end.saturating_add(2)), ..Endpoint::default() }
            }
        }
    }
}

const fn family(bytes: &[u8; MAX_ADDRESS_LEN]) -> u16 {
    HERE.family(bytes)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// For where it does not matter who.
    pub(crate) fn somebody() -> &'static Peer {
        static SOMEBODY: std::sync::OnceLock<Peer> = std::sync::OnceLock::new();
        SOMEBODY.get_or_init(|| peer(AF_INET, &[0x12, 0x34, 192, 0, 2, 1]))
    }

    fn peer(family: u16, rest: &[u8]) -> Peer {
        let mut bytes = [0; MAX_ADDRESS_LEN];
        bytes[..2].copy_from_slice(&family.to_ne_bytes());
        bytes[2..2 + rest.len()].copy_from_slice(rest);
        Peer::new(bytes)
    }

    #[test]
    fn each_family_has_its_own_length() {
        for (family, len) in [(AF_INET, 16), (AF_INET6, 28), (AF_UNIX, 110), (40, 16)] {
            assert_eq!(peer(family, &[]).as_bytes().len(), len);
            assert!(!peer(family, &[]).is_unspecified());
        }
        assert!(peer(0, &[1]).is_unspecified());
        assert_eq!(peer(0, &[1]).endpoint(), Endpoint::default());
    }

    fn given(address: &[u8]) -> Option<Peer> {
        Peer::nobody().set(address).copied()
    }

    #[test]
    fn a_callers_address_is_the_same_as_a_bios() {
        let sized = |family: u16, rest: &[u8], len: usize| {
            let mut bytes = [0; MAX_ADDRESS_LEN];
            bytes[..2].copy_from_slice(&family.to_ne_bytes());
            bytes[2..2 + rest.len()].copy_from_slice(rest);
            given(&bytes[..len])
        };
        for (family, rest, least) in [
            (AF_INET, &[0x12, 0x34, 127, 0, 0, 9][..], 16),
            (AF_INET6, &[0x12, 0x34, 0, 0, 0, 0, 0xFE, 0x80, 7][..], 28),
            (AF_UNIX, b"/a/b", 3),
            (40, &[0, 0, 1, 2, 3, 4, 5, 6, 7, 8], 16),
        ] {
            assert!(sized(family, rest, least - 1).is_none(), "{family}");
            let bios = peer(family, rest);
            for len in [least.max(16), 28, 110, MAX_ADDRESS_LEN] {
                let given = sized(family, rest, len).unwrap();
                assert_eq!(given.endpoint(), bios.endpoint(), "{family} {len}");
            }
        }
        assert!(sized(0, &[1; 14], 16).is_none());
        assert!(given(&[2; MAX_ADDRESS_LEN + 1]).is_none());
        assert!(given(&[]).is_none() && given(&[2]).is_none());
        assert_eq!(sized(AF_UNIX, b"/a/b", 6).unwrap().endpoint().address, b"/a/b");
    }

    #[test]
    fn other_families_count_to_the_end() {
        // AF_VSOCK: two zeros, port, cid.
        let at = |port, cid| peer(40, &[0, 0, port, 0, 0, 0, cid, 0, 0, 0]);
        assert_eq!(at(1, 2).endpoint(), at(1, 2).endpoint());
        assert_ne!(at(1, 2).endpoint(), at(3, 2).endpoint());
        assert_ne!(at(1, 2).endpoint(), at(1, 3).endpoint());
    }

    #[test]
    fn a_mapped_address_is_the_same_endpoint() {
        let v4 = peer(AF_INET, &[0x12, 0x34, 127, 0, 0, 9]);
        let mut mapped = vec![0x12, 0x34, 0, 0, 0, 0];
        mapped.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, 9]);
        let v6 = peer(AF_INET6, &mapped);
        assert_eq!(v4.endpoint(), v6.endpoint());
        assert_eq!(v4.endpoint().address, [127, 0, 0, 9]);
        assert_eq!(v4.endpoint().port, [0x12, 0x34]);
    }

    #[test]
    fn flow_labels_do_not_count_and_scopes_do() {
        let at = |flow, scope| {
            let mut rest = vec![0, 1, flow, 0, 0, 0];
            rest.extend([0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, scope, 0, 0, 0]);
            peer(AF_INET6, &rest)
        };
        assert_eq!(at(1, 2).endpoint(), at(0, 2).endpoint());
        assert_ne!(at(0, 1).endpoint(), at(0, 2).endpoint());
        assert!(at(0, 0).endpoint().scope.is_empty());
    }

    #[test]
    fn who_has_no_address_is_not_known() {
        for (family, rest, known) in [
            (AF_UNSPEC, &b""[..], false),
            (AF_UNSPEC, b"/a", false),
            (AF_UNIX, b"", false),
            (AF_UNIX, b"\0a", true),
            (AF_UNIX, b"/", true),
            (AF_INET, b"", true),
            (AF_INET6, b"", true),
            (40, b"", true),
        ] {
            assert_eq!(peer(family, rest).is_known(), known, "{family} {rest:?}");
        }
    }

    #[test]
    fn what_is_given_has_its_length() {
        let inet = peer(AF_INET, &[0, 1, 127, 0, 0, 1]);
        let given =
            |n| Peer::from_given(&inet.bytes[..n]).map(|peer| peer.endpoint() == inet.endpoint());
        assert_eq!([given(0), given(1), given(15)], [None; 3]);
        assert_eq!([given(16), given(128)], [Some(true); 2]);
        assert!(Peer::from_given(&[inet.bytes, inet.bytes].concat()).is_none());
        let inet6 = peer(AF_INET6, &[0, 1]);
        assert!(Peer::from_given(&inet6.bytes[..27]).is_none());
        assert!(Peer::from_given(&inet6.bytes[..28]).is_some());
        let path = peer(AF_UNIX, b"\0abc");
        let given = |n| Peer::from_given(&path.bytes[..n]);
        assert_eq!(given(5).unwrap().endpoint().address, b"\0ab");
        assert!(given(2).is_none() && given(3).is_none());
        assert!(Peer::from_given(&[0; 128]).is_none());
    }

    #[test]
    fn a_path_ends_at_its_zero() {
        assert_eq!(peer(AF_UNIX, b"/a\0junk").endpoint().address, b"/a");
        assert_eq!(peer(AF_UNIX, b"\0name\0\0").endpoint().address, b"\0name");
    }
}

//! Addresses as the listener keeps them: small, hashable, the same for IPv4 and IPv6 sockets.

/// Bytes of the longest socket address that a UDP socket has, `struct sockaddr_in6`.
pub(crate) const SOCKADDR_LEN: usize = size_of::<libc::sockaddr_in6>();

const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF];

/// An IP address; an IPv4 one as its mapped IPv6 address (RFC 4291 section 2.5.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ip(pub(super) [u8; 16]);

/// Which of the two kinds of UDP socket an address is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

/// Where a datagram comes from or goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    pub(crate) ip: Ip,
    /// The interface of a link-local address, else 0.
    pub(crate) scope: u32,
    pub(crate) port: u16,
}

/// Which of our own addresses a datagram was sent to; its answer leaves from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Local {
    pub(crate) ip: Ip,
    /// The interface of a link-local address, else 0: routes may change under a client.
    pub(crate) interface: u32,
}

/// A client, as its datagrams name it. The local port is the listener's and the same for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Flow {
    pub(crate) peer: Address,
    pub(crate) local: Local,
}

/// A socket address in the kernel's form.
#[derive(Clone, Copy)]
pub(crate) struct SockAddr {
    bytes: [u8; SOCKADDR_LEN],
    len: usize,
}

impl Ip {
    pub(crate) const UNSPECIFIED: Self = Self([0; 16]);

    pub(crate) fn v4(ip: [u8; 4]) -> Self {
        let mut mapped = [0; 16];
        let [head @ .., a, b, c, d] = &mut mapped;
        *head = MAPPED;
        [*a, *b, *c, *d] = ip;
        Self(mapped)
    }

    /// The IPv4 address, if it is one.
    pub(crate) fn as_v4(&self) -> Option<[u8; 4]> {
        <[u8; 4]>::try_from(self.0.strip_prefix(&MAPPED)?).ok()
    }

    /// Its bytes as sockets of this family have them.
    pub(crate) fn in_family(&self, family: Family) -> &[u8] {
        match (family, &self.0) {
            (Family::V4, [_, _, _, _, _, _, _, _, _, _, _, _, v4 @ ..]) => v4,
            (Family::V6, all) => all,
        }
    }

    /// `::` or `0.0.0.0`.
    pub(crate) fn is_any(&self) -> bool {
        *self == Self::UNSPECIFIED || self.as_v4() == Some([0; 4])
    }

    /// fe80::/10, which means nothing without an interface.
    pub(crate) const fn is_link_local(&self) -> bool {
        matches!(self.0, [0xFE, 0x80..=0xBF, ..])
    }

    /// Can a host have this address? Not a group's, and not the broadcast one.
    pub(crate) fn is_multicast(&self) -> bool {
        match self.as_v4() {
            Some([first, ..]) => first >= 224,
            None => self.0.starts_with(&[0xFF]),
        }
    }

    /// What one host is likely to have many of: an IPv6 /64, one IPv4 address.
    pub(crate) fn site(&self) -> Self {
        if self.as_v4().is_some() {
            return *self;
        }
        let mut site = *self;
        let [_, _, _, _, _, _, _, _, host @ ..] = &mut site.0;
        *host = [0; 8];
        site
    }
}

impl Address {
    /// Reads a `struct sockaddr_in` or `sockaddr_in6`; `None` for anything else or less.
    pub(crate) fn from_sockaddr(bytes: &[u8]) -> Option<Self> {
        let (family, rest) = bytes.split_first_chunk::<2>()?;
        let (port, rest) = rest.split_first_chunk::<2>()?;
        let port = u16::from_be_bytes(*port);
        match i32::from(u16::from_ne_bytes(*family)) {
            libc::AF_INET => Some(Self { ip: Ip::v4(*rest.first_chunk()?), scope: 0, port }),
            libc::AF_INET6 => {
                let (_flow, rest) = rest.split_first_chunk::<4>()?;
                let (ip, rest) = rest.split_first_chunk::<16>()?;
                let scope = u32::from_ne_bytes(*rest.first_chunk()?);
                let ip = Ip(*ip);
                // An interface that is given for a global address does not tell peers apart.
                Some(Self { ip, scope: if ip.is_link_local() { scope } else { 0 }, port })
            }
            _ => None,
        }
    }

    /// For a socket of this family. An IPv6 address has no form for an IPv4 socket.
    pub(crate) fn to_sockaddr(self, family: Family) -> Option<SockAddr> {
        let mut address = SockAddr { bytes: [0; SOCKADDR_LEN], len: 0 };
        let [f0, f1, p0, p1, rest @ ..] = &mut address.bytes;
        [*p0, *p1] = self.port.to_be_bytes();
        let number = match family {
            Family::V4 => {
                *rest.first_chunk_mut()? = self.ip.as_v4()?;
                address.len = size_of::<libc::sockaddr_in>();
                libc::AF_INET
            }
            Family::V6 => {
                let [_, _, _, _, ip @ .., s0, s1, s2, s3] = rest;
                *ip = self.ip.0;
                [*s0, *s1, *s2, *s3] = self.scope.to_ne_bytes();
                address.len = size_of::<libc::sockaddr_in6>();
                libc::AF_INET6
            }
        };
        [*f0, *f1] = u16::try_from(number).ok()?.to_ne_bytes();
        Some(address)
    }

    /// In the family that a program expects it in: an IPv4 client's own on an IPv4 socket alone.
    pub(crate) fn family_of(self) -> Family {
        if self.ip.as_v4().is_some() { Family::V4 } else { Family::V6 }
    }
}

impl SockAddr {
    pub(crate) const NONE: Self = Self { bytes: [0; SOCKADDR_LEN], len: 0 };

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(port: u16) -> Address {
        Address { ip: Ip::v4([192, 0, 2, 7]), scope: 0, port }
    }

    fn v6(first: u8, scope: u32) -> Address {
        let mut ip = [9; 16];
        (ip[0], ip[1]) = (first, 0x80);
        Address { ip: Ip(ip), scope, port: 5684 }
    }

    #[test]
    fn socket_addresses_come_back_as_they_went() {
        for (address, family) in [
            (v4(5684), Family::V4),
            (v4(1), Family::V6),
            (v6(0x20, 0), Family::V6),
            (v6(0xFE, 3), Family::V6),
        ] {
            let sockaddr = address.to_sockaddr(family).unwrap();
            assert_eq!(Address::from_sockaddr(sockaddr.as_bytes()), Some(address));
        }
        assert!(v6(0x20, 0).to_sockaddr(Family::V4).is_none());
    }

    #[test]
    fn the_kernels_layout_is_kept() {
        let sockaddr = v4(0x1634).to_sockaddr(Family::V4).unwrap();
        let mut expected = (libc::AF_INET as u16).to_ne_bytes().to_vec();
        expected.extend([0x16, 0x34, 192, 0, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(sockaddr.as_bytes(), expected);
        let sockaddr = v6(0xFE, 0x0102).to_sockaddr(Family::V6).unwrap();
        assert_eq!(sockaddr.as_bytes().len(), 28);
        assert_eq!(sockaddr.as_bytes()[8..12], [0xFE, 0x80, 9, 9]);
        assert_eq!(sockaddr.as_bytes()[24..], 0x0102_u32.to_ne_bytes());
    }

    #[test]
    fn cut_and_foreign_addresses_are_none() {
        for family in [Family::V4, Family::V6] {
            let whole = v4(9).to_sockaddr(family).unwrap();
            // sin_zero is no part of the address.
            let needed = if family == Family::V4 { 8 } else { 28 };
            for n in 0..needed {
                assert_eq!(Address::from_sockaddr(&whole.as_bytes()[..n]), None);
            }
        }
        assert_eq!(Address::from_sockaddr(&[1, 0, b'/', b'x', 0, 0, 0, 0, 0, 0, 0, 0]), None);
    }

    #[test]
    fn a_scope_counts_for_link_local_addresses_alone() {
        let with = |address: Address, scope| {
            let sockaddr = Address { scope, ..address }.to_sockaddr(Family::V6).unwrap();
            Address::from_sockaddr(sockaddr.as_bytes()).unwrap()
        };
        assert_eq!(with(v6(0x20, 0), 4).scope, 0);
        assert_eq!(with(v6(0xFE, 0), 4).scope, 4);
    }

    #[test]
    fn groups_and_sites() {
        assert!(Ip::v4([224, 0, 0, 1]).is_multicast() && Ip::v4([255; 4]).is_multicast());
        assert!(!Ip::v4([223, 0, 0, 1]).is_multicast());
        assert!(Ip([0xFF; 16]).is_multicast() && !Ip([0xFE; 16]).is_multicast());
        let mut site = [0; 16];
        site[..8].fill(0x20);
        assert_eq!(Ip([0x20; 16]).site(), Ip(site));
        assert_eq!(Ip::v4([1, 2, 3, 4]).site(), Ip::v4([1, 2, 3, 4]));
    }
}

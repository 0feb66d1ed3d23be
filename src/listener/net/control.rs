//! Control messages: which of our addresses a datagram was sent to, and which its answer leaves from
//! (ip(7), ipv6(7), cmsg(3)). Written and read as the bytes that they are.

use crate::listener::address::{Family, Ip, Local};
use std::mem::offset_of;

/// Room for the one message that is asked for, and for what the options of a caller's own socket add.
pub(super) const ROOM: usize = 128;

const ALIGN: usize = align_of::<libc::cmsghdr>();
const HEADER: usize = size_of::<libc::cmsghdr>().next_multiple_of(ALIGN);
const LEVEL: usize = offset_of!(libc::cmsghdr, cmsg_level);
const KIND: usize = offset_of!(libc::cmsghdr, cmsg_type);
/// Of `cmsg_len`, which is a `size_t` on Linux.
const LEN_BYTES: usize = size_of::<usize>();

const V4_INFO: usize = size_of::<libc::in_pktinfo>();
const V6_INFO: usize = size_of::<libc::in6_pktinfo>();

/// What the kernel reads control messages from and writes them to.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Control(pub(super) [u8; ROOM]);

/// Where a datagram came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    At(Local),
    /// It was sent to many: a group's address or a broadcast. No client does that.
    ToMany,
    /// The kernel did not say. Answers leave from the address that it chooses.
    Unknown,
}

impl Control {
    pub(super) const EMPTY: Self = Self([0; ROOM]);

    /// Says where a datagram leaves from, and gives the bytes that are used; 0 where the kernel may
    /// choose.
    pub(super) fn write(&mut self, family: Family, local: &Local) -> usize {
        if local.ip == Ip::UNSPECIFIED {
            return 0;
        }
        let written = match family {
            Family::V4 => self.write_v4(local),
            Family::V6 => self.write_v6(local),
        };
        written.unwrap_or(0)
    }

    fn write_v4(&mut self, local: &Local) -> Option<usize> {
        let ip = local.ip.as_v4()?;
        let data = self.begin(libc::IPPROTO_IP, libc::IP_PKTINFO, V4_INFO)?;
        data.get_mut(offset_of!(libc::in_pktinfo, ipi_spec_dst)..)?
            .first_chunk_mut()
            .map(|spec_dst| *spec_dst = ip)?;
        Some(space(V4_INFO))
    }

    /// A mapped address is as good as any on an IPv6 socket.
    fn write_v6(&mut self, local: &Local) -> Option<usize> {
        let data = self.begin(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, V6_INFO)?;
        *data.first_chunk_mut()? = local.ip.0;
        let interface = data.get_mut(offset_of!(libc::in6_pktinfo, ipi6_ifindex)..)?;
        *interface.first_chunk_mut()? = local.interface.to_ne_bytes();
        Some(space(V6_INFO))
    }

    /// Writes a header and gives the place for the data, cleared.
    fn begin(&mut self, level: i32, kind: i32, data: usize) -> Option<&mut [u8]> {
        let (header, rest) = self.0.split_at_mut_checked(HEADER)?;
        header.fill(0);
        *header.first_chunk_mut()? = HEADER.saturating_add(data).to_ne_bytes();
        *header.get_mut(LEVEL..)?.first_chunk_mut()? = level.to_ne_bytes();
        *header.get_mut(KIND..)?.first_chunk_mut()? = kind.to_ne_bytes();
        rest.get_mut(..data.next_multiple_of(ALIGN))?.fill(0);
        rest.get_mut(..data)
    }

    /// Where the datagram that these `len` bytes came with was sent to.
    pub(super) fn arrival(&self, len: usize) -> Arrival {
        let mut rest = self.0.get(..len).unwrap_or(&self.0);
        while let Some((level, kind, data, behind)) = next(rest) {
            let arrival = match (level, kind) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => v4(data),
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => v6(data),
                _ => None,
            };
            if let Some(arrival) = arrival {
                return arrival;
            }
            rest = behind;
        }
        Arrival::Unknown
    }
}

const fn space(data: usize) -> usize {
    HEADER.saturating_add(data.next_multiple_of(ALIGN))
}

/// Level, type and data of the first message, and what is behind it.
fn next(bytes: &[u8]) -> Option<(i32, i32, &[u8], &[u8])> {
    let len = usize::from_ne_bytes(*bytes.first_chunk::<LEN_BYTES>()?);
    let level = i32::from_ne_bytes(*bytes.get(LEVEL..)?.first_chunk()?);
    let kind = i32::from_ne_bytes(*bytes.get(KIND..)?.first_chunk()?);
    let data = bytes.get(HEADER..len)?;
    let behind = bytes.get(len.checked_next_multiple_of(ALIGN)?..).unwrap_or_default();
    Some((level, kind, data, behind))
}

/// `ipi_addr` is what the header said, `ipi_spec_dst` the address of ours that it means.
fn v4(data: &[u8]) -> Option<Arrival> {
    let at = |offset: usize| data.get(offset..)?.first_chunk::<4>().copied();
    let sent_to = at(offset_of!(libc::in_pktinfo, ipi_addr))?;
    let ours = at(offset_of!(libc::in_pktinfo, ipi_spec_dst))?;
    if sent_to != ours {
        return Some(Arrival::ToMany);
    }
    Some(Arrival::At(Local { ip: Ip::v4(ours), interface: 0 }))
}

fn v6(data: &[u8]) -> Option<Arrival> {
    let ip = Ip(*data.first_chunk()?);
    let interface = data.get(offset_of!(libc::in6_pktinfo, ipi6_ifindex)..)?.first_chunk()?;
    if ip.is_multicast() {
        return Some(Arrival::ToMany);
    }
    let interface = if ip.is_link_local() { u32::from_ne_bytes(*interface) } else { 0 };
    Some(Arrival::At(Local { ip, interface }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(ip: Ip, interface: u32) -> Local {
        Local { ip, interface }
    }

    fn link_local() -> Ip {
        let mut ip = [7; 16];
        (ip[0], ip[1]) = (0xFE, 0x80);
        Ip(ip)
    }

    #[test]
    fn lengths_are_those_of_the_macros() {
        // SAFETY: computes from a number.
        let v4 = unsafe { libc::CMSG_SPACE(V4_INFO as u32) };
        // SAFETY: computes from a number.
        let v6 = unsafe { libc::CMSG_SPACE(V6_INFO as u32) };
        // SAFETY: computes from a number.
        let len = unsafe { libc::CMSG_LEN(V4_INFO as u32) };
        assert_eq!(
            [space(V4_INFO), space(V6_INFO), HEADER + V4_INFO],
            [v4, v6, len].map(|n| n as usize)
        );
    }

    #[test]
    fn an_ipv6_socket_reads_what_it_writes() {
        for local in
            [local(Ip([0x20; 16]), 0), local(link_local(), 4), local(Ip::v4([127, 0, 0, 5]), 0)]
        {
            let mut control = Control([0xAA; ROOM]);
            let len = control.write(Family::V6, &local);
            assert_eq!(control.arrival(len), Arrival::At(local));
        }
    }

    #[test]
    fn an_ipv4_socket_writes_the_source_address_alone() {
        let mut control = Control([0xAA; ROOM]);
        let len = control.write(Family::V4, &local(Ip::v4([10, 0, 0, 1]), 0));
        let (info, padding) = control.0[HEADER..len].split_at(size_of::<libc::in_pktinfo>());
        assert_eq!(info, [0, 0, 0, 0, 10, 0, 0, 1, 0, 0, 0, 0]);
        assert!(padding.iter().all(|byte| *byte == 0)); // none where a long has 32 bits
    }

    #[test]
    fn the_kernel_chooses_where_nothing_is_known() {
        let mut control = Control::EMPTY;
        assert_eq!(control.write(Family::V4, &local(Ip::UNSPECIFIED, 0)), 0);
        assert_eq!(control.write(Family::V4, &local(Ip([0x20; 16]), 0)), 0);
        assert_eq!(control.arrival(0), Arrival::Unknown);
    }

    #[test]
    fn what_many_get_is_no_clients() {
        let mut control = Control::EMPTY;
        let len = control.write(Family::V4, &local(Ip::v4([10, 0, 0, 1]), 0));
        control.0[HEADER + 8..HEADER + 12].copy_from_slice(&[10, 0, 0, 1]);
        assert_eq!(control.arrival(len), Arrival::At(local(Ip::v4([10, 0, 0, 1]), 0)));
        control.0[HEADER + 8..HEADER + 12].copy_from_slice(&[10, 0, 0, 255]);
        assert_eq!(control.arrival(len), Arrival::ToMany);
        let len = control.write(Family::V6, &local(Ip([0xFF; 16]), 0));
        assert_eq!(control.arrival(len), Arrival::ToMany);
    }

    #[test]
    fn other_messages_are_passed_over_and_cut_ones_are_the_end() {
        let wanted = local(Ip([0x20; 16]), 0);
        let mut behind = Control::EMPTY;
        let len = behind.write(Family::V6, &wanted);
        let mut control = Control::EMPTY;
        control.begin(libc::SOL_SOCKET, libc::SO_TIMESTAMP, 13).unwrap();
        let first = space(13);
        control.0[first..first + len].copy_from_slice(&behind.0[..len]);
        assert_eq!(control.arrival(first + len), Arrival::At(wanted));
        for n in 0..first + HEADER + V6_INFO {
            assert_eq!(control.arrival(n), Arrival::Unknown, "{n}");
        }
        for bad in [0, 1, usize::MAX, usize::MAX - 7] {
            *control.0.first_chunk_mut().unwrap() = bad.to_ne_bytes();
            assert_eq!(control.arrival(ROOM), Arrival::Unknown);
        }
    }
}

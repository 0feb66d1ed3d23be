//! The sockets of a port, as sock_diag(7) tells them: all of one port in one look, which holds up who comes and goes.

use super::Seen;
use crate::listener::address::{Address, Family};
use crate::os::{out_of_the_way, uncancelled};
use libc::c_int;
use std::os::fd::{AsRawFd as _, OwnedFd};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const HEADER: usize = 16; // struct nlmsghdr
const REQUEST: usize = HEADER + 56; // struct inet_diag_req_v2
/// Of `struct inet_diag_msg`, behind the header.
const PORT_AT: usize = HEADER + 4;
const ADDRESS_AT: usize = HEADER + 8;
const INODE_AT: usize = HEADER + 68;

/// As much as the kernel puts in one answer. Aligned as its messages are.
#[repr(C, align(8))]
struct Room([u8; 8192]);

/// `None` where it is not told: no netlink in a sandbox, no udp_diag in the kernel.
pub(super) fn seen(local: &Address, family: Family, own: u64) -> Option<Seen> {
    let socket = ask(&request(local.port, family))?;
    let mut seen = Seen::default();
    let mut room = Room([0; 8192]);
    loop {
        let to = room.0.as_mut_ptr().cast();
        let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
        // SAFETY: writable for as many bytes.
        let n = uncancelled(|| unsafe { libc::recv(socket.as_raw_fd(), to, room.0.len(), flags) });
        let mut rest = room.0.get(..usize::try_from(n).ok().filter(|n| *n > 0)?)?;
        while let Some((kind, message, behind)) = first(rest) {
            match c_int::from(kind) {
                libc::NLMSG_DONE => return Some(seen),
                libc::NLMSG_ERROR => return None,
                _ => seen.add(names(message, local, family)?, own as u32),
            }
            rest = behind;
        }
    }
}

fn ask(request: &[u8; REQUEST]) -> Option<OwnedFd> {
    const KIND: c_int = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
    // SAFETY: takes numbers.
    let fd = unsafe { libc::socket(libc::AF_NETLINK, KIND, libc::NETLINK_SOCK_DIAG) };
    let socket = out_of_the_way(fd)?;
    let from = request.as_ptr().cast();
    // SAFETY: readable for as many bytes.
    let n = uncancelled(|| unsafe { libc::send(socket.as_raw_fd(), from, REQUEST, 0) });
    (usize::try_from(n) == Ok(REQUEST)).then_some(socket)
}

/// All UDP sockets of a family with this port.
fn request(port: u16, family: Family) -> [u8; REQUEST] {
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16;
    let mut request = [0; REQUEST];
    let mut put = |at: usize, bytes: &[u8]| {
        let room = request.iter_mut().skip(at);
        room.zip(bytes).for_each(|(to, from)| *to = *from);
    };
    put(0, &(REQUEST as u32).to_ne_bytes());
    put(4, &SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(6, &flags.to_ne_bytes());
    let family = if family == Family::V4 { libc::AF_INET } else { libc::AF_INET6 };
    put(HEADER, &[family as u8, libc::IPPROTO_UDP as u8]);
    put(HEADER + 4, &u32::MAX.to_ne_bytes()); // in every state
    put(HEADER + 8, &port.to_be_bytes());
    request
}

/// The first message, header and all, its kind, and what is behind it.
fn first(messages: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let len = u32::from_ne_bytes(*messages.first_chunk()?) as usize;
    let kind = u16::from_ne_bytes(*messages.get(4..)?.first_chunk()?);
    let message = messages.get(..len).filter(|_| len >= HEADER)?;
    let next = len.checked_next_multiple_of(4)?;
    Some((kind, message, messages.get(next..).unwrap_or_default()))
}

/// The inode of the socket that a message tells of, if it has this address: `Some(None)` if it has another.
fn names(message: &[u8], local: &Address, family: Family) -> Option<Option<u32>> {
    let inode = u32::from_ne_bytes(*message.get(INODE_AT..)?.first_chunk()?);
    let port = message.get(PORT_AT..)?.starts_with(&local.port.to_be_bytes());
    let same = port && message.get(ADDRESS_AT..)?.starts_with(local.ip.in_family(family));
    Some(same.then_some(inode))
}

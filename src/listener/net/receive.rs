//! Reading datagrams, many with one call.

use super::control::{Arrival, Control, ROOM};
use super::socket::{Errno, Socket};
use super::{BATCH, last_error};
use crate::listener::address::{Address, Ip, Local, SOCKADDR_LEN};
use crate::os::uncancelled;
use std::ptr::null_mut;

/// One datagram, where it lies until the next call.
pub(crate) struct Received<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) peer: Address,
    /// The same, in the kernel's form.
    pub(crate) sockaddr: &'a [u8],
    pub(crate) local: Local,
}

/// What is to be dropped, with what it is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It was longer than there is room for.
    TooLong,
    /// It was sent to many.
    ToMany,
    /// From no address that could be answered.
    NoPeer,
}

/// Room for a batch.
pub(crate) struct Inbox {
    /// Bytes of each datagram's room.
    size: usize,
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    headers: Vec<libc::mmsghdr>,
    /// Where what the last call brought was sent to, if that is known of the socket.
    only: Option<Local>,
}

/// What the kernel fills in beside the bytes.
struct Slot {
    address: [u8; SOCKADDR_LEN],
    control: Control,
    part: libc::iovec,
}

impl Inbox {
    /// For datagrams of up to `size` bytes; `None` without memory.
    pub(crate) fn new(size: usize) -> Option<Self> {
        let (bytes, slots, headers) = (Vec::new(), Vec::new(), Vec::new());
        let mut inbox = Self { size, bytes, slots, headers, only: None };
        let all = size.checked_mul(BATCH)?;
        inbox.bytes.try_reserve_exact(all).ok()?;
        inbox.bytes.resize(all, 0);
        inbox.slots.try_reserve_exact(BATCH).ok()?;
        inbox.headers.try_reserve_exact(BATCH).ok()?;
        for _ in 0..BATCH {
            let part = libc::iovec { iov_base: null_mut(), iov_len: 0 };
            let control = Control::EMPTY;
            inbox.slots.push(Slot { address: [0; SOCKADDR_LEN], control, part });
            inbox.headers.push(EMPTY);
        }
        Some(inbox)
    }

    /// Reads what has come, up to `max` of [`BATCH`] datagrams, without waiting, and gives their
    /// number. The errors that come of what was sent to one peer are passed over.
    pub(crate) fn receive(&mut self, socket: &Socket, max: usize) -> Result<usize, Errno> {
        self.only = socket.only;
        self.prepare();
        let max = libc::c_uint::try_from(max.min(BATCH)).unwrap_or(0);
        for _ in 0..PENDING_ERRORS {
            let (headers, flags) = (self.headers.as_mut_ptr(), libc::MSG_DONTWAIT);
            let n = uncancelled(|| {
                // SAFETY: `prepare` has just pointed every header at room of `self`'s, and there are
                // BATCH of them.
                unsafe { libc::recvmmsg(socket.fd(), headers, max, flags as _, null_mut()) }
            });
            if let Ok(n) = usize::try_from(n) {
                return Ok(n);
            }
            match last_error() {
                libc::EAGAIN => return Ok(0),
                fatal @ (libc::EBADF | libc::ENOTSOCK | libc::EFAULT | libc::EINVAL) => {
                    return Err(fatal);
                }
                // An ICMP error or the like that was waiting; it is gone with this.
                _ => {}
            }
        }
        Ok(0)
    }

    fn prepare(&mut self) {
        let room_for_controls = if self.only.is_some() { 0 } else { ROOM };
        let rooms = self.bytes.chunks_exact_mut(self.size.max(1));
        for ((slot, header), room) in self.slots.iter_mut().zip(&mut self.headers).zip(rooms) {
            slot.part = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
            header.msg_hdr.msg_name = slot.address.as_mut_ptr().cast();
            header.msg_hdr.msg_namelen = SOCKADDR_LEN as libc::socklen_t;
            header.msg_hdr.msg_iov = &raw mut slot.part;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = slot.control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = room_for_controls as _;
            header.msg_hdr.msg_flags = 0;
            header.msg_len = 0;
        }
    }

    /// The nth of those that the last call brought.
    pub(crate) fn get(&self, n: usize) -> Option<Result<Received<'_>, Unusable>> {
        let (slot, header) = (self.slots.get(n)?, self.headers.get(n)?);
        let len = usize::try_from(header.msg_len).ok()?;
        let start = n.checked_mul(self.size)?;
        let bytes = self.bytes.get(start..)?.get(..len.min(self.size))?;
        if header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
            return Some(Err(Unusable::TooLong));
        }
        let sockaddr = slot.address.get(..usize::try_from(header.msg_hdr.msg_namelen).ok()?)?;
        let peer = Address::from_sockaddr(sockaddr).filter(|peer| peer.port != 0);
        let Some(peer) = peer else { return Some(Err(Unusable::NoPeer)) };
        if let Some(local) = self.only {
            return Some(Ok(Received { bytes, peer, sockaddr, local }));
        }
        Some(match slot.control.arrival(header.msg_hdr.msg_controllen as _) {
            Arrival::ToMany => Err(Unusable::ToMany),
            Arrival::At(local) => Ok(Received { bytes, peer, sockaddr, local }),
            Arrival::Unknown => {
                let local = Local { ip: Ip::UNSPECIFIED, interface: 0 };
                Ok(Received { bytes, peer, sockaddr, local })
            }
        })
    }
}

/// Waiting errors that are read in one call at most.
const PENDING_ERRORS: usize = 16;

const EMPTY: libc::mmsghdr = libc::mmsghdr { msg_hdr: super::send::NO_MESSAGE, msg_len: 0 };

#[cfg(test)]
#[path = "receive_tests.rs"]
mod tests;

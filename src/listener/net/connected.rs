//! A socket of one client's own, connected to it.

use super::socket::{Errno, Socket};
use super::{BATCH, last_error, waiting};
use crate::listener::address::{Address, Family, Flow, Ip, SOCKADDR_LEN};
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::time::Duration;

/// Belongs to nobody but the client.
pub(crate) struct Connected {
    socket: Socket,
    peer: Address,
}

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Datagram(usize),
    /// Nothing is there; or, where the socket blocks, nothing came in the time that there was.
    Nothing,
    Failed,
}

/// Bound where a client writes to, and not the client's alone before it is connected.
pub(crate) struct Bound {
    socket: Socket,
    peer: Address,
}

/// Makes a client's socket beside those that it has been heard with until now, of which `beside` is
/// one.
///
/// No call does this in one step. Between bind(2) and connect(2) the kernel may give the new socket
/// what is for others, and a datagram that was on its way then comes a little later: it is to be
/// drained. It leaves its group at the end, so that nobody's socket is ever added beside it.
///
/// It is bound to the very address that the client writes to. Bound to all of them, it would be moved
/// to another list of the kernel's by connect(2), and take with it whoever looks for a socket there
/// at that moment: for him nobody has the port, and a client of ours is told that it is closed.
pub(crate) fn bind(beside: &Socket, flow: &Flow) -> Result<Bound, Errno> {
    let ours = beside.local()?;
    let local = Address {
        ip: if flow.local.ip == Ip::UNSPECIFIED { ours.ip } else { flow.local.ip },
        scope: flow.local.interface,
        port: ours.port,
    };
    let family = beside.family;
    let bind_to = local.to_sockaddr(family).ok_or(libc::EAFNOSUPPORT)?;
    let mut socket = Socket::new(family)?;
    if family == Family::V6 {
        let only = beside.get(libc::IPPROTO_IPV6, libc::IPV6_V6ONLY)?;
        socket.set(libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, only)?;
    }
    // Against the listener's sockets, which only a socket of the same user's may come beside; and
    // against other clients', which have left SO_REUSEPORT behind.
    socket.set(libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
    socket.set(libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    let shared = beside.get(libc::SOL_SOCKET, libc::SO_REUSEPORT)? != 0;
    if !shared {
        beside.set(libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
    }
    let bound = socket.bind(&bind_to);
    if !shared {
        beside.set(libc::SOL_SOCKET, libc::SO_REUSEPORT, 0)?;
    }
    bound.map(|()| Bound { socket, peer: flow.peer })
}

impl Bound {
    pub(crate) fn connect(self) -> Result<Connected, Errno> {
        let Self { socket, peer } = self;
        let connect_to = peer.to_sockaddr(socket.family).ok_or(libc::EAFNOSUPPORT)?;
        socket.connect(&connect_to)?;
        socket.set(libc::SOL_SOCKET, libc::SO_REUSEPORT, 0)?;
        Ok(Connected { socket, peer })
    }
}

impl Connected {
    pub(crate) const fn fd(&self) -> RawFd {
        self.socket.fd()
    }

    /// To be drained of whatever is there, of anybody's.
    pub(crate) const fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Lets it block, as a socket of accept(2)'s does.
    pub(crate) fn block(&self) -> Result<(), Errno> {
        // SAFETY: takes numbers.
        let flags = unsafe { libc::fcntl(self.fd(), libc::F_GETFL) };
        // SAFETY: takes numbers.
        super::socket::done(unsafe {
            libc::fcntl(self.fd(), libc::F_SETFL, flags & !libc::O_NONBLOCK)
        })
    }

    fn blocks(&self) -> bool {
        // SAFETY: takes numbers.
        let flags = unsafe { libc::fcntl(self.fd(), libc::F_GETFL) };
        flags & libc::O_NONBLOCK == 0
    }

    /// Reads one datagram of the client's. Where the socket blocks, it waits: until `within`, if that
    /// is given.
    pub(crate) fn read(&self, room: &mut [MaybeUninit<u8>], within: Option<Duration>) -> Heard {
        for _ in 0..BATCH {
            let waits = within.filter(|_| self.blocks());
            if waits.is_some_and(|within| !self.is_readable_within(within)) {
                return Heard::Nothing;
            }
            match self.receive(room) {
                Ok((len, from)) if from.is_none_or(|from| from == self.peer) => {
                    return Heard::Datagram(len);
                }
                // Somebody else's, from before it was connected.
                Ok(_) => {}
                Err(libc::EAGAIN | libc::EINTR) => return Heard::Nothing,
                Err(_) => return Heard::Failed,
            }
        }
        Heard::Nothing
    }

    fn is_readable_within(&self, within: Duration) -> bool {
        let mut wanted = libc::pollfd { fd: self.fd(), events: libc::POLLIN, revents: 0 };
        // Not a moment early: libssl looks at a clock of its own.
        let ms = within.as_millis().saturating_add(1);
        let ms = i32::try_from(ms).unwrap_or(i32::MAX);
        // SAFETY: one pollfd, which lives for the call.
        unsafe { waiting::poll(&raw mut wanted, 1, ms) > 0 }
    }

    fn receive(&self, room: &mut [MaybeUninit<u8>]) -> Result<(usize, Option<Address>), Errno> {
        let mut from = [0_u8; SOCKADDR_LEN];
        let mut from_len = SOCKADDR_LEN as libc::socklen_t;
        let (to, len) = (room.as_mut_ptr().cast(), room.len());
        let name = from.as_mut_ptr().cast();
        // SAFETY: both are writable for their lengths.
        let n = unsafe { waiting::recvfrom(self.fd(), to, len, 0, name, &raw mut from_len) };
        let n = usize::try_from(n).map_err(|_| last_error())?;
        Ok((n.min(len), Address::from_sockaddr(&from)))
    }

    /// Sends one datagram: the number of bytes, or the error.
    pub(crate) fn send(&self, datagram: &[u8]) -> Result<usize, Errno> {
        let (from, len) = (datagram.as_ptr().cast(), datagram.len());
        // SAFETY: readable for `len` bytes.
        let n = unsafe { waiting::send(self.fd(), from, len, libc::MSG_NOSIGNAL) };
        usize::try_from(n).map_err(|_| last_error())
    }
}

#[cfg(test)]
#[path = "connected_tests.rs"]
mod tests;

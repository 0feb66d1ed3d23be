//! The sockets of a listener: three of one SO_REUSEPORT group, or one where that cannot be had.

use super::filter::{DOORS, Door, Program};
use super::socket::{Errno, Socket, done};
use super::{BATCH, group};
use crate::listener::address::{Address, Family, SockAddr};
use std::os::fd::RawFd;

/// Bytes that the strangers' buffers are asked to hold. The more hellos wait there, the older are
/// those that are answered: in a flood, a small buffer lets more honest clients through.
const STRANGERS_BUFFER: i32 = 64 * 1024;
/// Clients' datagrams wait rather than be lost; the kernel gives what `net.core.rmem_max` allows.
const CLIENTS_BUFFER: i32 = 4 * 1024 * 1024;

/// What one listener reads from: [`DOORS`] sockets in the order of [`Door`], or one for everything.
#[derive(Debug)]
pub(crate) struct Doors {
    sockets: Vec<Socket>,
}

impl Doors {
    /// All of them, the clients' first: so that their buffer is emptied before time is spent on
    /// strangers.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, &Socket)> {
        (0..DOORS as u32).rev().filter_map(|n| Some((n, self.get(n)?)))
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Socket> {
        self.sockets.get(usize::try_from(number).ok()?)
    }

    pub(crate) fn through(&self, door: Door) -> Option<&Socket> {
        self.sockets.get(door as usize).or_else(|| self.sockets.first())
    }

    /// The number of the socket that is read through a door.
    pub(crate) fn number(&self, door: Door) -> u32 {
        if self.are_apart() { door as u32 } else { 0 }
    }

    pub(crate) fn are_apart(&self) -> bool {
        self.sockets.len() == DOORS
    }

    fn of(sockets: impl Iterator<Item = Socket>) -> Result<Self, Errno> {
        let mut doors = Vec::new();
        doors.try_reserve_exact(DOORS).map_err(|_| libc::ENOMEM)?;
        doors.extend(sockets.take(DOORS));
        Ok(Self { sockets: doors })
    }
}

impl Drop for Doors {
    /// Leaves a caller's own socket in a group without a program. Ours are closed.
    ///
    /// After fork(2) another process may have the listener, and read from all of its sockets: then the
    /// program stays. Where it sends datagrams to sockets that are no more, the kernel takes no notice.
    ///
    /// It stays in the epoll instance, which goes with its last descriptor: after fork(2), the other
    /// process's listener has the same instance, and may be the one that is used.
    fn drop(&mut self) {
        let are_apart = self.are_apart();
        let mut sockets = std::mem::take(&mut self.sockets).into_iter();
        let Some(first) = sockets.next().filter(Socket::is_callers) else { return };
        drop(sockets);
        if are_apart && group::is_alone(&first) {
            detach(&first);
        }
    }
}

/// Opens the sockets of `shards` listeners on one address that nobody else has.
///
/// `apart`: with doors. Without them, or where the kernel knows no such programs, each listener has
/// one socket, and the kernel's hash of a client's address chooses among several.
pub(crate) fn open(address: &Address, shards: u16, apart: bool) -> Result<Vec<Doors>, Errno> {
    let family = address.family_of();
    let to = address.to_sockaddr(family).ok_or(libc::EAFNOSUPPORT)?;
    let mut first = Socket::new(family)?;
    // Not in a group yet: so that a port that somebody has is refused, as any server expects.
    first.bind(&to)?;
    // A port that the kernel chose is the same for all.
    let to = first.local()?.to_sockaddr(family).ok_or(libc::EAFNOSUPPORT)?;
    if apart {
        match open_apart(&first, &to, shards) {
            Ok(rest) => return doors(first, rest, DOORS),
            Err(REFUSED) => {}
            Err(errno) => return Err(errno),
        }
    }
    let mut rest = Vec::new();
    join(&first, &to, usize::from(shards.saturating_sub(1)), &mut rest)?;
    doors(first, rest, 1)
}

/// The program was not taken.
const REFUSED: Errno = -1;

fn open_apart(first: &Socket, to: &SockAddr, shards: u16) -> Result<Vec<Socket>, Errno> {
    let count = usize::from(shards).saturating_mul(DOORS).saturating_sub(1);
    let mut rest = Vec::new();
    // The group is there from its second member on.
    join(first, to, 1, &mut rest)?;
    attach(first, shards).map_err(|_| REFUSED)?;
    // A caller's own socket is left as it was.
    join(first, to, count.saturating_sub(1), &mut rest).inspect_err(|_| detach(first))?;
    Ok(rest)
}

/// Takes the program off a group.
fn detach(socket: &Socket) {
    let _ = socket.set(libc::SOL_SOCKET, libc::SO_DETACH_REUSEPORT_BPF, 0);
}

/// Adds sockets to a group, in the order in which a program numbers them.
fn join(first: &Socket, to: &SockAddr, count: usize, rest: &mut Vec<Socket>) -> Result<(), Errno> {
    if count == 0 {
        return Ok(());
    }
    first.set(libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
    rest.try_reserve(count).map_err(|_| libc::ENOMEM)?;
    for _ in 0..count {
        let mut socket = Socket::new(first.family)?;
        socket.set(libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
        if first.family == Family::V6 {
            let only = first.get(libc::IPPROTO_IPV6, libc::IPV6_V6ONLY)?;
            socket.set(libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, only)?;
        }
        socket.bind(to)?;
        rest.push(socket);
    }
    Ok(())
}

fn attach(socket: &Socket, shards: u16) -> Result<(), Errno> {
    let program = Program::new(shards);
    let instructions = program.as_slice();
    // SAFETY: a number and a pointer. What is between them is the kernel's to read as well.
    let mut filter: libc::sock_fprog = unsafe { std::mem::zeroed() };
    filter.len = u16::try_from(instructions.len()).map_err(|_| libc::EINVAL)?;
    filter.filter = instructions.as_ptr().cast_mut();
    let (level, option) = (libc::SOL_SOCKET, libc::SO_ATTACH_REUSEPORT_CBPF);
    let (value, len) = ((&raw const filter).cast(), size_of_val(&filter) as libc::socklen_t);
    // SAFETY: `filter` and the instructions that it points at are readable; the kernel copies them.
    done(unsafe { libc::setsockopt(socket.fd(), level, option, value, len) })
}

/// Deals the sockets out, `each` to a listener.
fn doors(first: Socket, rest: Vec<Socket>, each: usize) -> Result<Vec<Doors>, Errno> {
    let mut all = Vec::new();
    all.try_reserve_exact(rest.len().saturating_add(1)).map_err(|_| libc::ENOMEM)?;
    let several = rest.len().saturating_add(1) > each;
    let mut sockets = std::iter::once(first).chain(rest).peekable();
    while sockets.peek().is_some() {
        let doors = Doors::of(sockets.by_ref().take(each))?;
        doors.size_buffers();
        all.push(doors);
    }
    if several {
        // What came before the group was whole may lie with the wrong one. It is sent again.
        for doors in &all {
            doors.all().for_each(|(_, socket)| socket.discard(BATCH.saturating_mul(BATCH)));
        }
    }
    Ok(all)
}

impl Doors {
    /// What a caller's own socket, which is bound, is read with: doors beside it, if it was bound with
    /// SO_REUSEPORT and nobody else has the address.
    pub(crate) fn beside(fd: RawFd, apart: bool) -> Result<Self, Errno> {
        let first = Socket::of_caller(fd)?;
        let shares = first.get(libc::SOL_SOCKET, libc::SO_REUSEPORT)? != 0;
        let mut rest = Vec::new();
        if apart && shares && group::is_alone(&first) {
            let to = first.local()?.to_sockaddr(first.family).ok_or(libc::EAFNOSUPPORT)?;
            // Of another user's socket, or in a namespace of its own by now: it can do without.
            rest = open_apart(&first, &to, 1).unwrap_or_default();
        }
        Self::of(std::iter::once(first).chain(rest))
    }

    /// As large as is asked for at most: what the administrator allows less of is less.
    fn size_buffers(&self) {
        if self.are_apart() {
            for (door, bytes) in
                [(Door::Strangers, STRANGERS_BUFFER), (Door::Clients, CLIENTS_BUFFER)]
            {
                if let Some(socket) = self.through(door) {
                    let _ = socket.set(libc::SOL_SOCKET, libc::SO_RCVBUF, bytes);
                }
            }
        } else if let Some(socket) = self.sockets.first() {
            let _ = socket.set(libc::SOL_SOCKET, libc::SO_RCVBUF, CLIENTS_BUFFER);
        }
    }
}

#[cfg(test)]
#[path = "doors_tests.rs"]
mod tests;

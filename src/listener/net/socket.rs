//! One UDP socket: its options, and who closes it.

use super::last_error;
use crate::listener::address::{Address, Family, Local, SOCKADDR_LEN, SockAddr};
use crate::os::{drop_one_datagram, uncancelled};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

/// The number of an error, as in errno.
pub(crate) type Errno = i32;

/// A non-blocking UDP socket that tells where each datagram was sent to.
pub(crate) struct Socket {
    fd: RawFd,
    /// Closes it at the end; a caller's own stays open.
    owned: Option<OwnedFd>,
    pub(crate) family: Family,
    /// Where all its datagrams are sent to and leave from, if it is bound to one address: then the
    /// kernel need not say it of each.
    pub(super) only: Option<Local>,
}

impl Socket {
    /// A new one, bound to nothing.
    pub(super) fn new(family: Family) -> Result<Self, Errno> {
        let domain = match family {
            Family::V4 => libc::AF_INET,
            Family::V6 => libc::AF_INET6,
        };
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: takes numbers.
        let fd = unsafe { libc::socket(domain, kind, 0) };
        if fd < 0 {
            return Err(last_error());
        }
        // SAFETY: just made, and nobody else's.
        let owned = unsafe { OwnedFd::from_raw_fd(fd) };
        let socket = Self { fd, owned: Some(owned), family, only: None };
        if family == Family::V6 {
            socket.set(libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 0)?;
        }
        Ok(socket)
    }

    /// A caller's own, which has to be a UDP socket that is bound and not connected. It becomes
    /// non-blocking.
    pub(crate) fn of_caller(fd: RawFd) -> Result<Self, Errno> {
        let socket = Self::lent(fd)?;
        socket.become_non_blocking()?;
        Ok(socket)
    }

    /// The same, which blocks or not as it did before.
    pub(crate) fn lent(fd: RawFd) -> Result<Self, Errno> {
        let mut socket = Self { fd, owned: None, family: Family::V4, only: None };
        socket.family = match socket.get(libc::SOL_SOCKET, libc::SO_DOMAIN)? {
            libc::AF_INET => Family::V4,
            libc::AF_INET6 => Family::V6,
            _ => return Err(libc::EAFNOSUPPORT),
        };
        if socket.get(libc::SOL_SOCKET, libc::SO_TYPE)? != libc::SOCK_DGRAM
            || socket.get(libc::SOL_SOCKET, libc::SO_PROTOCOL)? != libc::IPPROTO_UDP
        {
            return Err(libc::EPROTOTYPE);
        }
        if socket.local()?.port == 0 {
            return Err(libc::EDESTADDRREQ);
        }
        if socket.is_connected() {
            return Err(libc::EISCONN);
        }
        socket.ask_for_arrivals()?;
        Ok(socket)
    }

    pub(crate) const fn fd(&self) -> RawFd {
        self.fd
    }

    /// Does it stay open when we are done with it?
    pub(super) const fn is_callers(&self) -> bool {
        self.owned.is_none()
    }

    /// Bytes that wait in it, as the kernel counts them.
    pub(crate) fn waiting(&self) -> usize {
        let mut counts = [0_u32; MEMINFO];
        let mut len = size_of_val(&counts) as libc::socklen_t;
        let to = counts.as_mut_ptr().cast();
        // SAFETY: writable for `len` bytes.
        let told = unsafe {
            libc::getsockopt(self.fd, libc::SOL_SOCKET, libc::SO_MEMINFO, to, &raw mut len)
        };
        let [received, ..] = counts;
        usize::try_from(received).ok().filter(|_| told == 0).unwrap_or(0)
    }

    pub(super) fn bind(&mut self, to: &SockAddr) -> Result<(), Errno> {
        self.with_address(to, libc::bind)?;
        self.ask_for_arrivals()
    }

    pub(super) fn connect(&self, to: &SockAddr) -> Result<(), Errno> {
        self.with_address(to, libc::connect)
    }

    fn with_address(
        &self,
        to: &SockAddr,
        call: unsafe extern "C" fn(i32, *const libc::sockaddr, libc::socklen_t) -> i32,
    ) -> Result<(), Errno> {
        let bytes = to.as_bytes();
        let len = libc::socklen_t::try_from(bytes.len()).map_err(|_| libc::EINVAL)?;
        // SAFETY: readable for `len` bytes; the kernel copies them, from any alignment.
        done(unsafe { call(self.fd, bytes.as_ptr().cast(), len) })
    }

    /// Where it is bound.
    pub(crate) fn local(&self) -> Result<Address, Errno> {
        let mut bytes = [0_u8; SOCKADDR_LEN];
        let mut len = SOCKADDR_LEN as libc::socklen_t;
        // SAFETY: writable for `len` bytes, from any alignment.
        done(unsafe { libc::getsockname(self.fd, bytes.as_mut_ptr().cast(), &raw mut len) })?;
        Address::from_sockaddr(&bytes).ok_or(libc::EAFNOSUPPORT)
    }

    fn is_connected(&self) -> bool {
        let mut bytes = [0_u8; SOCKADDR_LEN];
        let mut len = SOCKADDR_LEN as libc::socklen_t;
        // SAFETY: writable for `len` bytes, from any alignment.
        unsafe { libc::getpeername(self.fd, bytes.as_mut_ptr().cast(), &raw mut len) == 0 }
    }

    fn become_non_blocking(&self) -> Result<(), Errno> {
        // SAFETY: takes numbers.
        let flags = unsafe { libc::fcntl(self.fd, libc::F_GETFL) };
        if flags < 0 {
            return Err(last_error());
        }
        // SAFETY: takes numbers.
        done(unsafe { libc::fcntl(self.fd, libc::F_SETFL, flags | libc::O_NONBLOCK) })
    }

    /// Once it is bound.
    fn ask_for_arrivals(&mut self) -> Result<(), Errno> {
        let Address { ip, scope, .. } = self.local()?;
        if !ip.is_any() && !ip.is_multicast() && !self.is_broadcast()? {
            self.only = Some(Local { ip, interface: scope });
            return Ok(());
        }
        match self.family {
            Family::V4 => self.set(libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
            Family::V6 => self.set(libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
        }
    }

    /// Is it bound to an address of many? Which those are is known to the routes, and connect(2)
    /// refuses them to a socket without SO_BROADCAST (ip(7)).
    fn is_broadcast(&self) -> Result<bool, Errno> {
        let to = self.local()?.to_sockaddr(self.family).ok_or(libc::EAFNOSUPPORT)?;
        Ok(Self::new(self.family)?.connect(&to) == Err(libc::EACCES))
    }

    pub(super) fn set(&self, level: i32, option: i32, value: i32) -> Result<(), Errno> {
        let len = size_of::<i32>() as libc::socklen_t;
        // SAFETY: `value` is readable for `len` bytes.
        done(unsafe { libc::setsockopt(self.fd, level, option, (&raw const value).cast(), len) })
    }

    pub(super) fn get(&self, level: i32, option: i32) -> Result<i32, Errno> {
        let mut value = 0_i32;
        let mut len = size_of::<i32>() as libc::socklen_t;
        let to = (&raw mut value).cast();
        // SAFETY: writable for `len` bytes.
        done(unsafe { libc::getsockopt(self.fd, level, option, to, &raw mut len) })?;
        Ok(value)
    }

    /// Drops what has come, up to `max` datagrams.
    pub(super) fn discard(&self, max: usize) {
        for _ in 0..max {
            if drop_one_datagram(self.fd).is_none() {
                break;
            }
        }
    }

    /// Empties the error queue of a caller's socket that asks for one (IP_RECVERR): as long as
    /// anything is in it, the socket counts as readable. So much at once, and no more.
    pub(crate) fn drop_errors(&self) {
        let mut nothing = [0_u8; 1];
        let (to, flags) = (nothing.as_mut_ptr().cast(), libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT);
        // SAFETY: writable for one byte.
        let receive = || unsafe { libc::recv(self.fd, to, 1, flags) };
        uncancelled(|| {
            for _ in 0..super::BATCH {
                if receive() < 0 {
                    break;
                }
            }
        });
        // And the one that is told once.
        let _ = self.get(libc::SOL_SOCKET, libc::SO_ERROR);
    }
}

/// The numbers of SO_MEMINFO, of which the first is SK_MEMINFO_RMEM_ALLOC.
const MEMINFO: usize = 9;

pub(super) fn done(result: i32) -> Result<(), Errno> {
    if result < 0 { Err(last_error()) } else { Ok(()) }
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fd = self.owned.as_ref().map_or(self.fd, |fd| fd.as_raw_fd());
        write!(f, "Socket({fd}, {:?})", self.family)
    }
}

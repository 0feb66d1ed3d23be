//! Which of our addresses a datagram was sent to, and sending from there (ip(7), ipv6(7)).
//!
//! A socket that is bound to all addresses has its datagrams leave from the one that the kernel takes for
//! the route, and a client that wrote to another drops them. So the next datagram is looked at before it is
//! read (MSG_PEEK), and the kernel asked where it was sent to: for that one look alone, so that a program
//! that reads control messages itself gets those that it asked for.

mod control;

use crate::hello::peer::{MAX_ADDRESS_LEN, Peer};
use crate::os::{coarse_seconds, errno, out_of_the_way, uncancelled};
use control::{Control, put};
use libc::{c_int, c_uint, c_void};
use std::mem::zeroed;
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Looks a second, in the whole process: each takes a microsecond, as much as a third of an answer. Under a
/// flood the kernel chooses for the rest.
const LOOKS_A_SECOND: u64 = 4096;

/// One of this host's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Local {
    V4([u8; 4]),
    /// With the interface, which a link-local one needs.
    V6([u8; 16], u32),
}

/// What is next in a socket.
#[derive(Clone, Copy)]
pub(crate) enum Next {
    /// Nothing that need be told: the kernel chooses.
    Whatever,
    /// Nothing yet.
    Nothing,
    /// A datagram of so many bytes.
    Datagram { from: Peer, len: usize, to: Local },
    /// An error that was pending, and is no more.
    Error(c_int),
}

impl Next {
    pub(crate) const fn error(&self) -> Option<c_int> {
        if let Self::Error(error) = self { Some(*error) } else { None }
    }

    #[inline(always)]
    pub(crate) const fn is_whatever(&self) -> bool {
        matches!(self, Self::Whatever)
    }

    pub(crate) const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

/// What the kernel is asked for one look: level, option.
type Ask = (c_int, c_int);

/// Looks at what is next in one socket, for one call: to what a socket is bound stays as it is.
pub(crate) struct Ahead {
    socket: Option<c_int>,
    /// What to ask, once that is known; `None` in it unless the socket is bound to all addresses.
    ask: Option<Option<Ask>>,
    /// Stays here: to hand it out took 60 instructions a datagram, most often for nothing.
    seen: Next,
}

impl Ahead {
    /// `None`: nothing is looked at.
    pub(crate) const fn of(socket: Option<c_int>) -> Self {
        Self { socket, ask: None, seen: Next::Whatever }
    }

    /// What was seen last.
    #[inline(always)]
    pub(crate) const fn next(&self) -> &Next {
        &self.seen
    }

    /// Looks at the next datagram, if the socket is bound to a port of all addresses.
    #[inline(always)]
    pub(crate) fn look(&mut self) {
        // Where it is known that nothing is to be seen, nothing was.
        if let (Some(socket), None | Some(Some(_))) = (self.socket, self.ask) {
            self.look_at(socket);
        }
    }

    #[cold]
    fn look_at(&mut self, socket: c_int) {
        self.seen = Next::Whatever;
        if may_look() {
            uncancelled(|| self.ask_and_peek(socket));
        }
    }

    fn ask_and_peek(&mut self, socket: c_int) {
        let Some(ask) = *self.ask.get_or_insert_with(|| asks(socket)) else { return };
        if let Some(_until_it_is_seen) = Asked::begin(socket, ask) {
            self.seen = peek(socket);
        }
    }
}

fn may_look() -> bool {
    /// The second, and how many looks there were in it.
    static LOOKS: AtomicU64 = AtomicU64::new(0);
    let second = coarse_seconds() << 32;
    let before = LOOKS.load(Relaxed);
    let now = if before & !u64::from(u32::MAX) == second { before } else { second };
    // Threads that count at once may count once.
    LOOKS.store(now.saturating_add(1), Relaxed);
    now & u64::from(u32::MAX) < LOOKS_A_SECOND
}

/// What to ask; `None` unless it is bound to all addresses.
fn asks(socket: c_int) -> Option<Ask> {
    let own = own_address(socket)?;
    match own.endpoint().address {
        [0, 0, 0, 0] => Some((libc::IPPROTO_IP, libc::IP_PKTINFO)),
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] if own.endpoint().port.len() == 2 => {
            Some((libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO))
        }
        _ => None,
    }
}

fn own_address(socket: c_int) -> Option<Peer> {
    let mut address = [0; MAX_ADDRESS_LEN];
    let mut len = MAX_ADDRESS_LEN as c_uint;
    // SAFETY: writable for any address.
    let status = unsafe { libc::getsockname(socket, address.as_mut_ptr().cast(), &raw mut len) };
    (status == 0).then(|| Peer::new(address))
}

/// While this lives the kernel tells; after, it does as it did before.
struct Asked {
    socket: c_int,
    /// None where the program has asked already.
    ask: Option<Ask>,
}

impl Asked {
    fn begin(socket: c_int, ask: Ask) -> Option<Self> {
        let (level, option) = ask;
        let (mut on, mut len): (c_int, _) = (0, size_of::<c_int>() as c_uint);
        let at = (&raw mut on).cast::<c_void>();
        // SAFETY: writable for an int.
        if unsafe { libc::getsockopt(socket, level, option, at, &raw mut len) } != 0 {
            return None;
        }
        if on != 0 {
            return Some(Self { socket, ask: None });
        }
        set(socket, ask, 1).then_some(Self { socket, ask: Some(ask) })
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(ask) = self.ask {
            set(self.socket, ask, 0);
        }
    }
}

fn set(socket: c_int, (level, option): Ask, value: c_int) -> bool {
    let at = (&raw const value).cast::<c_void>();
    // SAFETY: readable for an int.
    unsafe { libc::setsockopt(socket, level, option, at, size_of::<c_int>() as c_uint) == 0 }
}

fn peek(socket: c_int) -> Next {
    let mut from = [0; MAX_ADDRESS_LEN];
    let mut control = Control([0; 128]);
    // SAFETY: all zero is a message without anything.
    let mut message = unsafe { zeroed::<libc::msghdr>() };
    message.msg_name = from.as_mut_ptr().cast();
    message.msg_namelen = MAX_ADDRESS_LEN as c_uint;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = size_of::<Control>() as _;
    let flags = libc::MSG_PEEK | libc::MSG_TRUNC | libc::MSG_DONTWAIT;
    // SAFETY: the message's parts are writable for their lengths.
    let Ok(len) = usize::try_from(unsafe { libc::recvmsg(socket, &raw mut message, flags) }) else {
        return match errno() {
            libc::EAGAIN => Next::Nothing,
            libc::EINTR => Next::Whatever,
            error => Next::Error(error),
        };
    };
    to(&message).map_or(Next::Whatever, |to| Next::Datagram { from: Peer::new(from), len, to })
}

/// Where it was sent to.
fn to(message: &libc::msghdr) -> Option<Local> {
    // SAFETY: the kernel has filled it in.
    let mut at = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !at.is_null() {
        // SAFETY: within the message's control part, which is aligned as a header.
        let header = unsafe { at.read() };
        // SAFETY: within the message's control part, which is aligned as a header.
        let data = unsafe { libc::CMSG_DATA(at) };
        match (header.cmsg_level, header.cmsg_type) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                // SAFETY: the kernel writes one.
                let info = unsafe { data.cast::<libc::in_pktinfo>().read_unaligned() };
                return Some(Local::V4(info.ipi_addr.s_addr.to_ne_bytes()));
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                // SAFETY: the kernel writes one.
                let info = unsafe { data.cast::<libc::in6_pktinfo>().read_unaligned() };
                let link = info.ipi6_addr.s6_addr.starts_with(&[0xFE, 0x80]);
                let interface = if link { info.ipi6_ifindex as u32 } else { 0 };
                return Some(Local::V6(info.ipi6_addr.s6_addr, interface));
            }
            _ => {}
        }
        // SAFETY: a header of the message's own, as the loop has it.
        at = unsafe { libc::CMSG_NXTHDR(message, at) };
    }
    None
}

/// Sends a datagram from one of our addresses. False if it did not go: then whoever sends it the usual way
/// learns why.
pub(crate) fn send(socket: c_int, to: &Peer, from: &Local, datagram: &[u8]) -> bool {
    let mut control = Control([0; 128]);
    let to = to.as_bytes();
    let mut part =
        libc::iovec { iov_base: datagram.as_ptr().cast_mut().cast(), iov_len: datagram.len() };
    // SAFETY: all zero is a message without anything.
    let mut message = unsafe { zeroed::<libc::msghdr>() };
    message.msg_name = to.as_ptr().cast_mut().cast();
    message.msg_namelen = to.len() as c_uint;
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = size_of::<Control>() as _;
    match *from {
        Local::V4(address) => {
            let source = libc::in_addr { s_addr: u32::from_ne_bytes(address) };
            let any = libc::in_addr { s_addr: 0 };
            let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: any };
            put(&mut message, (libc::IPPROTO_IP, libc::IP_PKTINFO), info);
        }
        Local::V6(address, interface) => {
            let ipi6_addr = libc::in6_addr { s6_addr: address };
            let info = libc::in6_pktinfo { ipi6_addr, ipi6_ifindex: interface as _ };
            put(&mut message, (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO), info);
        }
    }
    // SAFETY: the message's parts are readable for their lengths.
    let sent = uncancelled(|| unsafe { libc::sendmsg(socket, &raw const message, 0) });
    usize::try_from(sent) == Ok(datagram.len())
}

/// Would the kernel send from there by itself? Asked of a socket that is made and connected for that alone.
pub(crate) fn is_the_kernels(to: &Peer, from: &Local) -> bool {
    let chosen = uncancelled(|| chosen_for(to));
    chosen.is_some_and(|chosen| chosen.endpoint().address == from.address())
}

fn chosen_for(to: &Peer) -> Option<Peer> {
    let family = c_int::from(to.family());
    let to = to.as_bytes();
    // SAFETY: takes numbers.
    let fd = unsafe { libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    let socket = out_of_the_way(fd)?;
    // SAFETY: readable for that many bytes.
    let status =
        unsafe { libc::connect(socket.as_raw_fd(), to.as_ptr().cast(), to.len() as c_uint) };
    if status == 0 { own_address(socket.as_raw_fd()) } else { None }
}

impl Local {
    /// As [`Peer::endpoint`] has it.
    fn address(&self) -> &[u8] {
        match self {
            Self::V4(address) => address,
            Self::V6(address, _) => {
                address.strip_prefix(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]).unwrap_or(address)
            }
        }
    }
}

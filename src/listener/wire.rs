//! What is behind a client's BIO: the listener, a socket of the client's own, or nothing any more.

use super::Listener;
use super::address::{Address, Family, Flow, Local, SockAddr};
use super::clients::ClientId;
use super::core::Reading;
use super::net::{self, Connected, Sending};
use super::shared::Shared;
use crate::openssl::client_bio::{self, Heard, Kind, Said};
use crate::os::monotonic;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

/// IP and UDP headers.
const V4_OVERHEAD: u32 = 20 + 8;
const V6_OVERHEAD: u32 = 40 + 8;
/// What every link carries that carries IPv6 (RFC 8200 section 5), and nearly every other.
const LINK_MTU: u32 = 1280;

pub(crate) struct Wire {
    flow: Flow,
    /// How its addresses are written, and which port of ours its datagrams come to.
    family: Family,
    port: u16,
    link: RefCell<Link>,
    mtu: Cell<u32>,
    too_long: Cell<bool>,
    /// When libssl wants to be asked, where nobody else keeps that.
    timeout: Cell<Option<Instant>>,
}

/// Where datagrams come from and go to.
enum Link {
    /// Not known yet to the listener's table.
    New,
    Listener(Shared<Listener>, ClientId),
    Own(Own),
}

struct Own {
    socket: Connected,
    /// What came before the socket was there.
    before: VecDeque<Vec<u8>>,
}

impl Wire {
    /// `mtu`: bytes of the longest datagram; 0: what every path is likely to carry.
    pub(super) fn new(flow: Flow, family: Family, port: u16, mtu: u32) -> Self {
        let wire = Self {
            flow,
            family,
            port,
            link: RefCell::new(Link::New),
            mtu: Cell::new(mtu),
            too_long: Cell::new(false),
            timeout: Cell::new(None),
        };
        if mtu == 0 {
            wire.mtu.set(LINK_MTU.saturating_sub(wire.overhead_of()));
        }
        wire
    }

    /// From now on, the listener brings and takes its datagrams.
    pub(super) fn link(&self, listener: Shared<Listener>, id: ClientId) {
        if let Ok(mut link) = self.link.try_borrow_mut() {
            *link = Link::Listener(listener, id);
        }
    }

    /// Which client of which listener it belongs to, if to any.
    pub(super) fn listener(&self) -> Option<(Shared<Listener>, ClientId)> {
        match &*self.link.try_borrow().ok()? {
            Link::Listener(listener, id) => Some((listener.clone(), *id)),
            Link::New | Link::Own(_) => None,
        }
    }

    /// Gives it a socket of its own, and what came before that was there; it owes the listener
    /// nothing from then on.
    pub(super) fn detach(&self, socket: Connected, before: VecDeque<Vec<u8>>) {
        if let Ok(mut link) = self.link.try_borrow_mut() {
            *link = Link::Own(Own { socket, before });
        }
    }

    pub(super) const fn flow(&self) -> &Flow {
        &self.flow
    }

    pub(super) fn sockaddr(&self, address: &Address) -> Option<SockAddr> {
        address.to_sockaddr(self.family)
    }

    /// Where its datagrams were sent to.
    pub(super) const fn local(&self) -> Address {
        let Local { ip, interface } = self.flow.local;
        Address { ip, scope: interface, port: self.port }
    }

    fn overhead_of(&self) -> u32 {
        if self.flow.peer.ip.as_v4().is_some() { V4_OVERHEAD } else { V6_OVERHEAD }
    }

    fn sent(&self, sent: Sending) -> Said {
        self.too_long.set(sent == Sending::TooLong);
        match sent {
            // Lost is what datagrams are now and then; who misses it asks again.
            Sending::Out | Sending::Lost => Said::Out,
            Sending::WouldBlock => Said::WouldBlock,
            Sending::TooLong => Said::Failed,
        }
    }
}

impl Own {
    fn read(&mut self, room: &mut [MaybeUninit<u8>], until: Option<Instant>) -> Heard {
        if let Some(datagram) = self.before.pop_front() {
            for (to, from) in room.iter_mut().zip(&datagram) {
                to.write(*from);
            }
            return Heard::Datagram(datagram.len().min(room.len()));
        }
        let within = until.map(|until| until.saturating_duration_since(monotonic()));
        match self.socket.read(room, within) {
            net::Heard::Datagram(n) => Heard::Datagram(n),
            net::Heard::Nothing => Heard::WouldBlock,
            net::Heard::Failed => Heard::End,
        }
    }

    fn write(&self, datagram: &[u8]) -> Option<Sending> {
        match self.socket.send(datagram) {
            Ok(_) => Some(Sending::Out),
            // A signal may end the wait of a socket that blocks.
            Err(libc::EAGAIN | libc::EINTR) => Some(Sending::WouldBlock),
            Err(libc::EMSGSIZE) => Some(Sending::TooLong),
            // The interface has no room, which says nothing of the peer.
            Err(libc::ENOBUFS | libc::ENOMEM) => Some(Sending::Lost),
            // Its only peer is not to be reached: its program is told, as with any such socket.
            Err(_) => None,
        }
    }
}

impl client_bio::Wire for Wire {
    fn kind() -> &'static Kind {
        static KIND: Kind = client_bio::kind::<Wire>();
        &KIND
    }

    fn read(&self, room: &mut [MaybeUninit<u8>]) -> Heard {
        let Ok(mut link) = self.link.try_borrow_mut() else { return Heard::WouldBlock };
        match &mut *link {
            Link::New => Heard::WouldBlock,
            Link::Listener(listener, id) => match listener.core.read(*id, room) {
                Reading::Datagram(n) => Heard::Datagram(n),
                Reading::WouldBlock => Heard::WouldBlock,
                Reading::End => Heard::End,
            },
            Link::Own(own) => own.read(room, self.timeout.get()),
        }
    }

    fn write(&self, datagram: &[u8]) -> Said {
        let Ok(link) = self.link.try_borrow() else { return Said::Failed };
        let sent = match &*link {
            Link::New => None,
            Link::Listener(listener, id) => listener.core.write(*id, &self.flow, datagram),
            Link::Own(own) => own.write(datagram),
        };
        sent.map_or(Said::Failed, |sent| self.sent(sent))
    }

    fn has_ended(&self) -> bool {
        self.listener().is_some_and(|(listener, id)| listener.core.has_ended(id))
    }

    fn set_timeout(&self, after: Option<Duration>) {
        let now = monotonic();
        let at = after.and_then(|after| now.checked_add(after));
        self.timeout.set(at);
        if let Some((listener, id)) = self.listener() {
            listener.core.set_timeout(id, at, now);
        }
    }

    fn write_peer(&self, to: &mut [u8]) -> usize {
        let Some(peer) = self.flow.peer.to_sockaddr(self.family) else { return 0 };
        let peer = peer.as_bytes();
        for (to, from) in to.iter_mut().zip(peer) {
            *to = *from;
        }
        peer.len().min(to.len())
    }

    fn mtu(&self) -> u32 {
        self.mtu.get()
    }

    fn set_mtu(&self, mtu: u32) {
        self.mtu.set(mtu);
    }

    fn overhead(&self) -> u32 {
        self.overhead_of()
    }

    fn was_too_long(&self) -> bool {
        self.too_long.get()
    }

    fn fd(&self) -> Option<c_int> {
        match &*self.link.try_borrow().ok()? {
            Link::Own(own) => Some(own.socket.fd()),
            Link::New | Link::Listener(..) => None,
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // The BIO has gone, and with it the client.
        if let Link::Listener(listener, id) = self.link.get_mut() {
            listener.core.forget(*id);
        }
    }
}

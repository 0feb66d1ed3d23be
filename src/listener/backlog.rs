//! Hellos whose cookies were right, and whose turn to become clients has not come: as the backlog of
//! listen(2), whose length is bounded too.
//!
//! To check a cookie takes a microsecond, and to begin a handshake some hundred: were as many begun
//! at once as there are hellos, those that come meanwhile would find the sockets' buffers full, and
//! be repeated a second later.

use super::address::Flow;
use super::net::Received;
use super::seen::HelloId;
use crate::hello::peer::Peer;
use crate::os::Keyed;
use std::collections::{HashSet, VecDeque};

/// Each has shown its address.
pub(super) const MAX: usize = 8192;

pub(super) struct Waiting {
    pub(super) flow: Flow,
    pub(super) peer: Peer,
    pub(super) hello: HelloId,
    /// The datagram.
    pub(super) bytes: Vec<u8>,
}

pub(super) struct Backlog {
    waiting: VecDeque<Waiting>,
    hellos: HashSet<HelloId, Keyed>,
    max: usize,
}

impl Backlog {
    pub(super) fn new(max: usize) -> Self {
        Self { waiting: VecDeque::new(), hellos: HashSet::with_hasher(Keyed::new()), max }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Does this one wait already? A client repeats it while it does.
    pub(super) fn contains(&self, hello: HelloId) -> bool {
        self.hellos.contains(&hello)
    }

    /// Puts one behind the others. False if there are as many as there may be, or no memory.
    pub(super) fn push(&mut self, received: &Received<'_>, peer: &Peer, hello: HelloId) -> bool {
        self.waiting.len() < self.max && self.try_push(received, peer, hello).is_some()
    }

    fn try_push(&mut self, received: &Received<'_>, peer: &Peer, hello: HelloId) -> Option<()> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(received.bytes.len()).ok()?;
        bytes.extend_from_slice(received.bytes);
        self.hellos.try_reserve(1).ok()?;
        self.waiting.try_reserve(1).ok()?;
        let flow = Flow { peer: received.peer, local: received.local };
        self.hellos.insert(hello);
        self.waiting.push_back(Waiting { flow, peer: *peer, hello, bytes });
        Some(())
    }

    pub(super) fn pop(&mut self) -> Option<Waiting> {
        let first = self.waiting.pop_front()?;
        self.hellos.remove(&first.hello);
        if self.waiting.is_empty() {
            // After a burst nothing of it stays.
            self.waiting = VecDeque::new();
            self.hellos = HashSet::with_hasher(Keyed::new());
        }
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::super::address::{Address, Ip, Local};
    use super::super::seen::{self, Seen};
    use super::*;
    use crate::hello::peer::tests::somebody;

    #[test]
    fn who_came_first_is_first_and_none_is_in_it_twice() {
        let (seen, mut backlog) = (Seen::new(seen::MAX), Backlog::new(3));
        let local = Local { ip: Ip::v4([127, 0, 0, 1]), interface: 0 };
        let peer = |port| Address { ip: Ip::v4([192, 0, 2, 1]), scope: 0, port };
        let id = |port| seen.id(&Flow { peer: peer(port), local }, &[1; 32], b"");
        let push = |backlog: &mut Backlog, port: u16| {
            let bytes = &port.to_be_bytes()[..];
            let received = Received { bytes, peer: peer(port), sockaddr: &[], local };
            backlog.push(&received, somebody(), id(port))
        };
        assert!(backlog.is_empty() && backlog.pop().is_none());
        for port in [1, 2, 3] {
            assert!(!backlog.contains(id(port)) && push(&mut backlog, port));
        }
        assert!(!push(&mut backlog, 4) && !backlog.contains(id(4)), "as many as there may be");
        for port in [1, 2, 3] {
            assert!(backlog.contains(id(port)));
            let first = backlog.pop().unwrap();
            assert_eq!((first.flow.peer.port, &first.bytes[..]), (port, &port.to_be_bytes()[..]));
            assert!(!backlog.contains(id(port)));
        }
        assert!(backlog.is_empty());
    }
}

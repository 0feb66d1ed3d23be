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

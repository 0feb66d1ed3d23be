//! A caller's socket under a BIO that reads and answers many datagrams with one system call
//! (`openssl::batch_bio`).

use super::address::{Flow, SOCKADDR_LEN};
use super::net::{Inbox, Outbox, Sending, Socket};
use crate::hello::error::Fault;
use crate::openssl::Batch;
use crate::stats::{Event, tally};
use std::mem::MaybeUninit;

/// Bytes of the longest datagram that is read; a hello that is longer comes in fragments.
const LONGEST: usize = 4096;

pub(crate) struct BatchSocket {
    socket: Socket,
    inbox: Inbox,
    outbox: Outbox,
    /// The next one in the inbox, and how many there are.
    at: usize,
    count: usize,
    last: Option<Last>,
}

/// Who sent the datagram that was given last.
struct Last {
    flow: Flow,
    sockaddr: [u8; SOCKADDR_LEN],
    sockaddr_len: usize,
    /// Bytes of the datagram.
    len: usize,
}

impl BatchSocket {
    /// On a UDP socket that is bound and not connected. It may block, or not.
    pub(crate) fn new(fd: i32) -> Result<Self, Fault> {
        let socket = Socket::lent(fd).map_err(Fault::System)?;
        let inbox = Inbox::new(LONGEST).ok_or(Fault::NoMemory)?;
        let outbox = Outbox::new().ok_or(Fault::NoMemory)?;
        Ok(Self { socket, inbox, outbox, at: 0, count: 0, last: None })
    }

    /// Passes over what nobody can be answered for.
    fn skip_unusable(&mut self) {
        while self.at < self.count && !matches!(self.inbox.get(self.at), Some(Ok(_))) {
            tally().count(Event::ListenerUnusable);
            self.at = self.at.saturating_add(1);
        }
    }

    /// A socket that has failed is left to the BIO behind, whose errors are the program's to see.
    fn receive(&mut self) {
        self.flush();
        self.count = self.inbox.receive(&self.socket, usize::MAX).unwrap_or(0);
        self.at = 0;
        self.skip_unusable();
    }
}

impl Batch for BatchSocket {
    fn next(&mut self, room: &mut [MaybeUninit<u8>]) -> Option<usize> {
        if self.at >= self.count {
            self.receive();
        }
        if self.at >= self.count {
            return None;
        }
        let received = self.inbox.get(self.at)?.ok()?;
        for (to, from) in room.iter_mut().zip(received.bytes) {
            to.write(*from);
        }
        let len = received.bytes.len().min(room.len());
        let mut sockaddr = [0; SOCKADDR_LEN];
        sockaddr.get_mut(..received.sockaddr.len())?.copy_from_slice(received.sockaddr);
        self.last = Some(Last {
            flow: Flow { peer: received.peer, local: received.local },
            sockaddr,
            sockaddr_len: received.sockaddr.len(),
            len,
        });
        self.at = self.at.saturating_add(1);
        self.skip_unusable();
        Some(len)
    }

    fn waiting(&self) -> Option<usize> {
        if self.at >= self.count {
            return None;
        }
        Some(self.inbox.get(self.at)?.ok()?.bytes.len())
    }

    fn peer(&self) -> &[u8] {
        let last = self.last.as_ref();
        last.and_then(|last| last.sockaddr.get(..last.sockaddr_len)).unwrap_or_default()
    }

    fn answer(&mut self, answer: &[u8]) -> bool {
        let Some(Last { flow, len, .. }) = &self.last else { return false };
        is_answer(answer) && self.outbox.push(&self.socket, flow, *len, answer)
    }

    fn flush(&mut self) {
        self.outbox.flush(&self.socket, |answered| match answered.sending {
            Sending::Out => {}
            Sending::WouldBlock => tally().count(Event::WriteBlocked),
            Sending::TooLong | Sending::Lost => tally().count(Event::WriteFailed),
        });
    }
}

/// A HelloVerifyRequest: whoever misses it asks again. All else is sent at once.
const fn is_answer(bytes: &[u8]) -> bool {
    matches!(bytes, [22, 0xFE, _, 0, 0, _, _, _, _, _, _, _, _, 3, ..])
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;

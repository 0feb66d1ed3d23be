//! What a listener and its clients' BIOs have in common. It is emptied when the listener goes; the
//! BIOs may stay longer, and find nothing.

use super::address::Flow;
use super::clients::{ClientId, Clients, News, Timer};
use super::net::{Door, Doors, Poll, Sending, send_now};
use crate::os::monotonic;
use crate::stats::{self, Event};
use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::time::Instant;

pub(crate) struct Core<H>(RefCell<Option<State<H>>>);

pub(super) struct State<H> {
    pub(super) clients: Clients<H>,
    pub(super) doors: Doors,
    pub(super) poll: Poll,
    /// Clients who could not write wait for the socket.
    pub(super) blocked: bool,
    /// The descriptor says that there are news that the program has not taken.
    pub(super) reminds: bool,
}

/// What a client's read brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As many bytes.
    Datagram(usize),
    WouldBlock,
    /// Nothing will come any more.
    End,
}

impl<H> Core<H> {
    pub(super) const fn new(state: State<H>) -> Self {
        Self(RefCell::new(Some(state)))
    }

    /// `None` once the listener has gone. Nothing that calls back may be called in `usage`.
    pub(super) fn with<R>(&self, usage: impl FnOnce(&mut State<H>) -> R) -> Option<R> {
        self.0.try_borrow_mut().ok()?.as_mut().map(usage)
    }

    /// Takes everything out, for good.
    pub(super) fn close(&self) -> Option<State<H>> {
        self.0.try_borrow_mut().ok()?.take()
    }

    pub(super) fn read(&self, id: ClientId, room: &mut [MaybeUninit<u8>]) -> Reading {
        let reading = self.with(|state| match state.clients.pop(id, room) {
            Some(len) => Reading::Datagram(len),
            None if state.clients.is_replaced(id) => Reading::End,
            None => Reading::WouldBlock,
        });
        reading.unwrap_or(Reading::End)
    }

    /// Sends for a client, at once. `None`: it has no port to send from any more.
    pub(super) fn write(&self, id: ClientId, flow: &Flow, datagram: &[u8]) -> Option<Sending> {
        let sent = self.with(|state| {
            // What a replaced one sends would come to the new one.
            if state.clients.is_replaced(id) {
                return None;
            }
            let sent = send_now(state.doors.through(Door::Clients)?, flow, datagram);
            if sent == Sending::WouldBlock {
                state.wait_for_room(id);
            }
            Some(sent)
        });
        sent.flatten()
    }

    /// What libssl wants to be woken for.
    pub(super) fn set_timeout(&self, id: ClientId, at: Option<Instant>, now: Instant) {
        self.with(|state| {
            state.clients.set_timer(id, Timer::Retransmit, at);
            if let Some(at) = state.clients.next_timer() {
                state.poll.wake_by(at, now);
            }
        });
    }

    /// Will this client's reads never bring anything any more?
    pub(super) fn has_ended(&self, id: ClientId) -> bool {
        self.with(|state| state.clients.is_replaced(id)).unwrap_or(true)
    }

    /// The SSL or its BIO has gone.
    pub(super) fn forget(&self, id: ClientId) {
        if self.with(|state| state.clients.remove(id)).flatten().is_some() {
            stats::tally().count(Event::ListenerClosed);
        }
    }
}

impl<H> State<H> {
    /// Has the descriptor say that a turn is due, now: once more, if it does already, for who is told
    /// of edges alone.
    pub(super) fn wake(&mut self, now: Instant) {
        self.poll.rearm(Some(now), now);
    }

    /// The program has taken one of the news: it is woken for the others, though it sleeps before it
    /// takes them. `waits`: something else is to be done now.
    pub(super) fn remind(&mut self, waits: bool) {
        let news = self.clients.has_news();
        if news == self.reminds {
            return;
        }
        self.reminds = news;
        let now = monotonic();
        if news {
            self.wake(now);
        } else if !waits {
            let next = self.clients.next_timer();
            self.poll.rearm(next, now);
        }
    }

    fn wait_for_room(&mut self, id: ClientId) {
        self.clients.set_blocked(id);
        if !self.blocked {
            self.blocked = self.watch(true);
        }
    }

    fn watch(&self, watch: bool) -> bool {
        let (door, number) = (self.doors.through(Door::Clients), self.doors.number(Door::Clients));
        door.is_some_and(|socket| self.poll.watch_writable(socket, number, watch).is_ok())
    }

    /// The socket takes datagrams again: who could not write is told to go on.
    pub(super) fn has_room(&mut self) {
        self.watch(false);
        self.blocked = false;
        self.clients.tell_blocked(News::READABLE);
    }
}

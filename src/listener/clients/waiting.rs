//! What clients wait for: datagrams, being told of, timers.

use super::types::TIMERS;
use super::{ClientId, Clients, News, Queued, Timer};
use crate::listener::list::List;
use std::collections::VecDeque;
use std::mem::MaybeUninit;
use std::time::Instant;

impl<H> Clients<H> {
    /// Keeps a datagram until the client reads it.
    pub(crate) fn push(&mut self, id: ClientId, datagram: &[u8]) -> Queued {
        let max = self.limits.queue;
        let Some((client, pool)) = self.client_and_pool(id) else { return Queued::Overflow };
        let full = client.queue.len() >= max && !client.leaves;
        if full || pool.push(&mut client.queue, datagram).is_none() {
            return Queued::Overflow;
        }
        self.tell(id, News::READABLE);
        Queued::Taken
    }

    /// From now on whatever comes is kept, until [`take_all`](Self::take_all).
    pub(crate) fn set_leaves(&mut self, id: ClientId, leaves: bool) {
        if let Some((client, _)) = self.client_and_pool(id) {
            client.leaves = leaves;
        }
    }

    /// Takes out what a client has not read, in its order; `None` without memory, and then all is as
    /// it was. `room`: what it is put into.
    pub(crate) fn take_all(
        &mut self,
        id: ClientId,
        room: VecDeque<Vec<u8>>,
    ) -> Option<VecDeque<Vec<u8>>> {
        let (client, pool) = self.client_and_pool(id)?;
        pool.take_all(&mut client.queue, room)
    }

    /// Gives a client its next datagram: the length of what fits in the room.
    pub(crate) fn pop(&mut self, id: ClientId, room: &mut [MaybeUninit<u8>]) -> Option<usize> {
        let (client, pool) = self.client_and_pool(id)?;
        pool.pop(&mut client.queue, room)
    }

    /// Has it been replaced, so that reads give the end?
    pub(crate) fn is_replaced(&self, id: ClientId) -> bool {
        self.get(id).is_none_or(|client| client.replaced)
    }

    /// Notes what the program has to be told of a client.
    pub(crate) fn tell(&mut self, id: ClientId, news: News) {
        let Some((client, _)) = self.client_and_pool(id) else { return };
        client.news.0 |= news.0;
        // A client that nobody knows yet is read from as soon as it is.
        let list = if client.news.has(News::ACCEPTED) { List::New } else { List::Known };
        self.lists.put(id.place, list);
    }

    /// Notes that a client could not write.
    pub(crate) fn set_blocked(&mut self, id: ClientId) {
        if let Some((client, _)) = self.client_and_pool(id) {
            client.blocked = true;
        }
    }

    /// Tells all that could not write.
    pub(crate) fn tell_blocked(&mut self, news: News) {
        for place in (0..).take(self.places.len()) {
            let Some(at) = self.at_mut(place) else { break };
            let generation = at.generation;
            if at.client.as_mut().is_some_and(|client| std::mem::take(&mut client.blocked)) {
                self.tell(ClientId { place, generation }, news);
            }
        }
    }

    /// How many datagrams wait for this client to read them?
    pub(crate) fn unread(&self, id: ClientId) -> u32 {
        self.get(id).map_or(0, |client| client.queue.len())
    }

    /// The next client with news, which are told once. `New`: of new clients alone.
    pub(crate) fn next(&mut self, list: Option<List>) -> Option<(H, News)>
    where
        H: Copy,
    {
        let place = self.lists.take(list)?;
        let client = self.at_mut(place)?.client.as_mut()?;
        let news = std::mem::replace(&mut client.news, News::NONE);
        Some((client.handle, news))
    }

    pub(crate) fn has_news(&self) -> bool {
        !self.lists.are_empty()
    }

    pub(crate) fn set_timer(&mut self, id: ClientId, timer: Timer, at: Option<Instant>) {
        if self.get(id).is_some() {
            let key = id.place.saturating_mul(TIMERS).saturating_add(timer as u32);
            self.timers.set(key, at);
        }
    }

    pub(crate) fn next_timer(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Takes out one timer that is due.
    pub(crate) fn due(&mut self, now: Instant) -> Option<(ClientId, Timer)> {
        let key = self.timers.pop(now)?;
        let place = key / TIMERS;
        let timer = if key % TIMERS == 0 { Timer::Retransmit } else { Timer::Handshake };
        let generation = self.at(place)?.generation;
        Some((ClientId { place, generation }, timer))
    }
}

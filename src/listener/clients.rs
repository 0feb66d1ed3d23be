//! The clients of a listener: who they are, how many there may be, what they wait for.
//!
//! Pure: addresses, bytes and times come in. What an SSL is, is the owner's business (`H`, a handle
//! that is copied and never looked into).

use super::address::{Flow, Ip};
use super::list::{List, Lists};
use super::queue::{Pool, Queue};
use super::seen::HelloId;
use super::timers::Timers;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::mem::MaybeUninit;
use std::time::Instant;

/// A client of this table's. One that is gone is nobody, though its place be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClientId {
    pub(super) place: u32,
    generation: u32,
}

/// What a program is told of a client: the bits of `DTLSV1_NEWS_...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct News(u8);

impl News {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ACCEPTED: Self = Self(1);
    pub(super) const READABLE: Self = Self(2);
    pub(super) const REPLACED: Self = Self(4);
    pub(super) const OVERDUE: Self = Self(8);

    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Two deadlines a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// libssl wants to repeat a flight.
    Retransmit,
    /// The handshake should have come to its end.
    Handshake,
}

const TIMERS: u32 = 2;

/// Why a client is not taken. Its hello is dropped, and it asks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There are as many clients as there may be.
    Full,
    /// There are as many from this address as there may be.
    SiteFull,
    NoMemory,
}

/// 0: no bound.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    pub(super) clients: u32,
    pub(super) per_address: u32,
    /// Datagrams that wait for one client.
    pub(super) queue: u32,
}

pub(super) struct Client<H> {
    pub(super) flow: Flow,
    pub(super) handle: H,
    /// The hello that it came with.
    pub(super) hello: HelloId,
    news: News,
    /// Another has its flow by now.
    replaced: bool,
    /// It could not write, and is to be told when it can.
    blocked: bool,
    /// It is about to leave, with all that came for it.
    leaves: bool,
    queue: Queue,
}

struct Place<H> {
    generation: u32,
    client: Option<Client<H>>,
}

/// What became of a datagram for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queued {
    Taken,
    /// The client reads too slowly: as a full socket buffer would, it loses the newest.
    Overflow,
}

pub(super) struct Clients<H> {
    limits: Limits,
    places: Vec<Place<H>>,
    free: Vec<u32>,
    /// Those that datagrams go to.
    flows: HashMap<Flow, u32>,
    /// How many of those each address has, where that is bounded.
    sites: HashMap<Ip, u32>,
    lists: Lists,
    timers: Timers,
    pool: Pool,
}

impl<H> Clients<H> {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            places: Vec::new(),
            free: Vec::new(),
            flows: HashMap::new(),
            sites: HashMap::new(),
            lists: Lists::new(),
            timers: Timers::new(),
            pool: Pool::new(),
        }
    }

    /// All that have a place, the replaced among them.
    #[cfg(test)]
    pub(super) fn all(&self) -> impl Iterator<Item = (ClientId, &Client<H>)> {
        let places = (0..).zip(&self.places);
        places.filter_map(|(place, at)| {
            Some((ClientId { place, generation: at.generation }, at.client.as_ref()?))
        })
    }

    /// Those that the program was never told of.
    pub(super) fn untold(self) -> impl Iterator<Item = H> {
        let clients = self.places.into_iter().filter_map(|at| at.client);
        clients.filter(|client| client.news.has(News::ACCEPTED)).map(|client| client.handle)
    }

    pub(super) fn len(&self) -> usize {
        self.places.len().saturating_sub(self.free.len())
    }

    /// Whom a datagram is for.
    pub(super) fn of_flow(&self, flow: &Flow) -> Option<ClientId> {
        let place = *self.flows.get(flow)?;
        let generation = self.at(place)?.generation;
        Some(ClientId { place, generation })
    }

    pub(super) fn get(&self, id: ClientId) -> Option<&Client<H>> {
        self.at(id.place).filter(|at| at.generation == id.generation)?.client.as_ref()
    }

    /// Is there room for a client of this flow? Then [`insert`](Self::insert) will not fail.
    ///
    /// One that comes in the place of another counts in its stead. The other still has its memory
    /// until the program frees it, and there are no more of those than of clients.
    pub(super) fn make_room(&mut self, flow: &Flow) -> Result<(), Refusal> {
        let (clients, max) = (self.flows.len(), self.limits.clients);
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let new = !self.flows.contains_key(flow);
        if max > 0 && ((new && clients >= max) || self.len() >= max.saturating_mul(2)) {
            return Err(Refusal::Full);
        }
        let site = flow.peer.ip.site();
        let per_address = self.limits.per_address;
        let here = self.sites.get(&site).copied().unwrap_or(0);
        if per_address > 0 && new && here >= per_address {
            return Err(Refusal::SiteFull);
        }
        self.reserve().ok_or(Refusal::NoMemory)
    }

    fn reserve(&mut self) -> Option<()> {
        let places = self.places.len().checked_add(1)?;
        self.flows.try_reserve(1).ok()?;
        if self.limits.per_address > 0 {
            self.sites.try_reserve(1).ok()?;
        }
        if self.free.is_empty() {
            self.places.try_reserve(1).ok()?;
            // Every place can be free at once.
            self.free.try_reserve(places).ok()?;
            self.lists.reserve(places)?;
            self.timers.reserve(places.checked_mul(TIMERS as usize)?)?;
        }
        Some(())
    }

    /// Takes a client, with `ACCEPTED` for news. Who had its flow is told that it was replaced.
    pub(super) fn insert(&mut self, flow: Flow, hello: HelloId, handle: H) -> Option<ClientId> {
        self.make_room(&flow).ok()?;
        if let Some(old) = self.of_flow(&flow) {
            self.replace(old);
        }
        let client = Client {
            flow,
            handle,
            hello,
            news: News::NONE,
            replaced: false,
            blocked: false,
            leaves: false,
            queue: Queue::new(),
        };
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                let place = u32::try_from(self.places.len()).ok()?;
                self.places.push(Place { generation: 0, client: None });
                place
            }
        };
        let at = self.at_mut(place)?;
        at.client = Some(client);
        let id = ClientId { place, generation: at.generation };
        self.flows.insert(flow, place);
        if self.limits.per_address > 0 {
            let here = self.sites.entry(flow.peer.ip.site()).or_default();
            *here = here.saturating_add(1);
        }
        self.tell(id, News::ACCEPTED);
        Some(id)
    }

    fn replace(&mut self, id: ClientId) {
        self.unlink(id);
        self.set_timer(id, Timer::Retransmit, None);
        self.set_timer(id, Timer::Handshake, None);
        let Some((client, pool)) = self.client_and_pool(id) else { return };
        client.replaced = true;
        pool.clear(&mut client.queue);
        self.tell(id, News::REPLACED);
    }

    /// Datagrams of its flow are no more its own.
    fn unlink(&mut self, id: ClientId) {
        let Some(client) = self.get(id).filter(|client| !client.replaced) else { return };
        let flow = client.flow;
        self.flows.remove(&flow);
        if let Entry::Occupied(mut site) = self.sites.entry(flow.peer.ip.site()) {
            *site.get_mut() = site.get().saturating_sub(1);
            if *site.get() == 0 {
                site.remove();
            }
        }
    }

    /// Forgets a client, and drops what waits for it.
    pub(super) fn remove(&mut self, id: ClientId) -> Option<Client<H>> {
        self.get(id)?;
        self.unlink(id);
        self.set_timer(id, Timer::Retransmit, None);
        self.set_timer(id, Timer::Handshake, None);
        self.lists.remove(id.place);
        let at = self.at_mut(id.place)?;
        let mut client = at.client.take()?;
        at.generation = at.generation.wrapping_add(1);
        self.pool.clear(&mut client.queue);
        self.free.push(id.place); // there is room for every place
        Some(client)
    }

    /// Keeps a datagram until the client reads it.
    pub(super) fn push(&mut self, id: ClientId, datagram: &[u8]) -> Queued {
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
    pub(super) fn set_leaves(&mut self, id: ClientId, leaves: bool) {
        if let Some((client, _)) = self.client_and_pool(id) {
            client.leaves = leaves;
        }
    }

    /// Takes out what a client has not read, in its order; `None` without memory, and then all is as
    /// it was.
    pub(super) fn take_all(&mut self, id: ClientId) -> Option<VecDeque<Vec<u8>>> {
        let (client, pool) = self.client_and_pool(id)?;
        pool.take_all(&mut client.queue)
    }

    /// Gives a client its next datagram: the length of what fits in the room.
    pub(super) fn pop(&mut self, id: ClientId, room: &mut [MaybeUninit<u8>]) -> Option<usize> {
        let (client, pool) = self.client_and_pool(id)?;
        pool.pop(&mut client.queue, room)
    }

    /// Has it been replaced, so that reads give the end?
    pub(super) fn is_replaced(&self, id: ClientId) -> bool {
        self.get(id).is_none_or(|client| client.replaced)
    }

    /// Notes what the program has to be told of a client.
    pub(super) fn tell(&mut self, id: ClientId, news: News) {
        let Some((client, _)) = self.client_and_pool(id) else { return };
        client.news.0 |= news.0;
        // A client that nobody knows yet is read from as soon as it is.
        let list = if client.news.has(News::ACCEPTED) { List::New } else { List::Known };
        self.lists.put(id.place, list);
    }

    /// Notes that a client could not write.
    pub(super) fn set_blocked(&mut self, id: ClientId) {
        if let Some((client, _)) = self.client_and_pool(id) {
            client.blocked = true;
        }
    }

    /// Tells all that could not write.
    pub(super) fn tell_blocked(&mut self, news: News) {
        for place in (0..).take(self.places.len()) {
            let Some(at) = self.at_mut(place) else { break };
            let generation = at.generation;
            if at.client.as_mut().is_some_and(|client| std::mem::take(&mut client.blocked)) {
                self.tell(ClientId { place, generation }, news);
            }
        }
    }

    /// Does anything wait for this client to read it?
    pub(super) fn has_unread(&self, id: ClientId) -> bool {
        self.get(id).is_some_and(|client| client.queue.len() > 0)
    }

    /// The next client with news, which are told once. `New`: of new clients alone.
    pub(super) fn next(&mut self, list: Option<List>) -> Option<(H, News)>
    where
        H: Copy,
    {
        let place = self.lists.take(list)?;
        let client = self.at_mut(place)?.client.as_mut()?;
        let news = std::mem::replace(&mut client.news, News::NONE);
        Some((client.handle, news))
    }

    pub(super) fn has_news(&self) -> bool {
        !self.lists.are_empty()
    }

    pub(super) fn set_timer(&mut self, id: ClientId, timer: Timer, at: Option<Instant>) {
        if self.get(id).is_some() {
            let key = id.place.saturating_mul(TIMERS).saturating_add(timer as u32);
            self.timers.set(key, at);
        }
    }

    pub(super) fn next_timer(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Takes out one timer that is due.
    pub(super) fn due(&mut self, now: Instant) -> Option<(ClientId, Timer)> {
        let key = self.timers.pop(now)?;
        let place = key / TIMERS;
        let timer = if key % TIMERS == 0 { Timer::Retransmit } else { Timer::Handshake };
        let generation = self.at(place)?.generation;
        Some((ClientId { place, generation }, timer))
    }

    fn at(&self, place: u32) -> Option<&Place<H>> {
        self.places.get(usize::try_from(place).ok()?)
    }

    fn at_mut(&mut self, place: u32) -> Option<&mut Place<H>> {
        self.places.get_mut(usize::try_from(place).ok()?)
    }

    fn client_and_pool(&mut self, id: ClientId) -> Option<(&mut Client<H>, &mut Pool)> {
        let at = self.places.get_mut(usize::try_from(id.place).ok()?)?;
        let client = at.client.as_mut().filter(|_| at.generation == id.generation)?;
        Some((client, &mut self.pool))
    }
}

#[cfg(test)]
#[path = "clients_tests.rs"]
mod tests;

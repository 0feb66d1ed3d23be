//! The clients of a listener: who they are, how many there may be, what they wait for.
//!
//! Pure: addresses, bytes and times come in. What an SSL is, is the owner's business (`H`, a handle
//! that is copied and never looked into).

#[cfg(test)]
mod tests;
mod types;
mod waiting;

pub(crate) use types::{ClientId, Limits, News, Queued, Refusal, Timer};

use super::address::{Flow, Ip};
use super::list::Lists;
use super::queue::{Pool, Queue};
use super::seen::HelloId;
use super::timers::Timers;
use crate::os::Keyed;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use types::TIMERS;

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

pub(super) struct Clients<H> {
    limits: Limits,
    places: Vec<Place<H>>,
    free: Vec<u32>,
    /// Those that datagrams go to.
    flows: HashMap<Flow, u32, Keyed>,
    /// How many of those each address has, where that is bounded.
    sites: HashMap<Ip, u32, Keyed>,
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
            flows: HashMap::with_hasher(Keyed::new()),
            sites: HashMap::with_hasher(Keyed::new()),
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

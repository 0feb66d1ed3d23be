//! The hellos under way: found by their peer, counted by their network, in the order in which they
//! were heard of last. Nothing here takes longer the more there are.

use super::filter::Filter;
use super::partial::Partial;
use super::who::Who;
use crate::hello::peer::Peer;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::time::Instant;

/// Bytes that all hellos of a table may take, with what it takes to keep them.
pub const MAX_MEMORY: usize = 32 << 20;

/// Of those, what is only for networks that have [`SMALL`] or less.
const RESERVE: usize = 8 << 20;

/// What a network may have whoever else has what: the longest hello and a few of the usual.
const SMALL: usize = 32 << 10;

/// What a hello takes beside its bytes: an entry, and its places in both maps.
const OVERHEAD: usize = size_of::<Pending>() + 96;

struct Pending {
    peer: Peer,
    network: u64,
    /// Bytes of memory.
    cost: usize,
    heard: Instant,
    /// Its neighbours in the queue.
    older: Option<u64>,
    younger: Option<u64>,
    hello: Partial,
}

pub(super) struct Table {
    filter: &'static Filter,
    pending: HashMap<u64, Box<[Pending]>, Hashed>,
    /// Bytes by network.
    shares: HashMap<u64, usize, Hashed>,
    used: usize,
    oldest: Option<u64>,
    youngest: Option<u64>,
}

impl Table {
    pub(super) const fn new(filter: &'static Filter) -> Self {
        Self {
            filter,
            pending: HashMap::with_hasher(Hashed),
            shares: HashMap::with_hasher(Hashed),
            used: 0,
            oldest: None,
            youngest: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    /// The hello of a peer, and when it was heard of last.
    pub(super) fn get(&mut self, who: &Who<'_>) -> Option<(&mut Partial, Instant)> {
        let pending = self.entry(who.id)?;
        // Two peers of one key: the second is as good as unknown.
        let same = pending.peer.endpoint() == who.peer.endpoint();
        same.then_some((&mut pending.hello, pending.heard))
    }

    /// Is there memory for a hello of this size? A network that has much may have more only while
    /// as much as it then has is left for others: one alone gets half, and nobody all.
    pub(super) fn has_room(&self, who: &Who<'_>, size: usize) -> bool {
        let cost = cost(size);
        let share = self.shares.get(&who.network).copied().unwrap_or(0).saturating_add(cost);
        let free = MAX_MEMORY.saturating_sub(self.used);
        if share <= SMALL { cost <= free } else { share <= free.saturating_sub(RESERVE) }
    }

    /// Adds the hello of a peer that has none. `None`: no memory, or its key is another's.
    pub(super) fn insert(
        &mut self,
        who: &Who<'_>,
        hello: Partial,
        size: usize,
        now: Instant,
    ) -> Option<()> {
        if self.pending.contains_key(&who.id) {
            return None;
        }
        let cost = cost(size);
        self.pending.try_reserve(1).ok()?;
        self.shares.try_reserve(1).ok()?;
        let mut entry = Vec::new();
        entry.try_reserve_exact(1).ok()?;
        entry.push(Pending {
            peer: *who.peer,
            network: who.network,
            cost,
            heard: now,
            older: None,
            younger: None,
            hello,
        });
        self.pending.insert(who.id, entry.into_boxed_slice());
        let share = self.shares.entry(who.network).or_insert(0);
        *share = share.saturating_add(cost);
        self.used = self.used.saturating_add(cost);
        self.filter.add(who.id);
        self.link(who.id);
        Some(())
    }

    /// A peer was heard of: the last to be given up.
    pub(super) fn hear(&mut self, who: &Who<'_>, now: Instant) {
        self.unlink(who.id);
        if let Some(pending) = self.entry(who.id) {
            pending.heard = now;
        }
        self.link(who.id);
    }

    /// Who was not heard of for the longest time, and since when.
    pub(super) fn oldest(&self) -> Option<(u64, Instant)> {
        let id = self.oldest?;
        Some((id, self.pending.get(&id)?.first()?.heard))
    }

    /// Forgets a hello. With the last one all memory goes back.
    pub(super) fn remove(&mut self, id: u64) {
        self.unlink(id);
        let Some(gone) = self.pending.remove(&id) else { return };
        let Some(Pending { network, cost, .. }) = gone.first() else { return };
        self.filter.remove(id);
        self.used = self.used.saturating_sub(*cost);
        let left = self.shares.get(network).map_or(0, |share| share.saturating_sub(*cost));
        if left == 0 {
            self.shares.remove(network);
        } else if let Some(share) = self.shares.get_mut(network) {
            *share = left;
        }
        if self.pending.is_empty() {
            *self = Self::new(self.filter);
        }
    }

    fn entry(&mut self, id: u64) -> Option<&mut Pending> {
        self.pending.get_mut(&id)?.first_mut()
    }

    /// Takes an entry out of the queue.
    fn unlink(&mut self, id: u64) {
        let Some(pending) = self.entry(id) else { return };
        let (older, younger) = (pending.older.take(), pending.younger.take());
        match older.and_then(|id| self.entry(id)) {
            Some(before) => before.younger = younger,
            None => self.oldest = younger,
        }
        match younger.and_then(|id| self.entry(id)) {
            Some(behind) => behind.older = older,
            None => self.youngest = older,
        }
    }

    /// Puts an entry at the queue's end.
    fn link(&mut self, id: u64) {
        let last = self.youngest.replace(id);
        match last.and_then(|last| self.entry(last)) {
            Some(before) => before.younger = Some(id),
            None => self.oldest = Some(id),
        }
        if let Some(pending) = self.entry(id) {
            pending.older = last;
        }
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.pending.capacity().max(self.shares.capacity())
    }

    #[cfg(test)]
    pub(super) const fn used(&self) -> usize {
        self.used
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        for id in self.pending.keys() {
            self.filter.remove(*id);
        }
    }
}

const fn cost(size: usize) -> usize {
    size.saturating_add(OVERHEAD)
}

/// The maps' keys are hashes already.
#[derive(Clone, Copy)]
struct Hashed;

struct TheKey(u64);

impl BuildHasher for Hashed {
    type Hasher = TheKey;

    fn build_hasher(&self) -> TheKey {
        TheKey(0)
    }
}

impl Hasher for TheKey {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0.rotate_left(8) ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

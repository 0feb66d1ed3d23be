//! Hellos that became clients: none does twice. A network that doubles datagrams, or somebody who
//! recorded one, would begin a handshake that nobody finishes, and take the place of the client that
//! the first one made.
//!
//! Remembered for as long as the cookie is good, whatever has become of the client.

use super::address::Flow;
use crate::os::Keyed;
use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::{Duration, Instant};

/// How many are remembered; the oldest are forgotten first. Each has shown its address.
pub(super) const MAX: usize = 1 << 20;

/// A hello of one flow, by what makes it another than the client's next: a keyed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct HelloId(u64);

pub(super) struct Seen {
    key: Keyed,
    set: HashSet<HelloId, Keyed>,
    order: VecDeque<(Instant, HelloId)>,
    max: usize,
}

impl Seen {
    pub(super) fn new(max: usize) -> Self {
        let key = Keyed::new();
        Self { key, set: HashSet::with_hasher(key), order: VecDeque::new(), max }
    }

    /// `random` and `cookie` are the hello's.
    pub(super) fn id(&self, flow: &Flow, random: &[u8; 32], cookie: &[u8]) -> HelloId {
        let mut hasher = self.key.build_hasher();
        hasher.write(&flow.peer.ip.0);
        hasher.write_u32(flow.peer.scope);
        hasher.write_u16(flow.peer.port);
        hasher.write(&flow.local.ip.0);
        hasher.write_u32(flow.local.interface);
        hasher.write(random);
        hasher.write(cookie);
        HelloId(hasher.finish())
    }

    pub(super) fn contains(&self, id: HelloId) -> bool {
        self.set.contains(&id)
    }

    /// Remembers one; without memory, a hello that comes twice may become two clients.
    pub(super) fn add(&mut self, id: HelloId, now: Instant, life: Duration) {
        self.forget(now);
        if self.order.len() >= self.max {
            self.forget_first();
        }
        let until = now.checked_add(life);
        let (Some(until), Ok(()), Ok(())) =
            (until, self.set.try_reserve(1), self.order.try_reserve(1))
        else {
            return;
        };
        if self.set.insert(id) {
            self.order.push_back((until, id));
        }
    }

    /// Forgets those whose time is over. A life that was made shorter in between holds them longer.
    pub(super) fn forget(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(until, _)| *until <= now) {
            self.forget_first();
        }
        if self.order.is_empty() && self.order.capacity() > 1024 {
            self.order = VecDeque::new();
            self.set = HashSet::with_hasher(self.key);
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, id)) = self.order.pop_front() {
            self.set.remove(&id);
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        assert_eq!(self.set.len(), self.order.len());
        self.set.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::address::{Address, Ip, Local};
    use super::*;

    const LIFE: Duration = Duration::from_secs(60);

    fn flow(port: u16, local: u8) -> Flow {
        Flow {
            peer: Address { ip: Ip::v4([192, 0, 2, 1]), scope: 0, port },
            local: Local { ip: Ip::v4([127, 0, 0, local]), interface: 0 },
        }
    }

    #[test]
    fn a_hello_is_its_flow_random_and_cookie() {
        let seen = Seen::new(MAX);
        let id = seen.id(&flow(1, 1), &[1; 32], b"cookie");
        assert_eq!(id, seen.id(&flow(1, 1), &[1; 32], b"cookie"));
        assert_ne!(id, seen.id(&flow(2, 1), &[1; 32], b"cookie"));
        assert_ne!(id, seen.id(&flow(1, 2), &[1; 32], b"cookie"));
        assert_ne!(id, seen.id(&flow(1, 1), &[2; 32], b"cookie"));
        assert_ne!(id, seen.id(&flow(1, 1), &[1; 32], b"cookif"));
        let other = Seen { key: Keyed::with([1, 2]), ..Seen::new(MAX) };
        assert_ne!(id, other.id(&flow(1, 1), &[1; 32], b"cookie"), "the key is the process's own");
    }

    #[test]
    fn remembered_for_a_life_and_no_longer() {
        let mut seen = Seen::new(MAX);
        let start = Instant::now();
        let id = seen.id(&flow(1, 1), &[1; 32], b"");
        assert!(!seen.contains(id));
        seen.add(id, start, LIFE);
        seen.add(id, start, LIFE);
        assert_eq!(seen.len(), 1);
        seen.forget(start + LIFE - Duration::from_millis(1));
        assert!(seen.contains(id));
        seen.forget(start + LIFE);
        assert!(!seen.contains(id));
        assert_eq!(seen.len(), 0);
    }

    #[test]
    fn one_that_comes_finds_none_there_whose_time_is_over() {
        let mut seen = Seen::new(MAX);
        let start = Instant::now();
        for n in 0..100 {
            let id = seen.id(&flow(n, 1), &[1; 32], b"");
            seen.add(id, start + LIFE * n.into(), LIFE);
            assert_eq!(seen.len(), 1);
        }
    }

    #[test]
    fn the_oldest_are_forgotten_where_there_are_too_many() {
        let mut seen = Seen::new(100);
        let start = Instant::now();
        let ids: Vec<_> = (0..150).map(|port| seen.id(&flow(port, 1), &[0; 32], b"")).collect();
        for id in &ids {
            seen.add(*id, start, LIFE);
        }
        assert_eq!(seen.len(), 100);
        assert!(!seen.contains(ids[49]) && seen.contains(ids[50]) && seen.contains(ids[149]));
    }
}

//! Deadlines: which key's comes next. A binary heap in which each key stands at most once, so that
//! a timer that is set anew for every flight leaves nothing behind.

use std::time::Instant;

/// Not in the heap.
const NOWHERE: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Entry {
    at: Instant,
    key: u32,
}

/// Keys are small numbers, used again once their owner is gone.
#[derive(Default)]
pub(super) struct Timers {
    heap: Vec<Entry>,
    /// Where in the heap each key stands.
    places: Vec<u32>,
}

impl Timers {
    pub(super) const fn new() -> Self {
        Self { heap: Vec::new(), places: Vec::new() }
    }

    /// Makes room for keys below `keys`, so that setting one cannot fail; `None` without memory.
    pub(super) fn reserve(&mut self, keys: usize) -> Option<()> {
        let more = keys.saturating_sub(self.places.len());
        self.places.try_reserve(more).ok()?;
        self.heap.try_reserve(keys.saturating_sub(self.heap.len())).ok()?;
        self.places.resize(self.places.len().max(keys), NOWHERE);
        Some(())
    }

    /// Sets a key's deadline in place of the one it had; `None` takes it away.
    pub(super) fn set(&mut self, key: u32, at: Option<Instant>) {
        let Some(place) = self.place(key) else { return };
        match (at, usize::try_from(place).ok().filter(|_| place != NOWHERE)) {
            (Some(at), Some(here)) => {
                if let Some(entry) = self.heap.get_mut(here) {
                    entry.at = at;
                }
                self.settle(here);
            }
            (Some(at), None) => {
                if self.heap.len() < self.heap.capacity() {
                    self.heap.push(Entry { at, key });
                    self.settle(self.heap.len().saturating_sub(1));
                }
            }
            (None, Some(here)) => self.remove(here),
            (None, None) => {}
        }
    }

    /// The earliest deadline of all.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.first().map(|entry| entry.at)
    }

    /// Takes out one key whose deadline has come.
    pub(super) fn pop(&mut self, now: Instant) -> Option<u32> {
        let first = self.heap.first().filter(|entry| entry.at <= now)?.key;
        self.remove(0);
        Some(first)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    fn place(&self, key: u32) -> Option<u32> {
        self.places.get(usize::try_from(key).ok()?).copied()
    }

    fn remove(&mut self, here: usize) {
        if here >= self.heap.len() {
            return;
        }
        let gone = self.heap.swap_remove(here);
        self.note(gone.key, NOWHERE);
        if here < self.heap.len() {
            self.settle(here);
        }
    }

    /// Moves the entry at `here` up or down to where it belongs.
    fn settle(&mut self, mut here: usize) {
        while let Some(above) = here.checked_sub(1).map(|n| n / 2) {
            if !self.is_before(here, above) {
                break;
            }
            self.exchange(here, above);
            here = above;
        }
        loop {
            let left = here.saturating_mul(2).saturating_add(1);
            let right = left.saturating_add(1);
            let least = if self.is_before(right, left) { right } else { left };
            if !self.is_before(least, here) {
                break;
            }
            self.exchange(here, least);
            here = least;
        }
        self.note_at(here);
    }

    /// False if there is nothing at the first place.
    fn is_before(&self, one: usize, other: usize) -> bool {
        match (self.heap.get(one), self.heap.get(other)) {
            (Some(one), Some(other)) => one.at < other.at,
            _ => false,
        }
    }

    fn exchange(&mut self, one: usize, other: usize) {
        self.heap.swap(one, other);
        self.note_at(one);
        self.note_at(other);
    }

    fn note_at(&mut self, here: usize) {
        if let Some(key) = self.heap.get(here).map(|entry| entry.key) {
            self.note(key, u32::try_from(here).unwrap_or(NOWHERE));
        }
    }

    fn note(&mut self, key: u32, place: u32) {
        let at = usize::try_from(key).ok().and_then(|key| self.places.get_mut(key));
        if let Some(at) = at {
            *at = place;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::time::Duration;

    fn timers(keys: usize) -> Timers {
        let mut timers = Timers::new();
        timers.reserve(keys).unwrap();
        timers
    }

    #[test]
    fn the_earliest_comes_first_and_once() {
        let mut timers = timers(4);
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        for (key, ms) in [(0, 30), (1, 10), (2, 20), (3, 40)] {
            timers.set(key, Some(after(ms)));
        }
        assert_eq!(timers.next(), Some(after(10)));
        assert_eq!(timers.pop(start), None);
        assert_eq!(timers.pop(after(10)), Some(1));
        assert_eq!(timers.pop(after(10)), None);
        timers.set(3, Some(after(5)));
        timers.set(0, None);
        assert_eq!(timers.pop(after(100)), Some(3));
        assert_eq!(timers.pop(after(100)), Some(2));
        assert_eq!(timers.pop(after(100)), None);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn a_key_without_room_is_ignored() {
        let mut timers = timers(1);
        timers.set(7, Some(Instant::now()));
        assert_eq!(timers.len(), 0);
    }

    #[test]
    fn any_order_of_calls_is_that_of_a_sorted_list() {
        let start = Instant::now();
        let mut state: u64 = 42;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % below
        };
        let mut timers = timers(50);
        let mut model: BTreeMap<u32, Instant> = BTreeMap::new();
        for _ in 0..20_000 {
            let key = random(50) as u32;
            match random(4) {
                0 => {
                    timers.set(key, None);
                    model.remove(&key);
                }
                1 => {
                    let now = start + Duration::from_millis(random(1000));
                    let due = timers.pop(now);
                    let earliest = model.values().min().copied();
                    match due {
                        Some(key) => assert_eq!(model.remove(&key), earliest),
                        None => assert!(earliest.is_none_or(|at| at > now)),
                    }
                }
                _ => {
                    let at = start + Duration::from_millis(random(1000));
                    timers.set(key, Some(at));
                    model.insert(key, at);
                }
            }
            assert_eq!(timers.next(), model.values().min().copied());
            assert_eq!(timers.len(), model.len());
        }
    }
}

//! Datagrams that wait for a client to read them: one pool for all clients, so that an idle one
//! holds no memory and a busy one allocates nothing.

use std::collections::VecDeque;
use std::mem::MaybeUninit;

/// Buffers that nobody uses and that are kept for the next datagrams.
const SPARE: usize = 256;

/// No entry.
const NONE: u32 = u32::MAX;

/// One client's datagrams, the oldest first. To be cleared before it is dropped: its entries are the
/// pool's.
#[derive(Debug)]
pub(super) struct Queue {
    first: u32,
    last: u32,
    len: u32,
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self { first: NONE, last: NONE, len: 0 }
    }

    pub(super) const fn len(&self) -> u32 {
        self.len
    }
}

struct Entry {
    next: u32,
    bytes: Vec<u8>,
}

/// The entries of all queues, and the free ones.
pub(super) struct Pool {
    entries: Vec<Entry>,
    free: u32,
    spare: usize,
}

impl Pool {
    pub(super) const fn new() -> Self {
        Self { entries: Vec::new(), free: NONE, spare: 0 }
    }

    /// Puts a copy behind the others; `None` without memory.
    pub(super) fn push(&mut self, queue: &mut Queue, datagram: &[u8]) -> Option<()> {
        let at = self.take(datagram)?;
        match self.entry(queue.last) {
            Some(last) => last.next = at,
            None => queue.first = at,
        }
        queue.last = at;
        queue.len = queue.len.saturating_add(1);
        Some(())
    }

    /// Copies the oldest datagram out, as much of it as there is room for, and drops it. Gives its
    /// length in the room.
    pub(super) fn pop(&mut self, queue: &mut Queue, room: &mut [MaybeUninit<u8>]) -> Option<usize> {
        let first = self.entry(queue.first)?;
        let len = first.bytes.len().min(room.len());
        for (to, from) in room.iter_mut().zip(&first.bytes) {
            to.write(*from);
        }
        self.drop_first(queue);
        Some(len)
    }

    /// Takes all out; `None` without memory, and then all stays. `room`: what it is put into.
    pub(super) fn take_all(
        &mut self,
        queue: &mut Queue,
        mut room: VecDeque<Vec<u8>>,
    ) -> Option<VecDeque<Vec<u8>>> {
        room.try_reserve_exact(usize::try_from(queue.len).ok()?).ok()?;
        while let Some(first) = self.entry(queue.first) {
            room.push_back(std::mem::take(&mut first.bytes));
            self.drop_first(queue);
        }
        Some(room)
    }

    pub(super) fn clear(&mut self, queue: &mut Queue) {
        while self.drop_first(queue).is_some() {}
    }

    fn drop_first(&mut self, queue: &mut Queue) -> Option<()> {
        let at = queue.first;
        let (free, keep) = (self.free, self.spare < SPARE);
        let first = self.entry(at)?;
        queue.first = std::mem::replace(&mut first.next, free);
        let keep = keep && first.bytes.capacity() > 0;
        if keep {
            first.bytes.clear();
        } else {
            first.bytes = Vec::new();
        }
        self.free = at;
        if keep {
            self.spare = self.spare.saturating_add(1);
        }
        queue.len = queue.len.saturating_sub(1);
        if queue.first == NONE {
            queue.last = NONE;
        }
        Some(())
    }

    /// An entry with these bytes, linked nowhere.
    fn take(&mut self, datagram: &[u8]) -> Option<u32> {
        if self.free == NONE {
            let at = u32::try_from(self.entries.len()).ok().filter(|at| *at != NONE)?;
            let mut bytes = Vec::new();
            bytes.try_reserve_exact(datagram.len()).ok()?;
            bytes.extend_from_slice(datagram);
            self.entries.try_reserve(1).ok()?;
            self.entries.push(Entry { next: NONE, bytes });
            return Some(at);
        }
        let at = self.free;
        let entry = self.entry(at)?;
        let (next, had) = (entry.next, entry.bytes.capacity() > 0);
        entry.bytes.try_reserve_exact(datagram.len()).ok()?;
        entry.bytes.extend_from_slice(datagram);
        entry.next = NONE;
        self.free = next;
        if had {
            self.spare = self.spare.saturating_sub(1);
        }
        Some(at)
    }

    fn entry(&mut self, at: u32) -> Option<&mut Entry> {
        self.entries.get_mut(usize::try_from(at).ok()?)
    }

    #[cfg(test)]
    fn held(&self) -> usize {
        self.entries.iter().filter(|entry| entry.bytes.capacity() > 0).count()
    }
}

#[cfg(test)]
#[allow(unsafe_code)]
mod tests {
    use super::*;

    fn drain(pool: &mut Pool, queue: &mut Queue) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| pop(pool, queue, 64)).collect()
    }

    fn pop(pool: &mut Pool, queue: &mut Queue, len: usize) -> Option<Vec<u8>> {
        let mut room = [MaybeUninit::new(0xAA); 64];
        let n = pool.pop(queue, &mut room[..len])?;
        // SAFETY: all of it was given a value above.
        Some(room[..n].iter().map(|byte| unsafe { byte.assume_init() }).collect())
    }

    #[test]
    fn first_in_first_out_and_apart() {
        let mut pool = Pool::new();
        let (mut a, mut b) = (Queue::new(), Queue::new());
        for n in 0..5 {
            pool.push(&mut a, &[n]).unwrap();
            pool.push(&mut b, &[n + 10, n]).unwrap();
        }
        assert_eq!((a.len(), b.len()), (5, 5));
        assert_eq!(drain(&mut pool, &mut a), [[0], [1], [2], [3], [4]]);
        assert_eq!(drain(&mut pool, &mut b).len(), 5);
        assert_eq!((a.len(), b.len()), (0, 0));
        pool.push(&mut a, b"again").unwrap();
        assert_eq!(drain(&mut pool, &mut a), [b"again"]);
    }

    #[test]
    fn a_datagram_of_no_bytes_is_one() {
        let mut pool = Pool::new();
        let mut queue = Queue::new();
        for _ in 0..3 {
            pool.push(&mut queue, b"").unwrap();
        }
        assert_eq!(drain(&mut pool, &mut queue), [[], [], []] as [[u8; 0]; 3]);
    }

    #[test]
    fn what_does_not_fit_is_cut_as_recv_does() {
        let mut pool = Pool::new();
        let mut queue = Queue::new();
        pool.push(&mut queue, b"12345").unwrap();
        pool.push(&mut queue, b"678").unwrap();
        assert_eq!(pop(&mut pool, &mut queue, 3).unwrap(), b"123");
        assert_eq!(pop(&mut pool, &mut queue, 3).unwrap(), b"678");
        assert_eq!(pop(&mut pool, &mut queue, 3), None);
    }

    #[test]
    fn all_can_be_taken_at_once() {
        let mut pool = Pool::new();
        let mut queue = Queue::new();
        assert!(pool.take_all(&mut queue, VecDeque::new()).unwrap().is_empty());
        for n in 0..3 {
            pool.push(&mut queue, &[n]).unwrap();
        }
        assert_eq!(pool.take_all(&mut queue, VecDeque::new()).unwrap(), [[0], [1], [2]]);
        assert_eq!((queue.len(), pool.held()), (0, 0));
        pool.push(&mut queue, &[3]).unwrap();
        assert_eq!(drain(&mut pool, &mut queue), [[3]]);
    }

    #[test]
    fn entries_are_used_again_and_few_buffers_stay() {
        let mut pool = Pool::new();
        let mut queue = Queue::new();
        for _ in 0..4 {
            for _ in 0..SPARE * 3 {
                pool.push(&mut queue, &[7; 100]).unwrap();
            }
            assert_eq!(pool.held(), SPARE * 3);
            pool.clear(&mut queue);
            assert_eq!(queue.len(), 0);
            assert!(pool.held() <= SPARE, "{}", pool.held());
            assert_eq!(pool.entries.len(), SPARE * 3);
        }
    }

    #[test]
    fn a_busy_client_uses_the_same_buffers_for_ever() {
        let mut pool = Pool::new();
        let mut queue = Queue::new();
        for _ in 0..SPARE {
            for _ in 0..10 {
                pool.push(&mut queue, &[7; 100]).unwrap();
            }
            pool.clear(&mut queue);
            assert_eq!((pool.held(), pool.entries.len()), (10, 10));
        }
    }
}

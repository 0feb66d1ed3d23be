//! Values by the addresses of what they belong to, as quick to find among fifty thousand as among
//! ten.
//!
//! Lists, as many as there ever are: what grew would be half moved in a child of a process that
//! forked meanwhile. A value comes or goes by one write, so the map is whole at every moment. No
//! memory is asked for, or given back, by the map itself.

use crate::os::try_box;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering::Acquire, Ordering::Release};

/// 128 KiB, of which a page is taken when a list on it gets its first value.
const LISTS: usize = 1 << BITS;
const BITS: u32 = 14;

pub(super) struct AddressMap<T> {
    heads: [AtomicPtr<Node<T>>; LISTS],
}

struct Node<T> {
    address: usize,
    next: AtomicPtr<Self>,
    value: T,
}

/// A value that is not in a map, or not any more.
pub(super) struct Entry<T>(Box<[Node<T>]>);

impl<T> Entry<T> {
    /// `None` without memory.
    pub(super) fn new(address: usize, value: T) -> Option<Self> {
        try_box(Node { address, next: AtomicPtr::new(null_mut()), value }).map(Self)
    }
}

impl<T> AddressMap<T> {
    pub(super) const fn new() -> Self {
        Self { heads: [const { AtomicPtr::new(null_mut()) }; LISTS] }
    }

    /// The value does not move while it is in the map.
    pub(super) fn find(&self, address: usize) -> Option<NonNull<T>> {
        let mut at = self.list(address)?.load(Acquire);
        while let Some(node) = NonNull::new(at) {
            // SAFETY: in the list, so it lives.
            let node = unsafe { node.as_ref() };
            if node.address == address {
                return Some(NonNull::from(&node.value));
            }
            at = node.next.load(Acquire);
        }
        None
    }

    /// Puts a value where there is none for its address.
    pub(super) fn insert(&mut self, entry: Entry<T>) -> Option<NonNull<T>> {
        let Entry(one) = entry;
        let node = one.first()?;
        let list = self.list(node.address)?;
        node.next.store(list.load(Acquire), Release);
        let node = Box::into_raw(one).cast::<Node<T>>();
        list.store(node, Release);
        // SAFETY: it lives while it is in the list.
        Some(NonNull::from(unsafe { &(*node).value }))
    }

    pub(super) fn remove(&mut self, address: usize) -> Option<Entry<T>> {
        let mut link = self.list(address)?;
        loop {
            let at = NonNull::new(link.load(Acquire))?;
            // SAFETY: in the list, so it lives.
            let node = unsafe { at.as_ref() };
            if node.address == address {
                link.store(node.next.load(Acquire), Release);
                let one = std::ptr::slice_from_raw_parts_mut(at.as_ptr(), 1);
                // SAFETY: an entry's box of one, and not in the list any more.
                return Some(Entry(unsafe { Box::from_raw(one) }));
            }
            link = &node.next;
        }
    }

    fn list(&self, address: usize) -> Option<&AtomicPtr<Node<T>>> {
        self.heads.get(place_of(address))
    }
}

/// Spreads what is a fixed step apart, or differs in a few bits (Knuth's multiplicative hashing).
const fn place_of(address: usize) -> usize {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    ((address as u64).wrapping_mul(GOLDEN) >> (u64::BITS - BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn what_comes_is_found_until_it_goes() {
        let mut map = Box::new(AddressMap::new());
        // Three in one list: only the places count.
        let same: Vec<usize> = (1..).filter(|&n| place_of(n) == place_of(1)).take(3).collect();
        let drops = Rc::new(());
        for &address in &same {
            assert!(map.find(address).is_none());
            let entry = Entry::new(address, (address, drops.clone())).unwrap();
            map.insert(entry).unwrap();
        }
        // SAFETY: in the map.
        let found = |map: &AddressMap<(usize, Rc<()>)>, address| {
            map.find(address).map(|value| unsafe { value.as_ref() }.0)
        };
        for gone in [1, 0, 2] {
            assert_eq!(found(&map, same[gone]), Some(same[gone]));
            let removed = map.remove(same[gone]).unwrap();
            assert!(map.find(same[gone]).is_none() && map.remove(same[gone]).is_none());
            let before = Rc::strong_count(&drops);
            drop(removed);
            assert_eq!(Rc::strong_count(&drops), before - 1);
        }
        assert_eq!(Rc::strong_count(&drops), 1);
    }

    /// Allocators put things a fixed step apart.
    #[test]
    fn no_list_is_long_with_fifty_thousand() {
        for step in [16, 32, 48, 64, 1024, 1040, 1264, 1376, 2048, 4096, 12_288, 65_536] {
            for base in [0x5555_5577_1000_usize, 0x7FFF_F000_0010] {
                let mut lists = vec![0; LISTS];
                for n in 0..50_000 {
                    lists[place_of(base + n * step)] += 1;
                }
                let longest = lists.into_iter().max().unwrap();
                assert!(longest <= 16, "{longest} for {step} from {base:#x}");
            }
        }
    }
}

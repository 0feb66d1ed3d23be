//! Values by number, as quick to find among fifty thousand as among ten.
//!
//! Lists, as many as there ever are: what grew would be half moved in a child of a process that
//! forked meanwhile. A value comes or goes by one write, so the map is whole at every moment. No
//! memory is asked for, or given back, by the map itself.

use crate::os::try_box;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering::Acquire, Ordering::Release};

/// With so many lists, a power of two.
pub(crate) struct Map<T, const LISTS: usize> {
    heads: [AtomicPtr<Node<T>>; LISTS],
}

struct Node<T> {
    number: usize,
    next: AtomicPtr<Self>,
    value: T,
}

/// A value that is not in a map, or not any more.
pub(crate) struct Entry<T>(Box<[Node<T>]>);

impl<T> Entry<T> {
    /// `None` without memory.
    pub(crate) fn new(number: usize, value: T) -> Option<Self> {
        try_box(Node { number, next: AtomicPtr::new(null_mut()), value }).map(Self)
    }
}

impl<T, const LISTS: usize> Map<T, LISTS> {
    pub(crate) const fn new() -> Self {
        const { assert!(LISTS.is_power_of_two() && LISTS > 1) };
        Self { heads: [const { AtomicPtr::new(null_mut()) }; LISTS] }
    }

    /// The value does not move while it is in the map.
    pub(crate) fn find(&self, number: usize) -> Option<NonNull<T>> {
        let mut at = self.list(number)?.load(Acquire);
        while let Some(node) = NonNull::new(at) {
            if number_of(node) == number {
                return Some(value_of(node));
            }
            at = next_of(node);
        }
        None
    }

    pub(crate) fn find_mut(&mut self, number: usize) -> Option<&mut T> {
        // SAFETY: in the map, and all of it is borrowed.
        self.find(number).map(|mut value| unsafe { value.as_mut() })
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.heads.iter_mut().flat_map(|list| {
            let mut at = *list.get_mut();
            std::iter::from_fn(move || {
                let node = NonNull::new(at)?;
                at = next_of(node);
                // SAFETY: in the map, all of which is borrowed, and each comes once.
                Some(unsafe { value_of(node).as_mut() })
            })
        })
    }

    /// Puts a value where there is none for its number.
    pub(crate) fn insert(&mut self, entry: Entry<T>) -> Option<NonNull<T>> {
        let Entry(one) = entry;
        let node = one.first()?;
        let list = self.list(node.number)?;
        node.next.store(list.load(Acquire), Release);
        let node = Box::into_raw(one).cast::<Node<T>>();
        list.store(node, Release);
        NonNull::new(node).map(value_of)
    }

    pub(crate) fn remove(&mut self, number: usize) -> Option<Entry<T>> {
        let mut link = self.list(number)?;
        loop {
            let node = NonNull::new(link.load(Acquire))?;
            if number_of(node) == number {
                link.store(next_of(node), Release);
                let one = std::ptr::slice_from_raw_parts_mut(node.as_ptr(), 1);
                // SAFETY: an entry's box of one, and not in the list any more.
                return Some(Entry(unsafe { Box::from_raw(one) }));
            }
            // SAFETY: in the list, so it lives.
            link = unsafe { &(*node.as_ptr()).next };
        }
    }

    fn list(&self, number: usize) -> Option<&AtomicPtr<Node<T>>> {
        self.heads.get(place_of(number, LISTS))
    }
}

// Of nodes in a list, which live.

fn number_of<T>(node: NonNull<Node<T>>) -> usize {
    // SAFETY: it lives, and its number never changes.
    unsafe { (*node.as_ptr()).number }
}

fn next_of<T>(node: NonNull<Node<T>>) -> *mut Node<T> {
    // SAFETY: it lives.
    let next = unsafe { &(*node.as_ptr()).next };
    next.load(Acquire)
}

fn value_of<T>(node: NonNull<Node<T>>) -> NonNull<T> {
    // SAFETY: a place in what lives; nothing is read.
    let value = unsafe { &raw mut (*node.as_ptr()).value };
    // SAFETY: within a node, so not null.
    unsafe { NonNull::new_unchecked(value) }
}

/// Spreads what is a fixed step apart, or differs in a few bits (Knuth's multiplicative hashing).
const fn place_of(number: usize, lists: usize) -> usize {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let bits = lists.trailing_zeros();
    ((number as u64).wrapping_mul(GOLDEN) >> u64::BITS.saturating_sub(bits)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    const LISTS: usize = 16;

    #[test]
    fn what_comes_is_found_until_it_goes() {
        let mut map = Map::<_, LISTS>::new();
        // Three in one list: only the places count.
        let place = |n| place_of(n, LISTS);
        let same: Vec<usize> = (1..).filter(|&n| place(n) == place(1)).take(3).collect();
        let drops = Rc::new(());
        for &number in &same {
            assert!(map.find(number).is_none());
            map.insert(Entry::new(number, (number, drops.clone())).unwrap()).unwrap();
        }
        let mut all: Vec<_> = map.values_mut().map(|value| value.0).collect();
        all.sort_unstable();
        assert_eq!(all, same);
        for gone in [1, 0, 2] {
            assert_eq!(map.find_mut(same[gone]).unwrap().0, same[gone]);
            let removed = map.remove(same[gone]).unwrap();
            assert!(map.find(same[gone]).is_none() && map.remove(same[gone]).is_none());
            let before = Rc::strong_count(&drops);
            drop(removed);
            assert_eq!(Rc::strong_count(&drops), before - 1);
        }
        assert_eq!((Rc::strong_count(&drops), map.values_mut().count()), (1, 0));
    }

    /// Allocators put things a fixed step apart.
    #[test]
    fn no_list_is_long_with_fifty_thousand() {
        const MANY: usize = 1 << 14;
        for step in [1, 16, 32, 48, 64, 1024, 1040, 1264, 1376, 2048, 4096, 12_288, 65_536] {
            for base in [0x5555_1000_usize, 0xF7F0_0010] {
                let mut lists = vec![0; MANY];
                for n in 0..50_000_usize {
                    lists[place_of(n.wrapping_mul(step).wrapping_add(base), MANY)] += 1;
                }
                let longest = lists.into_iter().max().unwrap();
                assert!(longest <= 16, "{longest} for {step} from {base:#x}");
            }
        }
    }
}

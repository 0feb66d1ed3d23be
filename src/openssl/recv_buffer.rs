//! Where a datagram is read to. Not on the stack: threads of 16 KiB exist, and the longest record is
//! as long as that.
//!
//! A call takes a buffer and gives it back, also when its thread ends in it. The first ones are
//! memory that costs nothing until it is written to; if more calls read at once, each makes one on
//! the heap, which is kept for the calls that come after. So there are no more than calls that ever
//! read at once, and in the steady state nothing is allocated.

use crate::os::try_box;
use std::cell::{Cell, UnsafeCell};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{
    AtomicBool, AtomicPtr, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};

/// Bytes of the longest record there is, SSL3_RT_MAX_PLAIN_LENGTH and its header; libssl reads as
/// many.
pub(super) const CAPACITY: usize = 16_384 + 13;

/// A call's buffer for its datagrams.
pub(crate) struct RecvBuffer(Slot);

/// One buffer, and whether a call has it.
#[derive(Clone, Copy)]
struct Slot {
    taken: &'static AtomicBool,
    bytes: NonNull<[u8; CAPACITY]>,
}

impl RecvBuffer {
    /// Takes a free buffer; `None` without memory for one more. A thread begins with the one that it
    /// had last, which is still in its cache.
    pub(crate) fn take() -> Option<Self> {
        thread_local! {
            static LAST: Cell<Option<Slot>> = const { Cell::new(None) };
        }
        if let Some(slot) = LAST.get().filter(|slot| slot.take()) {
            return Some(Self(slot));
        }
        let slot = find()?;
        LAST.set(Some(slot));
        Some(Self(slot))
    }

    pub(super) const fn bytes(&mut self) -> &mut [u8; CAPACITY] {
        // SAFETY: the buffer lives for ever, and whoever has taken it has it alone.
        unsafe { self.0.bytes.as_mut() }
    }
}

impl Drop for RecvBuffer {
    fn drop(&mut self) {
        self.0.taken.store(false, Release);
    }
}

impl Slot {
    #[inline]
    fn take(self) -> bool {
        !self.taken.load(Relaxed) && !self.taken.swap(true, Acquire)
    }
}

/// Enough for as many threads as read at the same time in most programs.
const STATIC: usize = 64;

/// Two cache lines apart from the next: processors fetch them in pairs.
#[repr(align(128))]
struct Room(UnsafeCell<[u8; CAPACITY]>);

// SAFETY: only the call that has taken a slot looks at its bytes.
unsafe impl Sync for Room {}

/// All zero, so that it takes no room in the file and no memory before it is written to.
static ROOMS: [Room; STATIC] = [const { Room(UnsafeCell::new([0; CAPACITY])) }; STATIC];
static TAKEN: [AtomicBool; STATIC] = [const { AtomicBool::new(false) }; STATIC];

/// A buffer on the heap, which is never freed: the list only grows, so that it can be walked without
/// a lock.
struct Extra {
    taken: AtomicBool,
    bytes: NonNull<[u8; CAPACITY]>,
    next: *const Self,
}

static EXTRAS: AtomicPtr<Extra> = AtomicPtr::new(null_mut());

#[cold]
fn find() -> Option<Slot> {
    let first = ROOMS.iter().zip(&TAKEN).find_map(|(room, taken)| {
        let slot = Slot { taken, bytes: NonNull::new(room.0.get())? };
        slot.take().then_some(slot)
    });
    first.or_else(|| extras().find(|slot| slot.take())).or_else(make)
}

fn extras() -> impl Iterator<Item = Slot> {
    let mut at: *const Extra = EXTRAS.load(Acquire);
    std::iter::from_fn(move || {
        // SAFETY: null, or one that was published whole and lives for ever.
        let extra: &'static Extra = unsafe { at.as_ref() }?;
        at = extra.next;
        Some(Slot { taken: &extra.taken, bytes: extra.bytes })
    })
}

/// Makes one more, taken by the caller.
fn make() -> Option<Slot> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(CAPACITY).ok()?;
    bytes.resize(CAPACITY, 0);
    let at = NonNull::from(bytes.first_chunk_mut::<CAPACITY>()?);
    let extra = Extra { taken: AtomicBool::new(true), bytes: at, next: EXTRAS.load(Acquire) };
    let [extra] = Box::leak(try_box(extra)?) else { return None };
    std::mem::forget(bytes); // not freed from here on
    let new = &raw mut *extra;
    while let Err(now) = EXTRAS.compare_exchange_weak(extra.next.cast_mut(), new, Release, Acquire)
    {
        extra.next = now;
    }
    Some(Slot { taken: &extra.taken, bytes: extra.bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn at(buffer: &mut RecvBuffer) -> usize {
        std::ptr::from_mut(buffer.bytes()).addr()
    }

    #[test]
    fn nobody_shares_one_and_none_is_made_twice() {
        let mut places = HashSet::new();
        for round in 0..2 {
            let mut all: Vec<_> = (0..2 * STATIC).map(|_| RecvBuffer::take().unwrap()).collect();
            let now: HashSet<_> = all.iter_mut().map(at).collect();
            assert_eq!(now.len(), all.len());
            all.iter_mut().for_each(|buffer| buffer.bytes().fill(0xA5));
            places.extend(now);
            assert!(round == 0 || places.len() < 3 * STATIC, "made anew in each round");
        }
    }

    #[test]
    fn a_thread_has_its_buffer_again_and_an_end_gives_it_back() {
        std::thread::spawn(|| {
            let first = at(&mut RecvBuffer::take().unwrap());
            let _ = std::panic::catch_unwind(|| {
                let _taken = RecvBuffer::take().unwrap();
                panic!("on purpose");
            });
            assert_eq!(at(&mut RecvBuffer::take().unwrap()), first);
        })
        .join()
        .unwrap();
    }
}

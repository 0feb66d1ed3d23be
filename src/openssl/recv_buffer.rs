//! Where a datagram is read to, or a record gets another number in. Not on the stack: threads of
//! 16 KiB exist, and the longest record is as long as that.
//!
//! The calls that have a place to count in ([`Tally::place`]) have a buffer with it, in memory that
//! costs nothing until it is written to. If more calls read at once, each of the others makes one on
//! the heap, which is kept for the calls that come after. So there are no more than calls that ever
//! read at once, and in the steady state nothing is allocated. Drops give them back, also when a
//! thread ends in its call.

use crate::hello::wire::HelloVerifyRequest;
use crate::os::try_box;
use crate::stats::{SHARDS, Tally};
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{
    AtomicBool, AtomicPtr, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};

/// Bytes of the longest record there is, SSL3_RT_MAX_PLAIN_LENGTH and its header; libssl reads as
/// many.
pub(crate) const CAPACITY: usize = 16_384 + 13;

/// A call's buffer for its datagrams, and for what it answers, which it has as long as its tally.
pub(crate) struct RecvBuffer<'a> {
    bytes: NonNull<[u8; CAPACITY]>,
    /// As the call before left it: to clear it took a twentieth of a call's time.
    answer: NonNull<HelloVerifyRequest>,
    /// To be given back, if it is one that others ask for.
    taken: Option<&'static AtomicBool>,
    tally: PhantomData<&'a Tally>,
}

impl<'a> RecvBuffer<'a> {
    /// The buffer of a call; `None` without memory for one more.
    #[inline]
    pub(crate) fn of(tally: &'a Tally) -> Option<Self> {
        match tally.place().and_then(|place| ROOMS.get(place)) {
            Some(Room { bytes, answer }) => {
                let (bytes, answer) = (NonNull::new(bytes.get())?, NonNull::new(answer.get())?);
                Some(Self { bytes, answer, taken: None, tally: PhantomData })
            }
            None => extra(),
        }
    }

    pub(super) const fn bytes(&mut self) -> &mut [u8; CAPACITY] {
        // SAFETY: the buffer lives for ever, and whoever has its place or has taken it has it alone.
        unsafe { self.bytes.as_mut() }
    }

    /// Where datagrams go, and where the answer is made.
    #[inline(always)]
    pub(crate) const fn split(&mut self) -> (&mut [u8; CAPACITY], &mut HelloVerifyRequest) {
        // SAFETY: as for `bytes`.
        let answer = unsafe { self.answer.as_mut() };
        // SAFETY: as for `bytes`; the two lie apart.
        (unsafe { self.bytes.as_mut() }, answer)
    }
}

impl Drop for RecvBuffer<'_> {
    fn drop(&mut self) {
        if let Some(taken) = self.taken {
            taken.store(false, Release);
        }
    }
}

/// Two cache lines apart from the next: processors fetch them in pairs.
#[repr(align(128))]
struct Room {
    bytes: UnsafeCell<[u8; CAPACITY]>,
    answer: UnsafeCell<HelloVerifyRequest>,
}

impl Room {
    const fn new() -> Self {
        Self {
            bytes: UnsafeCell::new([0; CAPACITY]),
            answer: UnsafeCell::new(HelloVerifyRequest::blank()),
        }
    }
}

// SAFETY: only the call that has the place looks at its bytes.
unsafe impl Sync for Room {}

/// All zero, so that it takes no room in the file and no memory before it is written to.
static ROOMS: [Room; SHARDS] = [const { Room::new() }; SHARDS];

/// A buffer on the heap, which is never freed: the list only grows, so that it can be walked without
/// a lock.
struct Extra {
    taken: AtomicBool,
    bytes: NonNull<[u8; CAPACITY]>,
    answer: UnsafeCell<HelloVerifyRequest>,
    next: *const Self,
}

static EXTRAS: AtomicPtr<Extra> = AtomicPtr::new(null_mut());

#[cold]
fn extra<'a>() -> Option<RecvBuffer<'a>> {
    let free = |extra: &&Extra| !extra.taken.load(Relaxed) && !extra.taken.swap(true, Acquire);
    let Extra { taken, bytes, answer, .. } = extras().find(free).or_else(make)?;
    let answer = NonNull::new(answer.get())?;
    Some(RecvBuffer { bytes: *bytes, answer, taken: Some(taken), tally: PhantomData })
}

fn extras() -> impl Iterator<Item = &'static Extra> {
    let mut at: *const Extra = EXTRAS.load(Acquire);
    std::iter::from_fn(move || {
        // SAFETY: null, or one that was published whole and lives for ever.
        let extra: &'static Extra = unsafe { at.as_ref() }?;
        at = extra.next;
        Some(extra)
    })
}

/// Makes one more, taken by the caller.
fn make() -> Option<&'static Extra> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(CAPACITY).ok()?;
    bytes.resize(CAPACITY, 0);
    let at = NonNull::from(bytes.first_chunk_mut::<CAPACITY>()?);
    let extra = Extra {
        taken: AtomicBool::new(true),
        bytes: at,
        answer: UnsafeCell::new(HelloVerifyRequest::blank()),
        next: EXTRAS.load(Acquire),
    };
    let [extra] = Box::leak(try_box(extra)?) else { return None };
    std::mem::forget(bytes); // not freed from here on
    let new = &raw mut *extra;
    while let Err(now) = EXTRAS.compare_exchange_weak(extra.next.cast_mut(), new, Release, Acquire)
    {
        extra.next = now;
    }
    Some(extra)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::tally;
    use std::collections::BTreeSet;

    fn at(buffer: &mut RecvBuffer<'_>) -> usize {
        std::ptr::from_mut(buffer.bytes()).addr()
    }

    /// One after the other: each takes more than there are places.
    #[test]
    fn nobody_shares_one_none_is_made_twice_and_all_are_given_back() {
        nobody_shares_one_and_none_is_made_twice();
        one_of_the_heap_is_given_back_when_its_call_ends_early();
    }

    fn nobody_shares_one_and_none_is_made_twice() {
        let mut places = BTreeSet::new();
        for _ in 0..3 {
            let tallies: Vec<_> = (0..2 * SHARDS).map(|_| tally()).collect();
            let mut all: Vec<_> = tallies.iter().map(|t| RecvBuffer::of(t).unwrap()).collect();
            let now: BTreeSet<_> = all.iter_mut().map(at).collect();
            assert_eq!(now.len(), all.len());
            all.iter_mut().for_each(|buffer| buffer.bytes().fill(0xA5));
            places.extend(now);
        }
        // Other tests run beside this one and may have some of the places.
        assert!(places.len() <= 3 * SHARDS, "made anew in each round: {}", places.len());
    }

    fn one_of_the_heap_is_given_back_when_its_call_ends_early() {
        // Other tests run beside this one: as many as it takes.
        let mut tallies = vec![];
        let shared = loop {
            let one = tally();
            if one.place().is_none() {
                break one;
            }
            tallies.push(one);
        };
        let mut first = 0;
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            first = at(&mut RecvBuffer::of(&shared).unwrap());
            let _taken = RecvBuffer::of(&shared).unwrap();
            panic!("on purpose");
        }));
        assert!(ended.is_err());
        let mut all: Vec<_> = (0..4 * SHARDS).map(|_| RecvBuffer::of(&shared).unwrap()).collect();
        assert!(all.iter_mut().any(|buffer| at(buffer) == first));
        drop(tallies);
    }
}

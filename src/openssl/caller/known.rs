//! What was found to be behind a caller, for its next call.

use super::behind::Behind;
use crate::loader::Object;
use crate::openssl::libssl::{Libssl, Name};
use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{
    AtomicPtr, AtomicU32, AtomicUsize, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
    fence,
};

/// What is behind the program's own code.
pub(super) struct Program {
    start: AtomicUsize,
    /// 0 until it is known.
    len: AtomicUsize,
    libssl: AtomicPtr<Libssl>,
    next: [AtomicPtr<c_void>; Name::ALL.len()],
}

pub(super) static PROGRAM: Program = Program {
    start: AtomicUsize::new(0),
    len: AtomicUsize::new(0),
    libssl: AtomicPtr::new(null_mut()),
    next: [const { AtomicPtr::new(null_mut()) }; Name::ALL.len()],
};

impl Program {
    /// Is it an address of the program's, and known what is behind it?
    #[inline(always)]
    pub(super) fn has(&self, address: usize) -> bool {
        // Acquire: with its length, everything else is known.
        address.wrapping_sub(self.start.load(Relaxed)) < self.len.load(Acquire)
    }

    #[inline(always)]
    pub(super) fn libssl(&self) -> Option<&'static Libssl> {
        // SAFETY: what was found is never freed.
        unsafe { self.libssl.load(Relaxed).as_ref() }
    }

    #[inline(always)]
    pub(super) fn next(&self, name: Name) -> Option<NonNull<c_void>> {
        NonNull::new(self.next.get(name as usize)?.load(Relaxed))
    }

    /// Threads that come here together have found the same.
    pub(super) fn set(&self, object: &Object, behind: &Behind) {
        self.start.store(object.start, Relaxed);
        self.libssl.store(as_pointer(behind.libssl), Relaxed);
        for (to, next) in self.next.iter().zip(behind.next) {
            to.store(next.map_or(null_mut(), NonNull::as_ptr), Relaxed);
        }
        self.len.store(object.end.saturating_sub(object.start), Release);
    }
}

fn as_pointer(libssl: Option<&'static Libssl>) -> *mut Libssl {
    libssl.map_or(null_mut(), |libssl| (&raw const *libssl).cast_mut())
}

/// What is behind a library that called; readable while another thread writes it: what was read
/// counts if the number of writes was even before and is the same after.
pub(super) struct Entry {
    writes: AtomicU32,
    version: AtomicU32,
    object: [AtomicUsize; Object::WORDS],
    libssl: AtomicPtr<Libssl>,
    slot: AtomicPtr<AtomicUsize>,
    value: AtomicUsize,
    next: [AtomicPtr<c_void>; Name::ALL.len()],
}

/// A few places for each, by its address.
static CALLERS: [[Entry; 4]; 16] = [const { [const { Entry::new() }; 4] }; 16];

impl Entry {
    const fn new() -> Self {
        Self {
            writes: AtomicU32::new(0),
            version: AtomicU32::new(0),
            object: [const { AtomicUsize::new(0) }; Object::WORDS],
            libssl: AtomicPtr::new(null_mut()),
            slot: AtomicPtr::new(null_mut()),
            value: AtomicUsize::new(0),
            next: [const { AtomicPtr::new(null_mut()) }; Name::ALL.len()],
        }
    }

    /// Those that may be about this object.
    pub(super) fn all_for(object: &Object) -> &'static [Self; 4] {
        let [first, ..] = &CALLERS;
        CALLERS.get(((object.start >> 12) ^ (object.start >> 20)) & 15).unwrap_or(first)
    }

    pub(super) fn libssl(&self) -> Option<&'static Libssl> {
        // SAFETY: what was found is never freed.
        unsafe { self.libssl.load(Relaxed).as_ref() }
    }

    pub(super) fn next(&self, name: Name) -> Option<NonNull<c_void>> {
        NonNull::new(self.next.get(name as usize)?.load(Relaxed))
    }

    /// What `read` gives, if this entry is about `object`, which is loaded.
    pub(super) fn get<T>(
        &self,
        object: &Object,
        version: u32,
        read: impl Fn(&Self) -> T,
    ) -> Option<T> {
        let writes = self.writes.load(Acquire);
        let same = self.object.iter().zip(object.words()).all(|(a, b)| a.load(Relaxed) == b);
        if !same || writes & 1 != 0 {
            return None;
        }
        let what = read(self);
        let proof = (NonNull::new(self.slot.load(Relaxed)), self.value.load(Relaxed));
        let same_version = self.version.load(Relaxed) == version;
        fence(Acquire);
        if self.writes.load(Relaxed) != writes {
            return None;
        }
        // One library can be mapped exactly where another one was. What it is bound to tells.
        let holds = match proof {
            // SAFETY: the slot lies in the object, which is loaded and was laid out the same.
            (Some(slot), value) => unsafe { slot.as_ref() }.load(Relaxed) == value,
            (None, _) => same_version,
        };
        holds.then_some(what)
    }

    /// Remembers what is behind a library; not, if another thread is writing the same entry.
    pub(super) fn keep(object: &Object, version: u32, behind: &Behind) {
        /// The place that is taken next.
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let entries = Self::all_for(object);
        let Some(entry) = entries.get(NEXT.fetch_add(1, Relaxed) & 3) else { return };
        let writes = entry.writes.load(Relaxed);
        let odd = writes.wrapping_add(1);
        let writing = entry.writes.compare_exchange(writes, odd, Acquire, Relaxed);
        if writes & 1 != 0 || writing.is_err() {
            return;
        }
        fence(Release);
        for (to, word) in entry.object.iter().zip(object.words()) {
            to.store(word, Relaxed);
        }
        entry.version.store(version, Relaxed);
        entry.libssl.store(as_pointer(behind.libssl), Relaxed);
        let (slot, value) = behind.proof.unwrap_or((NonNull::dangling(), 0));
        entry.slot.store(if value == 0 { null_mut() } else { slot.as_ptr() }, Relaxed);
        entry.value.store(value, Relaxed);
        for (to, next) in entry.next.iter().zip(behind.next) {
            to.store(next.map_or(null_mut(), NonNull::as_ptr), Relaxed);
        }
        entry.writes.store(odd.wrapping_add(1), Release);
    }
}

//! Memory for secrets: pages of their own that no core dump holds, that are not swapped out where
//! the system's limits allow it, and that are wiped before they go back.
//!
//! On Linux they are locked as they are mapped, and not by mlock(2): a sandbox (seccomp) ends a process
//! for a system call that it does not expect, and mmap(2) and madvise(2) are what malloc makes.
//!
//! A child after fork(2) has them too, as it has the rest of its parent's memory: it accepts the
//! cookies that its parent made.

use crate::os::Lock;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr::{NonNull, null_mut, slice_from_raw_parts_mut};
use std::sync::atomic::{AtomicPtr, Ordering::AcqRel, Ordering::Acquire, Ordering::Release};
use zeroize::Zeroize as _;

/// A value in pages of its own.
pub(crate) struct Protected<T>(NonNull<T>);

// SAFETY: it owns its value and nothing else refers to it, as with a box.
unsafe impl<T: Send> Send for Protected<T> {}
// SAFETY: it owns its value and nothing else refers to it, as with a box.
unsafe impl<T: Sync> Sync for Protected<T> {}

impl<T> Protected<T> {
    /// Moves a value there: one that holds no secret yet. `None` without memory.
    pub(crate) fn new(value: T) -> Option<Self> {
        let at = map::<T>(Swapped::Never)?;
        // SAFETY: fresh pages, large enough and, starting a page, aligned.
        unsafe { at.write(value) };
        Some(Self(at))
    }
}

impl<const N: usize> Protected<[u8; N]> {
    /// Room for bytes, all 0; they never were on the stack.
    pub(crate) fn zeroed() -> Option<Self> {
        map(Swapped::Never).map(Self) // the system gives pages of zeros, which are bytes already
    }

    /// The same, which may be swapped out.
    pub(crate) fn zeroed_unlocked() -> Option<Self> {
        map(Swapped::AsAny).map(Self) // zeros
    }
}

impl<T> Deref for Protected<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: a value was put there, and it stays until the drop.
        unsafe { self.0.as_ref() }
    }
}

impl<T> DerefMut for Protected<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: a value was put there, and it stays until the drop, and nobody else has it.
        unsafe { self.0.as_mut() }
    }
}

impl<T> Drop for Protected<T> {
    fn drop(&mut self) {
        // SAFETY: the value is ours and nobody looks at it again.
        unsafe { self.0.drop_in_place() };
        // SAFETY: nothing is there now.
        unsafe { wipe(self.0) };
        // SAFETY: exactly what was mapped; unlocked with it.
        unsafe { libc::munmap(self.0.as_ptr().cast(), size_of::<T>()) };
    }
}

/// A place for one value, which is there for good once it is there. It is put there without a lock: a
/// child of a process that was about to put it finds none, or the whole value.
pub(crate) struct Shared<T> {
    at: AtomicPtr<T>,
    /// Held by whoever looks at the value.
    looked_at: Lock<()>,
}

impl<T: Copy + Sync> Shared<T> {
    pub(crate) const fn new() -> Self {
        Self { at: AtomicPtr::new(null_mut()), looked_at: Lock::new(()) }
    }

    pub(crate) fn is_set(&self) -> bool {
        !self.at.load(Acquire).is_null()
    }

    /// Puts a value, if there is none.
    pub(crate) fn set_if_none(&self, value: Protected<T>) {
        let at = value.0.as_ptr();
        if self.at.compare_exchange(null_mut(), at, AcqRel, Acquire).is_ok() {
            std::mem::forget(value);
        }
    }

    /// Looks at the value, which is not swapped out from now on.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&T) -> R) -> Option<R> {
        let _alone = self.looked_at.lock();
        self.keep_in_memory();
        // SAFETY: null, or a value that only `keep_in_memory` moves, and that with the lock.
        unsafe { self.at.load(Acquire).as_ref() }.map(look)
    }

    /// Moves the value to pages that are not swapped out, if there are any. Called with the lock.
    fn keep_in_memory(&self) {
        let Some(at) = NonNull::new(self.at.load(Acquire)) else { return };
        let Some(new) = map::<T>(Swapped::Never) else { return };
        // SAFETY: fresh pages, large enough, and others than the value's.
        unsafe { new.copy_from_nonoverlapping(at, 1) };
        self.at.store(new.as_ptr(), Release);
        // A child of a process that was about to do this has the old pages, too.
        drop(Protected(at));
    }
}

/// # Safety
///
/// `at` is writable for a `T` and holds none.
unsafe fn wipe<T>(at: NonNull<T>) {
    let bytes = slice_from_raw_parts_mut(at.as_ptr().cast::<MaybeUninit<u8>>(), size_of::<T>());
    // SAFETY: writable by this function's contract, and bytes without a value have no invalid ones.
    unsafe { &mut *bytes }.zeroize();
}

/// May pages be swapped out? In a child they are not locked any more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Swapped {
    AsAny,
    /// Where the limit on locked memory allows it.
    Never,
}

/// Pages for a `T`. What the system cannot do for them is done without: they are wiped all the same.
fn map<T>(swapped: Swapped) -> Option<NonNull<T>> {
    const { assert!(size_of::<T>() > 0 && align_of::<T>() <= 4096) };
    #[cfg(test)]
    if !tests::may_map() {
        return None;
    }
    let len = size_of::<T>();
    let at = match swapped {
        Swapped::Never => map_locked(len).or_else(|| map_any(len, 0))?,
        Swapped::AsAny => map_any(len, 0)?,
    };
    keep_from_dumps(at.as_ptr(), len);
    Some(at.cast())
}

fn map_any(len: usize, more: libc::c_int) -> Option<NonNull<c_void>> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let kind = libc::MAP_PRIVATE | libc::MAP_ANON | more;
    // SAFETY: asks for new pages anywhere.
    let at = unsafe { libc::mmap(null_mut(), len, access, kind, -1, 0) };
    if at == libc::MAP_FAILED { None } else { NonNull::new(at) }
}

/// `None` where the limit does not allow it.
#[cfg(target_os = "linux")]
fn map_locked(len: usize) -> Option<NonNull<c_void>> {
    map_any(len, libc::MAP_LOCKED)
}

#[cfg(not(target_os = "linux"))]
fn map_locked(len: usize) -> Option<NonNull<c_void>> {
    let at = map_any(len, 0)?;
    // SAFETY: our own pages; the content does not change.
    unsafe { libc::mlock(at.as_ptr(), len) };
    Some(at)
}

fn keep_from_dumps(at: *mut c_void, len: usize) {
    #[cfg(target_os = "linux")]
    const ADVICE: libc::c_int = libc::MADV_DONTDUMP;
    // FreeBSD's and DragonFly's MADV_NOCORE; OpenBSD and NetBSD have no such advice.
    #[cfg(any(target_os = "freebsd", target_os = "dragonfly"))]
    const ADVICE: libc::c_int = 8;
    #[cfg(any(target_os = "linux", target_os = "freebsd", target_os = "dragonfly"))]
    // SAFETY: our own pages; the content does not change.
    unsafe {
        libc::madvise(at, len, ADVICE)
    };
    #[cfg(not(any(target_os = "linux", target_os = "freebsd", target_os = "dragonfly")))]
    let _ = (at, len);
}

/// Overwrites the stack below: whoever works with a secret leaves copies there, which a core dump
/// would show. Best called from where that work was called.
///
/// Half as deep again as the deepest such work goes, 2 KiB (a file of eight secrets): a thread of
/// 16 KiB has no more to spare (ctests/stack.c).
#[inline(never)]
pub(crate) fn scrub_stack() {
    [0_u8; 3 * 1024].zeroize();
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        /// How many more pieces of memory this thread gets.
        pub(crate) static LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
    }

    pub(super) fn may_map() -> bool {
        LEFT.replace(LEFT.get().saturating_sub(1)) > 0
    }

    #[test]
    fn a_value_lives_there_and_is_dropped_once() {
        let count = std::rc::Rc::new(());
        let mut protected = Protected::new((count.clone(), [7_u8; 5000])).unwrap();
        assert_eq!(protected.1[4999], 7);
        protected.1[0] = 8;
        assert_eq!((protected.1[0], std::rc::Rc::strong_count(&count)), (8, 2));
        drop(protected);
        assert_eq!(std::rc::Rc::strong_count(&count), 1);
        assert_eq!(*Protected::<[u8; 9]>::zeroed().unwrap(), [0; 9]);
    }

    #[test]
    fn the_first_value_stays() {
        let shared = Shared::<[u8; 9]>::new();
        assert!(!shared.is_set() && shared.look(|_| ()).is_none());
        shared.set_if_none(Protected::new([1; 9]).unwrap());
        shared.set_if_none(Protected::new([2; 9]).unwrap());
        for _ in 0..2 {
            assert!(shared.is_set());
            assert_eq!(shared.look(|value| *value), Some([1; 9]));
        }
    }

    /// The line of /proc/self/smaps that tells what the system was told about the pages.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_pages_are_not_dumped_and_a_child_has_them() {
        let protected = Protected::new([1_u8; 4096]).unwrap();
        let at = protected.0.as_ptr().addr();
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        // The system makes one area of neighbours that are alike: another test's may begin it.
        let holds = |line: &str| {
            let (from, to) = line.split_whitespace().next()?.split_once('-')?;
            let end = |hex| usize::from_str_radix(hex, 16).ok();
            Some((end(from)?..end(to)?).contains(&at))
        };
        let flags = smaps
            .lines()
            .skip_while(|line| holds(line) != Some(true))
            .find(|line| line.starts_with("VmFlags:"))
            .unwrap();
        let flags: Vec<_> = flags.split_whitespace().collect();
        assert!(flags.contains(&"dd"), "in core dumps: {flags:?}");
        assert!(!flags.contains(&"wf") && !flags.contains(&"dc"), "not in a child: {flags:?}");
    }
}

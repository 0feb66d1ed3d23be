//! A value that is made once, also where the process is forked meanwhile: the standard library's
//! would wait, in the child, for a thread that is not there.

use super::lock::Lock;
use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

pub(crate) struct Once<T> {
    made: AtomicBool,
    making: Lock<()>,
    /// Written with `making` held, and not again once `made` is set.
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: it is written by one thread, before any other gets at it; then it is only read.
unsafe impl<T: Send + Sync> Sync for Once<T> {}

impl<T> Once<T> {
    pub(crate) const fn new() -> Self {
        Self {
            made: AtomicBool::new(false),
            making: Lock::new(()),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// The value, if it is there.
    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        if !self.made.load(Acquire) {
            return None;
        }
        // SAFETY: made, so nobody writes to it again.
        let value = unsafe { &*self.value.get() };
        // SAFETY: made.
        Some(unsafe { value.assume_init_ref() })
    }

    /// The value, made by the first one who asks. Others wait for it; in a child of a process that
    /// was making it, it is made anew.
    #[inline]
    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        match self.get() {
            Some(value) => value,
            None => self.make(make),
        }
    }

    #[cold]
    fn make(&self, make: impl FnOnce() -> T) -> &T {
        let _making = self.making.lock();
        if !self.made.load(Relaxed) {
            let value = MaybeUninit::new(make());
            // SAFETY: only this thread is here, and nobody reads it before it is made.
            unsafe { self.value.get().write(value) };
            self.made.store(true, Release);
        }
        // SAFETY: made just now, or by another thread before the lock was had.
        let value = unsafe { &*self.value.get() };
        // SAFETY: made.
        unsafe { value.assume_init_ref() }
    }
}

impl<T> Drop for Once<T> {
    fn drop(&mut self) {
        if *self.made.get_mut() {
            // SAFETY: made, and never looked at again.
            unsafe { self.value.get_mut().assume_init_drop() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn it_is_made_by_one_and_dropped_once() {
        let drops = std::rc::Rc::new(());
        let once = Once::new();
        assert!(once.get().is_none());
        assert_eq!(once.get_or_make(|| (7, drops.clone())).0, 7);
        assert_eq!(once.get_or_make(|| (8, drops.clone())).0, 7);
        assert_eq!(std::rc::Rc::strong_count(&drops), 2);
        drop(once);
        assert_eq!(std::rc::Rc::strong_count(&drops), 1);

        static ONCE: Once<usize> = Once::new();
        static MADE: AtomicUsize = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let made = ONCE.get_or_make(|| MADE.fetch_add(1, Relaxed));
                    assert_eq!(*made, 0);
                });
            }
        });
        assert_eq!(MADE.load(Relaxed), 1);
    }
}

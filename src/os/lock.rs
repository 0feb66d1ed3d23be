//! A lock that does not stay locked in a process that is forked off.
//!
//! A child has the thread that called fork(2) and no other. What another thread of the parent had
//! locked at that moment would be locked in the child for good. To take every lock ahead of the
//! fork is no way out: the program's own fork handlers run meanwhile, and one that frees an SSL_CTX
//! would wait for its own thread. So a lock says which process has it. One that is another
//! process's was left behind by a thread that is not here, and is taken over.
//!
//! What is locked may then be half changed, which is for [`Guarded::left_behind`] to mend.

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU32, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

/// What a lock guards. Its thread may be gone between any two writes, in a child; so what is
/// reached through a pointer is put there whole, by one write, and what took its place goes later.
pub(crate) trait Guarded {
    /// A thread of the parent had this locked when this process was forked off: makes it whole.
    fn left_behind(&mut self);
}

/// Where there is nothing to guard, or it is whole at every moment.
impl Guarded for () {
    fn left_behind(&mut self) {}
}

/// A value for one thread at a time.
pub(crate) struct Lock<T> {
    /// 0, or the number of the process whose thread has it, with [`WAITED_FOR`] perhaps.
    holder: AtomicU32,
    value: UnsafeCell<T>,
}

/// A thread sleeps until the lock is free. No process has a number that large.
const WAITED_FOR: u32 = 1 << 31;

/// Looks at a lock that is taken, before it sleeps: most are free again by then.
const LOOKS: u32 = 100;

#[allow(unsafe_code)]
// SAFETY: one thread at a time gets at the value, and the lock may be dropped by any.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { holder: AtomicU32::new(0), value: UnsafeCell::new(value) }
    }
}

#[cfg(test)]
impl<T> Lock<T> {
    /// As it is in a child where another thread of its parent had it.
    pub(crate) fn leave_behind(&self) {
        self.holder.store(1, Relaxed);
    }
}

impl<T: Guarded> Lock<T> {
    /// Waits for it.
    pub(crate) fn lock(&self) -> Locked<'_, T> {
        let own = std::process::id();
        self.try_to_take(own, own).unwrap_or_else(|| self.wait(own))
    }

    /// Takes it if nobody has it.
    pub(crate) fn try_lock(&self) -> Option<Locked<'_, T>> {
        let own = std::process::id();
        self.try_to_take(own, own)
    }

    /// `taken`: what it holds then, `own` with or without [`WAITED_FOR`].
    fn try_to_take(&self, own: u32, taken: u32) -> Option<Locked<'_, T>> {
        loop {
            let holder = self.holder.load(Relaxed);
            if holder & !WAITED_FOR == own {
                return None;
            }
            if self.holder.compare_exchange(holder, taken, Acquire, Relaxed).is_ok() {
                let mut locked = Locked(self);
                if holder != 0 {
                    locked.left_behind();
                }
                return Some(locked);
            }
        }
    }

    #[cold]
    fn wait(&self, own: u32) -> Locked<'_, T> {
        for _ in 0..LOOKS {
            std::hint::spin_loop();
            if let Some(locked) = self.try_to_take(own, own) {
                return locked;
            }
        }
        loop {
            // Others may be asleep, too: whoever gives it back has to look.
            if let Some(locked) = self.try_to_take(own, own | WAITED_FOR) {
                return locked;
            }
            let _ = self.holder.compare_exchange(own, own | WAITED_FOR, Relaxed, Relaxed);
            sleep_while(&self.holder, own | WAITED_FOR);
        }
    }
}

/// A lock that is held, until this is dropped.
pub(crate) struct Locked<'a, T>(&'a Lock<T>);

impl<T> Deref for Locked<'_, T> {
    type Target = T;

    #[allow(unsafe_code)]
    fn deref(&self) -> &T {
        // SAFETY: this thread has the lock.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for Locked<'_, T> {
    #[allow(unsafe_code)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this thread has the lock, and `self` is borrowed by nobody else.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Drop for Locked<'_, T> {
    fn drop(&mut self) {
        if self.0.holder.swap(0, Release) & WAITED_FOR != 0 {
            wake_one(&self.0.holder);
        }
    }
}

/// Sleeps until somebody wakes it, or a while, if the word holds this value.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn sleep_while(word: &AtomicU32, value: u32) {
    let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    let no_limit = std::ptr::null::<libc::timespec>();
    // SAFETY: the kernel reads the word, which lives, and compares.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, no_limit) };
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn wake_one(word: &AtomicU32) {
    let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the kernel looks for sleepers by the word's address and does not read it.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, 1) };
}

#[cfg(not(target_os = "linux"))]
fn sleep_while(_word: &AtomicU32, _value: u32) {
    std::thread::sleep(std::time::Duration::from_micros(50));
}

#[cfg(not(target_os = "linux"))]
fn wake_one(_word: &AtomicU32) {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    struct Count {
        counted: u64,
        mended: u64,
    }

    impl Guarded for Count {
        fn left_behind(&mut self) {
            self.mended += 1;
        }
    }

    fn counting() -> Lock<Count> {
        Lock::new(Count { counted: 0, mended: 0 })
    }

    #[test]
    fn one_thread_at_a_time() {
        let lock = counting();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..2_000 {
                        let mut locked = lock.lock();
                        let before = locked.counted;
                        if n % 100 == 0 {
                            thread::sleep(std::time::Duration::from_micros(100));
                        }
                        locked.counted = before + 1;
                    }
                });
            }
        });
        let locked = lock.lock();
        assert_eq!((locked.counted, locked.mended), (8_000, 0));
        assert!(lock.try_lock().is_none());
        drop(locked);
        assert!(lock.try_lock().is_some());
        assert_eq!(lock.holder.load(Relaxed), 0);
    }

    #[test]
    fn what_another_process_holds_is_taken_over_and_mended_once() {
        for left in [1, 1 | WAITED_FOR] {
            let lock = counting();
            lock.holder.store(left, Relaxed);
            assert_eq!(lock.lock().mended, 1);
            assert_eq!(lock.try_lock().unwrap().mended, 1);
            lock.holder.store(left, Relaxed);
            assert_eq!(lock.try_lock().unwrap().mended, 2);
        }
    }

    #[test]
    fn a_panic_gives_it_back() {
        let lock = counting();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _locked = lock.lock();
            panic!("on purpose");
        }));
        assert!(outcome.is_err());
        assert!(lock.try_lock().is_some());
    }
}

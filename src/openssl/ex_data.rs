//! A place of our own on an SSL: one `T` on the heap, or a number that needs no memory.

use super::ssl::Ssl;
use super::sys;
use crate::os::{Lock, try_box};
use crate::panic_guard::guard_value;
use std::ffi::{c_int, c_long, c_void};
use std::marker::PhantomData;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

/// A number stands where no memory is needed: odd, as no pointer to a boxed `T` is.
fn mark(number: usize) -> *mut c_void {
    std::ptr::without_provenance_mut(number | 1)
}

fn is_mark(at: *mut c_void) -> bool {
    at.addr() & 1 != 0
}

/// What can be put there.
pub(super) trait OnSsl: Send + Sync + Sized {
    /// What a copy of the SSL (`SSL_dup`) gets.
    fn of_copy(&self) -> Option<Self>;
}

/// An ex_data index for SSLs, asked for when the first SSL gets something.
pub(super) struct Slot<T> {
    index: AtomicI32,
    registering: Lock<()>,
    holds: PhantomData<T>,
}

impl<T: OnSsl> Slot<T> {
    pub(super) const fn new() -> Self {
        const { assert!(align_of::<T>() > 1, "a pointer to it is told from a mark") };
        Self { index: AtomicI32::new(-1), registering: Lock::new(()), holds: PhantomData }
    }

    /// Has this SSL got this mark? The lowest bit does not count.
    pub(super) fn is_marked(&self, ssl: Ssl, number: usize) -> bool {
        self.pointer(ssl) == mark(number)
    }

    /// Has this SSL got anything?
    pub(super) fn is_set(&self, ssl: Ssl) -> bool {
        !self.pointer(ssl).is_null()
    }

    /// What this SSL has got. Valid until it is replaced, or the SSL freed: not across a callback
    /// of the application's.
    pub(super) fn get(&self, ssl: Ssl) -> Option<&T> {
        let at = self.pointer(ssl);
        if at.is_null() || is_mark(at) {
            return None;
        }
        // SAFETY: all that is ever put there but marks is a boxed T, which lives until `swap`
        // or `free`; an SSL is one thread's at a time.
        Some(unsafe { &*at.cast::<T>() })
    }

    /// Puts a mark; false without memory in libcrypto.
    pub(super) fn set_mark(&self, ssl: Ssl, number: usize) -> bool {
        self.swap(ssl, mark(number))
    }

    /// Puts a value; false without memory.
    pub(super) fn set(&self, ssl: Ssl, value: T) -> bool {
        let Some(value) = try_box(value) else { return false };
        let at = Box::into_raw(value).cast::<c_void>();
        let taken = self.swap(ssl, at);
        if !taken {
            // SAFETY: it was not taken, so it is still ours.
            unsafe { release::<T>(at) };
        }
        taken
    }

    fn pointer(&self, ssl: Ssl) -> *mut c_void {
        let index = self.index.load(Relaxed);
        if index < 0 {
            return null_mut();
        }
        // SAFETY: the SSL lives and the index is one for SSLs.
        unsafe { sys::SSL_get_ex_data(ssl.as_ptr(), index) }
    }

    fn swap(&self, ssl: Ssl, at: *mut c_void) -> bool {
        let index = self.registered();
        if index < 0 {
            return false;
        }
        let before = self.pointer(ssl);
        // SAFETY: the SSL lives and the index is one for SSLs.
        if unsafe { sys::SSL_set_ex_data(ssl.as_ptr(), index, at) } == 0 {
            return false;
        }
        // SAFETY: what was there before is nobody's now.
        unsafe { release::<T>(before) };
        true
    }

    fn registered(&self) -> c_int {
        let index = self.index.load(Relaxed);
        if index >= 0 {
            return index;
        }
        let _one_at_a_time = self.registering.lock();
        if self.index.load(Relaxed) < 0 {
            let (dup, free) = (Some(dup::<T> as sys::ExDup), Some(free::<T> as sys::ExFree));
            let class = sys::CRYPTO_EX_INDEX_SSL;
            // SAFETY: the two functions keep to the contract of ex_data callbacks.
            let index =
                unsafe { sys::CRYPTO_get_ex_new_index(class, 0, null_mut(), None, dup, free) };
            self.index.store(index, Relaxed);
        }
        self.index.load(Relaxed)
    }
}

/// # Safety
///
/// `at` is null, a mark, or a boxed `T` that nobody refers to any more.
unsafe fn release<T>(at: *mut c_void) {
    if !at.is_null() && !is_mark(at) {
        // SAFETY: it came from a box, by this function's contract.
        drop(unsafe { Box::from_raw(at.cast::<T>()) });
    }
}

/// Called by `SSL_free`.
unsafe extern "C-unwind" fn free<T>(
    _ssl: *mut c_void,
    at: *mut c_void,
    _data: *mut c_void,
    _index: c_int,
    _argl: c_long,
    _argp: *mut c_void,
) {
    // SAFETY: the SSL is going, and what we hung on it with it.
    guard_value((), || unsafe { release::<T>(at) });
}

/// Called by `SSL_dup`, which would have both SSLs own the same box.
unsafe extern "C-unwind" fn dup<T: OnSsl>(
    to: *mut c_void,
    _from: *const c_void,
    at: *mut *mut c_void,
    index: c_int,
    _argl: c_long,
    _argp: *mut c_void,
) -> c_int {
    guard_value(0, || {
        // SAFETY: libcrypto passes the place of the copy's pointer, which is the original's yet.
        let from = unsafe { at.read() };
        let mut copy = null_mut();
        if !from.is_null() && !is_mark(from) {
            // SAFETY: a boxed T of the original's, which lives.
            let value = unsafe { &*from.cast::<T>() }.of_copy();
            if let Some(value) = value.and_then(try_box) {
                copy = Box::into_raw(value).cast();
            }
        }
        // SAFETY: as above.
        unsafe { at.write(copy) };
        // libssl makes the copy by SSL_new, where it may have got something from its SSL_CTX.
        // SAFETY: the copy's ex_data, and our own index.
        let held = unsafe { sys::CRYPTO_get_ex_data(to, index) };
        // SAFETY: libcrypto puts `copy` in its place next, and there is room for it already.
        unsafe { release::<T>(held) };
        1
    })
}

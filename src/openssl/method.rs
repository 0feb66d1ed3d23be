//! A kind of BIO of our own, in one libcrypto.

use super::bio::Bio;
use super::libssl::Libssl;
use super::sys;
use crate::os::Lock;
use std::ffi::{c_char, c_int};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

/// Made at first use and kept: a method has to outlive every BIO of it.
pub(super) struct Method {
    make: fn(&'static Libssl) -> Option<NonNull<sys::BIO_METHOD>>,
    making: Lock<()>,
    made: AtomicPtr<sys::BIO_METHOD>,
    /// libcrypto's own copy of the name: no other method's is at the same place.
    name: AtomicPtr<c_char>,
}

impl Method {
    pub(super) const fn new(make: fn(&'static Libssl) -> Option<NonNull<sys::BIO_METHOD>>) -> Self {
        Self {
            make,
            making: Lock::new(()),
            made: AtomicPtr::new(null_mut()),
            name: AtomicPtr::new(null_mut()),
        }
    }

    /// A BIO of this kind, not initialised; `None` without memory.
    pub(super) fn bio(&self, libssl: &'static Libssl) -> Option<NonNull<sys::BIO>> {
        let method = NonNull::new(self.made.load(Acquire)).or_else(|| self.once(libssl))?;
        // SAFETY: the method lives for ever.
        let bio = NonNull::new(unsafe { libssl.crypto.BIO_new(method.as_ptr()) })?;
        // SAFETY: the BIO lives.
        let name = unsafe { libssl.crypto.BIO_method_name(bio.as_ptr()) };
        self.name.store(name.cast_mut(), Relaxed);
        Some(bio)
    }

    /// Is this BIO of this kind?
    pub(super) fn is_of(&self, bio: Bio) -> bool {
        let name = self.name.load(Relaxed);
        // SAFETY: the BIO lives.
        !name.is_null() && std::ptr::eq(name, unsafe { bio.crypto().BIO_method_name(bio.as_ptr()) })
    }

    #[cold]
    fn once(&self, libssl: &'static Libssl) -> Option<NonNull<sys::BIO_METHOD>> {
        let _one_at_a_time = self.making.lock();
        let made = NonNull::new(self.made.load(Relaxed)).or_else(|| (self.make)(libssl))?;
        // Whoever finds it finds it whole.
        self.made.store(made.as_ptr(), Release);
        Some(made)
    }
}

/// Why a read or a write has to be tried again.
pub(super) const RETRY_FLAGS: c_int = sys::BIO_FLAGS_RWS | sys::BIO_FLAGS_SHOULD_RETRY;

/// Lets a caller see of our BIO why the real one stopped.
///
/// # Safety
///
/// `bio` is a live BIO of the same libcrypto.
pub(super) unsafe fn copy_retry_flags(bio: *mut sys::BIO, real: Bio) {
    let crypto = real.crypto();
    // SAFETY: by this function's contract.
    unsafe { crypto.BIO_clear_flags(bio, RETRY_FLAGS) };
    // SAFETY: the real BIO lives.
    let flags = unsafe { crypto.BIO_test_flags(real.as_ptr(), RETRY_FLAGS) };
    // SAFETY: by this function's contract.
    unsafe { crypto.BIO_set_flags(bio, flags) };
}

//! A place of our own on an SSL: one `T` on the heap, or a number that needs no memory.

use super::libssl::{self, Class, ExDup, ExFree, ForEach, Libssl};
use super::ssl::Ssl;
use crate::os::try_box;
use crate::panic_guard::guard_value;
use std::ffi::{c_int, c_long, c_void};
use std::marker::PhantomData;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

/// A place of ours on every object of a class, in each libssl.
pub(super) struct Index(ForEach<AtomicI32>);

impl Index {
    pub(super) const fn new() -> Self {
        Self(ForEach::new([const { AtomicI32::new(-1) }; libssl::MAX]))
    }

    /// Negative if it has not been asked for.
    #[inline]
    pub(super) fn get(&self, libssl: &Libssl) -> c_int {
        self.0.of(libssl).load(Relaxed)
    }

    /// Asks for it if nobody has; negative if there is none. Two threads that ask at once get two,
    /// and one of those is never used: no lock is held while libcrypto takes its own.
    ///
    /// # Safety
    ///
    /// The callbacks keep to the contract of ex_data's; they are given the libssl as `argp`.
    pub(super) unsafe fn ask(
        &self,
        libssl: &'static Libssl,
        class: Class,
        dup: Option<ExDup>,
        free: Option<ExFree>,
    ) -> c_int {
        let known = self.get(libssl);
        if known >= 0 {
            return known;
        }
        // SAFETY: by this function's contract.
        let index = unsafe { libssl.new_index(class, dup, free) };
        let first = self.0.of(libssl).compare_exchange(known, index, Relaxed, Relaxed);
        first.map_or_else(|first| first, |_| index)
    }
}

/// The libssl that an ex_data callback is about, by its `argp`.
///
/// # Safety
///
/// `argp` is what [`Index::ask`]'s callbacks are given.
pub(super) unsafe fn libssl_of(argp: *mut c_void) -> Option<&'static Libssl> {
    // SAFETY: by this function's contract; a libssl that was found is never freed.
    unsafe { argp.cast::<Libssl>().as_ref() }
}

/// A number stands where no memory is needed: odd, as no pointer to a boxed `T` is.
fn mark(number: usize) -> *mut c_void {
    std::ptr::without_provenance_mut(number | 1)
}

fn is_mark(at: *mut c_void) -> bool {
    at.addr() & 1 != 0
}

/// What can be put there.
pub(crate) trait SslValue: Send + Sync + Sized {
    /// What a copy of the SSL (`SSL_dup`) gets.
    fn of_copy(&self) -> Option<Self>;
}

/// What stands before each value of ours: nobody else's data has this copy of the library's address
/// there, should another part of the program use our place by mistake.
static OURS: u8 = 0;

/// A value, as it hangs on an SSL.
#[repr(C)]
struct Held<T> {
    ours: *const u8,
    value: T,
}

/// A place on SSLs, asked for when the first SSL gets something.
pub(crate) struct ExData<T> {
    index: Index,
    holds: PhantomData<T>,
}

// SAFETY: it has no `T`, and what is put in its place is.
unsafe impl<T: Send + Sync> Sync for ExData<T> {}

impl<T: SslValue> ExData<T> {
    pub(crate) const fn new() -> Self {
        Self { index: Index::new(), holds: PhantomData }
    }

    /// Asks for the place; negative if there is none.
    pub(super) fn prepare(&self, libssl: &'static Libssl) -> c_int {
        // SAFETY: the two functions keep to the contract of ex_data callbacks.
        unsafe { self.index.ask(libssl, Class::Ssl, Some(dup::<T>), Some(free::<T>)) }
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
    pub(crate) fn get(&self, ssl: Ssl) -> Option<&T> {
        // SAFETY: an SSL is one thread's at a time, and what we put there lives until `swap` or
        // `free`.
        unsafe { held::<T>(self.pointer(ssl)) }
    }

    /// Puts a mark; false without memory in libcrypto.
    pub(crate) fn set_mark(&self, ssl: Ssl, number: usize) -> bool {
        self.swap(ssl, mark(number))
    }

    /// Puts a value; false without memory.
    pub(crate) fn set(&self, ssl: Ssl, value: T) -> bool {
        let Some(value) = try_box(Held { ours: &raw const OURS, value }) else { return false };
        let at = Box::into_raw(value).cast::<c_void>();
        let taken = self.swap(ssl, at);
        if !taken {
            // SAFETY: it was not taken, so it is still ours.
            unsafe { release::<T>(at) };
        }
        taken
    }

    fn pointer(&self, ssl: Ssl) -> *mut c_void {
        let index = self.index.get(ssl.libssl());
        if index < 0 {
            return null_mut();
        }
        // SAFETY: the SSL lives and the index is one for SSLs.
        unsafe { ssl.libssl().ssl.SSL_get_ex_data(ssl.as_ptr(), index) }
    }

    fn swap(&self, ssl: Ssl, at: *mut c_void) -> bool {
        let index = self.prepare(ssl.libssl());
        if index < 0 {
            return false;
        }
        let before = self.pointer(ssl);
        // SAFETY: the SSL lives and the index is one for SSLs.
        if unsafe { ssl.libssl().ssl.SSL_set_ex_data(ssl.as_ptr(), index, at) } == 0 {
            return false;
        }
        // SAFETY: what was there before is nobody's now.
        unsafe { release::<T>(before) };
        true
    }
}

/// The value at a pointer from an SSL, if it is one of ours.
///
/// # Safety
///
/// `at` is null, a mark, or a pointer to at least as much memory as a pointer takes.
unsafe fn held<'a, T>(at: *mut c_void) -> Option<&'a T> {
    if at.is_null() || is_mark(at) || !at.cast::<Held<T>>().is_aligned() {
        return None;
    }
    // SAFETY: by this function's contract.
    if !std::ptr::eq(unsafe { at.cast::<*const u8>().read() }, &raw const OURS) {
        return None;
    }
    // SAFETY: what begins so was boxed by `ExData::set`.
    Some(unsafe { &(*at.cast::<Held<T>>()).value })
}

/// # Safety
///
/// As of `held`, and nobody refers to the value any more.
unsafe fn release<T>(at: *mut c_void) {
    // SAFETY: by this function's contract.
    if unsafe { held::<T>(at) }.is_some() {
        // SAFETY: it came from a box.
        drop(unsafe { Box::from_raw(at.cast::<Held<T>>()) });
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
unsafe extern "C-unwind" fn dup<T: SslValue>(
    to: *mut c_void,
    _from: *const c_void,
    at: *mut *mut c_void,
    index: c_int,
    _argl: c_long,
    argp: *mut c_void,
) -> c_int {
    guard_value(0, || {
        // SAFETY: libcrypto passes the place of the copy's pointer, which is the original's yet.
        let from = unsafe { at.read() };
        // SAFETY: the original lives.
        let value = unsafe { held::<T>(from) }.and_then(T::of_copy);
        let copy = value.and_then(|value| try_box(Held { ours: &raw const OURS, value }));
        // SAFETY: the original lives.
        unsafe { at.write(copy.map_or(null_mut(), |copy| Box::into_raw(copy).cast())) };
        // libssl makes the copy by SSL_new, where it may have got something from its SSL_CTX.
        // SAFETY: what `Index::ask` passed.
        let Some(libssl) = (unsafe { libssl_of(argp) }) else { return 1 };
        // SAFETY: the copy's ex_data, and our own index.
        let held = unsafe { libssl.crypto.CRYPTO_get_ex_data(to, index) };
        // SAFETY: libcrypto puts `copy` in its place next, and there is room for it already.
        unsafe { release::<T>(held) };
        1
    })
}

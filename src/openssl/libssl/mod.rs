//! The libssl's in this process that are called here, each with its libcrypto: their functions, and
//! what they were found to do. There is one for each that an object uses which calls us, found when
//! it first does; it is kept, and stays loaded, for good.
//!
//! Nothing links to libssl: what is called is looked up in the libssl whose object it is.

mod functions;
mod name;
mod object;
mod release;

pub(crate) use functions::{
    BioCtrl, BioDestroy, BioRead, BioWrite, CryptoFunctions, ExDup, ExFree, GenerateCb, MessageCb,
    SslFunctions, VerifyCb,
};
pub(crate) use name::Name;
pub(crate) use object::{ANCHOR, OUR_OWN, is_ours};
pub(crate) use release::{Class, DTLS_CTRL_LISTEN, Errors, Release};

use crate::loader::{self, Object};
use crate::os::try_box;
use functions::{Find as _, SetError};
use object::{LIBCRYPTO, Of, libcrypto_of};
use openssl_sys::SSL_METHOD;
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed};

/// As many as one process is served with; calls that belong to a further one go on to it untouched.
pub(crate) const MAX: usize = 8;

/// One libssl, and the libcrypto that it is bound to.
pub(crate) struct Libssl {
    number: usize,
    object: Object,
    pub(crate) crypto: CryptoFunctions,
    pub(crate) ssl: SslFunctions,
    set_error: Option<SetError>,
    pub(crate) release: Release,
    /// `DTLS_server_method()` and its like: constants.
    pub(crate) methods_of_any_version: [*const SSL_METHOD; 3],
    /// The name of libcrypto's own datagram BIOs, where it has been seen.
    datagram_name: AtomicPtr<c_char>,
    /// The name of ours, behind which is one of those (`batch_bio`), once there is any.
    batch_name: AtomicPtr<c_char>,
}

/// In the order in which they were found; a null ends them.
static FOUND: [AtomicPtr<Libssl>; MAX] = [const { AtomicPtr::new(null_mut()) }; MAX];

thread_local! {
    static CALLING_BACK: Cell<Option<&'static Libssl>> = const { Cell::new(None) };
}

impl Libssl {
    /// The libssl that this object is; `None` if it is none that can be served, or is so only now,
    /// for want of memory.
    pub(crate) fn of(object: &Object) -> Option<&'static Self> {
        Self::found().find(|libssl| libssl.object.start == object.start).or_else(|| {
            let new = Self::new(object)?;
            Self::publish(new)
        })
    }

    /// Those that have been found.
    pub(crate) fn found() -> impl Iterator<Item = &'static Self> {
        // SAFETY: what is published is never freed.
        FOUND.iter().map_while(|at| unsafe { at.load(Acquire).as_ref() })
    }

    /// Are there as many as are served? One more keeps its own functions.
    pub(crate) fn no_more_are_served() -> bool {
        Self::found().count() == MAX
    }

    /// The one of that number; a callback is given it with no other hint whose it is.
    #[inline]
    pub(crate) fn numbered(number: usize) -> Option<&'static Self> {
        // SAFETY: what is published is never freed.
        unsafe { FOUND.get(number)?.load(Acquire).as_ref() }
    }

    /// The only one that was found, if it is.
    pub(crate) fn only() -> Option<&'static Self> {
        let mut found = Self::found();
        let only = found.next()?;
        found.next().is_none().then_some(only)
    }

    /// Its place among those that were found, less than [`MAX`].
    #[inline]
    pub(crate) const fn number(&self) -> usize {
        self.number
    }

    /// The only one in the process, found or not yet.
    pub(crate) fn only_one_loaded() -> Option<&'static Self> {
        if Self::found().next().is_some() {
            return Self::only();
        }
        let mut only = None;
        for object in (0..).map_while(loader::nth) {
            if object.own(ANCHOR).is_some() && only.replace(object).is_some() {
                return None;
            }
        }
        Self::of(&only?)
    }

    /// Remembers that this thread calls a callback of the application's that this libssl has asked
    /// for: it may be a function of ours, which then has nobody else to tell it whose its SSL is.
    #[inline]
    pub(crate) fn calls_back(&'static self) {
        if Self::only().is_none() {
            CALLING_BACK.set(Some(self));
        }
    }

    /// The last one that did so on this thread.
    pub(crate) fn calling_back() -> Option<&'static Self> {
        Self::only().or_else(|| CALLING_BACK.get())
    }

    /// Does the function belong to this libssl itself?
    pub(crate) fn has(&self, function: NonNull<c_void>) -> bool {
        self.has_at(function.as_ptr().addr())
    }

    pub(crate) const fn has_at(&self, address: usize) -> bool {
        self.object.contains(address)
    }

    /// Its own function of that name.
    pub(crate) fn own(&self, name: &CStr) -> Option<NonNull<c_void>> {
        self.object.own(name)
    }

    /// BIOs of this name are as good as libcrypto's own datagram BIOs.
    pub(crate) fn has_datagram_name_too(&self, name: *const c_char) {
        self.batch_name.store(name.cast_mut(), Relaxed);
    }

    /// Is this the name of libcrypto's own datagram BIOs? Compared once, and known by its address then:
    /// it is a constant.
    #[inline]
    pub(crate) fn is_datagram_name(&self, name: *const c_char) -> bool {
        std::ptr::eq(name, self.datagram_name.load(Relaxed))
            || std::ptr::eq(name, self.batch_name.load(Relaxed))
            || self.reads_as_datagram(name)
    }

    #[cold]
    fn reads_as_datagram(&self, name: *const c_char) -> bool {
        // SAFETY: a method's name is a C string as long as the method lives.
        let same = unsafe { CStr::from_ptr(name) } == c"datagram socket";
        if same && Object::at(name.addr()).is_some() {
            self.datagram_name.store(name.cast_mut(), Relaxed);
        }
        same
    }

    /// Asks for a place on every object of a class; negative if there is none.
    ///
    /// # Safety
    ///
    /// The callbacks keep to the contract of ex_data's. They are given this libssl as `argp`.
    pub(crate) unsafe fn new_index(
        &'static self,
        class: Class,
        dup: Option<ExDup>,
        free: Option<ExFree>,
    ) -> c_int {
        let argp = (&raw const *self).cast_mut().cast::<c_void>();
        // SAFETY: by this function's contract.
        unsafe { release::new_index(&self.crypto, &self.ssl, class, argp, dup, free) }
    }

    /// `ERR_set_error`, with a text or without; only where errors are [`Errors::WithoutFunction`].
    pub(crate) fn set_error(&self, library: c_int, reason: c_int, text: Option<&'static CStr>) {
        let Some(set_error) = self.set_error else { return };
        match text {
            // SAFETY: "%s" takes one C string.
            Some(text) => unsafe {
                set_error(library, reason, c"%s".as_ptr(), text.as_ptr());
            },
            // SAFETY: without a format there are no arguments.
            None => unsafe { set_error(library, reason, std::ptr::null()) },
        }
    }

    #[cold]
    fn new(object: &Object) -> Option<Self> {
        object.own(ANCHOR)?;
        let crypto_object = libcrypto_of(object)?;
        let of_crypto = Of::new(&crypto_object, LIBCRYPTO);
        let crypto = CryptoFunctions::find(&of_crypto)?;
        let ssl = SslFunctions::find(&Of::new(object, ANCHOR))?;
        let set_error = of_crypto.find(c"ERR_set_error").map(|at| {
            // SAFETY: this is what the function of that name is.
            unsafe { std::mem::transmute::<*mut c_void, SetError>(at.as_ptr()) }
        });
        let release = Release::ask(&crypto, &ssl, set_error.is_some())?;
        object.pin();
        crypto_object.pin();
        // SAFETY: gives the address of a constant.
        let server = unsafe { ssl.DTLS_server_method() };
        // SAFETY: gives the address of a constant.
        let either = unsafe { ssl.DTLS_method() };
        // SAFETY: gives the address of a constant.
        let client = unsafe { ssl.DTLS_client_method() };
        Some(Self {
            number: 0,
            object: *object,
            crypto,
            ssl,
            set_error,
            release,
            methods_of_any_version: [server, either, client],
            datagram_name: AtomicPtr::new(null_mut()),
            batch_name: AtomicPtr::new(null_mut()),
        })
    }

    /// Two threads may find the same one at once: the first to publish it has it.
    fn publish(new: Self) -> Option<&'static Self> {
        let start = new.object.start;
        let at = Box::into_raw(try_box(new)?).cast::<Self>();
        for (number, place) in FOUND.iter().enumerate() {
            // SAFETY: not published yet, so nobody else has it.
            unsafe { (*at).number = number };
            match place.compare_exchange(null_mut(), at, AcqRel, Acquire) {
                // SAFETY: published, and never freed.
                Ok(_) => return unsafe { at.as_ref() },
                Err(other) => {
                    // SAFETY: published, and never freed.
                    let other = unsafe { &*other };
                    if other.object.start == start {
                        // SAFETY: from a box, and not published.
                        drop(unsafe { Box::from_raw(at) });
                        return Some(other);
                    }
                }
            }
        }
        // SAFETY: from a box, and not published.
        drop(unsafe { Box::from_raw(at) });
        None
    }
}

/// Something for each libssl.
pub(crate) struct ForEach<T>([T; MAX]);

impl<T> ForEach<T> {
    pub(crate) const fn new(all: [T; MAX]) -> Self {
        Self(all)
    }

    #[inline]
    pub(crate) fn of(&self, libssl: &Libssl) -> &T {
        let Self(all) = self;
        let [first, ..] = all;
        // Every number is less than MAX.
        all.get(libssl.number).unwrap_or(first)
    }
}

/// The one of a libssl's number among functions that differ in it: callbacks of a BIO and of an
/// SSL_CTX come with no other hint whose they are.
macro_rules! numbered {
    ([$function:ident $(, $of:ty)?] as $kind:ty, $libssl:expr) => {{
        let all: [$kind; $crate::openssl::libssl::MAX] = [
            $function::<$($of,)? 0>,
            $function::<$($of,)? 1>,
            $function::<$($of,)? 2>,
            $function::<$($of,)? 3>,
            $function::<$($of,)? 4>,
            $function::<$($of,)? 5>,
            $function::<$($of,)? 6>,
            $function::<$($of,)? 7>,
        ];
        all.get($libssl.number()).copied()
    }};
}
pub(in crate::openssl) use numbered;

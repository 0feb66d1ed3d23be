//! libssl's own functions under the names that we export.
//!
//! Inside this library those names are ours, so the real ones are looked up behind us
//! (`RTLD_NEXT`), once each. A look-up that fails is tried again: nothing stays broken.

use super::sys;
use std::ffi::{CStr, c_int, c_ulong, c_void};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering::Relaxed};

/// A function of libssl that may not be there.
pub(crate) struct Symbol {
    name: &'static CStr,
    at: AtomicPtr<c_void>,
}

impl Symbol {
    pub(crate) const fn new(name: &'static CStr) -> Self {
        Self { name, at: AtomicPtr::new(null_mut()) }
    }

    /// Its address. Every thread finds the same one, so a race to store it is harmless.
    #[inline]
    pub(crate) fn find(&self) -> Option<NonNull<c_void>> {
        NonNull::new(self.at.load(Relaxed)).or_else(|| self.look_up())
    }

    /// Calls it, a setter of a callback, if it is there.
    ///
    /// # Safety
    ///
    /// It names a function that takes `object`, which lives, and `callback`, an optional function.
    pub(crate) unsafe fn set<O, C>(&self, object: *mut O, callback: C) {
        type Set<O, C> = unsafe extern "C-unwind" fn(*mut O, C);
        if let Some(set) = self.find() {
            // SAFETY: by this function's contract.
            let set = unsafe { std::mem::transmute::<*mut c_void, Set<O, C>>(set.as_ptr()) };
            // SAFETY: as above.
            unsafe { set(object, callback) };
        }
    }

    #[cold]
    fn look_up(&self) -> Option<NonNull<c_void>> {
        // SAFETY: the name ends in a NUL. RTLD_NEXT means "behind the object that calls", which
        // this is: the result is used here, so that the call cannot become a jump.
        let at = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        self.at.store(at, Relaxed);
        NonNull::new(at)
    }
}

static DTLSV1_LISTEN: Symbol = Symbol::new(c"DTLSv1_listen");
pub(crate) static SET_GENERATE: Symbol = Symbol::new(c"SSL_CTX_set_cookie_generate_cb");
/// Not ours, but deprecated: a libcrypto may be built without it.
static BIO_GET_CALLBACK: Symbol = Symbol::new(c"BIO_get_callback");
static SSL_NEW: Symbol = Symbol::new(c"SSL_new");
static SSL_CTRL: Symbol = Symbol::new(c"SSL_ctrl");
pub(crate) static CTX_CTRL: Symbol = Symbol::new(c"SSL_CTX_ctrl");
pub(crate) static SET_MSG: Symbol = Symbol::new(c"SSL_set_msg_callback");
pub(crate) static CTX_SET_MSG: Symbol = Symbol::new(c"SSL_CTX_set_msg_callback");
pub(crate) static SET_VERIFY: Symbol = Symbol::new(c"SSL_CTX_set_cookie_verify_cb");

/// libcrypto's `BIO_get_callback`: the kind before `BIO_get_callback_ex`'s.
///
/// # Safety
///
/// `bio` is a live BIO.
pub(super) unsafe fn bio_callback(bio: *const sys::BIO) -> sys::AnyFunction {
    type Get = unsafe extern "C-unwind" fn(*const sys::BIO) -> sys::AnyFunction;
    // SAFETY: this is what libcrypto's function of that name is.
    let get = unsafe { std::mem::transmute::<*mut c_void, Get>(BIO_GET_CALLBACK.find()?.as_ptr()) };
    // SAFETY: by this function's contract.
    unsafe { get(bio) }
}

/// libssl's `SSL_new`.
///
/// # Safety
///
/// `ctx` is null or a live SSL_CTX.
pub(crate) unsafe fn ssl_new(ctx: *mut sys::SSL_CTX) -> Option<NonNull<sys::SSL>> {
    type New = unsafe extern "C-unwind" fn(*mut sys::SSL_CTX) -> *mut sys::SSL;
    // SAFETY: this is what libssl's function of that name is.
    let new = unsafe { std::mem::transmute::<*mut c_void, New>(SSL_NEW.find()?.as_ptr()) };
    // SAFETY: by this function's contract.
    NonNull::new(unsafe { new(ctx) })
}

/// libssl's `SSL_ctrl`.
#[inline]
pub(crate) fn real_ctrl() -> Option<sys::Ctrl> {
    let ctrl = SSL_CTRL.find()?;
    // SAFETY: this is what libssl's function of that name is.
    Some(unsafe { std::mem::transmute::<*mut c_void, sys::Ctrl>(ctrl.as_ptr()) })
}

/// The function that the program would have called, had it not been for us: `DTLSv1_listen`, or
/// `SSL_ctrl` where libssl has no such function.
pub(super) fn real_listen() -> Option<sys::Listen> {
    let listen = DTLSV1_LISTEN.find();
    // SAFETY: this is what libssl's function of that name is.
    let listen =
        listen.map(|at| unsafe { std::mem::transmute::<*mut c_void, sys::Listen>(at.as_ptr()) });
    listen.or_else(|| real_ctrl().map(|_| listen_by_ctrl as sys::Listen))
}

pub(super) unsafe extern "C-unwind" fn listen_by_ctrl(
    ssl: *mut sys::SSL,
    peer: *mut c_void,
) -> c_int {
    let Some(ctrl) = real_ctrl() else { return -1 };
    // SAFETY: the arguments are those of the macro.
    c_int::try_from(unsafe { ctrl(ssl, sys::DTLS_CTRL_LISTEN, 0, peer) }).unwrap_or(-1)
}

/// Does the program use the libssl that this library is bound to?
///
/// A program on libssl.so.1.1 with a library built for libssl.so.3 has both in memory, and an SSL
/// of one must never reach the other. Compared once: the object that holds the real function and
/// the one that holds the functions that we call.
#[inline]
pub(crate) fn same_libssl() -> bool {
    match VERDICT.load(Relaxed) {
        SAME => true,
        OTHER => false,
        _ => compare_libssl(),
    }
}

const UNKNOWN: u8 = 0;
const SAME: u8 = 1;
const OTHER: u8 = 2;
static VERDICT: AtomicU8 = AtomicU8::new(UNKNOWN);

#[cold]
fn compare_libssl() -> bool {
    // Through a function that a program has no reason to take the address of: the address of one
    // that it does take can be a stub in the program itself.
    let ours = sys::SSL_set0_rbio as *const c_void;
    let Some(theirs) = SET_VERIFY.find() else {
        return true; // not known, and nothing of another libssl can be called either
    };
    let (Some(ours), Some(theirs)) = (owner(ours), owner(theirs.as_ptr())) else {
        return true;
    };
    let same = ours.base == theirs.base;
    if VERDICT.swap(if same { SAME } else { OTHER }, Relaxed) == UNKNOWN && !same {
        crate::os::notice(format_args!(
            "this program uses {}, but this libdtlsv1_listen was built for {}: cookies stay with \
             the program's own libssl and DTLSv1_listen fails. Preload a libdtlsv1_listen built for \
             the program's libssl, or none",
            theirs.name(),
            ours.name(),
        ));
    }
    same
}

struct Owner {
    base: *mut c_void,
    path: *const std::ffi::c_char,
}

impl Owner {
    fn name(&self) -> std::borrow::Cow<'static, str> {
        if self.path.is_null() {
            return "an unknown object".into();
        }
        // SAFETY: dladdr gives a C string that lives as long as the object is loaded, and neither
        // of the two is unloaded while we are bound to it.
        unsafe { CStr::from_ptr(self.path) }.to_string_lossy()
    }
}

/// The loaded object that an address lies in.
fn owner(address: *const c_void) -> Option<Owner> {
    let mut info = libc::Dl_info {
        dli_fname: std::ptr::null(),
        dli_fbase: null_mut(),
        dli_sname: std::ptr::null(),
        dli_saddr: null_mut(),
    };
    // SAFETY: any address may be asked for; `info` is ours.
    let found = unsafe { libc::dladdr(address, &raw mut info) } != 0;
    found.then_some(Owner { base: info.dli_fbase, path: info.dli_fname })
}

/// The loaded libcrypto's version: 0xMNN00PP0, or 0x1010117f and the like for 1.1.1.
pub(crate) fn libssl_version() -> c_ulong {
    // SAFETY: takes nothing and touches nothing.
    unsafe { sys::OpenSSL_version_num() }
}

//! Whose call is it? Several libssl's may be in one process, and libssl's names are ours in front of
//! all of them: a call belongs to the libssl that the calling object would have reached without us.
//!
//! That is found out when an object first calls ([`behind`]), and remembered for the addresses of its
//! code ([`known`]). The program's are its own for good. A library may be unloaded and another one
//! mapped in its place; so for those the loader is asked each time whether it is the same one, which
//! takes no lock where glibc has `_dl_find_object`.

mod behind;
mod known;
mod looked_up;

pub(crate) use looked_up::entry_number;

use super::libssl::{Libssl, Name};
use crate::loader::{self, Object};
use crate::os::uncancelled;
use crate::panic_guard::guard_value;
use behind::{Behind, calls_past_us};
use known::{Entry, PROGRAM};
use std::ffi::{CStr, c_void};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Where a call came from: what an entry (`abi::entry`) passes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// The return address; 0 where the entry has none to give.
    pub(crate) from: usize,
    /// The number of the version that the caller's reference has, in [`VERSIONS`]; from
    /// [`LOOKED_UP`] on, of an entry for a program that looked it up.
    pub(crate) version: u32,
}

/// The versions that libssl's names have in the releases that are served, by the numbers that the
/// entries give; none for a reference without one, and for one to us.
const VERSIONS: [Option<&CStr>; 4] =
    [None, Some(c"OPENSSL_1_1_0"), Some(c"OPENSSL_3.0.0"), Some(c"OPENSSL_4.0.0")];

/// The first number of an entry for who has found it with dlsym(3).
pub(crate) const LOOKED_UP: u32 = 16;

impl Call {
    /// A call of a function that is ours alone, and comes without its return address.
    pub(crate) const fn of_our_own() -> Self {
        Self { from: 0, version: 0 }
    }

    /// The libssl that the call belongs to, if it is one that we serve.
    #[inline]
    pub(crate) fn libssl(self) -> Option<&'static Libssl> {
        if PROGRAM.has(self.from) {
            return PROGRAM.libssl();
        }
        self.ask(Entry::libssl, |behind| behind.libssl)
    }

    /// The function of that name that the caller would have reached.
    #[inline]
    pub(crate) fn next(self, name: Name) -> Option<NonNull<c_void>> {
        let programs = self.next_of_the_program(name);
        programs.or_else(|| self.ask(|entry| entry.next(name), |behind| behind.next(name)))
    }

    /// The same, if the program itself calls and it is known what is behind it.
    #[inline(always)]
    pub(crate) fn next_of_the_program(self, name: Name) -> Option<NonNull<c_void>> {
        if PROGRAM.has(self.from) { PROGRAM.next(name) } else { None }
    }

    /// Asks what is remembered of the caller, or is found out.
    #[cold]
    #[inline(never)]
    fn ask<T>(self, known: impl Fn(&Entry) -> T, found: impl FnOnce(&Behind) -> T) -> T {
        let Some(object) = self.object() else {
            let look_up = || uncancelled(|| Behind::of(None, self.version()));
            return found(&guard_value(Behind::NOTHING, look_up));
        };
        let mut entries = Entry::all_for(&object).iter();
        if let Some(known) = entries.find_map(|e| e.get(&object, self.version, &known)) {
            return known;
        }
        found(&guard_value(Behind::NOTHING, || uncancelled(|| self.look_up(&object))))
    }

    /// Who calls; `None` for code that is in no object.
    fn object(self) -> Option<Object> {
        match (self.version.checked_sub(LOOKED_UP), self.from) {
            (Some(number), _) => looked_up::object_of(usize::try_from(number).ok()?),
            (None, 0) => Object::at(caller_of_our_own()),
            (None, from) => Object::at(from),
        }
    }

    /// Finds out what is behind the caller, and remembers it.
    fn look_up(self, object: &Object) -> Behind {
        if self.version >= LOOKED_UP {
            let behind = Behind::of_libssl(object);
            if behind.is_certain() {
                Entry::keep(object, self.version, &behind);
            }
            return behind;
        }
        if let Some(libssl) = Libssl::calling_back().filter(|_| loader::is_here(object.start)) {
            return Behind::in_libssl(libssl, self.version(), None);
        }
        let behind = Behind::of(Some(object), self.version());
        if behind.is_certain() {
            if object.path().is_empty() {
                PROGRAM.set(object, &behind);
            }
            Entry::keep(object, self.version, &behind);
            say_what_goes_past_us(object);
        }
        behind
    }

    fn version(self) -> Option<&'static CStr> {
        VERSIONS.get(usize::try_from(self.version).ok()?).copied().flatten()
    }

    /// One line on stderr, once: the libssl that the call belongs to cannot be served.
    #[cold]
    pub(crate) fn say_that_it_is_not_served(self) {
        static SAID: AtomicBool = AtomicBool::new(false);
        if SAID.swap(true, Relaxed) {
            return;
        }
        let next = self.next(Name::Listen);
        match next.and_then(|at| Object::at(at.as_ptr().addr())) {
            Some(object) => say_why_not(&object),
            None => crate::os::notice(format_args!(
                "there is no libssl with a DTLSv1_listen behind this call: link the caller with -lssl, \
                 behind -ldtlsv1_listen; it has to be the shared one, not libssl.a"
            )),
        }
    }
}

#[cold]
fn say_why_not(object: &Object) {
    let path = object.path();
    if path.is_empty() {
        crate::os::notice(format_args!(
            "the program has libssl linked in (libssl.a), which cannot be served: link it with the \
             shared libssl; its own DTLSv1_listen runs"
        ));
        return;
    }
    let why = if Libssl::no_more_are_served() {
        "eight others are served in this process, and no more can be"
    } else {
        "it is not the shared libssl of OpenSSL 1.1.1 or later, nor of LibreSSL"
    };
    crate::os::notice(format_args!(
        "{} cannot be served: {why}; its own DTLSv1_listen runs",
        path.to_string_lossy(),
    ));
}

#[cold]
fn say_what_goes_past_us(object: &Object) {
    static CALLBACKS: AtomicBool = AtomicBool::new(false);
    static ACCEPT_STATE: AtomicBool = AtomicBool::new(false);
    let setters = [c"SSL_CTX_set_cookie_generate_cb", c"SSL_CTX_set_cookie_verify_cb"];
    if calls_past_us(object, &setters) && !CALLBACKS.swap(true, Relaxed) {
        crate::os::notice(format_args!(
            "this program's cookie callbacks are set past libdtlsv1_listen, which makes its own cookies \
             then: link with -ldtlsv1_listen ahead of -lssl"
        ));
    }
    // It loses the hello there, and nobody would see why the handshake does not go on.
    if calls_past_us(object, &[c"SSL_set_accept_state"]) && !ACCEPT_STATE.swap(true, Relaxed) {
        crate::os::notice(format_args!(
            "this program calls SSL_set_accept_state() past libdtlsv1_listen: called after \
             DTLSv1_listen() it loses the client; link with -ldtlsv1_listen ahead of -lssl"
        ));
    }
}

/// An address of who called one of our own functions: of the object that we are linked into, if it
/// is one that uses a libssl itself.
fn caller_of_our_own() -> usize {
    static LINKED_IN: AtomicBool = AtomicBool::new(false);
    let Some(here) = loader::here() else { return loader::caller() };
    if LINKED_IN.load(Relaxed) || Behind::bound(&here).is_some() {
        LINKED_IN.store(true, Relaxed);
        return here.start;
    }
    loader::caller()
}

/// To be called when this library is loaded.
pub(crate) fn at_load() {
    guard_value((), || {
        loader::begin();
        // An auditor, if there is one, hears of it by this question (src/auditor.c).
        loader::everybodys(c"dtlsv1_listen_symbind");
        behind::look_for_libressl();
        if !is_preloaded() {
            let _ = loader::caller();
        }
    });
}

/// Is this library here for no program that calls its own functions? Any other has the unwinder from
/// the start, by which callers are found and which is looked up as a file (src/unwinder.c): the first
/// call may come in a chroot(2) or a sandbox where there is none.
fn is_preloaded() -> bool {
    const US: &[u8] = b"dtlsv1_listen";
    let preloaded = crate::os::environment(c"LD_PRELOAD").unwrap_or_default();
    preloaded.windows(US.len()).any(|part| part == US)
}

//! What a caller would have reached without us.

use crate::loader::{self, Object};
use crate::openssl::libssl::{ANCHOR, Libssl, Name, OUR_OWN, is_ours};
use crate::openssl::{accepted, claimed, contexts, message, peer, ssl_state};
use std::ffi::{CStr, c_void};
use std::ptr::NonNull;
use std::sync::atomic::AtomicUsize;

/// What a caller would have reached without us.
#[derive(Clone, Copy)]
pub(super) struct Behind {
    /// `None`: none that we can serve.
    pub(super) libssl: Option<&'static Libssl>,
    pub(super) next: [Option<NonNull<c_void>>; Name::ALL.len()],
    /// A reference of the caller's that says so, and what it was bound to.
    pub(super) proof: Option<(NonNull<AtomicUsize>, usize)>,
}

impl Behind {
    pub(super) const NOTHING: Self =
        Self { libssl: None, next: [None; Name::ALL.len()], proof: None };

    /// Of an object, or of code that is in none, whose reference has this version.
    pub(super) fn of(object: Option<&Object>, version: Option<&CStr>) -> Self {
        if let Some(behind) = object.and_then(Self::bound) {
            return behind;
        }
        let anchor = meant(object, ANCHOR, version).and_then(|at| Object::at(at.as_ptr().addr()));
        if let Some(libssl) = anchor.as_ref().and_then(Libssl::of) {
            return Self::in_libssl(libssl, version, None);
        }
        let mut behind = Self::NOTHING;
        for (next, (_, name)) in behind.next.iter_mut().zip(Name::ALL) {
            *next = meant(object, name, version).filter(|at| !is_ours(*at));
        }
        match Libssl::only_one_loaded() {
            Some(libssl) if !behind.has_any() => Self::in_libssl(libssl, version, None),
            _ => behind,
        }
    }

    /// What the object's own references are bound to, those to libssl's other functions.
    pub(super) fn bound(object: &Object) -> Option<Self> {
        let mut not_served = None;
        loader::bindings(object, |binding| {
            let name = binding.name.to_bytes();
            let asked = [&b"SSL_"[..], b"DTLS", b"TLS_", b"OPENSSL_init_ssl"];
            if !asked.iter().any(|start| name.starts_with(start)) || Name::is_any(binding.name) {
                return None;
            }
            let to = Object::at(binding.value).filter(|to| not_served != Some(to.start))?;
            not_served = Some(to.start);
            let proof = (NonNull::from(binding.slot), binding.value);
            Some(Self::in_libssl(Libssl::of(&to)?, None, Some(proof)))
        })
    }

    pub(super) fn in_libssl(
        libssl: &'static Libssl,
        version: Option<&CStr>,
        proof: Option<(NonNull<AtomicUsize>, usize)>,
    ) -> Self {
        prepare(libssl);
        let mut behind = Self { libssl: Some(libssl), proof, ..Self::NOTHING };
        for (next, (_, name)) in behind.next.iter_mut().zip(Name::ALL) {
            *next = in_front_of(libssl, name, version).or_else(|| libssl.own(name));
        }
        behind
    }

    pub(super) fn next(&self, name: Name) -> Option<NonNull<c_void>> {
        self.next.get(name as usize).copied().flatten()
    }

    fn has_any(&self) -> bool {
        self.next.iter().any(Option::is_some)
    }

    /// Will it be the same the next time? Not if a function was not found for want of memory.
    pub(super) fn is_certain(&self) -> bool {
        let Some(libssl) = self.libssl else {
            // One that has the function is served as soon as that can be.
            let object = self.next(Name::SslCtrl).and_then(|at| Object::at(at.as_ptr().addr()));
            return object.is_some_and(|object| {
                object.own(c"SSL_ctrl").is_some() && object.own(c"DTLSv1_listen").is_none()
            });
        };
        let missing = self.next.iter().filter(|next| next.is_none()).count();
        missing == usize::from(libssl.release.listens_by_ctrl)
    }
}

/// Does the object call one of these functions in libssl itself, past us? So it is where this library
/// comes behind libssl in its link line, and it calls us by a name of our own.
pub(super) fn calls_past_us(object: &Object, names: &[&CStr]) -> bool {
    let past_us = |value| Libssl::found().any(|libssl| libssl.has_at(value));
    let found = loader::references(object, |reference, is_bound| {
        if !names.contains(&reference.name) {
            return None;
        }
        let meant = || loader::everybodys(reference.name).map(|at| at.as_ptr().addr());
        let value = if is_bound { reference.value } else { meant()? };
        past_us(value).then_some(())
    });
    found.is_some()
}

/// What a name means to an object without us: in the program's scope, then in its own; the other way
/// round if we are in another scope than the program's.
fn meant(object: Option<&Object>, name: &CStr, version: Option<&CStr>) -> Option<NonNull<c_void>> {
    let everybodys = || loader::behind_us(name, version);
    let its_own = || object?.handle()?.find(name, version).filter(|at| !is_ours(*at));
    if we_are_everybodys() { everybodys().or_else(its_own) } else { its_own().or_else(everybodys) }
}

/// Is this library what everybody in the process reaches, as when it is preloaded or linked to the
/// program? If a plugin brought it along, only that plugin and its like do.
fn we_are_everybodys() -> bool {
    let ours = loader::program().and_then(|program| program.find(OUR_OWN, None));
    ours.is_some_and(|at| loader::is_here(at.as_ptr().addr()))
}

/// A function of somebody who stands in front of a libssl as we do.
fn in_front_of(libssl: &Libssl, name: &CStr, version: Option<&CStr>) -> Option<NonNull<c_void>> {
    if !libssl.has(loader::behind_us(ANCHOR, version)?) {
        return None; // it is not what everybody reaches
    }
    let at = loader::behind_us(name, version).filter(|at| !is_ours(*at))?;
    let of_a_libssl = Libssl::found().any(|libssl| libssl.has(at));
    (!of_a_libssl).then_some(at)
}

/// From 3.9 on LibreSSL keeps data of ours only on objects that are made after we have asked for a
/// place on them: so that is done as soon as it is seen.
fn prepare(libssl: &'static Libssl) {
    if libssl.release.is_libressl {
        let _ = contexts::prepare(libssl);
        ssl_state::prepare(libssl);
        message::prepare(libssl);
        peer::prepare(libssl);
        claimed::prepare(libssl);
        accepted::prepare(libssl);
    }
}

/// Prepares the LibreSSL that the program was linked with, if it was.
pub(super) fn look_for_libressl() {
    // Most processes have none, and a look-up in vain costs more than all else that is done at load.
    if !loader::is_loaded(b"libssl") {
        return;
    }
    // A function of LibreSSL's that is a macro in OpenSSL.
    let at = loader::behind_us(c"SSL_get_ex_new_index", None);
    let object = at.and_then(|at| Object::at(at.as_ptr().addr()));
    if let Some(libssl) = object.as_ref().and_then(Libssl::of) {
        prepare(libssl);
    }
}

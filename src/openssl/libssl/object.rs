//! Which object is a libssl or a libcrypto, and whose a function is.

use super::functions::Find;
use super::name::Name;
use crate::loader::{self, Object};
use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

/// A function that every libssl has and hardly anybody puts one of his own in front of: whose it is,
/// he is the libssl.
pub(crate) const ANCHOR: &CStr = c"SSL_get_SSL_CTX";

/// An object's functions, as whoever is bound to it reaches them.
pub(super) struct Of<'a> {
    object: &'a Object,
    /// Is what everybody reaches this object's? Then somebody may stand in front of it with a function
    /// of his own (a tracer, a test), and he does so for us as for everybody.
    is_everybodys: bool,
}

impl<'a> Of<'a> {
    pub(super) fn new(object: &'a Object, known_by: &CStr) -> Self {
        let reached = loader::everybodys(known_by);
        let is_everybodys = reached.is_some_and(|at| object.contains(at.as_ptr().addr()));
        Self { object, is_everybodys }
    }

    fn in_front(&self, name: &CStr) -> Option<NonNull<c_void>> {
        if !self.is_everybodys || Name::is_any(name) {
            return None;
        }
        let at = loader::everybodys(name)?;
        let of = Object::at(at.as_ptr().addr()).filter(|of| of.start != self.object.start)?;
        let others = of.own(LIBCRYPTO).or_else(|| of.own(ANCHOR)).is_some();
        (!others).then_some(at)
    }
}

impl Find for Of<'_> {
    fn find(&self, name: &CStr) -> Option<NonNull<c_void>> {
        let own = self.object.own(name)?;
        self.in_front(name).or(Some(own))
    }
}

/// A function that every libcrypto has and hardly anybody puts one of his own in front of.
pub(super) const LIBCRYPTO: &CStr = c"OpenSSL_version_num";

/// A name that is in every copy of this library.
pub(crate) const OUR_OWN: &CStr = c"dtlsv1_listen_version";

/// Is it a function of this library, or of another copy of it? Two that hand each other their calls
/// would check every cookie twice, each with a secret of its own.
pub(crate) fn is_ours(at: NonNull<c_void>) -> bool {
    loader::is_here(at.as_ptr().addr())
        || Object::at(at.as_ptr().addr()).is_some_and(|object| object.own(OUR_OWN).is_some())
}

/// The libcrypto that a libssl calls: as its references say, which may be another than the one that
/// it names as needed; else, where none is bound yet, what its own scope says.
pub(super) fn libcrypto_of(libssl: &Object) -> Option<Object> {
    let bound = loader::bindings(libssl, |binding| {
        let name = binding.name.to_bytes();
        let asked = [&b"BIO_"[..], b"CRYPTO_", b"ERR_", b"EVP_", b"X509_"];
        if !asked.iter().any(|start| name.starts_with(start)) {
            return None;
        }
        Object::at(binding.value).filter(|object| object.own(LIBCRYPTO).is_some())
    });
    bound.or_else(|| Object::at(libssl.handle()?.find(LIBCRYPTO, None)?.as_ptr().addr()))
}

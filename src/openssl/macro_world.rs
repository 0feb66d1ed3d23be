//! LibreSSL, and the macro that `DTLSv1_listen` is there (and was in OpenSSL before 1.1.0):
//! `SSL_ctrl(ssl, DTLS_CTRL_LISTEN, 0, peer)`. All that differs there is in this room.

use super::handoff::Listen;
use super::ssl::Ssl;
#[cfg(libressl)]
use super::{handoff::with_stand_in, once_bio::Once};
use super::{real, sys};
use std::ffi::{c_int, c_long, c_void};
use std::mem::transmute;

/// `SSL_ctrl`.
pub(crate) type Ctrl = unsafe extern "C" fn(*mut sys::SSL, c_int, c_long, *mut c_void) -> c_long;

/// The command that means `DTLSv1_listen`.
pub(crate) const DTLS_CTRL_LISTEN: c_int = 75;

/// libssl's `SSL_ctrl`.
#[inline]
pub(crate) fn real_ctrl() -> Option<Ctrl> {
    let ctrl = real::SSL_CTRL.find()?;
    // SAFETY: this is what libssl's function of that name is.
    Some(unsafe { transmute::<*mut c_void, Ctrl>(ctrl.as_ptr()) })
}

/// How to listen where libssl has no function for it.
pub(super) fn real_listen() -> Option<Listen> {
    real_ctrl().map(|_| listen_by_ctrl as Listen)
}

unsafe extern "C" fn listen_by_ctrl(ssl: *mut sys::SSL, peer: *mut c_void) -> c_int {
    let Some(ctrl) = real_ctrl() else { return -1 };
    // SAFETY: the arguments are those of the macro.
    c_int::try_from(unsafe { ctrl(ssl, DTLS_CTRL_LISTEN, 0, peer) }).unwrap_or(-1)
}

/// Leaves an SSL that found nothing to read as that world's function leaves it: so that
/// `SSL_get_error` says SSL_ERROR_WANT_READ, which is what its callers wait by.
#[cfg(libressl)]
pub(crate) fn note_would_block(ssl: Ssl) {
    let Some(rbio) = ssl.rbio() else { return };
    let mut address = super::bio::Address::untouched();
    // libssl's own function finds a BIO that would block; it reads nothing and sends nothing.
    let _ = with_stand_in(ssl, rbio, Once::empty(rbio), || {
        // SAFETY: the SSL lives and `address` has room for any address.
        unsafe { listen_by_ctrl(ssl.as_ptr(), address.as_mut_ptr().cast()) }
    });
}

/// With OpenSSL there is nothing to do: its function leaves the SSL as it is.
#[cfg(not(libressl))]
pub(crate) fn note_would_block(_ssl: Ssl) {}

/// The numbers of that world's records are right, and its write BIO stays as it is.
#[cfg(libressl)]
pub(crate) fn resequence(_ssl: Ssl, _first: Option<u64>) {}

/// So there is never a BIO of ours in front of it.
#[cfg(libressl)]
pub(crate) fn behind(bio: super::bio::Bio) -> super::bio::Bio {
    bio
}

/// Has the handshake not begun?
#[cfg(libressl)]
pub(super) fn in_before(ssl: Ssl) -> bool {
    /// `SSL_ST_BEFORE`.
    const BEFORE: c_int = 0x4000;
    // SAFETY: the SSL lives.
    unsafe { sys::SSL_state(ssl.as_ptr()) & BEFORE != 0 }
}

/// Has the handshake not begun?
#[cfg(not(libressl))]
pub(super) fn in_before(ssl: Ssl) -> bool {
    // SAFETY: the SSL lives.
    unsafe { sys::SSL_in_before(ssl.as_ptr()) != 0 }
}

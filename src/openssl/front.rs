//! What stands in front of an SSL's write BIO ([`resequence_bio`]), and that nobody sees it.
//!
//! It is not pushed on the real BIO, and is the SSL's and libssl's alone: an application that asks for the
//! write BIO is given its own (`abi::bios`), with its data, its place in a chain and its type. It stays
//! until the SSL is freed or the application puts another BIO in its place with `SSL_set0_wbio`: records
//! of epoch 0 are repeated when epoch 1 has long begun.
//!
//! `SSL_set_bio` takes a reference for each BIO that changes, and libssl would see the write BIO change
//! where an application gives it the same once more. So that is answered here, too. An application
//! whose calls of it do not come here ([`sees_calls`]) gets one in front of a datagram BIO that is both
//! read and written, where the references come out the same.

use super::bio::Bio;
use super::libssl::Libssl;
use super::resequence_bio::{self, resequencer};
use super::ssl::Ssl;
use super::sys;
use crate::hello::resequence::{LIBSSL_BEGINS_AT, Resequencing};
use crate::local_address::Local;
use std::ffi::c_int;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Which write BIOs get one of ours in front.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrontOf {
    /// libssl's datagram BIO, both read and written; any, where the application's calls come here.
    OneSocket,
    /// Any: the application has been told.
    Any,
}

/// Has any SSL one of ours?
static IN_USE: AtomicBool = AtomicBool::new(false);
/// Has anybody's `SSL_set_bio` come to `abi::bios`?
static SEEN: AtomicBool = AtomicBool::new(false);

/// Is there anything to tell an application's BIO from?
#[inline]
pub(crate) fn is_in_use() -> bool {
    IN_USE.load(Relaxed)
}

/// To be called where `SSL_set_bio` comes to us.
#[inline]
pub(crate) fn sees_calls() {
    if !SEEN.load(Relaxed) {
        SEEN.store(true, Relaxed);
    }
}

/// Sees to it that the first record that an SSL writes from now on has this sequence number; with
/// `None`, that libssl's numbers stay.
///
/// They stay, too, without memory for the BIO.
pub(crate) fn resequence(ssl: Ssl, first: Option<u64>, front_of: FrontOf) {
    let (Some(rbio), Some(wbio)) = (ssl.rbio(), ssl.wbio()) else { return };
    let wrong = ssl.libssl().release.begins_at_one;
    let first = first.filter(|first| *first > LIBSSL_BEGINS_AT && wrong);
    // From an earlier client of the same SSL.
    if let Some(ours) = resequencer(wbio) {
        ours.numbers.set(first.map_or_else(Resequencing::inert, Resequencing::starting_at));
        ours.from.set(None);
    } else if let Some(first) = first {
        if front_of == FrontOf::Any || SEEN.load(Relaxed) || (wbio == rbio && rbio.is_datagram()) {
            let _ = put_in_front(ssl, wbio, Resequencing::starting_at(first));
        }
    }
}

/// Has what an SSL writes to its datagram BIO from now on leave from this address, while that BIO has this
/// socket. The kernel chooses without memory for a BIO in front, and where the SSL cannot be given one.
pub(crate) fn send_from(ssl: Ssl, socket: c_int, local: Local) {
    let Some(wbio) = ssl.wbio() else { return };
    if resequencer(wbio).is_none() {
        let _ = put_in_front(ssl, wbio, Resequencing::inert());
    }
    if let Some(ours) = ssl.wbio().and_then(resequencer) {
        ours.from.set(Some((socket, local)));
    }
}

/// The application's own BIO, if this one is ours.
#[inline]
pub(crate) fn behind(bio: Bio) -> Bio {
    resequencer(bio).map_or(bio, |ours| ours.real)
}

/// `SSL_set_bio`, whose own function is `set`: done here, if the write BIO is the one that the SSL has
/// behind one of ours. One of ours goes on in front of another.
///
/// The caller gives a reference to the read BIO if it is a new one, and one to the write BIO if that was
/// the read BIO as well and is no more: as libssl takes them (SSL_set_bio(3)).
///
/// # Safety
///
/// `rbio` is null or a live BIO of the SSL's libssl.
pub(crate) unsafe fn set_bio(
    ssl: Ssl,
    rbio: *mut sys::BIO,
    wbio: *mut sys::BIO,
    set: impl FnOnce(),
) {
    let Some(ours) = ssl.wbio().and_then(resequencer) else { return set() };
    let (real, now, numbers) = (ours.real, ssl.rbio(), ours.numbers.get());
    if real.as_ptr() != wbio {
        set();
        if let Some(other) = ssl.wbio() {
            let _ = put_in_front(ssl, other, numbers); // without memory libssl's numbers stay
        }
        return;
    }
    if now.map_or(null_mut(), Bio::as_ptr) == rbio {
        return;
    }
    let crypto = real.crypto();
    if rbio == wbio {
        // SAFETY: the real BIO lives. It takes one reference for two.
        unsafe { crypto.BIO_up_ref(rbio) };
    }
    let was_both = now == Some(real);
    // SAFETY: type invariant; the SSL takes the reference over.
    unsafe { ssl.libssl().ssl.SSL_set0_rbio(ssl.as_ptr(), rbio) };
    if was_both {
        // SAFETY: the one that was given for the write BIO; the resequencer has its own.
        unsafe { crypto.BIO_free_all(wbio) };
    }
}

/// The application's own for a BIO that an SSL writes to.
///
/// # Safety
///
/// The BIO is of this libssl's libcrypto, lives, and is this thread's.
pub(crate) unsafe fn behind_of(bio: NonNull<sys::BIO>, libssl: &'static Libssl) -> *mut sys::BIO {
    // SAFETY: by this function's contract.
    behind(unsafe { Bio::new(bio, libssl) }).as_ptr()
}

fn put_in_front(ssl: Ssl, real: Bio, numbers: Resequencing) -> Option<()> {
    let set_wbio = ssl.libssl().ssl.SSL_set0_wbio?;
    let bio = resequence_bio::new(real, numbers)?;
    // SAFETY: type invariant. The SSL takes over our reference to the new BIO and drops one to the real
    // one, which has the resequencer's in its place.
    unsafe { set_wbio(ssl.as_ptr(), bio.as_ptr()) };
    IN_USE.store(true, Relaxed);
    Some(())
}

//! OpenSSL's error queue.

use super::sys;
use crate::hello::error::{Discard, Fault};
use std::ffi::{CStr, c_int, c_ulong};

/// Empties this thread's queue. Looking first costs a sixth of emptying an empty one.
pub(crate) fn clear_errors() {
    // SAFETY: the queue is this thread's.
    if unsafe { sys::ERR_peek_error() } != 0 {
        // SAFETY: as above.
        unsafe { sys::ERR_clear_error() };
    }
}

/// Queues the reason for a dropped datagram, without the names of file and function: OpenSSL 3
/// would copy them to the heap, and a datagram that anyone can send gets no memory.
pub(crate) fn queue_discard(discard: Discard) {
    put(discard.reason(), None, 0);
}

/// Queues the reason for a failure of ours, with what to do about it where that is known.
pub(crate) fn queue_fault(fault: Fault) {
    let (reason, advice) = match fault {
        // Whoever failed has queued why; libssl does not where it is out of memory.
        Fault::Io => return,
        Fault::Libssl if holds_any() => return,
        Fault::NullArgument => (PASSED_NULL_PARAMETER, None),
        Fault::BioNotSet => (128, None),        // SSL_R_BIO_NOT_SET
        Fault::NotDtls => (259, None),          // SSL_R_UNSUPPORTED_SSL_VERSION
        Fault::NoVerifyCallback => (403, None), // SSL_R_NO_VERIFY_COOKIE_CALLBACK
        Fault::GenerateCallback => (400, None), // SSL_R_COOKIE_GEN_CALLBACK_FAILURE
        Fault::OtherLibssl => (
            INTERNAL_ERROR,
            Some(c"libdtlsv1_listen was built for another libssl than this program uses"),
        ),
        Fault::InvalidArgument => (PASSED_INVALID_ARGUMENT, None),
        Fault::NoSecret => (
            INTERNAL_ERROR,
            Some(c"libdtlsv1_listen has no secret to make cookies with: no random bytes, no good file"),
        ),
        Fault::Libssl => (
            INTERNAL_ERROR,
            Some(c"libdtlsv1_listen: libssl failed and did not say why: out of memory?"),
        ),
        Fault::SecretFile => (
            INTERNAL_ERROR,
            Some(c"libdtlsv1_listen: the secret file is not usable, its line on stderr says why"),
        ),
        Fault::SecretLength => {
            (PASSED_INVALID_ARGUMENT, Some(c"libdtlsv1_listen: a secret has 32 to 1024 bytes"))
        }
        Fault::NoMemory => (MALLOC_FAILURE, Some(c"libdtlsv1_listen: out of memory")),
        Fault::Handoff => (
            INTERNAL_ERROR,
            Some(c"libdtlsv1_listen: libssl lacks a function that is needed, or did not take the verified ClientHello"),
        ),
        Fault::Internal => {
            (INTERNAL_ERROR, Some(c"libdtlsv1_listen has a defect: please report it"))
        }
    };
    put(reason, Some(advice), line!());
}

/// Is anything queued?
pub(super) fn holds_any() -> bool {
    // SAFETY: the queue is this thread's.
    unsafe { sys::ERR_peek_error() != 0 }
}

/// What stood in the queue, to be put back behind a call that empties it: library and reason, as
/// many as the queue holds. File, line and text do not come back.
pub(super) struct Errors([c_ulong; 16]);

impl Errors {
    /// `None` for an empty queue, as it is but for callbacks that leave errors there.
    pub(super) fn take() -> Option<Self> {
        holds_any().then(|| {
            let mut errors = [0; 16];
            // SAFETY: the queue is this thread's.
            errors.fill_with(|| unsafe { sys::ERR_get_error() });
            Self(errors)
        })
    }

    pub(super) fn put_back(&self) {
        for error in self.0 {
            if error != 0 {
                put_again(error);
            }
        }
    }
}

#[cfg(not(any(openssl1, libressl)))]
mod numbers {
    use std::ffi::{c_int, c_ulong};
    /// ERR_RFLAG_FATAL and ERR_RFLAG_COMMON: a reason that every library shares.
    const FATAL: c_int = 0b11 << 18;
    pub(super) const MALLOC_FAILURE: c_int = 256 | FATAL;
    pub(super) const PASSED_NULL_PARAMETER: c_int = 258 | FATAL;
    pub(super) const INTERNAL_ERROR: c_int = 259 | FATAL;
    pub(super) const PASSED_INVALID_ARGUMENT: c_int = 262 | 0b10 << 18;
    pub(super) const LIBRARY_AT: u32 = 23;
    pub(super) const REASON: c_ulong = 0x7F_FFFF;
}
#[cfg(any(openssl1, libressl))]
mod numbers {
    use std::ffi::{c_int, c_ulong};
    pub(super) const MALLOC_FAILURE: c_int = 1 | 64;
    pub(super) const PASSED_NULL_PARAMETER: c_int = 3 | 64;
    pub(super) const INTERNAL_ERROR: c_int = 4 | 64;
    pub(super) const PASSED_INVALID_ARGUMENT: c_int = 7;
    pub(super) const LIBRARY_AT: u32 = 24;
    pub(super) const REASON: c_ulong = 0xFFF;
}
/// `ERR_GET_LIB`.
fn library(error: c_ulong) -> c_int {
    c_int::try_from(error >> numbers::LIBRARY_AT & 0xFF).unwrap_or(0)
}

/// `ERR_GET_REASON`.
fn reason(error: c_ulong) -> c_int {
    c_int::try_from(error & numbers::REASON).unwrap_or(0)
}

use numbers::{INTERNAL_ERROR, MALLOC_FAILURE, PASSED_INVALID_ARGUMENT, PASSED_NULL_PARAMETER};

fn put(reason: c_int, fault: Option<Option<&'static CStr>>, line: u32) {
    put_in(sys::ERR_LIB_SSL, reason, fault, line);
}

/// `fault`: None for a discard; else the advice, if there is any.
#[cfg(not(any(openssl1, libressl)))]
fn put_in(library: c_int, reason: c_int, fault: Option<Option<&'static CStr>>, line: u32) {
    use std::ptr::null;
    // SAFETY: takes nothing; the queue is this thread's.
    unsafe { sys::ERR_new() };
    if fault.is_some() {
        // SAFETY: both names are C strings.
        unsafe {
            sys::ERR_set_debug(
                c"libdtlsv1_listen".as_ptr(),
                line_number(line),
                c"DTLSv1_listen".as_ptr(),
            );
        };
    }
    match fault.flatten() {
        // SAFETY: "%s" takes one C string.
        Some(advice) => unsafe {
            sys::ERR_set_error(library, reason, c"%s".as_ptr(), advice.as_ptr());
        },
        // SAFETY: without a format there are no arguments.
        None => unsafe { sys::ERR_set_error(library, reason, null()) },
    }
}

#[cfg(any(openssl1, libressl))]
fn put_in(library: c_int, reason: c_int, fault: Option<Option<&'static CStr>>, line: u32) {
    /// SSL_F_DTLSV1_LISTEN, the same in every 1.1.1; LibreSSL has no functions in its errors.
    const FUNCTION: c_int = 350;
    let file = if fault.is_some() { c"libdtlsv1_listen" } else { c"" };
    // SAFETY: the queue keeps the pointer, to a string that lives as long as the library.
    unsafe {
        sys::ERR_put_error(library, FUNCTION, reason, file.as_ptr(), line_number(line));
    };
    if let Some(advice) = fault.flatten() {
        // SAFETY: flags say that it is text and is not to be freed (ERR_TXT_STRING alone).
        unsafe { sys::ERR_set_error_data(advice.as_ptr().cast_mut(), 2) };
    }
}

#[cfg(not(any(openssl1, libressl)))]
fn put_again(error: c_ulong) {
    put_in(library(error), reason(error), None, 0);
}

/// With its function, which is a part of the number here.
#[cfg(any(openssl1, libressl))]
fn put_again(error: c_ulong) {
    let function = c_int::try_from(error >> 12 & 0xFFF).unwrap_or(0);
    // SAFETY: the queue keeps the pointer, to a string that lives as long as the library.
    unsafe {
        sys::ERR_put_error(library(error), function, reason(error), c"".as_ptr(), 0);
    };
}

fn line_number(line: u32) -> c_int {
    c_int::try_from(line).unwrap_or(0)
}

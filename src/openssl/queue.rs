//! OpenSSL's error queue: each libcrypto has its own.

use super::libssl::{Errors as Kind, Libssl};
use super::sys;
use crate::hello::error::{Discard, Fault};
use std::ffi::{CStr, c_int, c_ulong};

/// Empties this thread's queue. Looking first costs a sixth of emptying an empty one.
pub(crate) fn clear_errors(libssl: &Libssl) {
    if holds_any(libssl) {
        // SAFETY: the queue is this thread's.
        unsafe { libssl.crypto.ERR_clear_error() };
    }
}

/// Queues the reason for a dropped datagram, without the names of file and function: OpenSSL 3
/// would copy them to the heap, and a datagram that anyone can send gets no memory.
pub(crate) fn queue_discard(libssl: &Libssl, discard: Discard) {
    put(libssl, discard.reason(), From::Others);
}

/// Queues the reason for a failure of ours, with what to do about it where that is known.
pub(crate) fn queue_fault(libssl: &Libssl, fault: Fault) {
    let common = Common::of(libssl);
    let (reason, advice) = match fault {
        // Whoever failed has queued why; libssl does not where it is out of memory.
        Fault::Io => return,
        Fault::Libssl if holds_any(libssl) => return,
        Fault::NullArgument => (common.passed_null_parameter, None),
        Fault::BioNotSet => (128, None),        // SSL_R_BIO_NOT_SET
        Fault::NotDtls => (259, None),          // SSL_R_UNSUPPORTED_SSL_VERSION
        Fault::NoVerifyCallback => (403, None), // SSL_R_NO_VERIFY_COOKIE_CALLBACK
        Fault::GenerateCallback => (400, None), // SSL_R_COOKIE_GEN_CALLBACK_FAILURE
        Fault::PeerUnknown => (
            common.internal_error,
            Some(c"libdtlsv1_listen: the read BIO does not know the peer, whom built-in cookies are bound to: call dtlsv1_listen_set_peer() with each datagram's sender, or set both cookie callbacks"),
        ),
        Fault::InvalidArgument => (common.passed_invalid_argument, None),
        Fault::AppCookies => (
            common.passed_invalid_argument,
            Some(c"libdtlsv1_listen: cookies are the application's (DTLSV1_LISTEN_COOKIES_APP), and there is no SSL to ask it with"),
        ),
        Fault::ListenerOptions => (
            common.passed_invalid_argument,
            Some(c"libdtlsv1_listen: struct dtlsv1_listener_options: its size is not sizeof, mtu is below 228, max_datagram above 16397, or a flag or member is one of a later version"),
        ),
        Fault::ListenerAddress => (
            common.passed_invalid_argument,
            Some(c"libdtlsv1_listen: the address is no struct sockaddr_in or sockaddr_in6 of that length"),
        ),
        Fault::NegativeLength => (
            common.passed_invalid_argument,
            Some(c"libdtlsv1_listen: the datagram's length is negative: it was not received, look at what recvfrom() returned"),
        ),
        Fault::NoPeer => (
            common.passed_invalid_argument,
            Some(c"libdtlsv1_listen: the peer has no address, or not one of that length"),
        ),
        Fault::NoRoom => (
            common.passed_invalid_argument,
            Some(c"libdtlsv1_listen: too little room for what is to be written"),
        ),
        Fault::NoSecret => (
            common.internal_error,
            Some(c"libdtlsv1_listen has no secret to make cookies with: no random bytes, no good file"),
        ),
        Fault::Libssl => (
            common.internal_error,
            Some(c"libdtlsv1_listen: libssl failed and did not say why: out of memory?"),
        ),
        Fault::SecretFile => (
            common.internal_error,
            Some(c"libdtlsv1_listen: the secret file is not usable, its line on stderr says why"),
        ),
        Fault::SecretLength => {
            (common.passed_invalid_argument, Some(c"libdtlsv1_listen: a secret has 32 to 1024 bytes"))
        }
        Fault::NoMemory => (common.malloc_failure, Some(c"libdtlsv1_listen: out of memory")),
        Fault::Handoff => (
            common.internal_error,
            Some(c"libdtlsv1_listen: libssl lacks a function that is needed, or did not take the verified ClientHello"),
        ),
        Fault::System(errno) => {
            put_in(libssl, (sys::ERR_LIB_SYS, FUNCTION, errno), From::Us { advice: None });
            return;
        }
        Fault::Internal => {
            (common.internal_error, Some(c"libdtlsv1_listen has a defect: please report it"))
        }
    };
    put(libssl, reason, From::Us { advice });
}

/// Is anything queued?
pub(super) fn holds_any(libssl: &Libssl) -> bool {
    // SAFETY: the queue is this thread's.
    unsafe { libssl.crypto.ERR_peek_error() != 0 }
}

/// What stood in the queue, to be put back behind a call that empties it: library and reason, as
/// many as the queue holds. File, line and text do not come back.
pub(crate) struct Errors {
    libssl: &'static Libssl,
    numbers: [c_ulong; 16],
}

impl Errors {
    /// `None` for an empty queue, as it is but for callbacks that leave errors there.
    pub(crate) fn take(libssl: &'static Libssl) -> Option<Self> {
        holds_any(libssl).then(|| {
            let mut numbers = [0; 16];
            // SAFETY: the queue is this thread's.
            numbers.fill_with(|| unsafe { libssl.crypto.ERR_get_error() });
            Self { libssl, numbers }
        })
    }

    pub(crate) fn put_back(&self) {
        for number in self.numbers.into_iter().filter(|number| *number != 0) {
            put_again(self.libssl, number);
        }
    }
}

/// What `work` made. The errors that it queued go, and those from before stay.
pub(crate) fn without_errors<T, E>(
    libssl: &'static Libssl,
    work: impl FnOnce() -> Result<T, E>,
) -> Option<T> {
    let before = Errors::take(libssl);
    let made = work().ok();
    if holds_any(libssl) {
        clear_errors(libssl);
    }
    if let Some(before) = before {
        before.put_back();
    }
    made
}

/// The reasons that every library shares.
struct Common {
    malloc_failure: c_int,
    passed_null_parameter: c_int,
    internal_error: c_int,
    passed_invalid_argument: c_int,
}

impl Common {
    /// `ERR_RFLAG_COMMON`, and with `ERR_RFLAG_FATAL`.
    const COMMON: c_int = 0b10 << 18;
    const FATAL: c_int = 0b11 << 18;

    const fn of(libssl: &Libssl) -> Self {
        match libssl.release.errors {
            Kind::WithoutFunction => Self {
                malloc_failure: 256 | Self::FATAL,
                passed_null_parameter: 258 | Self::FATAL,
                internal_error: 259 | Self::FATAL,
                passed_invalid_argument: 262 | Self::COMMON,
            },
            Kind::WithFunction => Self {
                malloc_failure: 1 | 64,
                passed_null_parameter: 3 | 64,
                internal_error: 4 | 64,
                passed_invalid_argument: 7,
            },
        }
    }
}

/// SSL_F_DTLSV1_LISTEN, the same in every 1.1.1; LibreSSL has no functions in its errors.
const FUNCTION: c_int = 350;

/// Who an error comes from.
#[derive(Clone, Copy)]
enum From {
    /// A peer, or whoever queued it first: without the names of file and function.
    Others,
    /// This library, with what to do about it where that is known.
    Us { advice: Option<&'static CStr> },
}

fn put(libssl: &Libssl, reason: c_int, from: From) {
    put_in(libssl, (sys::ERR_LIB_SSL, FUNCTION, reason), from);
}

/// `error`: library, function, reason.
fn put_in(libssl: &Libssl, (library, function, reason): (c_int, c_int, c_int), from: From) {
    let crypto = &libssl.crypto;
    let (file, line, advice) = match from {
        From::Others => (c"", 0, None),
        From::Us { advice } => (c"libdtlsv1_listen", c_int::try_from(line!()).unwrap_or(0), advice),
    };
    if let (Some(new), Some(set_debug)) = (crypto.ERR_new, crypto.ERR_set_debug) {
        // SAFETY: takes nothing; the queue is this thread's.
        unsafe { new() };
        if !file.is_empty() {
            // SAFETY: both names are C strings.
            unsafe { set_debug(file.as_ptr(), line, c"DTLSv1_listen".as_ptr()) };
        }
        libssl.set_error(library, reason, advice);
    } else if let Some(put) = crypto.ERR_put_error {
        // SAFETY: the queue keeps the pointer, to a string that lives as long as the library.
        unsafe { put(library, function, reason, file.as_ptr(), line) };
        if let (Some(advice), Some(set_data)) = (advice, crypto.ERR_set_error_data) {
            // SAFETY: flags say that it is text and is not to be freed (ERR_TXT_STRING alone).
            unsafe { set_data(advice.as_ptr().cast_mut(), 2) };
        }
    }
}

/// `ERR_GET_LIB`, `ERR_GET_FUNC` and `ERR_GET_REASON`.
fn put_again(libssl: &Libssl, error: c_ulong) {
    let part = |at: u32, mask| c_int::try_from((error >> at) & mask).unwrap_or(0);
    let error = match libssl.release.errors {
        Kind::WithoutFunction => (part(23, 0xFF), 0, part(0, 0x7F_FFFF)),
        Kind::WithFunction => (part(24, 0xFF), part(12, 0xFFF), part(0, 0xFFF)),
    };
    put_in(libssl, error, From::Others);
}

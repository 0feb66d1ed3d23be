//! What releases do differently, as far as it matters here: decided in this room and nowhere else.
//!
//! Asked of the loaded libssl wherever it can be asked: which functions it has, and what its text and
//! numbers say of it. How it reports messages is asked by having it answer a hello (`message_style`).

use super::functions::{CryptoFunctions, ExDup, ExFree, SslFunctions};
use openssl_sys::SSL;
use std::ffi::{CStr, c_int, c_ulong, c_void};
use std::ptr::null_mut;

/// The command of `SSL_ctrl` that means `DTLSv1_listen`: a macro in LibreSSL, and in OpenSSL before
/// 1.1.0.
pub(crate) const DTLS_CTRL_LISTEN: c_int = 75;

/// One libssl's ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    /// 0xMNN00PP0, or 0x1010117f and the like for 1.1.1; LibreSSL gives 0x20000000.
    pub(crate) version: c_ulong,
    pub(crate) is_libressl: bool,
    pub(crate) errors: Errors,
    /// `SSL_clear` leaves an error in the SSL that `SSL_get_error` tells of: from 4.0 on an SSL keeps
    /// one until it is cleared; before, `SSL_get_error` looks at the queue.
    pub(crate) ssl_keeps_error: bool,
    /// The first record that is written has sequence number 1, whatever the ClientHello's was
    /// (OpenSSL issue 32063): from 3.2 on.
    pub(crate) begins_at_one: bool,
    /// `DTLSv1_listen` is a macro over `SSL_ctrl` command 75; a read that would block gives -1 and
    /// leaves the SSL so that `SSL_get_error` says SSL_ERROR_WANT_READ.
    pub(crate) listens_by_ctrl: bool,
}

/// How errors are packed into a number, and queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errors {
    /// Library, function, reason; `ERR_put_error`: OpenSSL 1.1.1 and LibreSSL.
    WithFunction,
    /// Library, reason; `ERR_new` and `ERR_set_error`: from OpenSSL 3.0 on.
    WithoutFunction,
}

impl Release {
    /// `None` for a library that has libssl's names and is none that is served here: BoringSSL and
    /// its kin have no `DTLSv1_listen`, as a function or a command.
    pub(super) fn ask(
        crypto: &CryptoFunctions,
        ssl: &SslFunctions,
        sets_errors: bool,
    ) -> Option<Self> {
        /// `OPENSSL_VERSION`, and in LibreSSL `SSLEAY_VERSION`.
        const TEXT: c_int = 0;
        // SAFETY: takes a number, and touches nothing.
        let text = unsafe { crypto.OpenSSL_version(TEXT) };
        if text.is_null() {
            return None;
        }
        // SAFETY: a constant text.
        let text = unsafe { CStr::from_ptr(text) }.to_bytes();
        // SAFETY: takes nothing and touches nothing.
        let version = unsafe { crypto.OpenSSL_version_num() };
        let is_libressl = text.starts_with(b"LibreSSL");
        if !is_libressl && ssl.DTLSv1_listen.is_none() {
            return None;
        }
        let (errors, can_queue) = if crypto.ERR_new.is_some() {
            (Errors::WithoutFunction, crypto.ERR_set_debug.is_some() && sets_errors)
        } else {
            (Errors::WithFunction, crypto.ERR_put_error.is_some())
        };
        let tells_before = ssl.SSL_in_before.is_some() || ssl.SSL_state.is_some();
        (can_queue && tells_before).then_some(Self {
            version,
            is_libressl,
            errors,
            ssl_keeps_error: !is_libressl && version >= 0x4000_0000,
            begins_at_one: !is_libressl && version >= 0x3020_0000,
            listens_by_ctrl: ssl.DTLSv1_listen.is_none(),
        })
    }
}

impl SslFunctions {
    /// libssl's own `DTLSv1_listen`, whatever it is there.
    ///
    /// # Safety
    ///
    /// `ssl` is a live SSL of this libssl's that no other thread uses; `peer` has room for any address.
    pub(crate) unsafe fn listen(&self, ssl: *mut SSL, peer: *mut c_void) -> c_int {
        match self.DTLSv1_listen {
            // SAFETY: by this function's contract.
            Some(listen) => unsafe { listen(ssl, peer) },
            None => {
                // SAFETY: the arguments are those of the macro.
                let result = unsafe { self.SSL_ctrl(ssl, DTLS_CTRL_LISTEN, 0, peer) };
                c_int::try_from(result).unwrap_or(-1)
            }
        }
    }

    /// Is the handshake done?
    ///
    /// # Safety
    ///
    /// The SSL lives, and is this libssl's.
    pub(crate) unsafe fn is_connected(&self, ssl: *const SSL) -> bool {
        /// LibreSSL's `SSL_ST_OK`.
        const OK: c_int = 3;
        match (self.SSL_is_init_finished, self.SSL_state) {
            // SAFETY: by this function's contract.
            (Some(is_finished), _) => unsafe { is_finished(ssl) != 0 },
            // SAFETY: by this function's contract.
            (None, Some(state)) => unsafe { state(ssl) == OK },
            (None, None) => false,
        }
    }

    /// Has the handshake not begun?
    ///
    /// # Safety
    ///
    /// `ssl` is a live SSL of this libssl's.
    #[inline]
    pub(crate) unsafe fn in_before(&self, ssl: *const SSL) -> bool {
        /// LibreSSL's `SSL_ST_BEFORE`.
        const BEFORE: c_int = 0x4000;
        match (self.SSL_in_before, self.SSL_state) {
            // SAFETY: by this function's contract.
            (Some(in_before), _) => unsafe { in_before(ssl) != 0 },
            // SAFETY: by this function's contract.
            (None, Some(state)) => unsafe { state(ssl) & BEFORE != 0 },
            (None, None) => false,
        }
    }
}

/// Objects that libcrypto keeps data of others' for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Ssl,
    SslCtx,
}

/// Asks for a place on every object of a class; negative if there is none.
///
/// Never place 0, which is the program's own (`SSL_set_app_data`) and which LibreSSL before 3.9 gives
/// to whoever asks first, to be freed by its callbacks: there somebody without any asks ahead of us.
///
/// # Safety
///
/// The callbacks keep to the contract of ex_data's, and `argp` is theirs.
pub(super) unsafe fn new_index(
    crypto: &CryptoFunctions,
    ssl: &SslFunctions,
    class: Class,
    argp: *mut c_void,
    dup: Option<ExDup>,
    free: Option<ExFree>,
) -> c_int {
    /// OpenSSL's `CRYPTO_EX_INDEX_SSL` and `_SSL_CTX`. LibreSSL's are 1 and 2 up to 3.8, then 0 and
    /// 1; there, functions know them, which are macros in OpenSSL.
    const NUMBERS: [c_int; 2] = [0, 1];
    let [of_ssl, of_ctx] = NUMBERS;
    let (number, by_function) = match class {
        Class::Ssl => (of_ssl, ssl.SSL_get_ex_new_index),
        Class::SslCtx => (of_ctx, ssl.SSL_CTX_get_ex_new_index),
    };
    let Some(ask) = by_function else {
        // SAFETY: by this function's contract.
        return unsafe { crypto.CRYPTO_get_ex_new_index(number, 0, argp, None, dup, free) };
    };
    // SAFETY: no callbacks, no argument.
    unsafe { ask(0, null_mut(), None, None, None) };
    // SAFETY: by this function's contract.
    unsafe { ask(0, argp, None, dup, free) }
}

//! An SSL and its SSL_CTX that somebody else owns.

use super::bio::Bio;
use super::libssl::{Libssl, SslFunctions};
use super::sys;
use crate::hello::wire::{Method, Version};
use std::ffi::{c_int, c_long};
use std::ptr::{NonNull, null_mut};

/// The high byte of every DTLS version that OpenSSL listens for; AnyConnect's 0x0100 is not one.
const DTLS_MAJOR: c_int = 0xFE;

/// A live SSL, this thread's for the length of a call. That is the type's invariant: `new` asks for
/// it, and every call of a libssl function on [`as_ptr`](Self::as_ptr) rests on it.
#[derive(Clone, Copy)]
pub(crate) struct Ssl {
    at: NonNull<sys::SSL>,
    libssl: &'static Libssl,
}

/// A live SSL_CTX. Other threads may use it at the same time. That it lives is the type's invariant.
#[derive(Clone, Copy)]
pub(crate) struct SslCtx {
    at: NonNull<sys::SSL_CTX>,
    libssl: &'static Libssl,
}

impl Ssl {
    /// # Safety
    ///
    /// The SSL is this libssl's and lives, and no other thread uses it, for as long as the value is
    /// used.
    pub(crate) const unsafe fn new(ssl: NonNull<sys::SSL>, libssl: &'static Libssl) -> Self {
        Self { at: ssl, libssl }
    }

    pub(crate) const fn as_ptr(self) -> *mut sys::SSL {
        self.at.as_ptr()
    }

    /// The libssl that it belongs to.
    #[inline(always)]
    pub(crate) const fn libssl(self) -> &'static Libssl {
        self.libssl
    }

    pub(crate) fn ctx(self) -> Option<SslCtx> {
        // SAFETY: type invariant.
        let at = NonNull::new(unsafe { self.libssl.ssl.SSL_get_SSL_CTX(self.as_ptr()) })?;
        Some(SslCtx { at, libssl: self.libssl })
    }

    pub(crate) fn rbio(self) -> Option<Bio> {
        // SAFETY: type invariant.
        let bio = NonNull::new(unsafe { self.libssl.ssl.SSL_get_rbio(self.as_ptr()) })?;
        // SAFETY: the SSL holds a reference, and is this thread's.
        Some(unsafe { Bio::new(bio, self.libssl) })
    }

    pub(crate) fn wbio(self) -> Option<Bio> {
        // SAFETY: type invariant.
        let bio = NonNull::new(unsafe { self.libssl.ssl.SSL_get_wbio(self.as_ptr()) })?;
        // SAFETY: the SSL holds a reference, and is this thread's.
        Some(unsafe { Bio::new(bio, self.libssl) })
    }

    pub(crate) fn is_server(self) -> bool {
        // SAFETY: type invariant.
        unsafe { self.libssl.ssl.SSL_is_server(self.as_ptr()) != 0 }
    }

    /// Has the handshake not begun? So it is while `DTLSv1_listen` runs, libssl's too.
    pub(crate) fn in_before(self) -> bool {
        // SAFETY: type invariant.
        unsafe { self.libssl.ssl.in_before(self.as_ptr()) }
    }

    /// Did libssl stop because there was nothing to read?
    pub(super) fn wants_to_read(self) -> bool {
        const READING: c_int = 3; // SSL_READING
        // SAFETY: type invariant.
        unsafe { self.libssl.ssl.SSL_want(self.as_ptr()) == READING }
    }

    /// Is it one for DTLS? It need not speak a version of that now, after a handshake that failed.
    /// True, too, for a libssl that does not tell.
    pub(crate) fn is_dtls(self) -> bool {
        // SAFETY: type invariant.
        self.libssl.ssl.SSL_is_dtls.is_none_or(|ask| unsafe { ask(self.as_ptr()) != 0 })
    }

    /// Is it one of libssl's own listener's (`SSL_new_listener`, for DTLS from 4.1 on)? Then libssl knows the
    /// peer and shows nobody: there is no BIO to ask.
    pub(super) fn has_listener(self) -> bool {
        let Some(ask) = self.libssl.ssl.SSL_get0_listener else { return false };
        // SAFETY: type invariant.
        !unsafe { ask(self.as_ptr()) }.is_null()
    }

    /// Bytes of the longest hello that libssl puts together from fragments: as much as its longest
    /// record, or what the SSL allows a chain of certificates to have, and no more than its state
    /// machine takes of a hello.
    pub(crate) fn longest_hello(self) -> u32 {
        let command = sys::SSL_CTRL_GET_MAX_CERT_LIST;
        // SAFETY: type invariant, and a command that takes nothing.
        let chain = unsafe { self.libssl.ssl.SSL_ctrl(self.as_ptr(), command, 0, null_mut()) };
        longest_hello(chain)
    }

    /// How far the handshake is, by libssl's own numbers.
    pub(super) fn handshake_state(self) -> Option<c_int> {
        let functions = &self.libssl.ssl;
        let state = functions.SSL_get_state.or(functions.SSL_state)?;
        // SAFETY: type invariant.
        Some(unsafe { state(self.as_ptr()) })
    }

    /// Has a handshake been finished on it, and is it not cleared since?
    pub(super) fn has_session(self) -> bool {
        let mut nothing = 0_u8;
        let at = (&raw mut nothing).cast();
        // SAFETY: type invariant; nothing is written where there is room for nothing.
        unsafe { self.libssl.ssl.SSL_get_peer_finished(self.as_ptr(), at, 0) > 0 }
    }

    /// Has libssl ask nobody about the cookie again.
    pub(crate) fn clear_cookie_exchange(self) {
        const COOKIE_EXCHANGE: u32 = 0x2000; // SSL_OP_COOKIE_EXCHANGE
        match self.libssl.ssl.SSL_clear_options {
            // SAFETY: type invariant.
            Some(clear) => _ = unsafe { clear(self.as_ptr(), COOKIE_EXCHANGE.into()) },
            // LibreSSL's is a macro.
            None => {
                let (command, options) = (sys::SSL_CTRL_CLEAR_OPTIONS, COOKIE_EXCHANGE as c_long);
                // SAFETY: type invariant, and a command that takes a number.
                unsafe { self.libssl.ssl.SSL_ctrl(self.as_ptr(), command, options, null_mut()) };
            }
        }
    }

    /// The version that the SSL speaks now, 0xFEFD for DTLS 1.2.
    pub(super) fn version(self) -> c_int {
        // SAFETY: type invariant.
        unsafe { self.libssl.ssl.SSL_version(self.as_ptr()) }
    }

    /// Gives the SSL a message callback, or none, in libssl.
    pub(super) fn set_msg_callback(self, callback: Option<sys::MessageCb>) {
        // SAFETY: the SSL lives, and the callback is of this setter's kind.
        unsafe { self.libssl.ssl.SSL_set_msg_callback(self.as_ptr(), callback) };
    }

    /// Has libssl take all that a read brings at once: LibreSSL reads a record's header first, and a
    /// BIO that yields datagrams then loses the rest. OpenSSL does not.
    pub(crate) fn read_ahead(self) {
        if self.libssl.release.is_libressl {
            // SAFETY: type invariant.
            unsafe { self.libssl.ssl.SSL_set_read_ahead(self.as_ptr(), 1) };
        }
    }

    pub(super) fn method(self) -> *const sys::SSL_METHOD {
        // SAFETY: type invariant.
        unsafe { self.libssl.ssl.SSL_get_ssl_method(self.as_ptr()) }
    }

    /// The versions that the SSL speaks; `None` when it is not a DTLS one.
    pub(crate) fn dtls_method(self) -> Option<Method> {
        let version = self.version();
        if version >> 8 != DTLS_MAJOR {
            return None;
        }
        // LibreSSL has no version refused before the cookie was right, and after a handshake that failed
        // an SSL keeps the method of that, cleared or not.
        if self.libssl.release.is_libressl
            || self.libssl.methods_of_any_version.contains(&self.method())
        {
            return Some(Method::Any);
        }
        u16::try_from(version).ok().map(|v| Method::Fixed(Version(v)))
    }
}

/// See [`Ssl::longest_hello`].
fn longest_hello(chain: c_long) -> u32 {
    const RECORD: c_long = 16_384 + 256 + 64;
    const HELLO: c_long = 131_396;
    u32::try_from(chain.clamp(RECORD, HELLO)).unwrap_or(0)
}

impl SslCtx {
    /// The SSL_CTX at a pointer from C.
    ///
    /// # Safety
    ///
    /// Null, or an SSL_CTX of this libssl's that lives for as long as the value is used.
    pub(crate) unsafe fn from_c(ctx: *mut sys::SSL_CTX, libssl: &'static Libssl) -> Option<Self> {
        Some(Self { at: NonNull::new(ctx)?, libssl })
    }

    pub(crate) const fn as_ptr(self) -> *mut sys::SSL_CTX {
        self.at.as_ptr()
    }

    /// The libssl that it belongs to.
    pub(crate) const fn libssl(self) -> &'static Libssl {
        self.libssl
    }

    /// What [`Ssl::longest_hello`] is for a new SSL.
    pub(crate) fn longest_hello(self) -> u32 {
        let command = sys::SSL_CTRL_GET_MAX_CERT_LIST;
        // SAFETY: type invariant, and a command that takes nothing.
        let chain = unsafe { self.libssl.ssl.SSL_CTX_ctrl(self.as_ptr(), command, 0, null_mut()) };
        longest_hello(chain)
    }
}

/// The only DTLS version that servers of this method speak, if it is such a method. From 4.0 on libssl
/// has none, unless it was built so.
#[cold]
pub(super) fn fixed_version(libssl: &SslFunctions, method: *const sys::SSL_METHOD) -> Option<u16> {
    let methods = [
        (libssl.DTLSv1_2_server_method, 0xFEFD),
        (libssl.DTLSv1_2_method, 0xFEFD),
        (libssl.DTLSv1_server_method, 0xFEFF),
        (libssl.DTLSv1_method, 0xFEFF),
    ];
    methods.into_iter().find_map(|(get, version)| {
        // SAFETY: gives the address of a constant.
        std::ptr::eq(method, unsafe { get?() }).then_some(version)
    })
}

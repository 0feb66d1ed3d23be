//! An SSL and its SSL_CTX that somebody else owns.

use super::bio::Bio;
use super::queue::clear_errors;
use super::real::libssl_version;
use super::{macro_world, ssl_state, sys};
use crate::hello::error::Fault;
use crate::hello::wire::{Method, Version};
use std::ffi::c_int;
use std::ptr::NonNull;

/// The high byte of every DTLS version that OpenSSL listens for; AnyConnect's 0x0100 is not one.
const DTLS_MAJOR: c_int = 0xFE;

/// A live SSL, this thread's for the length of a call.
#[derive(Clone, Copy)]
pub(crate) struct Ssl(NonNull<sys::SSL>);

/// A live SSL_CTX. Other threads may use it at the same time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SslCtx(NonNull<sys::SSL_CTX>);

impl Ssl {
    /// # Safety
    ///
    /// The SSL lives, and no other thread uses it, for as long as the value is used.
    pub(crate) const unsafe fn new(ssl: NonNull<sys::SSL>) -> Self {
        Self(ssl)
    }

    pub(crate) const fn as_ptr(self) -> *mut sys::SSL {
        self.0.as_ptr()
    }

    pub(crate) fn ctx(self) -> Option<SslCtx> {
        // SAFETY: the SSL lives.
        NonNull::new(unsafe { sys::SSL_get_SSL_CTX(self.as_ptr()) }).map(SslCtx)
    }

    pub(crate) fn rbio(self) -> Option<Bio> {
        // SAFETY: the SSL lives.
        let bio = NonNull::new(unsafe { sys::SSL_get_rbio(self.as_ptr()) })?;
        // SAFETY: the SSL holds a reference, and is this thread's.
        Some(unsafe { Bio::new(bio) })
    }

    pub(crate) fn wbio(self) -> Option<Bio> {
        // SAFETY: the SSL lives.
        let bio = NonNull::new(unsafe { sys::SSL_get_wbio(self.as_ptr()) })?;
        // SAFETY: the SSL holds a reference, and is this thread's.
        Some(unsafe { Bio::new(bio) })
    }

    /// Leaves no state of an earlier client in the SSL (CVE-2015-0207), as libssl does on entry.
    ///
    /// `SSL_clear` is most of what a call costs, so it is left out where it would change nothing:
    /// for an SSL that we cleared before and that has not begun a handshake since.
    pub(crate) fn begin(self) -> Result<(), Fault> {
        if ssl_state::is_listening(self) && self.is_untouched() {
            return Ok(());
        }
        // libssl sets the accept state of an SSL that has neither state; one that a program made a
        // client of is left as it is, and so is one that has begun a handshake: it has a state, and
        // from 3.2 on to set it again would lose a record layer that sent messages refer to.
        if self.is_server() && self.in_before() && !ssl_state::is_known(self) {
            // SAFETY: the SSL lives.
            unsafe { sys::SSL_set_accept_state(self.as_ptr()) };
        }
        // SAFETY: the SSL lives.
        if unsafe { sys::SSL_clear(self.as_ptr()) } == 0 {
            return Err(Fault::Libssl);
        }
        ssl_state::mark_listening(self);
        Ok(())
    }

    fn is_untouched(self) -> bool {
        // SAFETY: the SSL lives.
        let idle = unsafe { sys::SSL_want(self.as_ptr()) } == sys::SSL_NOTHING;
        // SAFETY: as above.
        let open = unsafe { sys::SSL_get_shutdown(self.as_ptr()) } == 0;
        self.in_before() && idle && open && !self.remembers_an_error()
    }

    /// From 4.0 on an SSL keeps an error of its own until it is cleared; before, `SSL_get_error`
    /// looks at the queue, which is emptied anyway.
    fn remembers_an_error(self) -> bool {
        if libssl_version() < 0x4000_0000 {
            return false;
        }
        clear_errors();
        // SAFETY: the SSL lives.
        unsafe { sys::SSL_get_error(self.as_ptr(), -1) == sys::SSL_ERROR_SSL }
    }

    fn is_server(self) -> bool {
        // SAFETY: the SSL lives.
        unsafe { sys::SSL_is_server(self.as_ptr()) != 0 }
    }

    /// Has the handshake not begun? So it is while `DTLSv1_listen` runs, libssl's too.
    pub(crate) fn in_before(self) -> bool {
        macro_world::in_before(self)
    }

    /// The version that the SSL speaks now, 0xFEFD for DTLS 1.2.
    pub(super) fn version(self) -> c_int {
        // SAFETY: the SSL lives.
        unsafe { sys::SSL_version(self.as_ptr()) }
    }

    pub(super) fn method(self) -> *const sys::SSL_METHOD {
        // SAFETY: the SSL lives.
        unsafe { sys::SSL_get_ssl_method(self.as_ptr()) }
    }

    /// The versions that the SSL speaks; `None` when it is not a DTLS one.
    pub(crate) fn dtls_method(self) -> Option<Method> {
        let version = self.version();
        if version >> 8 != DTLS_MAJOR {
            return None;
        }
        if speaks_any_version(self.method()) {
            return Some(Method::Any);
        }
        u16::try_from(version).ok().map(|v| Method::Fixed(Version(v)))
    }
}

fn speaks_any_version(method: *const sys::SSL_METHOD) -> bool {
    // SAFETY: gives the address of a constant; so for the next two.
    std::ptr::eq(method, unsafe { sys::DTLS_server_method() })
        // SAFETY: as above.
        || std::ptr::eq(method, unsafe { sys::DTLS_method() })
        // SAFETY: as above.
        || std::ptr::eq(method, unsafe { sys::DTLS_client_method() })
}

impl SslCtx {
    /// # Safety
    ///
    /// The SSL_CTX lives for as long as the value is used.
    pub(crate) const unsafe fn new(ctx: NonNull<sys::SSL_CTX>) -> Self {
        Self(ctx)
    }

    pub(crate) const fn as_ptr(self) -> *mut sys::SSL_CTX {
        self.0.as_ptr()
    }
}

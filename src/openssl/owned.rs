//! An SSL and a reference to an SSL_CTX that are ours, until they are given away.

use super::context::Context;
use super::message;
use super::queue::{Errors, clear_errors, holds_any};
use super::ssl::{Ssl, SslCtx};
use super::timeval::Timeval;
use crate::hello::error::Fault;
use std::ffi::{c_int, c_long, c_void};
use std::ptr::{NonNull, null_mut};
use std::time::Duration;

/// An SSL that nobody else knows.
pub(crate) struct OwnedSsl(Ssl);

impl OwnedSsl {
    /// As the program's own `SSL_new` would give it.
    pub(crate) fn new(ctx: SslCtx, context: &Context) -> Result<Self, Fault> {
        let libssl = ctx.libssl();
        // SAFETY: type invariant.
        let ssl = NonNull::new(unsafe { libssl.ssl.SSL_new(ctx.as_ptr()) }).ok_or(Fault::Libssl)?;
        // SAFETY: just made, of this libssl, and this thread's alone.
        let ssl = unsafe { Ssl::new(ssl, libssl) };
        message::inherit(ssl, &context.messages);
        Ok(Self(ssl))
    }

    pub(crate) const fn get(&self) -> Ssl {
        self.0
    }

    /// Somebody else frees it.
    pub(crate) const fn into_inner(self) -> Ssl {
        let ssl = self.0;
        std::mem::forget(self);
        ssl
    }
}

impl Drop for OwnedSsl {
    fn drop(&mut self) {
        free(self.0);
    }
}

/// Frees an SSL that the program does not know.
pub(crate) fn free(ssl: Ssl) {
    // SAFETY: type invariant; it is not used again.
    unsafe { ssl.libssl().ssl.SSL_free(ssl.as_ptr()) };
}

/// A reference to an SSL_CTX.
pub(crate) struct OwnedCtx(SslCtx);

impl OwnedCtx {
    pub(crate) fn new(ctx: SslCtx) -> Result<Self, Fault> {
        // SAFETY: type invariant.
        let taken = unsafe { ctx.libssl().ssl.SSL_CTX_up_ref(ctx.as_ptr()) } != 0;
        if taken { Ok(Self(ctx)) } else { Err(Fault::Libssl) }
    }

    pub(crate) const fn get(&self) -> SslCtx {
        self.0
    }
}

impl Drop for OwnedCtx {
    fn drop(&mut self) {
        // SAFETY: the reference was ours.
        unsafe { self.0.libssl().ssl.SSL_CTX_free(self.0.as_ptr()) };
    }
}

/// `DTLS_CTRL_GET_TIMEOUT` and `DTLS_CTRL_HANDLE_TIMEOUT`: macros in OpenSSL, too.
const GET_TIMEOUT: c_int = 73;
const HANDLE_TIMEOUT: c_int = 74;

impl Ssl {
    /// Makes a server of an SSL that is neither yet.
    pub(crate) fn set_accept_state(self) {
        let libssl = self.libssl();
        // SAFETY: type invariant.
        unsafe { libssl.ssl.SSL_set_accept_state(self.as_ptr()) };
    }

    /// Is its handshake done?
    pub(crate) fn is_connected(self) -> bool {
        // SAFETY: type invariant.
        unsafe { self.libssl().ssl.is_connected(self.as_ptr()) }
    }

    fn control(self, command: c_int, to: *mut c_void) -> c_long {
        // SAFETY: type invariant; both commands take null or a timeval.
        unsafe { self.libssl().ssl.SSL_ctrl(self.as_ptr(), command, 0, to) }
    }

    /// `DTLSv1_get_timeout`: how long libssl waits yet, if it waits.
    pub(crate) fn time_left(self) -> Option<Duration> {
        let mut left = Timeval::new();
        let waits = self.control(GET_TIMEOUT, (&raw mut left).cast()) > 0;
        waits.then(|| left.duration())
    }

    /// `DTLSv1_handle_timeout`. The error queue stays as it was.
    pub(crate) fn handle_timeout(self) -> TimedOut {
        let libssl = self.libssl();
        let errors = Errors::take(libssl);
        let result = self.control(HANDLE_TIMEOUT, null_mut());
        // A flight that could not be sent leaves none.
        let given_up = result < 0 && holds_any(libssl);
        clear_errors(libssl);
        if let Some(errors) = errors {
            errors.put_back();
        }
        match result {
            0 => TimedOut::Early,
            _ if given_up => TimedOut::GivenUp,
            _ => TimedOut::Repeated,
        }
    }
}

/// What libssl made of a timer that ran down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimedOut {
    /// Its flight was sent again, or could not be.
    Repeated,
    /// It is not time yet, by its own clock, or it does not wait.
    Early,
    /// It was sent often enough.
    GivenUp,
}

//! The versions that an SSL_CTX's SSLs speak, where none of them is at hand.

use super::context::Context;
use super::dtls13;
use super::ssl::{Ssl, SslCtx, fixed_version};
use crate::hello::error::Fault;
use crate::hello::wire::{Method, Version};
use std::ptr::NonNull;

impl SslCtx {
    /// For [`dtls_method`](Self::dtls_method): an SSL tells, where an SSL_CTX does not (LibreSSL 3.1).
    /// The program's code may run in it.
    #[cold]
    pub(crate) fn ask_method(self, context: &Context) {
        dtls13::ask(self.libssl());
        if self.libssl().ssl.SSL_CTX_get_ssl_method.is_none() && context.method.get().is_none() {
            let method = self.method_of_an_ssl();
            context.method.get_or_make(|| method);
        }
    }

    /// The versions that its SSLs speak, which have to be DTLS servers. `context` is its, and
    /// [`ask_method`](Self::ask_method) has been called.
    #[inline]
    pub(crate) fn dtls_method(self, context: &Context) -> Result<Method, Fault> {
        let libssl = &self.libssl().ssl;
        let Some(get) = libssl.SSL_CTX_get_ssl_method else {
            return context.method.get().copied().flatten().ok_or(Fault::NotDtls);
        };
        // SAFETY: type invariant.
        let method = unsafe { get(self.as_ptr()) };
        if dtls13::is_beyond(self) {
            return Err(Fault::NotDtls);
        }
        let [server, either, client] = self.libssl().methods_of_any_version;
        if std::ptr::eq(method, server) || std::ptr::eq(method, either) {
            return Ok(Method::Any);
        }
        match fixed_version(libssl, method) {
            Some(version) => Ok(Method::Fixed(Version(version))),
            None if std::ptr::eq(method, client) => Err(Fault::InvalidArgument),
            None => Err(Fault::NotDtls),
        }
    }

    fn method_of_an_ssl(self) -> Option<Method> {
        // SAFETY: type invariant.
        let ssl = NonNull::new(unsafe { self.libssl().ssl.SSL_new(self.as_ptr()) })?;
        // SAFETY: just made, and this thread's alone.
        let ssl = unsafe { Ssl::new(ssl, self.libssl()) };
        let method = ssl.dtls_method().filter(|_| ssl.is_server());
        // SAFETY: made above, and nobody else's.
        unsafe { self.libssl().ssl.SSL_free(ssl.as_ptr()) };
        method
    }
}

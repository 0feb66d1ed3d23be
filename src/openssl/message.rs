//! Message callbacks: what `openssl s_server -msg` prints.
//!
//! libssl has no getter for them, so what a program sets is remembered on its way.

use super::ex_data::{ExData, SslValue};
use super::libssl::Libssl;
use super::message_style::Style;
use super::ssl::Ssl;
use super::sys::{self, MessageCb, SSL3_RT_HANDSHAKE, SSL3_RT_HEADER};
use crate::hello::wire::RecordHeader;
use std::ffi::{c_int, c_void};
use std::mem::transmute;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// What a program set on an SSL_CTX: what SSLs made from then on begin with.
pub(crate) struct CtxMessages {
    callback: AtomicPtr<c_void>,
    arg: AtomicPtr<c_void>,
}

/// What one SSL has: from its SSL_CTX when it was made, or set since.
#[derive(Clone, Copy)]
struct SslMessages {
    callback: Option<MessageCb>,
    arg: *mut c_void,
}

// SAFETY: the pointer is the program's, and is only ever given back to it.
unsafe impl Send for SslMessages {}
// SAFETY: the pointer is the program's, and is only ever given back to it.
unsafe impl Sync for SslMessages {}

impl SslMessages {
    const NONE: Self = Self { callback: None, arg: null_mut() };
}

impl SslValue for SslMessages {
    fn of_copy(&self) -> Option<Self> {
        Some(*self)
    }
}

static SSL_MESSAGES: ExData<SslMessages> = ExData::new();

/// Asks for the place on SSLs ahead of need.
pub(super) fn prepare(libssl: &'static Libssl) {
    SSL_MESSAGES.prepare(libssl);
}

impl CtxMessages {
    pub(super) const fn new() -> Self {
        Self { callback: AtomicPtr::new(null_mut()), arg: AtomicPtr::new(null_mut()) }
    }

    pub(crate) fn set_callback(&self, callback: Option<MessageCb>) {
        self.callback.store(callback.map_or(null_mut(), |f| f as *mut c_void), Relaxed);
    }

    pub(crate) fn set_arg(&self, arg: *mut c_void) {
        self.arg.store(arg, Relaxed);
    }

    fn callback(&self) -> Option<MessageCb> {
        let callback = NonNull::new(self.callback.load(Relaxed))?;
        // SAFETY: only `set_callback` stores here, and it stores such a function.
        Some(unsafe { transmute::<*mut c_void, MessageCb>(callback.as_ptr()) })
    }
}

/// Gives a new SSL what its SSL_CTX has, nothing included: libssl makes the copy in `SSL_dup` by
/// `SSL_new`, and only what the original has takes the place of the SSL_CTX's there. False without
/// memory.
pub(crate) fn inherit(ssl: Ssl, from: &CtxMessages) -> bool {
    let inherited = SslMessages { callback: from.callback(), arg: from.arg.load(Relaxed) };
    SSL_MESSAGES.set(ssl, inherited)
}

/// Remembers an SSL's own callback; false without memory.
pub(crate) fn set_callback(ssl: Ssl, callback: Option<MessageCb>) -> bool {
    let before = SSL_MESSAGES.get(ssl).copied().unwrap_or(SslMessages::NONE);
    SSL_MESSAGES.set(ssl, SslMessages { callback, ..before })
}

/// Remembers an SSL's own argument; false without memory.
pub(crate) fn set_arg(ssl: Ssl, arg: *mut c_void) -> bool {
    let before = SSL_MESSAGES.get(ssl).copied().unwrap_or(SslMessages::NONE);
    SSL_MESSAGES.set(ssl, SslMessages { arg, ..before })
}

/// Who is told of the next message on an SSL. Not kept: the callback itself may set another, and so
/// may each of the program's callbacks between two messages.
pub(crate) struct MessageObserver {
    ssl: Ssl,
    callback: MessageCb,
    arg: *mut c_void,
    style: Style,
}

impl MessageObserver {
    /// The callback in force, if there is one. Where no program ever set one, this is a look at a
    /// number.
    #[inline(always)]
    pub(crate) fn of(ssl: Ssl) -> Option<Self> {
        let SslMessages { callback, arg } = *SSL_MESSAGES.get(ssl)?;
        Some(Self { ssl, callback: callback?, arg, style: Style::of(ssl.libssl()) })
    }

    /// A record was received.
    pub(crate) fn header_in(self, header: &RecordHeader) {
        if self.style.has(Style::MESSAGES_ALONE) {
            return;
        }
        let version = if self.style.has(Style::VERSION_IN) { version_of(header) } else { 0 };
        self.tell(0, version, SSL3_RT_HEADER, header);
    }

    /// A ClientHello, or its first fragment, was received.
    pub(crate) fn hello_in(self, message: &[u8]) {
        let version = self.ssl.version();
        self.tell(0, version, SSL3_RT_HANDSHAKE, message);
    }

    /// A HelloVerifyRequest is about to be sent.
    pub(crate) fn answer_out(self, answered: &[u8], answer: &[u8]) {
        let Some((header, message)) = answer.split_first_chunk() else { return };
        let Self { ssl, style, .. } = self;
        if style.has(Style::MESSAGES_ALONE) {
            self.tell(1, version_of(header), SSL3_RT_HANDSHAKE, message);
            return;
        }
        let version = if style.has(Style::VERSION_OUT) { version_of(header) } else { 0 };
        let answered = answered.first_chunk().unwrap_or(header);
        self.tell(
            1,
            version,
            SSL3_RT_HEADER,
            if style.has(Style::SENT_OUT) { header } else { answered },
        );
        if style.has(Style::MESSAGE_OUT) {
            if let Some(next) = Self::of(ssl) {
                next.tell(1, version, SSL3_RT_HANDSHAKE, message);
            }
        }
    }

    fn tell(self, write_p: c_int, version: c_int, content_type: c_int, bytes: &[u8]) {
        // SAFETY: the program's own function, its own SSL and argument, and readable bytes.
        unsafe {
            (self.callback)(
                write_p,
                version,
                content_type,
                bytes.as_ptr().cast(),
                bytes.len(),
                self.ssl.as_ptr(),
                self.arg,
            );
        }
    }

    /// Takes the callback out of libssl and puts it back when the guard goes: the handoff must not
    /// report again what was reported, nor call the program while our BIO stands in its SSL.
    pub(super) fn suppress(self) -> Suppressed {
        // Not NULL: from 3.2 on the record layer that libssl makes in the handoff would never ask
        // for a callback again.
        self.ssl.set_msg_callback(Some(silence));
        Suppressed(self.ssl)
    }
}

fn version_of(&[_, major, minor, ..]: &RecordHeader) -> c_int {
    c_int::from(u16::from_be_bytes([major, minor]))
}

unsafe extern "C-unwind" fn silence(
    _: c_int,
    _: c_int,
    _: c_int,
    _: *const c_void,
    _: usize,
    _: *mut sys::SSL,
    _: *mut c_void,
) {
}

pub(super) struct Suppressed(Ssl);

impl Drop for Suppressed {
    fn drop(&mut self) {
        // As it is now: a callback of the program's that ran in the handoff may have set another.
        self.0.set_msg_callback(SSL_MESSAGES.get(self.0).and_then(|messages| messages.callback));
    }
}

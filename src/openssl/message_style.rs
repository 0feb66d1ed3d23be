//! How the loaded libssl reports messages from its `DTLSv1_listen`.
//!
//! It differs between releases and their patch levels: a version of 0 or the record's, the received
//! header where the sent one is meant, the HelloVerifyRequest or not. So libssl is asked once, with
//! one hello through memory BIOs, instead of guessed at.

use super::message::{HANDSHAKE, HEADER, set_in_libssl};
use super::queue::Errors;
use super::ssl::Ssl;
use super::sys;
use crate::panic_guard::guard_value;
use std::ffi::{c_int, c_void};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// How the loaded libssl reports from its `DTLSv1_listen`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Style(u8);

impl Style {
    /// A received header comes with its version; else with 0.
    pub(super) const VERSION_IN: u8 = 1;
    /// A sent header comes with its version; else with 0.
    pub(super) const VERSION_OUT: u8 = 2;
    /// A sent header is the sent one; else the received one stands for it.
    pub(super) const SENT_OUT: u8 = 4;
    /// The HelloVerifyRequest is reported behind its header.
    pub(super) const MESSAGE_OUT: u8 = 8;
    const ASKED: u8 = 128;

    pub(super) const fn has(self, part: u8) -> bool {
        self.0 & part != 0
    }

    pub(super) fn of_loaded_libssl() -> Self {
        static STYLE: AtomicU8 = AtomicU8::new(0);
        let known = STYLE.load(Relaxed);
        if known != 0 {
            return Self(known);
        }
        // What the application's callbacks have queued is theirs; libssl's function empties the queue.
        let errors = Errors::take();
        // A question that failed, for want of memory, is asked again.
        let style = ask().map_or(0, |seen| seen | Self::ASKED);
        if let Some(errors) = errors {
            errors.put_back();
        }
        STYLE.store(style, Relaxed);
        Self(style)
    }
}

/// The smallest hello there is, without a cookie: record version 0xFEFD to tell it from the answer's
/// 0xFEFF.
const HELLO: [u8; 61] = {
    let mut hello = [0; 61];
    let head = [
        22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 48, 1, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 36, 0xFE,
        0xFD,
    ];
    let (to, _) = hello.split_at_mut(head.len());
    to.copy_from_slice(&head);
    hello
};

/// Has libssl's own `DTLSv1_listen` answer one hello on an SSL of ours, and watches.
fn ask() -> Option<u8> {
    let mut seen: u8 = 0;
    let listen = super::handoff::real_listen()?;
    // SAFETY: gives the address of a constant.
    let method = unsafe { sys::DTLS_server_method() };
    // SAFETY: the method is one for DTLS.
    let ctx = NonNull::new(unsafe { sys::SSL_CTX_new(method) })?;
    // SAFETY: the SSL_CTX is new and ours.
    let ssl = unsafe { super::real::ssl_new(ctx.as_ptr()) };
    // SAFETY: the SSL, if there is one, holds a reference of its own.
    unsafe { sys::SSL_CTX_free(ctx.as_ptr()) };
    let ssl = ssl?;
    // SAFETY: new, and this thread's.
    let view = unsafe { Ssl::new(ssl) };
    if let Some(ctx) = view.ctx() {
        super::callbacks::install_constant_cookie(ctx);
    }
    // SAFETY: gives the address of a constant.
    let memory = unsafe { sys::BIO_s_mem() };
    // SAFETY: the method lives for ever.
    let rbio = unsafe { sys::BIO_new(memory) };
    // SAFETY: as above.
    let wbio = unsafe { sys::BIO_new(memory) };
    // SAFETY: the SSL takes both over, and does not mind null.
    unsafe { sys::SSL_set_bio(ssl.as_ptr(), rbio, wbio) };
    let mut ready = !rbio.is_null() && !wbio.is_null();
    if ready {
        // SAFETY: a memory BIO that is not null, and 61 readable bytes.
        ready = unsafe { sys::BIO_write(rbio, HELLO.as_ptr().cast(), 61) } == 61;
    }
    if ready {
        set_in_libssl(view, Some(watch));
        if let Some(ctrl) = super::macro_world::real_ctrl() {
            // SAFETY: `seen` outlives the SSL.
            unsafe {
                ctrl(ssl.as_ptr(), sys::SSL_CTRL_SET_MSG_CALLBACK_ARG, 0, (&raw mut seen).cast())
            };
            let mut address = super::bio::Address::untouched();
            // SAFETY: the SSL is ours and the address has room for any.
            unsafe { listen(ssl.as_ptr(), address.as_mut_ptr().cast()) };
        }
    }
    // SAFETY: ours, and not used after.
    unsafe { sys::SSL_free(ssl.as_ptr()) };
    super::queue::clear_errors();
    ready.then_some(seen)
}

/// Writes down, in the byte at `arg`, how libssl reports.
unsafe extern "C" fn watch(
    write_p: c_int,
    version: c_int,
    content_type: c_int,
    buf: *const c_void,
    len: usize,
    _ssl: *mut sys::SSL,
    arg: *mut c_void,
) {
    guard_value((), || {
        if arg.is_null() || buf.is_null() || len < 3 {
            return;
        }
        // SAFETY: at least three bytes are there.
        let [_, _, minor] = unsafe { buf.cast::<[u8; 3]>().read() };
        let seen = match (write_p, content_type) {
            (0, HEADER) if version != 0 => Style::VERSION_IN,
            (1, HEADER) => {
                (if version != 0 { Style::VERSION_OUT } else { 0 })
                    | (if minor == 0xFF { Style::SENT_OUT } else { 0 })
            }
            (1, HANDSHAKE) => Style::MESSAGE_OUT,
            _ => 0,
        };
        let at = arg.cast::<u8>();
        // SAFETY: `ask` passes a byte of its own.
        let before = unsafe { at.read() };
        // SAFETY: as above.
        unsafe { at.write(before | seen) };
    });
}

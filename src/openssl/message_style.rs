//! How the loaded libssl reports messages from its `DTLSv1_listen`.
//!
//! It differs between releases and their patch levels: a version of 0 or the record's, the received
//! header where the sent one is meant, the HelloVerifyRequest or not. So libssl is asked once, with
//! one hello through memory BIOs, instead of guessed at.

use super::libssl::{self, ForEach, Libssl};
use super::probing::answer_one_hello;
use super::queue::Errors;
use super::sys::{self, SSL3_RT_HANDSHAKE, SSL3_RT_HEADER};
use crate::os::uncancelled;
use crate::panic_guard::guard_value;
use std::ffi::{c_int, c_void};
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
    /// No headers are reported, and the HelloVerifyRequest is.
    pub(super) const MESSAGES_ALONE: u8 = 16;
    const ASKED: u8 = 128;

    pub(super) const fn has(self, part: u8) -> bool {
        self.0 & part != 0
    }

    pub(super) fn of(libssl: &'static Libssl) -> Self {
        // All of its releases; and each takes other hellos.
        if libssl.release.is_libressl {
            return Self(Self::MESSAGES_ALONE);
        }
        static STYLES: ForEach<AtomicU8> = ForEach::new([const { AtomicU8::new(0) }; libssl::MAX]);
        let known = STYLES.of(libssl).load(Relaxed);
        if known != 0 {
            return Self(known);
        }
        // What the application's callbacks have queued is theirs; libssl's function empties the queue.
        let errors = Errors::take(libssl);
        // A question that failed, for want of memory, is asked again.
        let style = uncancelled(|| ask(libssl)).map_or(0, |seen| seen | Self::ASKED);
        if let Some(errors) = errors {
            errors.put_back();
        }
        STYLES.of(libssl).store(style, Relaxed);
        Self(style)
    }
}

/// Has libssl's own `DTLSv1_listen` answer one hello on an SSL of ours, and watches.
fn ask(libssl: &'static Libssl) -> Option<u8> {
    let mut seen: u8 = 0;
    // SAFETY: `watch` writes to a byte, and `seen` is one that outlives the call.
    unsafe { answer_one_hello(libssl, watch, (&raw mut seen).cast()) }.then_some(seen)
}

/// Writes down, in the byte at `arg`, how libssl reports.
unsafe extern "C-unwind" fn watch(
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
            (0, SSL3_RT_HEADER) if version != 0 => Style::VERSION_IN,
            (1, SSL3_RT_HEADER) => {
                (if version != 0 { Style::VERSION_OUT } else { 0 })
                    | (if minor == 0xFF { Style::SENT_OUT } else { 0 })
            }
            (1, SSL3_RT_HANDSHAKE) => Style::MESSAGE_OUT,
            _ => 0,
        };
        let at = arg.cast::<u8>();
        // SAFETY: `ask` passes a byte of its own.
        let before = unsafe { at.read() };
        // SAFETY: `ask` passes a byte of its own.
        unsafe { at.write(before | seen) };
    });
}

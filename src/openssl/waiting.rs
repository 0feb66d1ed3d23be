//! Waiting for a datagram without reading it: libssl's datagram BIO does it itself (`BIO_CTRL_DGRAM_SET_PEEK_MODE`).
//! So the wait has the BIO's timeouts, ends by signals as a read does, and leaves errno and the retry flags as a
//! read would.

use super::bio::{Bio, Read, clear_errno};
use super::sys;
use std::ffi::{c_int, c_long};
use std::ptr::null_mut;

impl Bio {
    /// Waits until there is something to read, exactly as long as a read would.
    #[cold]
    pub(crate) fn wait(self, look: Look) -> Waited {
        let Some(_until_it_is_there) = Peeking::begin(self) else { return Waited::Cannot };
        clear_errno();
        let mut byte = [0_u8; 1];
        let (to, len) = (byte.as_mut_ptr().cast(), look as c_int);
        // SAFETY: type invariant; there is room for a byte.
        let n = unsafe { self.crypto().BIO_read(self.as_ptr(), to, len) };
        match n {
            0.. => Waited::There,
            _ if self.should_retry() => Waited::Instead(Read::WouldBlock),
            _ => Waited::Instead(self.unread(n)),
        }
    }
}

/// How a wait ended.
pub(crate) enum Waited {
    /// There is something.
    There,
    /// There is nothing, and this is what a read would have given.
    Instead(Read<'static>),
    /// The BIO reads without looking first (LibreSSL's).
    Cannot,
}

/// How much of what comes is looked at. `BIO_number_read()` counts it.
#[derive(Clone, Copy)]
pub(crate) enum Look {
    /// Whatever it is. From 4.0 on `BIO_read` asks for no bytes at all without waiting.
    NoBytes,
    OneByte,
}

/// While this lives, what libssl's datagram BIO reads stays in its socket.
struct Peeking(Bio);

impl Peeking {
    fn begin(bio: Bio) -> Option<Self> {
        Self::set(bio, 1).then_some(Self(bio))
    }

    fn set(bio: Bio, on: c_long) -> bool {
        const COMMAND: c_int = sys::BIO_CTRL_DGRAM_SET_PEEK_MODE;
        // SAFETY: type invariant; the command takes a number.
        unsafe { bio.crypto().BIO_ctrl(bio.as_ptr(), COMMAND, on, null_mut()) > 0 }
    }
}

impl Drop for Peeking {
    fn drop(&mut self) {
        Self::set(self.0, 0);
    }
}

//! SSLs that were accepted and whose hello nobody has read yet.
//!
//! `SSL_set_accept_state` would have libssl begin anew then: `SSL_accept` clears the SSL, hello and all,
//! and waits for a client that has said what it had to say.

use super::ex_data::{ExData, SslValue};
use super::libssl::Libssl;
use super::ssl::Ssl;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Nothing but marks is put there.
#[repr(align(8))]
struct Waiting;

impl SslValue for Waiting {
    fn of_copy(&self) -> Option<Self> {
        None
    }
}

/// The mark is the state that the SSL was left in: as long as it is in that, nothing was done with it.
static WAITING: ExData<Waiting> = ExData::new();

/// Has any SSL been accepted? Without, nobody's has to be looked at.
static ANY: AtomicBool = AtomicBool::new(false);

/// Asks for the place on SSLs ahead of need.
pub(super) fn prepare(libssl: &'static Libssl) {
    WAITING.prepare(libssl);
}

/// Takes note of an SSL that libssl has just accepted.
pub(crate) fn note_accepted(ssl: Ssl) {
    if let Some(mark) = mark(ssl) {
        ANY.store(true, Relaxed);
        // Without memory SSL_set_accept_state() does what it does under libssl alone.
        let _ = WAITING.set_mark(ssl, mark);
    }
}

/// Was any SSL accepted in this process?
#[inline]
pub(crate) fn any_accepted() -> bool {
    ANY.load(Relaxed)
}

/// Is the hello that it was accepted with still to be read?
pub(crate) fn is_waiting(ssl: Ssl) -> bool {
    !ssl.in_before() && mark(ssl).is_some_and(|mark| WAITING.is_marked(ssl, mark))
}

/// The lowest bit of a mark does not count.
fn mark(ssl: Ssl) -> Option<usize> {
    usize::try_from(ssl.handshake_state()?).ok()?.checked_mul(2)
}

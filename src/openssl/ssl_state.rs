//! What we remember of one SSL: that it is cleared and listening, or the cookie that its client
//! was accepted with.

use super::ex_data::{OnSsl, Slot};
use super::ssl::Ssl;
use crate::hello::cookie::COOKIE_LEN;

/// The built-in cookie that the SSL's client was accepted with. libssl asks for it once more in
/// `SSL_accept`; by then the application may have put other BIOs in place, which know no peer.
#[derive(Clone, Copy)]
#[repr(align(8))]
pub(super) struct Verified {
    bytes: [u8; COOKIE_LEN],
    len: usize,
}

impl Verified {
    /// `None` if it is longer than ours are.
    fn new(cookie: &[u8]) -> Option<Self> {
        let mut verified = Self { bytes: [0; COOKIE_LEN], len: cookie.len() };
        verified.bytes.get_mut(..cookie.len())?.copy_from_slice(cookie);
        Some(verified)
    }

    pub(super) fn is(&self, cookie: &[u8]) -> bool {
        self.bytes.get(..self.len) == Some(cookie)
    }
}

impl OnSsl for Verified {
    /// A copy has not been accepted.
    fn of_copy(&self) -> Option<Self> {
        None
    }
}

/// A mark stands for "cleared and listening": no memory is needed until a cookie was right.
static STATE: Slot<Verified> = Slot::new();

/// Did we clear this SSL, with the SSL_CTX and the method that it has now, and has no client been
/// accepted on it since?
pub(super) fn is_listening(ssl: Ssl) -> bool {
    STATE.is_marked(ssl, allegiance(ssl))
}

/// What `SSL_clear` goes by: after SSL_set_SSL_CTX or SSL_set_ssl_method it has work to do.
fn allegiance(ssl: Ssl) -> usize {
    ssl.ctx().map_or(0, |ctx| ctx.as_ptr().addr()) ^ ssl.method().addr().rotate_left(32)
}

/// Have we had this SSL before?
pub(super) fn is_known(ssl: Ssl) -> bool {
    STATE.is_set(ssl)
}

pub(super) fn mark_listening(ssl: Ssl) {
    // Without memory for it the SSL is cleared anew in each call: slower, and right.
    let _ = STATE.set_mark(ssl, allegiance(ssl));
}

/// The cookie of the accepted client, if it was one of ours.
pub(super) fn verified(ssl: Ssl) -> Option<Verified> {
    STATE.get(ssl).copied()
}

/// Forgets the accepted client's cookie.
pub(super) fn forget_verified(ssl: Ssl) {
    // A mark that stands for no SSL_CTX and method: known, and not listening.
    let _ = STATE.set_mark(ssl, 0);
}

/// Remembers the accepted client's cookie, one of ours; false without memory for it.
pub(crate) fn remember_verified(ssl: Ssl, cookie: &[u8]) -> bool {
    Verified::new(cookie).is_some_and(|verified| STATE.set(ssl, verified))
}

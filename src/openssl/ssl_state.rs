//! What we remember of one SSL: that it is cleared and listening, or the cookie that its client
//! was accepted with.

use super::ex_data::{OnSsl, Slot};
use super::ssl::Ssl;
use crate::hello::cookie::Cookie;

/// The built-in cookie that the SSL's client was accepted with. libssl asks for it once more in
/// `SSL_accept`; by then the application may have put other BIOs in place, which know no peer.
#[repr(align(8))]
struct Verified(Cookie);

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
pub(super) fn verified(ssl: Ssl) -> Option<Cookie> {
    STATE.get(ssl).map(|verified| verified.0)
}

/// Forgets the accepted client's cookie.
pub(super) fn forget_verified(ssl: Ssl) {
    // A mark that stands for no SSL_CTX and method: known, and not listening.
    let _ = STATE.set_mark(ssl, 0);
}

/// Remembers the accepted client's cookie; false without memory for it.
pub(crate) fn remember_verified(ssl: Ssl, cookie: &Cookie) -> bool {
    STATE.set(ssl, Verified(*cookie))
}

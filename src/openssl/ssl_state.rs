//! What we remember of one SSL: that it is cleared and listening, or the cookie that its client
//! was accepted with.

use super::ex_data::Slot;
use super::ssl::Ssl;
use crate::cookie::Cookie;

/// The built-in cookie that the SSL's client was accepted with. libssl asks for it once more in
/// `SSL_accept`; by then the application may have put other BIOs in place, which know no peer.
struct Verified(Cookie);

/// The mark stands for "cleared and listening": no memory is needed until a cookie was right.
static STATE: Slot<Verified> = Slot::new();

/// Did we clear this SSL, and has no client been accepted on it since?
pub(super) fn is_listening(ssl: Ssl) -> bool {
    STATE.is_marked(ssl)
}

/// Have we had this SSL before?
pub(super) fn is_known(ssl: Ssl) -> bool {
    STATE.is_set(ssl)
}

pub(super) fn mark_listening(ssl: Ssl) {
    // Without memory for it the SSL is cleared anew in each call: slower, and right.
    let _ = STATE.set_mark(ssl);
}

/// The cookie of the accepted client, if it was one of ours.
pub(super) fn verified(ssl: Ssl) -> Option<Cookie> {
    STATE.get(ssl).map(|verified| verified.0)
}

/// Remembers the accepted client's cookie; false without memory for it.
pub(crate) fn remember_verified(ssl: Ssl, cookie: &Cookie) -> bool {
    STATE.set(ssl, Verified(*cookie))
}

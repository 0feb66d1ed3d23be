//! Cookies that are bound to peer and time alone, for where libssl asks and shows no hello.

use super::context::Context;
use super::ssl::Ssl;
use super::ssl_state;
use crate::hello::cookie::{Binding, COOKIE_LEN, Check};
use crate::hello::gate::COOKIE_ROOM;

/// The ready-made cookie: bound to peer and time, since libssl shows no hello.
pub(crate) fn made_for_peer(
    ssl: Ssl,
    context: &Context,
    room: &mut [u8; COOKIE_ROOM],
) -> Option<usize> {
    let peer = ssl.rbio()?.peer();
    let now = crate::os::unix_seconds();
    let cookie = context.keys.make(now, &Binding::peer(peer.as_ref())).ok()?;
    *room.first_chunk_mut::<COOKIE_LEN>()? = cookie;
    Some(COOKIE_LEN)
}

/// Checks a ready-made cookie. Once the handshake has begun, the cookie that the SSL was accepted
/// with passes without a look at the peer: the BIO may be another by then.
pub(crate) fn is_right_for_peer(ssl: Ssl, context: &Context, cookie: &[u8]) -> Option<bool> {
    if !ssl.in_before() && accepted_with(ssl, cookie) {
        return Some(true);
    }
    let peer = ssl.rbio()?.peer();
    let now = crate::os::unix_seconds();
    let check = context.keys.check(now, cookie, &Binding::peer(peer.as_ref())).ok()?;
    let right = matches!(check, Check::Right { .. });
    if right && ssl.in_before() {
        // Without memory the second check asks the BIO for the peer again.
        let _ = ssl_state::remember_verified(ssl, cookie);
    }
    Some(right)
}

/// Public by now: the client sent it in the clear and it was right, so time tells nothing.
///
/// It counts once, as libssl asks once: what comes after is another handshake, of any peer's.
fn accepted_with(ssl: Ssl, cookie: &[u8]) -> bool {
    let accepted = ssl_state::verified(ssl).is_some_and(|v| v.is(cookie));
    if accepted {
        ssl_state::forget_verified(ssl);
    }
    accepted
}

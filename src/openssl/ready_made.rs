//! Cookies that are bound to peer and time alone, for where libssl asks and shows no hello.

use super::context::Context;
use super::ssl::Ssl;
use super::ssl_state;
use crate::hello::cookie::{Binding, COOKIE_LEN, Check};
use crate::hello::error::Fault;
use crate::hello::gate::COOKIE_ROOM;
use crate::hello::peer::Peer;

/// The ready-made cookie: bound to peer and time, since libssl shows no hello.
pub(crate) fn made_for_peer(ssl: Ssl, room: &mut [u8; COOKIE_ROOM]) -> Result<usize, Fault> {
    let peer = peer(ssl)?;
    let context = context(ssl)?;
    let now = crate::os::unix_seconds();
    let cookie = context.keys.make(now, &Binding::peer(peer.as_ref()))?;
    *room.first_chunk_mut::<COOKIE_LEN>().ok_or(Fault::Internal)? = cookie;
    Ok(COOKIE_LEN)
}

/// Checks a ready-made cookie. Once the handshake has begun, the cookie that the SSL was accepted
/// with passes without a look at the peer: the BIO may be another by then.
pub(crate) fn is_right_for_peer(ssl: Ssl, cookie: &[u8]) -> Result<bool, Fault> {
    if !ssl.in_before() && accepted_with(ssl, cookie) {
        return Ok(true);
    }
    let peer = peer(ssl)?;
    let context = context(ssl)?;
    let now = crate::os::unix_seconds();
    let check = context.keys.check(now, cookie, &Binding::peer(peer.as_ref()))?;
    let right = matches!(check, Check::Right { .. });
    if right && ssl.in_before() {
        // Without memory the second check asks the BIO for the peer again.
        let _ = ssl_state::remember_verified(ssl, cookie);
    }
    Ok(right)
}

/// Asked before the context is looked up: a BIO of the application's may give the SSL another.
fn peer(ssl: Ssl) -> Result<Option<Peer>, Fault> {
    Ok(ssl.rbio().ok_or(Fault::BioNotSet)?.peer())
}

fn context<'a>(ssl: Ssl) -> Result<&'a Context, Fault> {
    Context::of(ssl.ctx().ok_or(Fault::Internal)?)
}

/// Public by now: the client sent it in the clear and it was right, so time tells nothing.
///
/// It counts once, as libssl asks once: what comes after is another handshake, of any peer's.
fn accepted_with(ssl: Ssl, cookie: &[u8]) -> bool {
    let accepted = ssl_state::verified(ssl).is_some_and(|v| v.is(cookie));
    if accepted {
        ssl_state::forget(ssl);
    }
    accepted
}

//! Cookies that are bound to peer and time alone, for where libssl asks and shows no hello.

use super::context::Context;
use super::peer::{PeerOfSsl, PeerRoom};
use super::ssl::Ssl;
use super::ssl_state;
use crate::hello::cookie::{Binding, COOKIE_LEN, Check};
use crate::hello::error::Fault;
use crate::hello::gate::COOKIE_ROOM;
use crate::os::unix_seconds;

/// The ready-made cookie: bound to peer and time, since libssl shows no hello.
pub(crate) fn made_for_peer(ssl: Ssl, room: &mut [u8; COOKIE_ROOM]) -> Result<usize, Fault> {
    let mut known = PeerRoom::new();
    let peer = peer(ssl, &mut known)?;
    let peer = peer.known().ok_or(Fault::PeerUnknown)?;
    let context = context(ssl)?;
    let room = room.first_chunk_mut().ok_or(Fault::Internal)?;
    context.keys.make_in(room, unix_seconds(), &Binding::peer(peer))?;
    Ok(COOKIE_LEN)
}

/// Checks a ready-made cookie. Once the handshake has begun, the cookie that the SSL was accepted
/// with passes without a look at the peer: the BIO may be another by then. So does any in a session
/// that is renegotiated: the peer has its keys, and repeats the cookie that it began with.
pub(crate) fn is_right_for_peer(ssl: Ssl, cookie: &[u8]) -> Result<bool, Fault> {
    if !ssl.in_before() && (ssl_state::accepted_with(ssl, cookie) || ssl.has_session()) {
        return Ok(true);
    }
    let mut known = PeerRoom::new();
    let peer = peer(ssl, &mut known)?;
    let peer = peer.known().ok_or(Fault::PeerUnknown)?;
    let context = context(ssl)?;
    let check = context.keys.check(unix_seconds(), cookie, &Binding::peer(peer))?;
    let right = matches!(check, Check::Right { .. });
    if right && ssl.in_before() {
        // Without memory the second check asks for the peer again.
        let _ = ssl_state::remember_verified(ssl, cookie);
    }
    Ok(right)
}

/// Asked before the context is looked up: a BIO of the application's may give the SSL another.
fn peer(ssl: Ssl, room: &mut PeerRoom) -> Result<PeerOfSsl<'_>, Fault> {
    let mut peer = PeerOfSsl::unasked(room);
    peer.ask(ssl, ssl.rbio().ok_or(Fault::BioNotSet)?);
    Ok(peer)
}

fn context<'a>(ssl: Ssl) -> Result<&'a Context, Fault> {
    Context::of(ssl.ctx().ok_or(Fault::Internal)?)
}

//! What a cookie is bound to, and how that is put into the MAC.

use super::mac::Message;
use crate::hello::peer::{Endpoint, Peer};
use crate::hello::wire::ClientHello;

/// What a cookie vouches for.
#[derive(Clone, Copy)]
pub struct Binding<'a> {
    peer: Option<&'a Peer>,
    hello: Option<&'a ClientHello<'a>>,
}

impl<'a> Binding<'a> {
    /// Peer and hello: a cookie serves one client's one handshake.
    pub const fn hello(peer: Option<&'a Peer>, hello: &'a ClientHello<'a>) -> Self {
        Self { peer, hello: Some(hello) }
    }

    /// Peer alone, where libssl asks and shows no hello.
    pub const fn peer(peer: Option<&'a Peer>) -> Self {
        Self { peer, hello: None }
    }

    /// Feeds every field behind its length byte, so that no two bindings give the same bytes. For
    /// IPv4 and an empty session id that is 51 bytes: one SHA-256 block.
    #[inline(always)]
    pub(super) fn feed(&self, message: &mut Message) {
        let endpoint = self.peer.map_or(Endpoint::default(), Peer::endpoint);
        field(message, if self.hello.is_some() { b"hello" } else { b"peer" });
        field(message, endpoint.address);
        if let Ok(scope) = <[u8; 4]>::try_from(endpoint.scope) {
            // The one part that a sockaddr has in the host's own order.
            field(message, &u32::from_ne_bytes(scope).to_be_bytes());
        }
        field(message, endpoint.port);
        if let Some(hello) = self.hello {
            field(message, &hello.version.0.to_be_bytes());
            field(message, hello.random);
            field(message, hello.session_id);
        }
    }
}

/// None is longer than 255 bytes: the longest are a Unix path, 108, and a session id, 255.
#[inline(always)]
fn field(message: &mut Message, field: &[u8]) {
    debug_assert!(field.len() <= 255);
    message.put(&[field.len() as u8]);
    // A copy of a length that the compiler knows is a few stores, any other a call: a port and an
    // IPv4 address, by far the most, are worth telling apart.
    if let Ok(four) = <&[u8; 4]>::try_from(field) {
        message.put(four);
    } else if let Ok(two) = <&[u8; 2]>::try_from(field) {
        message.put(two);
    } else if !field.is_empty() {
        message.put(field);
    }
}

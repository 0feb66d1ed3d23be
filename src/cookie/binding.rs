//! What a cookie is bound to, and how that is put into the MAC.

use super::Mac;
use crate::peer::{Endpoint, Peer};
use crate::wire::ClientHello;
use hmac::Mac as _;

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
    pub(super) fn feed(&self, mac: &mut Mac) {
        let mut message = Message { bytes: [0; Message::ROOM], len: 0 };
        let endpoint = self.peer.map_or(Endpoint::default(), Peer::endpoint);
        message.field(if self.hello.is_some() { b"hello" } else { b"peer" });
        message.field(endpoint.address);
        if let Ok(scope) = <[u8; 4]>::try_from(endpoint.scope) {
            // The one part that a sockaddr has in the host's own order.
            message.field(&u32::from_ne_bytes(scope).to_be_bytes());
        }
        message.field(endpoint.port);
        if let Some(hello) = self.hello {
            message.field(&hello.version.0.to_be_bytes());
            message.field(hello.random);
            message.field(hello.session_id);
        }
        mac.update(message.bytes.get(..message.len).unwrap_or_default());
    }
}

/// The fields side by side. One `update` of the whole costs about 400 instructions less than one
/// for each field (each checks the block buffer).
struct Message {
    bytes: [u8; Self::ROOM],
    len: usize,
}

impl Message {
    /// label 1+5, address 1+108, scope 1+4, port 1+2, version 1+2, random 1+32, session id 1+255.
    const ROOM: usize = 415;

    fn field(&mut self, field: &[u8]) {
        let end = self.len.saturating_add(1).saturating_add(field.len());
        let (Some(room), Ok(len)) = (self.bytes.get_mut(self.len..end), u8::try_from(field.len()))
        else {
            debug_assert!(false, "ROOM has room for the longest of each field");
            return;
        };
        if let Some((head, rest)) = room.split_first_mut() {
            *head = len;
            rest.copy_from_slice(field);
        }
        self.len = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_fields_have_room() {
        let mut message = Message { bytes: [0; Message::ROOM], len: 0 };
        for len in [5, 108, 4, 2, 2, 32, 255] {
            message.field(&vec![1; len]);
        }
        assert_eq!(message.len, Message::ROOM);
    }
}

//! What a cookie is bound to, and how that is put into the MAC.

use super::mac::Message;
use super::{COOKIE_LEN, SHORT_COOKIE_LEN};
use crate::hello::peer::Peer;
use crate::hello::wire::ClientHello;

/// What a cookie vouches for. A peer that is not known ([`Peer::is_known`]) is nobody to vouch for.
#[derive(Clone, Copy)]
pub struct Binding<'a> {
    peer: &'a Peer,
    bound_to: BoundTo<'a>,
}

#[derive(Clone, Copy)]
enum BoundTo<'a> {
    Hello(&'a ClientHello<'a>),
    /// The same, for a client that has no room for more than a short cookie.
    Short(&'a ClientHello<'a>),
    Peer,
}

impl<'a> Binding<'a> {
    /// Peer and hello: a cookie serves one client's one handshake.
    pub const fn hello(peer: &'a Peer, hello: &'a ClientHello<'a>) -> Self {
        let short = hello.room < COOKIE_LEN;
        let bound_to = if short { BoundTo::Short(hello) } else { BoundTo::Hello(hello) };
        Self { peer, bound_to }
    }

    /// Peer alone, where libssl asks and shows no hello.
    pub const fn peer(peer: &'a Peer) -> Self {
        Self { peer, bound_to: BoundTo::Peer }
    }

    /// Bytes of the cookie that is made for it.
    pub const fn cookie_len(&self) -> usize {
        match self.bound_to {
            BoundTo::Short(_) => SHORT_COOKIE_LEN,
            BoundTo::Hello(_) | BoundTo::Peer => COOKIE_LEN,
        }
    }

    /// The same for a cookie of so many bytes, whatever there is room for now; `None` if there is no
    /// such cookie.
    pub(super) const fn shown(self, len: usize) -> Option<Self> {
        let bound_to = match (self.bound_to, len) {
            (BoundTo::Hello(hello) | BoundTo::Short(hello), COOKIE_LEN) => BoundTo::Hello(hello),
            (BoundTo::Hello(hello) | BoundTo::Short(hello), SHORT_COOKIE_LEN) => {
                BoundTo::Short(hello)
            }
            (BoundTo::Peer, COOKIE_LEN) => BoundTo::Peer,
            _ => return None,
        };
        Some(Self { peer: self.peer, bound_to })
    }

    /// Feeds every field behind its length byte, so that no two bindings give the same bytes. For
    /// IPv4 and an empty session id that is 51 bytes: one SHA-256 block.
    #[inline(always)]
    pub(super) fn feed(&self, message: &mut Message) {
        let endpoint = self.peer.endpoint();
        let (kind, hello) = match self.bound_to {
            BoundTo::Hello(hello) => (&b"hello"[..], Some(hello)),
            BoundTo::Short(hello) => (&b"short"[..], Some(hello)),
            BoundTo::Peer => (&b"peer"[..], None),
        };
        field(message, kind);
        field(message, endpoint.address);
        // The scope is left out: it is one host's own number for a link, and another host that shares
        // the secret has another.
        field(message, endpoint.port);
        if let Some(hello) = hello {
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

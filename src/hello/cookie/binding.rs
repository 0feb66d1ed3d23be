//! What a cookie is bound to, and how that is put into the MAC.

use super::mac::{Block, Message, Pads, Tag, padding};
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

    /// The MAC of it.
    #[inline(always)]
    pub(super) fn tag(&self, mac: &impl Pads) -> Tag {
        match self.usual() {
            Some(block) => mac.tag_of_block(&block),
            None => self.tag_of_any(mac),
        }
    }

    #[inline(never)]
    fn tag_of_any(&self, mac: &impl Pads) -> Tag {
        mac.tag(|message| self.feed(message))
    }

    /// What [`feed`](Self::feed) puts, for an IPv4 peer and a hello without a session id: nearly all.
    /// Where each field stands is known then, and it takes a third of the instructions.
    #[inline(always)]
    fn usual(&self) -> Option<Block> {
        let BoundTo::Hello(hello) = self.bound_to else { return None };
        let (address, port) = self.peer.inet()?;
        if !hello.session_id.is_empty() {
            return None;
        }
        let mut block = USUAL;
        let mut put = |at: usize, field: &[u8]| {
            let room = block.get_mut(at..).and_then(|rest| rest.get_mut(..field.len()));
            room.map(|room| room.copy_from_slice(field))
        };
        put(ADDRESS_AT, address)?;
        put(PORT_AT, port)?;
        put(VERSION_AT, &hello.version.0.to_be_bytes())?;
        put(RANDOM_AT, hello.random)?;
        Some(block)
    }

    /// Feeds every field behind its length byte, so that no two bindings give the same bytes. For
    /// IPv4 and an empty session id that is 51 bytes: one SHA-256 block.
    #[inline(always)]
    fn feed(&self, message: &mut Message) {
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

const ADDRESS_AT: usize = 1 + b"hello".len() + 1;
const PORT_AT: usize = ADDRESS_AT + 4 + 1;
const VERSION_AT: usize = PORT_AT + 2 + 1;
const RANDOM_AT: usize = VERSION_AT + 2 + 1;

/// [`Binding::usual`] but for its fields; the session id's length is 0.
const USUAL: Block = {
    let mut block = padding(RANDOM_AT + 32 + 1);
    put(&mut block, 0, b"\x05hello\x04");
    put(&mut block, PORT_AT - 1, &[2]);
    put(&mut block, VERSION_AT - 1, &[2]);
    put(&mut block, RANDOM_AT - 1, &[32]);
    block
};

const fn put<const N: usize>(block: &mut Block, at: usize, field: &[u8; N]) {
    let (_, rest) = block.split_at_mut(at);
    if let Some(room) = rest.first_chunk_mut() {
        *room = *field;
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

#[cfg(test)]
mod tests {
    use super::super::mac::Keyed;
    use super::*;
    use crate::hello::peer::tests::somebody;
    use crate::hello::peer::{MAX_ADDRESS_LEN, Peer};
    use crate::hello::wire::Version;

    const HELLO: ClientHello<'_> = ClientHello {
        version: Version(0xFEFD),
        random: b"0123456789abcdefghijklmnopqrstuv",
        session_id: b"",
        cookie: b"",
        room: usize::MAX,
    };

    #[test]
    fn the_usual_ones_block_is_what_is_fed() {
        let mac = Keyed::new(&[7; 32]);
        let binding = Binding::hello(somebody(), &HELLO);
        let block = binding.usual().unwrap();
        let fed = mac.tag(|message| binding.feed(message));
        assert_eq!(mac.tag_of_block(&block).bytes(), fed.bytes());
        assert_eq!(binding.tag(&mac).bytes(), fed.bytes());
    }

    #[test]
    fn any_other_is_fed() {
        let six = Peer::new([10; MAX_ADDRESS_LEN]);
        let with_session = ClientHello { session_id: b"s", ..HELLO };
        let short = ClientHello { room: COOKIE_LEN - 1, ..HELLO };
        let mac = Keyed::new(&[7; 32]);
        for binding in [
            Binding::hello(&six, &HELLO),
            Binding::hello(somebody(), &with_session),
            Binding::hello(somebody(), &short),
            Binding::peer(somebody()),
        ] {
            assert!(binding.usual().is_none());
            let fed = mac.tag(|message| binding.feed(message));
            assert_eq!(binding.tag(&mac).bytes(), fed.bytes());
        }
    }
}

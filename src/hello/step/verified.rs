//! A hello whose cookie was right: the only thing that libssl is ever shown.

use crate::hello::error::Discard;
use crate::hello::gate::Admitted;
use crate::hello::peer::Peer;
use crate::hello::reassembly::Complete;
use crate::hello::wire::{ClientHello, Fragment, Method, Record};

/// A hello, or the first fragment of one, whose cookie was right. Only [`step`](super::step) makes
/// one.
pub struct VerifiedHello<'a> {
    bytes: Bytes<'a>,
    record_len: usize,
    sequence: u64,
    peer: Option<&'a Peer>,
}

enum Bytes<'a> {
    /// As it came: the record, and whatever is behind it.
    Datagram(&'a [u8]),
    /// Put together from fragments.
    Complete(Complete),
}

impl<'a> VerifiedHello<'a> {
    pub(super) const fn in_datagram(
        datagram: &'a [u8],
        admitted: &Admitted<'a>,
        peer: Option<&'a Peer>,
    ) -> Self {
        Self {
            bytes: Bytes::Datagram(datagram),
            record_len: admitted.record.len(),
            sequence: admitted.sequence,
            peer,
        }
    }

    #[inline(always)]
    pub(super) fn complete(
        hello: Complete,
        method: Method,
        peer: Option<&'a Peer>,
    ) -> Result<Self, Discard> {
        let Admitted { record, sequence, .. } = hello.admitted(method)?;
        let record_len = record.len();
        Ok(Self { bytes: Bytes::Complete(hello), record_len, sequence, peer })
    }

    /// The record that holds the hello, header included, and nothing behind it.
    pub fn record(&self) -> &[u8] {
        let datagram = self.datagram();
        datagram.get(..self.record_len).unwrap_or(datagram)
    }

    /// The record, and what came behind it.
    pub fn datagram(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Datagram(datagram) => datagram,
            Bytes::Complete(hello) => hello.record(),
        }
    }

    /// The same without what came behind the record.
    pub fn alone(self) -> Self {
        let Bytes::Datagram(datagram) = self.bytes else { return self };
        let record = datagram.get(..self.record_len).unwrap_or(datagram);
        Self { bytes: Bytes::Datagram(record), ..self }
    }

    /// Was it put together from fragments?
    pub const fn was_in_fragments(&self) -> bool {
        matches!(self.bytes, Bytes::Complete(_))
    }

    /// The record's sequence number, without the epoch (48 bits).
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The cookie that was right.
    pub fn cookie(&self) -> &[u8] {
        self.hello().map_or(&[], |hello| hello.cookie)
    }

    /// The client's random, which is another for each handshake.
    pub fn random(&self) -> Option<[u8; 32]> {
        self.hello().map(|hello| *hello.random)
    }

    /// Who sent it, where the driver was told; else the SSL's BIO knows.
    pub const fn peer(&self) -> Option<&'a Peer> {
        self.peer
    }

    /// Is it all of the hello, in one datagram?
    pub fn came_whole(&self) -> bool {
        !self.was_in_fragments() && self.fragment().is_some_and(|fragment| fragment.is_whole())
    }

    fn fragment(&self) -> Option<Fragment<'_>> {
        let (header, rest) = self.record().split_first_chunk()?;
        let record = Record::parse(header, rest).ok()?;
        Fragment::parse(record.body).ok()
    }

    #[cold]
    fn hello(&self) -> Option<ClientHello<'_>> {
        let fragment = self.fragment()?;
        ClientHello::parse(fragment.body, Method::Any).ok()
    }
}

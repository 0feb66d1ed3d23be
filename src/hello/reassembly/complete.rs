//! A hello that nothing is missing of.

use crate::hello::admitted::Admitted;
use crate::hello::error::Discard;
use crate::hello::wire::{ClientHello, Fragment, Method, Record};

/// One record with one unfragmented ClientHello, whose cookie was right in its first fragment.
pub struct Complete(Vec<u8>);

impl Complete {
    pub(super) const fn new(record: Vec<u8>) -> Self {
        Self(record)
    }

    /// The record, header included.
    pub fn record(&self) -> &[u8] {
        &self.0
    }

    /// The same as if it had come in one datagram to an SSL of this method. Another SSL than the
    /// one that read the first fragment may speak other versions, hence the `Err`.
    #[cold]
    pub fn admitted(&self, method: Method) -> Result<Admitted<'_>, Discard> {
        let (header, rest) = self.0.split_first_chunk().ok_or(Discard::RecordTooSmall)?;
        let record = Record::parse(header, rest)?;
        let fragment = Fragment::parse(record.body)?;
        let hello = ClientHello::parse(fragment.body, method)?;
        Ok(Admitted {
            record: &self.0,
            sequence: record.sequence_number(),
            fragment,
            cookie: hello.cookie,
        })
    }
}

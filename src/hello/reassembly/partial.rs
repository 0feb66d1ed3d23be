//! One hello, of which parts are missing.

use super::{Complete, MAX_MESSAGE_LEN};
use crate::hello::gate::Admitted;
use crate::hello::wire::{Fragment, HANDSHAKE_HEADER_LEN, RECORD_HEADER_LEN};

/// Where the message begins in the record that it becomes.
const BODY: usize = RECORD_HEADER_LEN + HANDSHAKE_HEADER_LEN;
/// Type, version, epoch and sequence number: all of a record's header but its length.
const RECORD_NAME: usize = RECORD_HEADER_LEN - 2;

pub(super) struct Partial {
    /// What libssl will be given: the record's header is the first fragment's, but for its length.
    record: Vec<u8>,
    message_len: u32,
    message_seq: u16,
    /// Which bytes of the message have come: a bit for each.
    come: Vec<u8>,
    missing: usize,
}

impl Partial {
    /// Begins a hello with its first fragment. `None` for one that is too long, or without memory.
    pub(super) fn new(admitted: &Admitted<'_>) -> Option<Self> {
        let fragment = &admitted.fragment;
        let len = usize::try_from(fragment.message_len).ok().filter(|n| *n <= MAX_MESSAGE_LEN)?;
        let mut hello = Self {
            record: zeroes(BODY.checked_add(len)?)?,
            message_len: fragment.message_len,
            message_seq: fragment.message_seq,
            come: zeroes(len.div_ceil(8))?,
            missing: len,
        };
        hello.write_headers(admitted.record)?;
        hello.take(fragment).then_some(hello)
    }

    /// From the first fragment's: a longer record, one fragment from 0 to the message's end.
    fn write_headers(&mut self, first: &[u8]) -> Option<()> {
        let [_, l0, l1, l2] = self.message_len.to_be_bytes();
        let [.., r0, r1] = self.record.len().checked_sub(RECORD_HEADER_LEN)?.to_be_bytes();
        let (name, message) = (first.get(..RECORD_NAME)?, first.get(RECORD_HEADER_LEN..)?);
        let (kind, seq) = (message.first()?, self.message_seq.to_be_bytes());
        self.record.get_mut(..RECORD_NAME)?.copy_from_slice(name);
        let rest: &mut [u8; BODY - RECORD_NAME] =
            self.record.get_mut(RECORD_NAME..)?.first_chunk_mut()?;
        *rest = [r0, r1, *kind, l0, l1, l2, seq[0], seq[1], 0, 0, 0, l0, l1, l2];
        Some(())
    }

    /// Did it begin with this very record?
    pub(super) fn began_with(&self, admitted: &Admitted<'_>) -> bool {
        let body = self.record.get(BODY..).unwrap_or_default();
        self.is_of(&admitted.fragment)
            && self.record.get(..RECORD_NAME) == admitted.record.get(..RECORD_NAME)
            && body.starts_with(admitted.fragment.body)
    }

    /// Adds what is new in a fragment; false if it is not a part of this hello.
    pub(super) fn take(&mut self, fragment: &Fragment<'_>) -> bool {
        let Ok(offset) = usize::try_from(fragment.offset) else { return false };
        if !self.is_of(fragment) {
            return false;
        }
        let body = self.record.get_mut(BODY..).unwrap_or_default();
        let place = body.get_mut(offset..).and_then(|b| b.get_mut(..fragment.body.len()));
        let Some(place) = place else { return false };
        for (at, (to, from)) in (offset..).zip(place.iter_mut().zip(fragment.body)) {
            if mark(&mut self.come, at) {
                *to = *from;
                self.missing = self.missing.saturating_sub(1);
            }
        }
        true
    }

    const fn is_of(&self, fragment: &Fragment<'_>) -> bool {
        self.message_len == fragment.message_len && self.message_seq == fragment.message_seq
    }

    /// Gives the record away once nothing is missing.
    pub(super) fn complete(&mut self) -> Option<Complete> {
        (self.missing == 0).then(|| Complete::new(std::mem::take(&mut self.record)))
    }
}

/// Sets a bit; was it clear?
fn mark(bits: &mut [u8], at: usize) -> bool {
    let Some(byte) = bits.get_mut(at / 8) else { return false };
    let bit = 1 << (at % 8);
    let clear = *byte & bit == 0;
    *byte |= bit;
    clear
}

fn zeroes(len: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).ok()?;
    bytes.resize(len, 0);
    Some(bytes)
}

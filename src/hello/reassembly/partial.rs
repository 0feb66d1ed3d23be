//! One hello, of which parts are missing.

use super::bits::{groups, ones};
use super::{Complete, MAX_MESSAGE_LEN};
use crate::hello::admitted::Admitted;
use crate::hello::wire::{Fragment, HANDSHAKE_HEADER_LEN, RECORD_HEADER_LEN};

/// Where the message begins in the record that it becomes.
const BODY: usize = RECORD_HEADER_LEN + HANDSHAKE_HEADER_LEN;
/// Type, version, epoch and sequence number: all of a record's header but its length.
const RECORD_NAME: usize = RECORD_HEADER_LEN - 2;

/// A client that misses the answer sends its hello again: the same message, in records of new
/// numbers, a *flight*. Only its first fragment, with the cookie in it, is known to be the client's;
/// whoever knows its address can send any other. So
///
/// - what came in one flight counts in the next, as under libssl, or a hello of many fragments
///   would never be whole on a path that loses some;
/// - in one flight what came first counts, and a new flight's bytes replace those of the last;
/// - once two fragments contradict each other, one of them is not the client's: from then on only
///   what came in one flight counts.
pub(super) struct Partial {
    /// What libssl will be given: the record's header is the first fragment's, but for its length.
    /// Behind it a bit for each byte of the message that has come and counts in every flight, and
    /// one for each that has come in this flight.
    bytes: Vec<u8>,
    /// Of the message.
    len: usize,
    message_seq: u16,
    /// The flight's first fragment: its record's number, and how much of the message it holds.
    number: u64,
    first_len: usize,
    /// Bytes of the message that have come neither in this flight nor before.
    missing: usize,
    /// Have two fragments contradicted each other?
    contested: bool,
}

/// A hello's memory by what it is for.
struct Parts<'a> {
    body: &'a mut [u8],
    kept: &'a mut [u8],
    fresh: &'a mut [u8],
}

impl Partial {
    /// What a hello of this length takes. `None`: it is longer than what is put together.
    pub(super) fn size_for(message_len: u32) -> Option<usize> {
        let len = usize::try_from(message_len).ok().filter(|len| *len <= MAX_MESSAGE_LEN)?;
        len.div_ceil(8).checked_mul(2)?.checked_add(len)?.checked_add(BODY)
    }

    /// Begins a hello with its first fragment. `None` for one that is too long, or without memory.
    pub(super) fn new(admitted: &Admitted<'_>) -> Option<Self> {
        let fragment = &admitted.fragment;
        let len = usize::try_from(fragment.message_len).ok()?;
        let mut hello = Self {
            bytes: zeroes(Self::size_for(fragment.message_len)?)?,
            len,
            message_seq: fragment.message_seq,
            number: admitted.sequence,
            first_len: fragment.body.len(),
            missing: len,
            contested: false,
        };
        hello.write_headers(admitted.record)?;
        hello.write(admitted.sequence, 0, fragment.body);
        Some(hello)
    }

    /// Takes the first fragment of what may be a new flight; false if it is of another hello. The
    /// client's random is in it, so the same bytes are the same hello.
    pub(super) fn again(&mut self, admitted: &Admitted<'_>) -> bool {
        let first = admitted.fragment.body;
        let common = first.len().min(self.first_len);
        let body = self.parts().body;
        if body.get(..common) != first.get(..common) || !self.is_of(&admitted.fragment) {
            return false;
        }
        // A duplicate of the network's, late or not, begins nothing.
        if admitted.sequence <= self.number {
            return true;
        }
        let kept = {
            let Parts { kept, fresh, .. } = self.parts();
            fresh.fill(0);
            ones(kept)
        };
        self.missing = self.len.saturating_sub(kept);
        self.number = admitted.sequence;
        self.first_len = common; // cut at another place, it is held against what was there
        self.write(admitted.sequence, 0, first);
        self.first_len = first.len();
        self.write_headers(admitted.record).is_some()
    }

    /// From the first fragment's: a longer record, one fragment from 0 to the message's end.
    fn write_headers(&mut self, first: &[u8]) -> Option<()> {
        let record_len = BODY.checked_add(self.len)?;
        let [.., l0, l1, l2] = self.len.to_be_bytes();
        let [.., r0, r1] = record_len.checked_sub(RECORD_HEADER_LEN)?.to_be_bytes();
        let (name, message) = (first.get(..RECORD_NAME)?, first.get(RECORD_HEADER_LEN..)?);
        let (kind, seq) = (message.first()?, self.message_seq.to_be_bytes());
        self.bytes.get_mut(..RECORD_NAME)?.copy_from_slice(name);
        let rest: &mut [u8; BODY - RECORD_NAME] =
            self.bytes.get_mut(RECORD_NAME..)?.first_chunk_mut()?;
        *rest = [r0, r1, *kind, l0, l1, l2, seq[0], seq[1], 0, 0, 0, l0, l1, l2];
        Some(())
    }

    /// Where a fragment of this hello lies in it.
    fn place(&self, fragment: &Fragment<'_>) -> Option<usize> {
        let offset = usize::try_from(fragment.offset).ok()?;
        let end = offset.checked_add(fragment.body.len())?;
        (self.is_of(fragment) && end <= self.len).then_some(offset)
    }

    /// Is it a part of this hello?
    pub(super) fn has_place_for(&self, fragment: &Fragment<'_>) -> bool {
        self.place(fragment).is_some()
    }

    /// Adds what is new in a fragment, if it is a part of this hello. `number`: its record's.
    pub(super) fn take(&mut self, number: u64, fragment: &Fragment<'_>) {
        if let Some(offset) = self.place(fragment) {
            self.write(number, offset, fragment.body);
        }
    }

    fn is_of(&self, fragment: &Fragment<'_>) -> bool {
        usize::try_from(fragment.message_len) == Ok(self.len)
            && self.message_seq == fragment.message_seq
    }

    fn write(&mut self, number: u64, offset: usize, new: &[u8]) {
        let vouched_for = self.first_len.saturating_sub(offset).min(new.len());
        if self.differs(offset, new.get(..vouched_for).unwrap_or_default()) {
            return; // whatever it is, it is not the client's
        }
        if self.differs(offset, new) {
            self.contested = true;
            let fresh = {
                let Parts { kept, fresh, .. } = self.parts();
                kept.fill(0);
                ones(fresh)
            };
            self.missing = self.len.saturating_sub(fresh);
        }
        let current = number >= self.number;
        // The record behind the first one goes on where that one ends. One that does not is not
        // trusted beyond its flight.
        let out_of_order = Some(number) == self.number.checked_add(1) && offset > self.first_len;
        let keep = !self.contested && !out_of_order;
        if current || keep {
            let come = self.copy(offset, new, current, keep);
            self.missing = self.missing.saturating_sub(come);
        }
    }

    /// Is a byte that has come another one?
    fn differs(&mut self, offset: usize, new: &[u8]) -> bool {
        let Parts { body, kept, fresh } = self.parts();
        groups(offset, new).any(|group| {
            let come = |bits: &[u8]| bits.get(group.index).copied().unwrap_or(0);
            let has = come(kept) | come(fresh);
            let old = body.get(group.at..).unwrap_or_default();
            group
                .bits()
                .zip(old.iter().zip(group.bytes))
                .any(|(bit, (a, b))| has & bit != 0 && a != b)
        })
    }

    /// Writes what counts of a fragment, and gives how many bytes of it were missing.
    fn copy(&mut self, offset: usize, new: &[u8], current: bool, keep: bool) -> usize {
        let Parts { body, kept, fresh } = self.parts();
        let mut come = 0_usize;
        for group in groups(offset, new) {
            let (Some(kept), Some(fresh)) = (kept.get_mut(group.index), fresh.get_mut(group.index))
            else {
                continue;
            };
            // What a late fragment of an older flight brings replaces nothing.
            let settled = if current { *fresh } else { *fresh | *kept };
            let old = body.get_mut(group.at..).unwrap_or_default();
            for (bit, (to, from)) in group.bits().zip(old.iter_mut().zip(group.bytes)) {
                if settled & bit == 0 {
                    *to = *from;
                }
            }
            come = come.saturating_add(ones(&[group.mask & !(*kept | *fresh)]));
            if current {
                *fresh |= group.mask;
            }
            if keep {
                *kept |= group.mask;
            }
        }
        come
    }

    fn parts(&mut self) -> Parts<'_> {
        let body = self.bytes.get_mut(BODY..).unwrap_or_default();
        let (body, bits) = body.split_at_mut_checked(self.len).unwrap_or_default();
        let (kept, fresh) = bits.split_at_mut(bits.len() / 2);
        Parts { body, kept, fresh }
    }

    /// The record, once nothing is missing.
    pub(super) fn complete(&mut self) -> Option<Complete> {
        (self.missing == 0).then(|| {
            let mut record = std::mem::take(&mut self.bytes);
            record.truncate(BODY.saturating_add(self.len));
            Complete::new(record)
        })
    }
}

fn zeroes(len: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).ok()?;
    bytes.resize(len, 0);
    Some(bytes)
}

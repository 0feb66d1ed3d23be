//! New sequence numbers for records that go out unencrypted, so that the first one carries the
//! number that RFC 6347 section 4.2.1 wants: the verified ClientHello's.
//!
//! Pure. The distance is learnt from the first record that passes, so nothing changes behind a
//! libssl that numbers as it should.

use crate::hello::wire::{RECORD_HEADER_LEN, RecordHeader};

/// What OpenSSL 3.2 to 4.0 begin at, which is right after a hello of that number.
pub(crate) const LIBSSL_BEGINS_AT: u64 = 1;

/// The last number that there is (48 bits).
const LAST: u64 = (1 << 48) - 1;

/// How one connection's records of epoch 0 are numbered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resequencing {
    /// What the first record has to carry.
    first: u64,
    /// What is added to each number; not known before the first record.
    shift: Option<u64>,
    /// The highest number, as libssl gave it, that is out.
    sent: Option<u64>,
    /// The first number of the last write, out or not.
    tried: Option<u64>,
}

impl Resequencing {
    pub(crate) const fn starting_at(first: u64) -> Self {
        Self { first, shift: None, sent: None, tried: None }
    }

    /// One that changes nothing, ever.
    pub(crate) const fn inert() -> Self {
        Self::starting_at(0)
    }

    /// Writes `bytes`, whole records one behind the other, to `room` with their new numbers; `None`
    /// when they stay as they are. The same bytes come out the same however often they come.
    pub(crate) fn apply<'a>(&mut self, bytes: &[u8], room: &'a mut [u8]) -> Option<&'a [u8]> {
        let (_, number) = unencrypted(bytes).next()?;
        if self.sent.is_some_and(|sent| number <= sent)
            || self.tried.is_some_and(|tried| number < tried)
        {
            // libssl gives a number again only to what could not be sent, and never a lower one: the SSL
            // was cleared and began another connection, of which we know nothing.
            *self = Self::inert();
        }
        self.tried = Some(number);
        // 0 is of an SSL that was cleared and began something else. From 4.1 on `SSL_clear` keeps the
        // number, and an SSL that is used again begins above 1: the client knows of no record above its
        // hello's number, so a higher one is as good, and is not lowered to what may have been sent before.
        let shift = if number == 0 { 0 } else { self.first.saturating_sub(number) };
        let shift = *self.shift.get_or_insert(shift);
        if shift == 0 {
            return None;
        }
        let room = room.get_mut(..bytes.len())?;
        room.copy_from_slice(bytes);
        for (at, number) in unencrypted(bytes) {
            let to = room.get_mut(at..).and_then(|rest| rest.first_chunk_mut());
            // Past the last number there is no right one, and no client that could go on.
            if let (Some(to), Some(new)) = (to, shifted(number, shift)) {
                *to = new.to_be_bytes();
            }
        }
        Some(room)
    }

    /// Takes note that `bytes`, as they came, are out.
    pub(crate) fn note_sent(&mut self, bytes: &[u8]) {
        let last = unencrypted(bytes).map(|(_, number)| number).max();
        self.sent = self.sent.max(last);
    }

    /// Has it found numbers to change?
    pub(crate) const fn shifts(&self) -> bool {
        matches!(self.shift, Some(1..))
    }
}

/// Is there anything in a write that a [`Resequencing`] looks at?
pub(crate) fn has_unencrypted(bytes: &[u8]) -> bool {
    unencrypted(bytes).next().is_some()
}

fn shifted(number: u64, shift: u64) -> Option<u64> {
    number.checked_add(shift).filter(|new| *new <= LAST)
}

/// Where the numbers of epoch 0 stand in a write, and what they are. Ends at what is no record.
fn unencrypted(bytes: &[u8]) -> impl Iterator<Item = (usize, u64)> {
    const NUMBER_AT: usize = 3;
    let mut at: usize = 0;
    let records = std::iter::from_fn(move || {
        let (header, behind) = bytes.get(at..)?.split_first_chunk::<RECORD_HEADER_LEN>()?;
        let (number, length) = fields(header)?;
        behind.get(..length)?;
        let number_at = at.checked_add(NUMBER_AT)?;
        at = at.checked_add(RECORD_HEADER_LEN)?.checked_add(length)?;
        Some((number_at, number))
    });
    records.filter(|(_, number)| *number <= LAST)
}

/// Epoch with sequence number, and length, if this begins a DTLS record.
fn fields(header: &RecordHeader) -> Option<(u64, usize)> {
    let [20..=26, 0xFE, _minor, number @ .., high, low] = header else { return None };
    Some((u64::from_be_bytes(*number), u16::from_be_bytes([*high, *low]).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Room for the largest write that libssl makes: its longest record.
    const ROOM: usize = 16_384 + RECORD_HEADER_LEN;

    fn record(kind: u8, epoch: u16, number: u64, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind, 0xFE, 0xFD];
        bytes.extend(((u64::from(epoch) << 48) | number).to_be_bytes());
        bytes.extend((body.len() as u16).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn hello(number: u64) -> Vec<u8> {
        record(22, 0, number, b"server hello")
    }

    /// What goes out, and whether it was rewritten.
    fn out(numbers: &mut Resequencing, bytes: &[u8]) -> Vec<u8> {
        let mut room = [0xAA; ROOM];
        let out = numbers.apply(bytes, &mut room).map_or_else(|| bytes.to_vec(), <[u8]>::to_vec);
        numbers.note_sent(bytes);
        out
    }

    #[test]
    fn the_first_record_gets_the_hellos_number_and_the_others_follow() {
        let mut numbers = Resequencing::starting_at(5);
        assert!(!numbers.shifts());
        assert_eq!(out(&mut numbers, &hello(1)), hello(5));
        assert!(numbers.shifts());
        assert_eq!(out(&mut numbers, &hello(2)), hello(6));
        assert_eq!(out(&mut numbers, &hello(9)), hello(13));
    }

    #[test]
    fn right_numbers_stay() {
        for first in [5, 6, LAST] {
            let mut numbers = Resequencing::starting_at(5);
            for number in [first, first.saturating_add(1)] {
                assert_eq!(numbers.apply(&hello(number), &mut [0; ROOM]), None);
                numbers.note_sent(&hello(number));
            }
            assert!(!numbers.shifts());
        }
    }

    #[test]
    fn an_ssl_that_began_something_else_keeps_its_numbers() {
        let mut numbers = Resequencing::starting_at(5);
        for number in [0, 1, 2] {
            assert_eq!(out(&mut numbers, &hello(number)), hello(number));
        }
    }

    #[test]
    fn every_record_of_a_write_is_renumbered_and_only_epoch_0() {
        let flight = |numbers: [u64; 3]| {
            let mut bytes = hello(numbers[0]);
            bytes.extend(record(20, 0, numbers[1], &[1]));
            bytes.extend(record(22, 1, 0, b"finished, encrypted"));
            bytes.extend(record(21, 0, numbers[2], &[]));
            bytes
        };
        let mut numbers = Resequencing::starting_at(3);
        assert_eq!(out(&mut numbers, &flight([1, 2, 3])), flight([3, 4, 5]));
    }

    #[test]
    fn encrypted_writes_are_not_even_copied_and_teach_nothing() {
        let mut numbers = Resequencing::starting_at(3);
        let data = record(23, 1, 0, b"data");
        assert!(!has_unencrypted(&data) && has_unencrypted(&hello(1)));
        assert_eq!(numbers.apply(&data, &mut [0; ROOM]), None);
        assert_eq!(out(&mut numbers, &hello(1)), hello(3));
        assert_eq!(numbers.apply(&data, &mut [0; ROOM]), None);
    }

    #[test]
    fn the_same_bytes_again_come_out_the_same() {
        let mut numbers = Resequencing::starting_at(7);
        let mut room = [0; ROOM];
        let first = numbers.apply(&hello(1), &mut room).unwrap().to_vec();
        assert_eq!(first, hello(7));
        // Not sent: the write would block, and is tried again.
        for _ in 0..3 {
            assert_eq!(numbers.apply(&hello(1), &mut room).unwrap(), first);
        }
        numbers.note_sent(&hello(1));
        assert_eq!(out(&mut numbers, &hello(2)), hello(8));
    }

    #[test]
    fn numbers_that_begin_again_are_another_connections() {
        let mut numbers = Resequencing::starting_at(7);
        out(&mut numbers, &hello(1));
        out(&mut numbers, &hello(2));
        for number in [2, 0, 1, 2, 3] {
            assert_eq!(out(&mut numbers, &hello(number)), hello(number));
        }
    }

    /// Nothing of the first connection could be sent.
    #[test]
    fn numbers_that_begin_again_after_a_failed_write_are_another_connections() {
        let mut numbers = Resequencing::starting_at(7);
        assert_eq!(numbers.apply(&hello(1), &mut [0; ROOM]).unwrap(), hello(7));
        for number in [0, 1, 2] {
            assert_eq!(out(&mut numbers, &hello(number)), hello(number));
        }
    }

    /// From 4.1 on an SSL that is used again goes on counting: 1, 13, 25.
    #[test]
    fn an_ssl_that_goes_on_counting_is_raised_and_never_lowered() {
        let mut numbers = Resequencing::starting_at(20);
        assert_eq!(out(&mut numbers, &hello(13)), hello(20));
        assert_eq!(out(&mut numbers, &hello(14)), hello(21));
        for first in [2, 12, 13] {
            let mut numbers = Resequencing::starting_at(first);
            assert_eq!(out(&mut numbers, &hello(13)), hello(13));
            assert_eq!(out(&mut numbers, &hello(14)), hello(14));
        }
    }

    #[test]
    fn no_number_passes_the_last() {
        let mut numbers = Resequencing::starting_at(LAST - 1);
        assert_eq!(out(&mut numbers, &hello(1)), hello(LAST - 1));
        assert_eq!(out(&mut numbers, &hello(2)), hello(LAST));
        assert_eq!(out(&mut numbers, &hello(3)), hello(3));
        assert_eq!(out(&mut numbers, &hello(4)), hello(4));
    }

    #[test]
    fn what_is_no_record_goes_through_as_it_is() {
        let mut numbers = Resequencing::starting_at(4);
        let cut = |n: usize| hello(1)[..n].to_vec();
        let whole = hello(1).len();
        for n in 0..whole {
            assert_eq!(out(&mut numbers, &cut(n)), cut(n));
        }
        let mut odd = hello(1);
        odd[0] = 0x2F;
        assert_eq!(out(&mut numbers, &odd), odd);
        let mut stream = hello(1);
        stream[1] = 3;
        assert_eq!(out(&mut numbers, &stream), stream);
        // A whole record, then part of one: the whole one counts.
        let mut both = hello(1);
        both.extend(cut(whole - 1));
        let mut expected = hello(4);
        expected.extend(cut(whole - 1));
        assert_eq!(out(&mut numbers, &both), expected);
    }

    #[test]
    fn the_longest_record_fits_and_a_longer_write_stays_whole() {
        let longest = |number| record(22, 0, number, &[9; 16_384]);
        let mut numbers = Resequencing::starting_at(4);
        assert_eq!(out(&mut numbers, &longest(1)), longest(4));
        let mut more = longest(2);
        more.extend(hello(3));
        assert_eq!(out(&mut numbers, &more), more);
    }

    #[test]
    fn an_inert_one_changes_nothing() {
        let mut numbers = Resequencing::inert();
        for number in [0, 1, 2, LAST] {
            assert_eq!(out(&mut numbers, &hello(number)), hello(number));
        }
    }
}

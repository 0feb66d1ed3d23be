//! A bit for each byte of a message.

/// Bytes of a message whose bits are in the same byte.
pub(super) struct Group<'a> {
    /// Which byte the bits are in, and which of it they are.
    pub(super) index: usize,
    pub(super) mask: u8,
    /// Where the bytes lie in the message.
    pub(super) at: usize,
    pub(super) bytes: &'a [u8],
}

impl Group<'_> {
    /// A bit for each of the bytes, in their order.
    pub(super) fn bits(&self) -> impl Iterator<Item = u8> + use<> {
        let mask = self.mask;
        (0..8).map(|n| 1 << n).filter(move |bit| mask & bit != 0)
    }
}

/// A part of a message, by the bytes that its bits are in.
pub(super) fn groups(mut at: usize, mut bytes: &[u8]) -> impl Iterator<Item = Group<'_>> {
    std::iter::from_fn(move || {
        let (skipped, index) = (at % 8, at / 8);
        let len = 8_usize.saturating_sub(skipped).min(bytes.len());
        let (now, later) = bytes.split_at_checked(len).filter(|(now, _)| !now.is_empty())?;
        let unused = 8_usize.saturating_sub(skipped).saturating_sub(len);
        let shift = |n: usize| u32::try_from(n).unwrap_or(0);
        let mask = u8::MAX.wrapping_shl(shift(skipped)) & u8::MAX.wrapping_shr(shift(unused));
        let group = Group { index, mask, at, bytes: now };
        (at, bytes) = (at.saturating_add(len), later);
        Some(group)
    })
}

/// How many bits are set.
pub(super) fn ones(bits: &[u8]) -> usize {
    bits.iter().map(|byte| usize::try_from(byte.count_ones()).unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_bit() {
        let bytes: Vec<u8> = (0..40).collect();
        for at in 0..20 {
            for len in 0..20 {
                let mut seen = vec![];
                for group in groups(at, &bytes[at..at + len]) {
                    assert_eq!(group.bytes.len(), group.mask.count_ones() as usize);
                    assert_eq!(group.bytes[0] as usize, group.at);
                    for (bit, byte) in group.bits().zip(group.bytes) {
                        assert_eq!(group.index * 8 + bit.trailing_zeros() as usize, *byte as usize);
                        seen.push(*byte);
                    }
                }
                assert_eq!(seen, bytes[at..at + len], "{at}, {len}");
            }
        }
        assert_eq!(ones(&[0, 1, 0xFF]), 9);
    }
}

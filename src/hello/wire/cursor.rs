//! Reading from the front of a byte slice; `None` where it is too short.

#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(n)?;
        self.0 = tail;
        Some(head)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (head, tail) = self.0.split_first_chunk()?;
        self.0 = tail;
        Some(head)
    }

    pub(super) const fn rest(self) -> &'a [u8] {
        self.0
    }

    /// `opaque v<0..2^8-1>`
    pub(super) fn vec8(&mut self) -> Option<&'a [u8]> {
        let &[n] = self.array()?;
        self.bytes(n.into())
    }
}

/// A three-byte length as RFC 6347 writes it.
pub(super) const fn u24([a, b, c]: [u8; 3]) -> u32 {
    u32::from_be_bytes([0, a, b, c])
}

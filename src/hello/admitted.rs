//! A hello whose cookie is right.

use crate::hello::wire::Fragment;

/// A hello, or its first fragment, whose cookie is right.
pub struct Admitted<'a> {
    /// The record that it came in, header included, and nothing behind it.
    pub record: &'a [u8],
    /// The record's sequence number, without the epoch (48 bits).
    pub sequence: u64,
    /// The handshake message: whole, or the first of several fragments.
    pub fragment: Fragment<'a>,
    /// The cookie that was right.
    pub cookie: &'a [u8],
}

//! HMAC-SHA256 (RFC 2104), keyed once and used for every cookie of a slot.
//!
//! The hmac crate, which derives the keys and is held against this in the tests, keeps a keyed MAC
//! in a form that has to be cloned, wiped and padded for each use: 330 instructions a cookie that
//! are not SHA-256's. The two states that a key comes to are all that is needed, and 16 words can
//! be shared between threads without a lock (`super::keyring`).

use super::{SHORT_TAG_LEN, TAG_LEN};
use hmac::digest::CtOutput;
use sha2::block_api::compress256;
use std::slice::from_ref;
use zeroize::{Zeroize as _, Zeroizing};

pub(super) const BLOCK_LEN: usize = 64;
/// Where the message's length stands in its last block.
const LENGTH_AT: usize = BLOCK_LEN - 8;

pub(super) type Block = [u8; BLOCK_LEN];

/// SHA-256's state before the first block (FIPS 180-4 section 5.3.3).
const START: State = [
    0x6A09_E667,
    0xBB67_AE85,
    0x3C6E_F372,
    0xA54F_F53A,
    0x510E_527F,
    0x9B05_688C,
    0x1F83_D9AB,
    0x5BE0_CD19,
];

pub(super) type State = [u32; 8];

/// Words of a key as the MAC uses it.
pub(super) const WORDS: usize = 16;

/// Bytes of a MAC.
pub(super) const MAC_LEN: usize = 32;

/// A key as the MAC uses it: the states behind the inner and the outer pad. Wiped when it goes.
#[derive(Clone)]
pub(super) struct Keyed {
    inner: State,
    outer: State,
}

/// Where the two states of a key are. Each is taken once and goes straight into the block function's
/// state, which is overwritten there: a copy of the key would lie on the stack until something else
/// does. The outer one is taken with the inner one, a hash before it is read: the block function reads
/// more at once than is stored at once, and would have to wait.
pub(super) trait Pads {
    fn inner(&self) -> State;
    fn outer(&self) -> State;

    /// The MAC of what `feed` puts.
    #[inline(always)]
    fn tag(&self, feed: impl FnOnce(&mut Message)) -> Tag {
        let mut outer = self.outer();
        let mut inner = Message::after(self.inner());
        feed(&mut inner);
        close(&mut outer, inner.finish())
    }

    /// The MAC of a message that is one block, its padding included.
    #[inline(always)]
    fn tag_of_block(&self, block: &Block) -> Tag {
        let mut outer = self.outer();
        let mut inner = self.inner();
        compress256(&mut inner, from_ref(block));
        close(&mut outer, &inner)
    }
}

/// The outer hash, of the inner one.
#[inline(always)]
fn close(outer: &mut State, inner: &State) -> Tag {
    const PADDING: Block = padding(MAC_LEN);
    let mut block = PADDING;
    if let Some(hash) = block.first_chunk_mut() {
        *hash = bytes_of(inner);
    }
    compress256(outer, from_ref(&block));
    Tag(bytes_of(outer))
}

/// The one block of a message of `len` bytes, before the message is put: SHA-256's padding, behind
/// the pad's block.
pub(super) const fn padding(len: usize) -> Block {
    assert!(len < LENGTH_AT);
    let mut block = [0; BLOCK_LEN];
    if let (_, [end, ..]) = block.split_at_mut(len) {
        *end = 0x80;
    }
    if let Some(length) = block.last_chunk_mut() {
        let bytes = BLOCK_LEN.saturating_add(len) as u64;
        *length = bytes.saturating_mul(8).to_be_bytes();
    }
    block
}

/// A MAC, to be compared in constant time only.
pub(super) struct Tag([u8; MAC_LEN]);

impl Keyed {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let pad = |with: u8| {
            let mut block = Zeroizing::new([with; BLOCK_LEN]);
            for (to, from) in block.iter_mut().zip(key) {
                *to ^= from;
            }
            let mut state = START;
            compress256(&mut state, from_ref(&*block));
            state
        };
        Self { inner: pad(0x36), outer: pad(0x5C) }
    }

    /// As pairs of words, for where it is shared: a pair's first word is its lower bits.
    pub(super) fn word_pairs(&self) -> impl Iterator<Item = u64> {
        let all = [self.inner, self.outer].into_iter();
        all.flat_map(|[a, b, c, d, e, f, g, h]| [[a, b], [c, d], [e, f], [g, h]])
            .map(|[low, high]| u64::from(high) << 32 | u64::from(low))
    }
}

impl Pads for Keyed {
    fn inner(&self) -> State {
        self.inner
    }

    fn outer(&self) -> State {
        self.outer
    }
}

impl Drop for Keyed {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

impl Tag {
    /// All of it; a cookie carries the first [`TAG_LEN`] bytes.
    pub(super) const fn bytes(&self) -> &[u8; MAC_LEN] {
        &self.0
    }

    /// Does it begin with that? In constant time: the hmac crate's comparison, of whole MACs that
    /// differ in the beginning alone.
    pub(super) fn begins<const N: usize>(&self, offered: &[u8; N]) -> bool {
        const { assert!(SHORT_TAG_LEN <= N && N <= TAG_LEN) };
        let mut whole = self.0;
        for (to, from) in whole.iter_mut().zip(offered) {
            *to = *from;
        }
        let output = |mac: [u8; MAC_LEN]| CtOutput::<super::Mac>::new(mac.into());
        output(whole) == output(self.0)
    }
}

/// A message behind one block, the pad: what fills blocks is in the state already.
pub(super) struct Message {
    blocks: Blocks,
    /// Bytes of the message.
    len: usize,
}

struct Blocks {
    state: State,
    /// The one that is being filled; 0 where it is not yet.
    block: Block,
}

impl Message {
    fn after(pad: State) -> Self {
        Self { blocks: Blocks { state: pad, block: [0; BLOCK_LEN] }, len: 0 }
    }

    /// Always inlined: where the length is known, and it is for all of a common message, this is a
    /// comparison and a few stores. As a function, feeding a message took 250 instructions more.
    #[inline(always)]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        let at = self.len % BLOCK_LEN;
        self.len = self.len.saturating_add(bytes.len());
        match self.blocks.block.get_mut(at..at.saturating_add(bytes.len())) {
            Some(room) if room.len() < BLOCK_LEN.saturating_sub(at) => room.copy_from_slice(bytes),
            _ => self.blocks.put_across(at, bytes),
        }
    }

    /// SHA-256's padding: a one bit, zeros, and the length in bits in the last 8 bytes of a block.
    /// In place, so that nothing stays behind of the state that the message began with.
    #[inline(always)]
    fn finish(&mut self) -> &State {
        let at = self.len % BLOCK_LEN;
        if let Some(end) = self.blocks.block.get_mut(at) {
            *end = 0x80;
        }
        if at >= LENGTH_AT {
            self.blocks.next();
        }
        if let Some(length) = self.blocks.block.last_chunk_mut() {
            let bytes = self.len.saturating_add(BLOCK_LEN) as u64;
            *length = bytes.saturating_mul(8).to_be_bytes();
        }
        compress256(&mut self.blocks.state, from_ref(&self.blocks.block));
        &self.blocks.state
    }
}

impl Blocks {
    #[inline(never)]
    fn put_across(&mut self, mut at: usize, mut bytes: &[u8]) {
        while let Some(room) = self.block.get_mut(at..) {
            let Some((head, rest)) = bytes.split_at_checked(room.len()) else { break };
            room.copy_from_slice(head);
            self.next();
            (at, bytes) = (0, rest);
        }
        for (to, from) in self.block.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
    }

    #[inline(never)]
    fn next(&mut self) {
        compress256(&mut self.state, from_ref(&self.block));
        self.block = [0; BLOCK_LEN];
    }
}

#[inline(always)]
fn bytes_of(state: &State) -> [u8; MAC_LEN] {
    let mut bytes = [0; MAC_LEN];
    for (to, word) in bytes.chunks_exact_mut(size_of::<u32>()).zip(state) {
        to.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests;

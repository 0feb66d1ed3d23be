//! What hangs on a BIO that batches.

use crate::openssl::bio::Bio;
use crate::openssl::libssl::Libssl;
use crate::openssl::sys;
use std::cell::{Cell, RefCell};
use std::mem::MaybeUninit;

/// A socket's datagrams, many at a time. What is queued or was read and not given yet is here.
pub(crate) trait Batch {
    /// Gives the next datagram, after it has read more if there is none here: its bytes, of which as
    /// many as there is room for are written. `None`: none has come.
    fn next(&mut self, room: &mut [MaybeUninit<u8>]) -> Option<usize>;
    /// Bytes of the next datagram that is here already.
    fn waiting(&self) -> Option<usize>;
    /// Who sent the one that was given last, as a `struct sockaddr`.
    fn peer(&self) -> &[u8];
    /// Queues an answer to that one; false if it is none that can be.
    fn answer(&mut self, answer: &[u8]) -> bool;
    /// Sends what is queued.
    fn flush(&mut self);
}

impl<B: Batch> Batch for [B; 1] {
    fn next(&mut self, room: &mut [MaybeUninit<u8>]) -> Option<usize> {
        let [batch] = self;
        batch.next(room)
    }

    fn waiting(&self) -> Option<usize> {
        let [batch] = self;
        batch.waiting()
    }

    fn peer(&self) -> &[u8] {
        let [batch] = self;
        batch.peer()
    }

    fn answer(&mut self, answer: &[u8]) -> bool {
        let [batch] = self;
        batch.answer(answer)
    }

    fn flush(&mut self) {
        let [batch] = self;
        batch.flush();
    }
}

/// What hangs on a BIO of ours.
pub(super) struct Behind {
    /// libcrypto's own, with a reference that goes when our BIO does.
    pub(super) real: Bio,
    /// None once the BIO has another socket, or one peer.
    pub(super) batch: RefCell<Option<Box<dyn Batch>>>,
    /// Does `DTLSv1_listen` read from it?
    pub(super) listening: Cell<bool>,
    /// Did the last datagram come out of the batch? Then its sender is known there.
    pub(super) from_batch: Cell<bool>,
}

/// What hangs on a BIO of ours, for as long as the BIO lives.
///
/// # Safety
///
/// `bio` is a live BIO of ours of this libssl's.
pub(super) unsafe fn behind<'a>(bio: *mut sys::BIO, libssl: &Libssl) -> Option<&'a Behind> {
    // SAFETY: by this function's contract.
    let data = unsafe { libssl.crypto.BIO_get_data(bio) };
    // SAFETY: a BIO of ours has a boxed Behind, or nothing (a copy by `BIO_dup_chain`), until it is
    // freed; a BIO is one thread's at a time.
    unsafe { data.cast::<Behind>().as_ref() }
}

impl Behind {
    /// `None` where nothing is batched any more, or a thread has ended in the middle.
    pub(super) fn with_batch<T>(&self, usage: impl FnOnce(&mut dyn Batch) -> T) -> Option<T> {
        let mut batch = self.batch.try_borrow_mut().ok()?;
        batch.as_mut().map(|batch| usage(&mut **batch))
    }

    pub(super) fn waiting(&self) -> Option<usize> {
        self.with_batch(|batch| batch.waiting()).flatten()
    }

    pub(super) fn flush(&self) {
        self.with_batch(|batch| batch.flush());
    }

    /// The socket is another, or has one peer: what was read came to somebody else.
    pub(super) fn end_batching(&self) {
        self.flush();
        self.from_batch.set(false);
        if let Ok(mut batch) = self.batch.try_borrow_mut() {
            drop(batch.take());
        }
    }

    /// From what is here; while we listen from what has come, too.
    pub(super) fn next(&self, room: &mut [MaybeUninit<u8>]) -> Option<usize> {
        let listening = self.listening.get();
        let next = self.with_batch(|batch| {
            let any = listening || batch.waiting().is_some();
            if any { batch.next(room) } else { None }
        });
        let next = next.flatten();
        self.from_batch.set(next.is_some());
        next
    }

    /// Has the real BIO write to whom the last datagram came from.
    pub(super) fn tell_real(&self) {
        if !self.from_batch.get() {
            return;
        }
        let mut address = [0_u8; ADDRESS_ROOM];
        let told = self.with_batch(|batch| {
            let peer = batch.peer();
            address.get_mut(..peer.len()).map(|room| room.copy_from_slice(peer))
        });
        if told.flatten().is_some() {
            let to = address.as_mut_ptr().cast();
            // SAFETY: the real BIO lives; the command takes a sockaddr, and there is room for any.
            unsafe {
                self.real.crypto().BIO_ctrl(self.real.as_ptr(), sys::BIO_CTRL_DGRAM_SET_PEER, 0, to)
            };
            self.from_batch.set(false);
        }
    }
}

/// libcrypto copies a whole `BIO_ADDR` of a family that it does not know.
const ADDRESS_ROOM: usize = 128;

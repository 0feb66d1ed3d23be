//! A datagram BIO that reads and answers many datagrams with one system call, while
//! `DTLSv1_listen` reads from it.
//!
//! Behind it is a BIO of libcrypto's on the same socket, which does everything else: what is read and
//! written outside of `DTLSv1_listen`, what blocks, every control. So a handshake on it is libcrypto's
//! alone, and a thread that is cancelled in a read is in libcrypto's.

mod behind;
mod callbacks;

use super::bio::Bio;
use super::libssl::{self, BioCtrl, BioDestroy, BioRead, BioWrite, ForEach, Libssl, numbered};
use super::method::Method;
use super::sys;
use crate::hello::error::Fault;
use crate::os::try_box;
pub(crate) use behind::Batch;
use behind::{Behind, behind};
use callbacks::{ctrl, destroy, read, write};
use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::ptr::NonNull;

/// A new BIO on this socket of the caller's, which stays open.
pub(crate) fn batch_bio<B: Batch + 'static>(
    libssl: &'static Libssl,
    fd: c_int,
    batch: B,
) -> Result<NonNull<sys::BIO>, Fault> {
    let crypto = &libssl.crypto;
    let batch: Box<[B; 1]> =
        try_box(batch).and_then(|batch| batch.try_into().ok()).ok_or(Fault::NoMemory)?;
    // SAFETY: takes numbers; BIO_NOCLOSE is 0.
    let real = NonNull::new(unsafe { crypto.BIO_new_dgram(fd, 0) }).ok_or(Fault::Libssl)?;
    // SAFETY: just made, and freed by `destroy` or below.
    let real = unsafe { Bio::new(real, libssl) };
    let behind = Behind {
        real,
        batch: RefCell::new(Some(batch)),
        listening: Cell::new(false),
        from_batch: Cell::new(false),
    };
    let made = try_box(behind).and_then(|behind| Some((METHOD.of(libssl).bio(libssl)?, behind)));
    let Some((bio, behind)) = made else {
        // SAFETY: nobody else knows it.
        unsafe { crypto.BIO_free_all(real.as_ptr()) };
        return Err(Fault::NoMemory);
    };
    // SAFETY: the BIO is new and ours; `destroy` takes the box back.
    unsafe { crypto.BIO_set_data(bio.as_ptr(), Box::into_raw(behind).cast()) };
    // SAFETY: the BIO is new and ours; `destroy` takes the box back.
    unsafe { crypto.BIO_set_init(bio.as_ptr(), 1) };
    // SAFETY: the BIO is new and ours.
    libssl.has_datagram_name_too(unsafe { crypto.BIO_method_name(bio.as_ptr()) });
    Ok(bio)
}

static METHOD: ForEach<Method> = ForEach::new([const { Method::new(make) }; libssl::MAX]);

fn make(libssl: &'static Libssl) -> Option<NonNull<sys::BIO_METHOD>> {
    let crypto = &libssl.crypto;
    // SAFETY: the name is a C string.
    let method =
        unsafe { crypto.BIO_meth_new(sys::BIO_TYPE_DGRAM, c"datagram socket, batched".as_ptr()) };
    let made = NonNull::new(method)?;
    // SAFETY: the method is new and no BIO has it yet.
    unsafe { crypto.BIO_meth_set_read(method, numbered!([read] as BioRead, libssl)) };
    // SAFETY: the method is new and no BIO has it yet.
    unsafe { crypto.BIO_meth_set_write(method, numbered!([write] as BioWrite, libssl)) };
    // SAFETY: the method is new and no BIO has it yet.
    unsafe { crypto.BIO_meth_set_ctrl(method, numbered!([ctrl] as BioCtrl, libssl)) };
    // SAFETY: the method is new and no BIO has it yet.
    unsafe { crypto.BIO_meth_set_destroy(method, numbered!([destroy] as BioDestroy, libssl)) };
    Some(made)
}

fn of<'a>(bio: Bio) -> Option<&'a Behind> {
    if !METHOD.of(bio.libssl()).is_of(bio) {
        return None;
    }
    // SAFETY: the BIO lives, and is ours.
    unsafe { behind(bio.as_ptr(), bio.libssl()) }
}

/// A call of `DTLSv1_listen` that reads from a BIO of ours. When it ends, however it does, what is
/// queued is sent.
pub(crate) struct BatchedCall(Bio);

impl BatchedCall {
    /// `None`: the BIO is another.
    #[inline]
    pub(crate) fn on(rbio: Bio) -> Option<Self> {
        let behind = of(rbio)?;
        // SAFETY: the BIO lives. The program's code may take it from the SSL while we use it.
        if unsafe { rbio.crypto().BIO_up_ref(rbio.as_ptr()) } == 0 {
            return None;
        }
        behind.listening.set(true);
        Some(Self(rbio))
    }

    /// Is a datagram here that was read already? A program that waits for its socket would not be
    /// told of it.
    pub(crate) fn has_more(&self) -> bool {
        of(self.0).is_some_and(|behind| behind.waiting().is_some())
    }
}

impl Drop for BatchedCall {
    fn drop(&mut self) {
        if let Some(behind) = of(self.0) {
            behind.listening.set(false);
            behind.flush();
        }
        // SAFETY: the reference is ours.
        unsafe { self.0.crypto().BIO_free_all(self.0.as_ptr()) };
    }
}

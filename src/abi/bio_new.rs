//! The datagram BIO that batches.

use crate::hello::error::Fault;
use crate::listener::BatchSocket;
use crate::openssl::{BIO, Call, batch_bio, queue_fault};
use crate::panic_guard::guard;
use std::ffi::c_int;
use std::ptr::null_mut;

// An entry (`abi::entry`), as C sees it: whose call it is tells in which libcrypto the BIO is made.
unsafe extern "C-unwind" {
    /// Makes a datagram BIO with which DTLSv1_listen() reads up to 64 datagrams with one system call,
    /// and answers them with one: for a socket that may be flooded.
    ///
    /// `fd`: a UDP socket, bound and not connected, blocking or not. It stays the caller's, who closes
    /// it once the BIO is freed (or sets BIO_CLOSE), and has IP_PKTINFO or IPV6_RECVPKTINFO on from then
    /// on: answers leave from the address that was written to. Nobody else should read from it.
    ///
    /// It is for the SSL that listens, as both its BIOs, and goes on to the next one: when a client was
    /// accepted, give its SSL a BIO of its own on a socket of its own, and keep this one
    /// (BIO_up_ref()). Datagrams that were read with that client's hello are still in it: while
    /// BIO_pending() is more than 0, call DTLSv1_listen() with the next SSL before waiting for the
    /// socket. BIO_set_fd() and BIO_ctrl_set_connected() make it an ordinary datagram BIO, and drop them.
    ///
    /// With it DTLSv1_listen() goes on after a datagram that it drops, while more have been read;
    /// datagrams of more than 4,096 bytes are dropped (a client sends a hello of that length in
    /// fragments). An answer counts as sent when it is queued, and as failed too if the kernel then
    /// refuses it. In everything else, and outside of DTLSv1_listen(), it is as BIO_new_dgram()'s. It is
    /// used by one thread at a time.
    ///
    /// Returns the BIO, to be freed by BIO_free() or with its SSL; or NULL with the reason queued (a
    /// system call's is ERR_LIB_SYS, errno).
    ///
    /// # Safety
    ///
    /// None: a number that is no such socket is an error.
    pub fn dtlsv1_listen_bio_new(fd: c_int) -> *mut BIO;
}

pub(super) unsafe extern "C-unwind" fn bio_new(fd: c_int, from: usize, version: u32) -> *mut BIO {
    let call = Call { from, version };
    let Some(libssl) = call.libssl() else {
        call.say_that_it_is_not_served();
        return null_mut();
    };
    let made = guard(|| {
        let batch = BatchSocket::new(fd)?;
        batch_bio(libssl, fd, batch).map(|bio| bio.as_ptr())
    });
    made.unwrap_or_else(|fault: Fault| {
        queue_fault(libssl, fault);
        null_mut()
    })
}

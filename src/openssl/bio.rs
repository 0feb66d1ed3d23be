//! A BIO that somebody else owns.

use super::libssl::{CryptoFunctions, Libssl};
use super::recv_buffer::CAPACITY;
use super::socket_error::{self, Cause};
use super::sys;
use crate::hello::error::{Fault, Sent, Stop};
use crate::hello::peer::{MAX_ADDRESS_LEN, Peer};
use crate::os;
use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr::{NonNull, null_mut};

/// What a read brought.
pub(crate) enum Read<'a> {
    Datagram(&'a [u8]),
    WouldBlock,
    /// A datagram of no bytes, which libssl takes for a broken socket.
    Empty,
    /// An error that the socket had pending for an earlier datagram, and has no more.
    Pending(Cause),
    Failed,
}

/// A live BIO, this thread's, for the length of a call. That is the type's invariant: `new` asks for
/// it, and every call of a libcrypto function on [`as_ptr`](Self::as_ptr) rests on it.
#[derive(Clone, Copy)]
pub(crate) struct Bio {
    at: NonNull<sys::BIO>,
    libssl: &'static Libssl,
}

impl PartialEq for Bio {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Bio {
    /// # Safety
    ///
    /// The BIO is of this libssl's libcrypto, lives, and is this thread's, for as long as the value is
    /// used.
    pub(super) const unsafe fn new(bio: NonNull<sys::BIO>, libssl: &'static Libssl) -> Self {
        Self { at: bio, libssl }
    }

    pub(super) const fn as_ptr(self) -> *mut sys::BIO {
        self.at.as_ptr()
    }

    pub(super) const fn libssl(self) -> &'static Libssl {
        self.libssl
    }

    /// The functions that it is used with.
    #[inline(always)]
    pub(super) const fn crypto(self) -> &'static CryptoFunctions {
        &self.libssl.crypto
    }

    /// Is it libssl's own datagram BIO, or ours, behind which is one? By its name: libcoap's has the
    /// same type. The type alone tells most others, 25 instructions sooner.
    pub(crate) fn is_datagram(self) -> bool {
        // SAFETY: type invariant.
        if unsafe { self.crypto().BIO_method_type(self.as_ptr()) } != sys::BIO_TYPE_DGRAM {
            return false;
        }
        // SAFETY: type invariant.
        let name = unsafe { self.crypto().BIO_method_name(self.as_ptr()) };
        !name.is_null() && self.libssl.is_datagram_name(name)
    }

    /// Has it say that a read would block.
    pub(super) fn set_retry_read(self) {
        // SAFETY: type invariant.
        unsafe { self.crypto().BIO_set_flags(self.as_ptr(), sys::RETRY_READ) };
    }

    /// Has the application set a callback on it, of either kind? That is told of every operation, and
    /// may refuse it.
    pub(crate) fn is_watched(self) -> bool {
        let CryptoFunctions { BIO_get_callback_ex: newer, BIO_get_callback: older, .. } =
            self.crypto();
        [newer, older].into_iter().flatten().any(|get| {
            // SAFETY: type invariant.
            unsafe { get(self.as_ptr()) }.is_some()
        })
    }

    #[inline(always)]
    pub(crate) fn read(self, into: &mut [u8; CAPACITY]) -> Read<'_> {
        const LEN: c_int = CAPACITY as c_int;
        // Where libssl has clear_sys_error(): a caller may look at errno after -1.
        clear_errno();
        // SAFETY: the buffer has LEN bytes to write to.
        let n = unsafe { self.crypto().BIO_read(self.as_ptr(), into.as_mut_ptr().cast(), LEN) };
        match usize::try_from(n) {
            // A BIO of the program's may claim more than it was asked for.
            Ok(n @ 1..=CAPACITY) => Read::Datagram(into.get(..n).unwrap_or_default()),
            _ if self.should_retry() => Read::WouldBlock,
            _ => self.unread(n),
        }
    }

    /// Reads a datagram to drop it: how many bytes it had, as far as anybody counts.
    #[cold]
    pub(crate) fn skip(self) -> Result<usize, Stop> {
        let mut bytes = [0_u8; 2048];
        clear_errno();
        // SAFETY: type invariant; writable for as many bytes.
        let n = unsafe { self.crypto().BIO_read(self.as_ptr(), bytes.as_mut_ptr().cast(), 2048) };
        match usize::try_from(n) {
            Ok(n @ 1..) => Ok(n.min(bytes.len())),
            _ if self.should_retry() => Err(Stop::WouldBlock),
            _ => match self.unread(n) {
                Read::Empty | Read::Pending(_) => Ok(0),
                _ => Err(Fault::Io.into()),
            },
        }
    }

    /// Drops a datagram that waits in its socket, if it has one, without waiting for any: its length.
    #[cold]
    pub(crate) fn drop_one(self) -> Option<usize> {
        let before = os::errno();
        let len = self.socket().and_then(os::drop_one_datagram);
        os::set_errno(before);
        len
    }

    /// `n`: what the read gave instead of bytes.
    #[cold]
    pub(super) fn unread<'a>(self, n: c_int) -> Read<'a> {
        let errno = last_errno();
        if !self.is_datagram() {
            Read::Failed
        } else if n == 0 {
            // Both are 0 bytes of nothing.
            if self.has_ended() { Read::Failed } else { Read::Empty }
        } else {
            // A callback of the application's may have refused the read, and errno be of before.
            let cause = socket_error::of_read(errno).filter(|_| !self.is_watched());
            cause.map_or(Read::Failed, Read::Pending)
        }
    }

    /// Was its socket shut down for reading? It gives 0 bytes at every read from then on.
    fn has_ended(self) -> bool {
        self.descriptor().is_some_and(os::is_shut_for_reading)
    }

    pub(crate) fn descriptor(self) -> Option<c_int> {
        // SAFETY: type invariant, and a command that takes nothing.
        let fd = unsafe { self.crypto().BIO_ctrl(self.as_ptr(), sys::BIO_C_GET_FD, 0, null_mut()) };
        c_int::try_from(fd).ok().filter(|&fd| fd >= 0)
    }

    /// Writes, and flushes what `buffers`.
    pub(crate) fn send(self, datagram: &[u8], buffers: bool) -> Sent {
        let len = c_int::try_from(datagram.len()).unwrap_or(c_int::MAX);
        // SAFETY: `datagram` is readable for its length.
        if unsafe { self.crypto().BIO_write(self.as_ptr(), datagram.as_ptr().cast(), len) } < len {
            return self.unsent();
        }
        if !buffers {
            return Sent::Out;
        }
        // SAFETY: FLUSH takes no argument.
        let flushed =
            unsafe { self.crypto().BIO_ctrl(self.as_ptr(), sys::BIO_CTRL_FLUSH, 0, null_mut()) };
        if flushed <= 0 {
            return self.unsent();
        }
        Sent::Out
    }

    #[cold]
    fn unsent(self) -> Sent {
        let unreachable = socket_error::passes_on_write(last_errno());
        if self.should_retry() {
            Sent::WouldBlock
        } else if unreachable && self.is_datagram() && !self.is_watched() {
            // A callback of the application's may have refused the write, and errno be of before.
            Sent::Unreachable
        } else {
            Sent::Failed
        }
    }

    /// Its socket, where it is libssl's own datagram BIO and nobody watches it.
    pub(crate) fn socket(self) -> Option<c_int> {
        if !self.is_datagram() || self.is_watched() {
            return None;
        }
        self.descriptor()
    }

    /// Puts the sender of what was read last, and says whether the BIO says that it knows.
    #[inline(always)]
    pub(super) fn tell_peer(self, to: &mut Address) -> bool {
        let to = to.as_mut_ptr().cast();
        // SAFETY: type invariant; the command takes a sockaddr, and there is room for any.
        unsafe { self.crypto().BIO_ctrl(self.as_ptr(), sys::BIO_CTRL_DGRAM_GET_PEER, 0, to) > 0 }
    }

    /// The one whose datagrams a socket yields that is connected: libssl's BIO of `SSL_set_fd` does
    /// not ask its socket.
    pub(super) fn connected_to(self) -> Option<Peer> {
        // SAFETY: type invariant.
        if unsafe { self.crypto().BIO_method_type(self.as_ptr()) } != sys::BIO_TYPE_SOCKET {
            return None;
        }
        os::connected_to(self.descriptor()?).map(Peer::new)
    }

    /// Tells another BIO where to write to; one that has no use for it does not mind.
    pub(crate) fn set_peer(self, peer: &mut Peer) {
        let address = peer.as_given_mut().as_mut_ptr().cast();
        // SAFETY: type invariant; the command takes a sockaddr.
        unsafe { self.crypto().BIO_ctrl(self.as_ptr(), sys::BIO_CTRL_DGRAM_SET_PEER, 0, address) };
    }

    pub(super) fn should_retry(self) -> bool {
        // SAFETY: type invariant.
        unsafe { self.crypto().BIO_test_flags(self.as_ptr(), sys::BIO_FLAGS_SHOULD_RETRY) != 0 }
    }
}

/// Room for a sockaddr that some BIO fills in, aligned as any, and as much again behind it for one
/// that writes more than it should.
#[repr(C, align(8))]
pub(super) struct Address {
    peer: Peer,
    spare: MaybeUninit<[u8; MAX_ADDRESS_LEN]>,
}

const UNTOUCHED: [u8; 2] = [0xFF, 0xFF];

impl Address {
    /// AF_UNSPEC, and zeros, as libssl's `BIO_ADDR_new` gives.
    pub(super) const fn unspecified() -> Self {
        Self { peer: Peer::new([0; MAX_ADDRESS_LEN]), spare: MaybeUninit::uninit() }
    }

    /// No address at all, so that a BIO is found out which claims to have written and has not.
    pub(super) fn untouched() -> Self {
        let mut address = Self::unspecified();
        let [a, b, ..] = address.peer.as_given_mut();
        [*a, *b] = UNTOUCHED;
        address
    }

    pub(super) const fn as_mut_ptr(&mut self) -> *mut u8 {
        (&raw mut *self).cast()
    }

    pub(super) fn is_untouched(&mut self) -> bool {
        self.peer.as_given_mut().starts_with(&UNTOUCHED)
    }

    pub(super) const fn peer(&self) -> &Peer {
        &self.peer
    }

    pub(super) const fn peer_mut(&mut self) -> &mut Peer {
        &mut self.peer
    }
}

fn last_errno() -> c_int {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

pub(super) fn clear_errno() {
    os::set_errno(0);
}

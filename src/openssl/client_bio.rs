//! The BIO of a listener's client: a datagram one, whose datagrams somebody else brings and takes.
//!
//! It answers what libssl asks a datagram BIO: where the peer is, how long a datagram may be, when
//! the next timeout is.
//!
//! No `catch_unwind` is on the stack where a thread may end: in a read that blocks.

use super::libssl::{self, BioCtrl, BioDestroy, BioRead, BioWrite, ForEach, Libssl, numbered};
use super::method::Method;
use super::ssl::Ssl;
use super::sys;
use crate::os::try_box;
use crate::panic_guard::guard_value;
use std::ffi::{c_char, c_int, c_long, c_void};
use std::mem::MaybeUninit;
use std::ptr::{NonNull, null_mut};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What is behind a client's BIO.
pub(crate) trait Wire: Sized + 'static {
    /// The one kind of BIO with this behind it: `client_bio::kind()`.
    fn kind() -> &'static Kind;
    fn read(&self, room: &mut [MaybeUninit<u8>]) -> Heard;
    fn write(&self, datagram: &[u8]) -> Said;
    /// Will nothing come any more?
    fn has_ended(&self) -> bool;
    /// libssl wants to be asked again after so long; or not.
    fn set_timeout(&self, after: Option<Duration>);
    /// The client's address, as a `struct sockaddr`.
    fn write_peer(&self, to: &mut [u8]) -> usize;
    /// Bytes of the longest datagram.
    fn mtu(&self) -> u32;
    fn set_mtu(&self, mtu: u32);
    /// Bytes of the IP and UDP headers.
    fn overhead(&self) -> u32;
    /// Was the last datagram too long to be sent?
    fn was_too_long(&self) -> bool;
    fn fd(&self) -> Option<c_int>;
}

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Datagram(usize),
    WouldBlock,
    /// Nothing comes any more, or the socket failed.
    End,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Out,
    WouldBlock,
    Failed,
}

/// A kind of BIO, by what is behind it.
pub(crate) struct Kind(ForEach<Method>);

/// For a `static` of its own: a method outlives every BIO of it.
pub(crate) const fn kind<W: Wire>() -> Kind {
    Kind(ForEach::new([const { Method::new(make::<W>) }; libssl::MAX]))
}

/// Source and sink, with a descriptor, if not always: `SSL_get_fd` asks such a one.
const TYPE: c_int = sys::BIO_TYPE_SOURCE_SINK | 0x0100;

fn make<W: Wire>(libssl: &'static Libssl) -> Option<NonNull<sys::BIO_METHOD>> {
    let crypto = &libssl.crypto;
    // SAFETY: takes nothing.
    let index = unsafe { crypto.BIO_get_new_index() };
    if index < 0 {
        return None;
    }
    // SAFETY: the name is a C string.
    let method = unsafe { crypto.BIO_meth_new(index | TYPE, c"dtlsv1_listener client".as_ptr()) };
    let made = NonNull::new(method)?;
    // SAFETY: the method is new and no BIO has it yet.
    unsafe { crypto.BIO_meth_set_read(method, numbered!([read, W] as BioRead, libssl)) };
    // SAFETY: the method is new and no BIO has it yet.
    unsafe { crypto.BIO_meth_set_write(method, numbered!([write, W] as BioWrite, libssl)) };
    // SAFETY: the method is new and no BIO has it yet.
    unsafe { crypto.BIO_meth_set_ctrl(method, numbered!([ctrl, W] as BioCtrl, libssl)) };
    // SAFETY: the method is new and no BIO has it yet.
    unsafe { crypto.BIO_meth_set_destroy(method, numbered!([destroy, W] as BioDestroy, libssl)) };
    Some(made)
}

impl Ssl {
    /// Gives the SSL a BIO with this behind it, to read from and to write to. `None` without memory.
    pub(crate) fn set_wire<W: Wire>(self, wire: W) -> Option<()> {
        let wire = try_box(wire)?;
        let libssl = self.libssl();
        let bio = W::kind().0.of(libssl).bio(libssl)?;
        // SAFETY: the BIO is new and ours; `destroy` takes the box back.
        unsafe { libssl.crypto.BIO_set_data(bio.as_ptr(), Box::into_raw(wire).cast()) };
        // SAFETY: the BIO is new and ours; `destroy` takes the box back.
        unsafe { libssl.crypto.BIO_set_init(bio.as_ptr(), 1) };
        // SAFETY: the SSL lives. It takes over the one reference, for both.
        unsafe { libssl.ssl.SSL_set_bio(self.as_ptr(), bio.as_ptr(), bio.as_ptr()) };
        Some(())
    }
}

/// What is behind the BIO that an SSL reads from, if it is of this kind.
///
/// Valid until the BIO is freed: not across a callback of the application's.
pub(crate) fn wire<'a, W: Wire>(ssl: Ssl) -> Option<&'a W> {
    let bio = ssl.rbio()?;
    if !W::kind().0.of(bio.libssl()).is_of(bio) {
        return None;
    }
    // SAFETY: the BIO lives, and is of this kind.
    unsafe { behind(bio.as_ptr(), bio.libssl()) }
}

/// # Safety
///
/// `bio` is a live BIO of this libssl's, of the kind that has a `W` behind it.
unsafe fn behind<'a, W: Wire>(bio: *mut sys::BIO, libssl: &Libssl) -> Option<&'a W> {
    // SAFETY: by this function's contract.
    let data = unsafe { libssl.crypto.BIO_get_data(bio) };
    // SAFETY: a BIO of this kind has a boxed W, or nothing (a copy by `BIO_dup_chain`), until
    // `destroy`; a BIO is one thread's at a time.
    unsafe { data.cast::<W>().as_ref() }
}

const RETRY: c_int = sys::BIO_FLAGS_RWS | sys::BIO_FLAGS_SHOULD_RETRY;
const RETRY_WRITE: c_int = openssl_sys::BIO_FLAGS_WRITE | sys::BIO_FLAGS_SHOULD_RETRY;

unsafe extern "C-unwind" fn read<W: Wire, const N: usize>(
    bio: *mut sys::BIO,
    to: *mut c_char,
    room: c_int,
) -> c_int {
    let Some(libssl) = Libssl::numbered(N) else { return -1 };
    // SAFETY: libcrypto calls with a live BIO.
    unsafe { libssl.crypto.BIO_clear_flags(bio, RETRY) };
    let (Some(to), Ok(room)) = (NonNull::new(to), usize::try_from(room)) else { return -1 };
    let to = NonNull::slice_from_raw_parts(to.cast::<MaybeUninit<u8>>(), room);
    // SAFETY: libcrypto passes room for that many bytes, which are nobody else's.
    let room = unsafe { &mut *to.as_ptr() };
    // SAFETY: libcrypto calls with a live BIO of this kind.
    let heard = unsafe { behind::<W>(bio, libssl) }.map_or(Heard::End, |wire| wire.read(room));
    match heard {
        // A datagram of no bytes would look like the end. It says nothing.
        Heard::Datagram(0) | Heard::WouldBlock => {
            // SAFETY: libcrypto calls with a live BIO.
            unsafe { libssl.crypto.BIO_set_flags(bio, sys::RETRY_READ) };
            -1
        }
        Heard::Datagram(n) => c_int::try_from(n).unwrap_or(-1),
        Heard::End => 0,
    }
}

unsafe extern "C-unwind" fn write<W: Wire, const N: usize>(
    bio: *mut sys::BIO,
    from: *const c_char,
    len: c_int,
) -> c_int {
    let Some(libssl) = Libssl::numbered(N) else { return -1 };
    // SAFETY: libcrypto calls with a live BIO.
    unsafe { libssl.crypto.BIO_clear_flags(bio, RETRY) };
    let (Some(from), Ok(n)) = (NonNull::new(from.cast_mut()), usize::try_from(len)) else {
        return -1;
    };
    // SAFETY: libcrypto passes that many bytes.
    let datagram = unsafe { std::slice::from_raw_parts(from.cast::<u8>().as_ptr(), n) };
    // SAFETY: libcrypto calls with a live BIO of this kind.
    let wire = unsafe { behind::<W>(bio, libssl) };
    match wire.map_or(Said::Failed, |wire| wire.write(datagram)) {
        Said::Out => len,
        Said::WouldBlock => {
            // SAFETY: libcrypto calls with a live BIO.
            unsafe { libssl.crypto.BIO_set_flags(bio, RETRY_WRITE) };
            -1
        }
        Said::Failed => -1,
    }
}

/// Controls, from OpenSSL's bio.h; LibreSSL has the same.
mod command {
    use std::ffi::c_int;

    pub(super) const EOF: c_int = 2;
    pub(super) const GET_CLOSE: c_int = 8;
    pub(super) const SET_CLOSE: c_int = 9;
    pub(super) const FLUSH: c_int = 11;
    pub(super) const QUERY_MTU: c_int = 40;
    pub(super) const GET_MTU: c_int = 41;
    pub(super) const SET_MTU: c_int = 42;
    pub(super) const MTU_EXCEEDED: c_int = 43;
    pub(super) const SET_PEER: c_int = 44;
    pub(super) const SET_NEXT_TIMEOUT: c_int = 45;
    pub(super) const GET_PEER: c_int = 46;
    pub(super) const GET_FALLBACK_MTU: c_int = 47;
    pub(super) const GET_MTU_OVERHEAD: c_int = 49;
    pub(super) const GET_FD: c_int = 105;
}

unsafe extern "C-unwind" fn ctrl<W: Wire, const N: usize>(
    bio: *mut sys::BIO,
    command: c_int,
    larg: c_long,
    parg: *mut c_void,
) -> c_long {
    let Some(libssl) = Libssl::numbered(N) else { return 0 };
    // SAFETY: libcrypto calls with a BIO of ours.
    let Some(wire) = (unsafe { behind::<W>(bio, libssl) }) else { return 0 };
    match command {
        // SAFETY: libssl passes a timeval, by this command's contract.
        command::SET_NEXT_TIMEOUT => unsafe { set_timeout(wire, parg) },
        // SAFETY: the caller passes room for an address, of as many bytes if it says so.
        command::GET_PEER => unsafe { get_peer(wire, larg, parg) },
        // SAFETY: null, or a place for the number, by this command's contract.
        command::GET_FD => unsafe { get_fd(wire, parg) },
        command::EOF => wire.has_ended().into(),
        // Whoever tells us where to write to knows no more than we do.
        command::SET_PEER | command::FLUSH | command::SET_CLOSE | command::GET_CLOSE => 1,
        command::QUERY_MTU | command::GET_MTU | command::GET_FALLBACK_MTU => wire.mtu() as c_long,
        command::SET_MTU => {
            wire.set_mtu(u32::try_from(larg).unwrap_or(u32::MAX));
            larg
        }
        command::MTU_EXCEEDED => wire.was_too_long().into(),
        command::GET_MTU_OVERHEAD => wire.overhead() as c_long,
        _ => 0,
    }
}

/// # Safety
///
/// `at` is null or points at a timeval.
unsafe fn set_timeout<W: Wire>(wire: &W, at: *mut c_void) -> c_long {
    let Some(at) = NonNull::new(at) else { return 0 };
    // On 32 bits libssl may count time in 64 (timeval.rs), and nothing here says whether it does: of
    // that, this is the beginning. Then the listener asks too early, and libssl tells it what is left.
    // SAFETY: by this function's contract.
    let at = unsafe { at.cast::<libc::timeval>().read_unaligned() };
    let none = at.tv_sec == 0 && at.tv_usec == 0;
    let at = Duration::new(
        u64::try_from(at.tv_sec).unwrap_or(0),
        u32::try_from(at.tv_usec).unwrap_or(0).saturating_mul(1000),
    );
    // libssl counts in wall-clock time; we wait by a clock that nobody sets.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    wire.set_timeout((!none).then(|| at.saturating_sub(now)));
    1
}

/// # Safety
///
/// `to` is null or has room for any address; for `larg` bytes, where that is not 0.
unsafe fn get_peer<W: Wire>(wire: &W, larg: c_long, to: *mut c_void) -> c_long {
    let Some(to) = NonNull::new(to) else { return 0 };
    let mut address = [0; size_of::<libc::sockaddr_in6>()];
    let len = wire.write_peer(&mut address);
    let len = match usize::try_from(larg) {
        Ok(room @ 1..) => len.min(room),
        _ => len,
    };
    let address = address.get(..len).unwrap_or_default();
    // SAFETY: by this function's contract.
    unsafe { to.cast::<u8>().copy_from_nonoverlapping(NonNull::from(address).cast(), len) };
    c_long::try_from(len).unwrap_or(0)
}

/// # Safety
///
/// `to` is null or a place for the number.
unsafe fn get_fd<W: Wire>(wire: &W, to: *mut c_void) -> c_long {
    let Some(fd) = wire.fd() else { return -1 };
    if let Some(to) = NonNull::new(to) {
        // SAFETY: by this function's contract.
        unsafe { to.cast::<c_int>().write(fd) };
    }
    fd.into()
}

/// Called when the last reference to a BIO of ours is gone.
unsafe extern "C-unwind" fn destroy<W: Wire, const N: usize>(bio: *mut sys::BIO) -> c_int {
    guard_value(0, || {
        let Some(libssl) = Libssl::numbered(N) else { return 0 };
        // SAFETY: libcrypto calls with a BIO of ours.
        let data = unsafe { libssl.crypto.BIO_get_data(bio) }.cast::<W>();
        if let Some(data) = NonNull::new(data) {
            // SAFETY: libcrypto calls with a BIO of ours.
            unsafe { libssl.crypto.BIO_set_data(bio, null_mut()) };
            let one = NonNull::slice_from_raw_parts(data, 1);
            // SAFETY: it came from a box of one, and the BIO that had it is going.
            drop(unsafe { Box::from_raw(one.as_ptr()) });
        }
        1
    })
}

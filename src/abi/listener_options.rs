//! What a listener may be told.

use crate::hello::error::Fault;
use crate::listener::Options;
use std::ffi::c_uint;
use std::ptr::NonNull;

/// What a listener may be told. Everything 0 is the usual. Later versions add members at the end.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ListenerOptions {
    /// sizeof(struct dtlsv1_listener_options), as the caller was compiled.
    pub size: usize,
    /// SSLs of this listener at once; 0: no bound. A client that begins anew from its port counts
    /// once, though its old SSL is still there. Clients for whom there is no room are not answered
    /// and ask again.
    pub max_clients: c_uint,
    /// Of those, from one IPv4 address or one IPv6 /64; 0: no bound.
    pub max_per_address: c_uint,
    /// Datagrams kept for a client that does not read, the newest of which are lost; 0: 32. With fewer
    /// than a flight of the client's has (a certificate takes several), its handshake does not end.
    pub queue: c_uint,
    /// DTLSV1_NEWS_OVERDUE after so many seconds without a handshake; 0: 60.
    pub handshake_seconds: c_uint,
    /// Bytes of the longest datagram that libssl is told to send, 228 at least. 0: what every path
    /// is likely to carry, 1232 (IPv6) or 1252 (IPv4).
    pub mtu: c_uint,
    /// Bytes: longer datagrams are dropped and counted. 0: 2048; at most 16397.
    pub max_datagram: c_uint,
    /// 0, or DTLSV1_LISTENER_ONE_SOCKET.
    pub flags: c_uint,
}

/// One socket for everybody. Without it there are three where the kernel takes a program that tells
/// them apart (SO_ATTACH_REUSEPORT_CBPF), so that a flood of strangers takes nothing from clients.
pub const DTLSV1_LISTENER_ONE_SOCKET: c_uint = 1;

/// # Safety
///
/// `given` is NULL or readable for its own `size`.
pub(super) unsafe fn read_options(given: *const ListenerOptions) -> Result<Options, Fault> {
    let mut read = ListenerOptions {
        size: size_of::<ListenerOptions>(),
        max_clients: 0,
        max_per_address: 0,
        queue: 0,
        handshake_seconds: 0,
        mtu: 0,
        max_datagram: 0,
        flags: 0,
    };
    if let Some(given) = NonNull::new(given.cast_mut()) {
        // SAFETY: it begins with its size.
        let size = unsafe { given.cast::<usize>().read() };
        if size < FIRST {
            return Err(Fault::ListenerOptions);
        }
        let known = size.min(size_of::<ListenerOptions>());
        // SAFETY: readable for `size` bytes, by this function's contract.
        let unknown = unsafe { std::slice::from_raw_parts(given.cast::<u8>().as_ptr(), size) };
        // What this version does not know it cannot do.
        if unknown.get(known..).is_some_and(|rest| rest.iter().any(|byte| *byte != 0)) {
            return Err(Fault::ListenerOptions);
        }
        let to = NonNull::from(&mut read).cast::<u8>();
        // SAFETY: both have as many bytes, of which any is a number's.
        unsafe { to.copy_from_nonoverlapping(given.cast(), known) };
    }
    if read.flags & !DTLSV1_LISTENER_ONE_SOCKET != 0 {
        return Err(Fault::ListenerOptions);
    }
    let ListenerOptions { max_clients, max_per_address, queue, .. } = read;
    let ListenerOptions { handshake_seconds, mtu, max_datagram, .. } = read;
    let numbers = [max_clients, max_per_address, queue, handshake_seconds, mtu, max_datagram];
    Options::new(numbers, read.flags == 0).ok_or(Fault::ListenerOptions)
}

/// Bytes of the structure in the first version that has it. Fixed from the first release on.
const FIRST: usize = std::mem::offset_of!(ListenerOptions, flags) + size_of::<c_uint>();

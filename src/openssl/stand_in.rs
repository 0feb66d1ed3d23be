//! The BIO that stands in for the application's during the handoff: it yields one record, then
//! would block, and answers controls for the application's.
//!
//! It is not pushed on the real BIO: libssl pushes its own buffer on the write BIO, often the same
//! object, and LibreSSL's `BIO_push` would then unlink ours.

use super::bio::Bio;
use super::libssl::{self, BioCtrl, BioRead, BioWrite, ForEach, Libssl, numbered};
use super::method::Method;
use super::ssl::Ssl;
use super::sys;
use crate::hello::error::Fault;
use crate::hello::peer::Peer;
use std::ffi::{c_char, c_int, c_long, c_void};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

/// Who answers the controls.
pub(crate) enum Controls {
    /// The BIO that the stand-in stands for: libssl and the application ask it for the peer.
    Forward(Bio),
    /// Nobody: the hello did not come from a BIO. All that is known is the peer.
    Peer(Peer),
}

/// What the stand-in yields and who answers its controls. Lives on the stack of the handoff.
pub(super) struct Script<'a> {
    record: Option<&'a [u8]>,
    controls: Controls,
}

impl<'a> Script<'a> {
    pub(super) const fn new(record: &'a [u8], controls: Controls) -> Self {
        Self { record: Some(record), controls }
    }

    /// One that has nothing to yield and would block at once.
    pub(super) const fn empty(controls: Controls) -> Self {
        Self { record: None, controls }
    }
}

/// Runs `body` while the stand-in is the SSL's read BIO. Whatever becomes of `body`, also if its
/// thread ends in it, the SSL has its own one again after.
pub(super) fn with_stand_in<T>(
    ssl: Ssl,
    rbio: Bio,
    mut script: Script<'_>,
    body: impl FnOnce() -> T,
) -> Result<T, Fault> {
    let _in_place = InPlace::new(ssl, rbio, &mut script)?;
    Ok(body())
}

/// The stand-in is in the SSL.
struct InPlace {
    ssl: Ssl,
    /// With a reference that is the SSL's when it has this BIO again.
    rbio: Bio,
    stand_in: Bio,
}

impl InPlace {
    /// `script` outlives the value that is given, by the caller's care.
    fn new(ssl: Ssl, rbio: Bio, script: &mut Script<'_>) -> Result<Self, Fault> {
        // SAFETY: type invariant. This reference takes the place of the SSL's, which goes with
        // SSL_set0_rbio; libssl, with two references where both BIOs are one, and LibreSSL, with
        // one, agree.
        if unsafe { rbio.crypto().BIO_up_ref(rbio.as_ptr()) } == 0 {
            return Err(Fault::NoMemory);
        }
        let Some(stand_in) = lend(script, ssl.libssl()) else {
            // SAFETY: the reference from above.
            unsafe { rbio.crypto().BIO_free_all(rbio.as_ptr()) };
            return Err(Fault::NoMemory);
        };
        // SAFETY: type invariants; the SSL takes over its reference to the stand-in.
        unsafe { ssl.libssl().ssl.SSL_set0_rbio(ssl.as_ptr(), stand_in.as_ptr()) };
        Ok(Self { ssl, rbio, stand_in })
    }
}

impl Drop for InPlace {
    fn drop(&mut self) {
        let libssl = self.ssl.libssl();
        if self.ssl.rbio() == Some(self.stand_in) {
            // SAFETY: type invariants; the SSL takes over the reference to its own BIO and drops
            // that to the stand-in.
            unsafe { libssl.ssl.SSL_set0_rbio(self.ssl.as_ptr(), self.rbio.as_ptr()) };
        } else {
            // A callback of the application's has given the SSL another BIO.
            // SAFETY: the reference is ours, and not needed.
            unsafe { libssl.crypto.BIO_free_all(self.rbio.as_ptr()) };
        }
        put_away(self.stand_in);
    }
}

/// One that has done its work, for the next handoff: to make and free one cost 850 instructions, a
/// quarter of what libssl itself needs to accept a hello. Nobody but us has a reference to it.
static SPARE: ForEach<AtomicPtr<sys::BIO>> =
    ForEach::new([const { AtomicPtr::new(null_mut()) }; libssl::MAX]);

/// A BIO that follows the script, with a reference for us and one for an SSL; `None` without memory.
fn lend(script: &mut Script<'_>, libssl: &'static Libssl) -> Option<Bio> {
    let spare = SPARE.of(libssl).swap(null_mut(), Acquire);
    let bio = NonNull::new(spare).or_else(|| METHOD.of(libssl).bio(libssl))?;
    // SAFETY: ours, and nobody else's.
    let bio = unsafe { Bio::new(bio, libssl) };
    // SAFETY: type invariant.
    if unsafe { libssl.crypto.BIO_up_ref(bio.as_ptr()) } == 0 {
        put_away(bio);
        return None;
    }
    // SAFETY: the BIO is ours alone; the script outlives its use, by the caller's care.
    unsafe { libssl.crypto.BIO_set_data(bio.as_ptr(), (&raw mut *script).cast()) };
    // SAFETY: type invariant.
    unsafe { libssl.crypto.BIO_set_init(bio.as_ptr(), 1) };
    Some(bio)
}

/// Takes back a BIO of ours that has left the SSL.
fn put_away(bio: Bio) {
    // SAFETY: the handoff's stack is going: whoever uses the BIO by mistake finds nothing.
    unsafe { bio.crypto().BIO_set_data(bio.as_ptr(), null_mut()) };
    let spare = SPARE.of(bio.libssl());
    if spare.compare_exchange(null_mut(), bio.as_ptr(), Release, Relaxed).is_err() {
        // SAFETY: the one reference to it is ours.
        unsafe { bio.crypto().BIO_free_all(bio.as_ptr()) };
    }
}

static METHOD: ForEach<Method> = ForEach::new([const { Method::new(make) }; libssl::MAX]);

fn make(libssl: &'static Libssl) -> Option<NonNull<sys::BIO_METHOD>> {
    let crypto = &libssl.crypto;
    // SAFETY: takes nothing.
    let index = unsafe { crypto.BIO_get_new_index() };
    if index < 0 {
        return None;
    }
    let kind = index | sys::BIO_TYPE_SOURCE_SINK;
    // SAFETY: the name is a C string.
    let method =
        unsafe { crypto.BIO_meth_new(kind, c"dtlsv1_listen verified ClientHello".as_ptr()) };
    let made = NonNull::new(method)?;
    // SAFETY: the method is new and no BIO has it yet.
    unsafe { crypto.BIO_meth_set_read(method, numbered!([read] as BioRead, libssl)) };
    // SAFETY: the method is new and no BIO has it yet.
    unsafe { crypto.BIO_meth_set_write(method, Some(write as BioWrite)) };
    // SAFETY: the method is new and no BIO has it yet.
    unsafe { crypto.BIO_meth_set_ctrl(method, numbered!([ctrl] as BioCtrl, libssl)) };
    Some(made)
}

/// Is this the stand-in?
pub(super) fn is_ours(bio: Bio) -> bool {
    METHOD.of(bio.libssl()).is_of(bio)
}

/// # Safety
///
/// `bio` is one of ours in this libssl, and its handoff has not ended.
unsafe fn script<'a>(bio: *mut sys::BIO, libssl: &Libssl) -> Option<&'a mut Script<'a>> {
    // SAFETY: the BIO is live.
    let data = unsafe { libssl.crypto.BIO_get_data(bio) };
    // SAFETY: what we put there lives on the handoff's stack until the BIO has left the SSL, and
    // libssl uses the BIO on that thread alone.
    unsafe { data.cast::<Script<'a>>().as_mut() }
}

unsafe extern "C-unwind" fn read<const N: usize>(
    bio: *mut sys::BIO,
    to: *mut c_char,
    room: c_int,
) -> c_int {
    let Some(libssl) = Libssl::numbered(N) else { return -1 };
    let crypto = &libssl.crypto;
    // SAFETY: libcrypto calls with a BIO of ours.
    unsafe { crypto.BIO_clear_flags(bio, sys::BIO_FLAGS_RWS | sys::BIO_FLAGS_SHOULD_RETRY) };
    // SAFETY: libcrypto calls with a BIO of ours.
    let record = unsafe { script(bio, libssl) }.and_then(|script| script.record.take());
    let (Some(record), Ok(room)) = (record, usize::try_from(room)) else {
        // SAFETY: libcrypto calls with a BIO of ours.
        unsafe { crypto.BIO_set_flags(bio, sys::RETRY_READ) };
        return -1;
    };
    let len = record.len().min(room);
    // SAFETY: the caller has `room` bytes there, and ours are others.
    unsafe { to.cast::<u8>().copy_from_nonoverlapping(record.as_ptr(), len) };
    c_int::try_from(len).unwrap_or(-1)
}

/// Nothing is written to a read BIO.
unsafe extern "C-unwind" fn write(_bio: *mut sys::BIO, _from: *const c_char, _len: c_int) -> c_int {
    -1
}

unsafe extern "C-unwind" fn ctrl<const N: usize>(
    bio: *mut sys::BIO,
    command: c_int,
    larg: c_long,
    parg: *mut c_void,
) -> c_long {
    let Some(libssl) = Libssl::numbered(N) else { return 0 };
    // SAFETY: libcrypto calls with a BIO of ours. Not kept while another's code runs.
    match unsafe { script(bio, libssl) }.map(|script| &script.controls) {
        Some(Controls::Forward(real)) => {
            let real = real.as_ptr();
            // SAFETY: the real BIO lives; the arguments are for whoever understands the command.
            unsafe { libssl.crypto.BIO_ctrl(real, command, larg, parg) }
        }
        // SAFETY: the arguments are the command's.
        Some(Controls::Peer(peer)) => unsafe { answer(peer, command, parg) },
        None => 0,
    }
}

/// What a datagram BIO answers that knows the peer and nothing else.
///
/// # Safety
///
/// `parg` is what the command takes.
unsafe fn answer(peer: &Peer, command: c_int, parg: *mut c_void) -> c_long {
    match command {
        sys::BIO_CTRL_DGRAM_GET_PEER => {
            let (Some(to), address) = (NonNull::new(parg), peer.as_bytes()) else { return 0 };
            // SAFETY: the command takes a sockaddr with room for any address.
            unsafe {
                to.cast::<u8>()
                    .copy_from_nonoverlapping(NonNull::from(address).cast(), address.len());
            };
            c_long::try_from(address.len()).unwrap_or(0)
        }
        sys::BIO_CTRL_FLUSH => 1,
        _ => 0,
    }
}

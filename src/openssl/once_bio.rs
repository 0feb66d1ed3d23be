//! The BIO that stands in for the application's during the handoff: it yields one record, then
//! would block, and passes every control on.
//!
//! It is not pushed on the real BIO: libssl pushes its own buffer on the write BIO, often the same
//! object, and LibreSSL's `BIO_push` would then unlink ours.

use super::bio::Bio;
use super::method::Method;
use super::ssl::Ssl;
use super::sys;
use crate::hello::error::Fault;
use crate::panic_guard::guard_value;
use std::ffi::{c_char, c_int, c_long, c_void};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

/// What our BIO hands out and whom it asks. Lives on the stack of the handoff.
pub(super) struct Once<'a> {
    record: Option<&'a [u8]>,
    real: Bio,
}

impl<'a> Once<'a> {
    pub(super) const fn new(record: &'a [u8], real: Bio) -> Self {
        Self { record: Some(record), real }
    }

    /// One that has nothing to yield and would block at once.
    #[cfg(libressl)]
    pub(super) const fn empty(real: Bio) -> Self {
        Self { record: None, real }
    }

    /// Makes the BIO, or takes the spare one; `None` without memory. It may be used until `self`
    /// goes, and ends with [`put_away`].
    fn bio(&mut self) -> Option<NonNull<sys::BIO>> {
        let bio = NonNull::new(SPARE.swap(null_mut(), Acquire)).or_else(|| METHOD.bio())?;
        // SAFETY: the BIO is ours alone; `self` outlives its use, by the caller's care.
        unsafe { sys::BIO_set_data(bio.as_ptr(), (&raw mut *self).cast()) };
        // SAFETY: as above.
        unsafe { sys::BIO_set_init(bio.as_ptr(), 1) };
        Some(bio)
    }
}

/// One that has done its work, for the next handoff: to make and free one cost 850 instructions, a
/// quarter of what libssl itself needs to accept a hello. Nobody but us has a reference to it.
static SPARE: AtomicPtr<sys::BIO> = AtomicPtr::new(null_mut());

/// Takes back a BIO of ours that has left the SSL.
fn put_away(bio: NonNull<sys::BIO>) {
    // SAFETY: the handoff's stack is going: whoever uses the BIO by mistake finds nothing.
    unsafe { sys::BIO_set_data(bio.as_ptr(), null_mut()) };
    if SPARE.compare_exchange(null_mut(), bio.as_ptr(), Release, Relaxed).is_err() {
        // SAFETY: the one reference to it is ours.
        unsafe { sys::BIO_free_all(bio.as_ptr()) };
    }
}

/// Runs `body` while another read BIO stands in the SSL.
pub(super) fn with_stand_in<T>(
    ssl: Ssl,
    rbio: Bio,
    mut once: Once<'_>,
    body: impl FnOnce() -> T,
) -> Result<T, Fault> {
    let stand_in = once.bio().ok_or(Fault::NoMemory)?;
    // SAFETY: the BIO lives. This reference takes the place of the SSL's, which goes with the next
    // call; libssl, with two references where both BIOs are one, and LibreSSL, with one, agree.
    let kept = unsafe { sys::BIO_up_ref(rbio.as_ptr()) } != 0;
    // SAFETY: the BIO is ours. This reference is the SSL's.
    let lent = kept && unsafe { sys::BIO_up_ref(stand_in.as_ptr()) } != 0;
    if !lent {
        if kept {
            // SAFETY: the reference from above.
            unsafe { sys::BIO_free_all(rbio.as_ptr()) };
        }
        put_away(stand_in);
        return Err(Fault::NoMemory);
    }
    // SAFETY: the SSL lives, and takes over its reference to the stand-in.
    unsafe { sys::SSL_set0_rbio(ssl.as_ptr(), stand_in.as_ptr()) };
    let result = body();
    // SAFETY: the SSL takes over the reference from above and drops its own to the stand-in.
    unsafe { sys::SSL_set0_rbio(ssl.as_ptr(), rbio.as_ptr()) };
    // `once` ends with this function.
    put_away(stand_in);
    Ok(result)
}

static METHOD: Method = Method::new(|| {
    // SAFETY: takes nothing.
    let index = unsafe { sys::BIO_get_new_index() };
    if index < 0 {
        return None;
    }
    let kind = index | sys::BIO_TYPE_SOURCE_SINK;
    // SAFETY: the name is a C string.
    let method = unsafe { sys::BIO_meth_new(kind, c"dtlsv1_listen verified ClientHello".as_ptr()) };
    let made = NonNull::new(method)?;
    // SAFETY: the method is new and no BIO has it yet; so for the next two.
    unsafe { sys::BIO_meth_set_read(method, Some(read)) };
    // SAFETY: as above.
    unsafe { sys::BIO_meth_set_write(method, Some(write)) };
    // SAFETY: as above.
    unsafe { sys::BIO_meth_set_ctrl(method, Some(ctrl)) };
    Some(made)
});

/// Is this the stand-in?
pub(super) fn is_ours(bio: Bio) -> bool {
    METHOD.is_of(bio)
}

/// # Safety
///
/// `bio` is one of ours, and its handoff has not ended.
unsafe fn once<'a>(bio: *mut sys::BIO) -> Option<&'a mut Once<'a>> {
    // SAFETY: the BIO is live.
    let data = unsafe { sys::BIO_get_data(bio) };
    // SAFETY: what we put there lives on the handoff's stack until the BIO has left the SSL, and
    // libssl uses the BIO on that thread alone.
    unsafe { data.cast::<Once<'a>>().as_mut() }
}

unsafe extern "C-unwind" fn read(bio: *mut sys::BIO, to: *mut c_char, room: c_int) -> c_int {
    guard_value(-1, || {
        // SAFETY: libcrypto calls with a BIO of ours.
        unsafe { sys::BIO_clear_flags(bio, sys::BIO_FLAGS_RWS | sys::BIO_FLAGS_SHOULD_RETRY) };
        // SAFETY: as above.
        let record = unsafe { once(bio) }.and_then(|once| once.record.take());
        let (Some(record), Ok(room)) = (record, usize::try_from(room)) else {
            // SAFETY: as above.
            unsafe { sys::BIO_set_flags(bio, sys::RETRY_READ) };
            return -1;
        };
        let len = record.len().min(room);
        // SAFETY: the caller has `room` bytes there, and ours are others.
        unsafe { to.cast::<u8>().copy_from_nonoverlapping(record.as_ptr(), len) };
        c_int::try_from(len).unwrap_or(-1)
    })
}

/// Nothing is written to a read BIO.
unsafe extern "C-unwind" fn write(_bio: *mut sys::BIO, _from: *const c_char, _len: c_int) -> c_int {
    -1
}

unsafe extern "C-unwind" fn ctrl(
    bio: *mut sys::BIO,
    command: c_int,
    larg: c_long,
    parg: *mut c_void,
) -> c_long {
    guard_value(0, || {
        // SAFETY: libcrypto calls with a BIO of ours.
        let Some(once) = (unsafe { once(bio) }) else { return 0 };
        // SAFETY: the real BIO lives; the arguments are for whoever understands the command.
        unsafe { sys::BIO_ctrl(once.real.as_ptr(), command, larg, parg) }
    })
}

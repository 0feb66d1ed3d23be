//! `DTLSv1_listen`, under its own name and ours, and its bounded sibling.

use crate::after_drop::AfterDrop;
use crate::hello::error::{Fault, Stop};
use crate::openssl::{
    Call, Libssl, Name, SSL, Sender, Ssl, note_would_block, queue_discard, queue_fault,
};
use crate::os::{Once, uncancelled};
use crate::panic_guard::guard_value;
use crate::service::settings::Defaults;
use crate::{probes, stats};
use libc::{sockaddr, socklen_t};
use std::ffi::{c_int, c_void};
use std::mem::transmute;
use std::ptr::NonNull;

// Entries (`abi::entry`), as C sees them.
unsafe extern "C-unwind" {
    /// DTLSv1_listen(), by a name of our own: what the header's macro of that name calls. Documented
    /// in the header (cbindgen.toml).
    ///
    /// # Safety
    ///
    /// `ssl` is NULL or a live SSL that no other thread is using; `peer` is NULL or writable for the
    /// address family in use.
    pub fn dtlsv1_listen(ssl: *mut SSL, peer: *mut c_void) -> c_int;

    /// DTLSv1_listen() with a bound on the peer's address, as accept(2) has it.
    ///
    /// `addr`: where the client's address goes, or NULL when it is not wanted.
    ///
    /// `addrlen`: on entry the bytes at `addr`, on return the address's full length. It may be more
    /// than there was room for: then the address is cut. 0 if the BIO knows no peer. Ignored when
    /// `addr` is NULL, and may be NULL then. Unchanged unless 1 is returned.
    ///
    /// Returns what DTLSv1_listen() returns; also -1 for `addrlen` NULL with `addr` given.
    ///
    /// # Safety
    ///
    /// `ssl` is NULL or a live SSL that no other thread is using; `addr` is NULL or writable for
    /// `*addrlen` bytes.
    pub fn dtlsv1_listen_peer(ssl: *mut SSL, addr: *mut sockaddr, addrlen: *mut socklen_t)
    -> c_int;
}

/// # Safety
///
/// dtlsv1_listen()'s.
pub(super) unsafe extern "C-unwind" fn listen(
    ssl: *mut SSL,
    peer: *mut c_void,
    from: usize,
    version: u32,
) -> c_int {
    let call = Call { from, version };
    let Some(libssl) = call.libssl() else {
        // SAFETY: by this function's contract.
        return unsafe { listen_elsewhere(ssl, peer, call) };
    };
    // SAFETY: by this function's contract.
    unsafe { listen_in(libssl, ssl, peer, libssl.release.listens_by_ctrl) }
}

/// `by_ctrl`: as LibreSSL's macro. A datagram that is dropped does not end the call, and one that ends
/// for want of another gives -1.
///
/// # Safety
///
/// dtlsv1_listen()'s; the SSL is this libssl's.
#[inline(always)]
pub(super) unsafe fn listen_in(
    libssl: &'static Libssl,
    ssl: *mut SSL,
    peer: *mut c_void,
    by_ctrl: bool,
) -> c_int {
    // SAFETY: by this function's contract.
    let outcome = unsafe { run_for(libssl, ssl, peer, by_ctrl) };
    // SAFETY: by this function's contract.
    unsafe { end(libssl, ssl, outcome, by_ctrl) }
}

/// What the caller is told.
///
/// # Safety
///
/// `ssl` is NULL or a live SSL of this libssl's that no other thread is using.
#[inline(always)]
unsafe fn end(
    libssl: &'static Libssl,
    ssl: *mut SSL,
    outcome: Result<(), Stop>,
    by_ctrl: bool,
) -> c_int {
    if by_ctrl && matches!(outcome, Err(Stop::WouldBlock | Stop::BudgetSpent)) {
        // SAFETY: by this function's contract.
        return unsafe { would_block_by_ctrl(libssl, ssl) };
    }
    code(libssl, outcome)
}

/// The SSL is of a libssl that we cannot serve: its own function runs, and nothing of ours.
///
/// # Safety
///
/// dtlsv1_listen()'s.
#[cold]
unsafe fn listen_elsewhere(ssl: *mut SSL, peer: *mut c_void, call: Call) -> c_int {
    type Listen = unsafe extern "C-unwind" fn(*mut SSL, *mut c_void) -> c_int;
    call.say_that_it_is_not_served();
    let Some(next) = call.next(Name::Listen) else { return -1 };
    // SAFETY: this is what libssl's function of that name is.
    let next = unsafe { transmute::<*mut c_void, Listen>(next.as_ptr()) };
    // SAFETY: the arguments go on as they came.
    unsafe { next(ssl, peer) }
}

/// # Safety
///
/// `ssl` is NULL or a live SSL of this libssl's that no other thread is using.
#[cold]
unsafe fn would_block_by_ctrl(libssl: &'static Libssl, ssl: *mut SSL) -> c_int {
    if let Some(ssl) = NonNull::new(ssl) {
        // SAFETY: by this function's contract.
        note_would_block(unsafe { Ssl::new(ssl, libssl) });
    }
    -1
}

/// # Safety
///
/// DTLSv1_listen()'s.
#[inline(always)]
unsafe fn run_for(
    libssl: &'static Libssl,
    ssl: *mut SSL,
    peer: *mut c_void,
    by_ctrl: bool,
) -> Result<(), Stop> {
    let mut sender = Sender::Untold;
    // SAFETY: by this function's contract.
    let outcome = unsafe { run(libssl, ssl, by_ctrl, &mut sender) };
    if let (Ok(()), Some(peer)) = (outcome, NonNull::new(peer)) {
        match sender {
            // SAFETY: writable for the family in use, by this function's contract.
            Sender::Known(sender) => unsafe { write(peer, sender.as_bytes()) },
            // SAFETY: every caller's buffer holds a sockaddr at least.
            Sender::Unknown => unsafe { write(peer, &[0; size_of::<sockaddr>()]) },
            Sender::Untold => {}
        }
    }
    outcome
}

/// # Safety
///
/// dtlsv1_listen_peer()'s.
pub(super) unsafe extern "C-unwind" fn listen_peer(
    ssl: *mut SSL,
    addr: *mut sockaddr,
    addrlen: *mut socklen_t,
    from: usize,
    version: u32,
) -> c_int {
    let call = Call { from, version };
    let Some(libssl) = call.libssl() else {
        call.say_that_it_is_not_served();
        return -1;
    };
    if !addr.is_null() && addrlen.is_null() {
        if let Some(ssl) = NonNull::new(ssl) {
            // SAFETY: not null, and live by this function's contract.
            crate::listen::drop_what_waits(unsafe { Ssl::new(ssl, libssl) }, &stats::tally());
        }
        return code(libssl, Err(Fault::NullArgument.into()));
    }
    let by_ctrl = libssl.release.listens_by_ctrl;
    let mut sender = Sender::Untold;
    // SAFETY: by this function's contract.
    let outcome = unsafe { run(libssl, ssl, by_ctrl, &mut sender) };
    if let (Ok(()), Some(addr), Some(addrlen)) =
        (outcome, NonNull::new(addr), NonNull::new(addrlen))
    {
        let address = match &sender {
            Sender::Known(sender) => sender.as_bytes(),
            Sender::Unknown | Sender::Untold => &[],
        };
        // SAFETY: not null, and the caller's to read.
        let room = usize::try_from(unsafe { addrlen.read() }).unwrap_or(0);
        // SAFETY: writable for that many bytes, by this function's contract.
        unsafe { write(addr, address.get(..room).unwrap_or(address)) };
        // SAFETY: not null, and the caller's to write.
        unsafe { addrlen.write(socklen_t::try_from(address.len()).unwrap_or(0)) };
    }
    // SAFETY: by this function's contract.
    unsafe { end(libssl, ssl, outcome, by_ctrl) }
}

/// # Safety
///
/// `ssl` is NULL or a live SSL of this libssl's that no other thread is using.
#[inline(always)]
unsafe fn run(
    libssl: &'static Libssl,
    ssl: *mut SSL,
    by_ctrl: bool,
    sender: &mut Sender,
) -> Result<(), Stop> {
    let ssl = NonNull::new(ssl).ok_or(Fault::NullArgument)?;
    // SAFETY: not null, and live by this function's contract.
    let ssl = unsafe { Ssl::new(ssl, libssl) };
    announce(libssl);
    let tally = stats::tally();
    let after_drop = if by_ctrl { AfterDrop::ReadOn } else { AfterDrop::Return };
    let outcome = crate::listen::listen(ssl, &tally, after_drop, sender);
    tally.count_end(&outcome);
    probes::end(ssl, &outcome);
    outcome
}

/// Puts the reason on the queue and gives the number for it.
fn code(libssl: &Libssl, outcome: Result<(), Stop>) -> c_int {
    let Err(stop) = outcome else { return 1 };
    match stop {
        Stop::WouldBlock | Stop::BudgetSpent => {}
        Stop::Discard(discard) => queue_discard(libssl, discard),
        Stop::Fault(fault) => queue_fault(libssl, fault),
    }
    stop.code()
}

/// # Safety
///
/// `to` is writable for as many bytes.
unsafe fn write<T>(to: NonNull<T>, bytes: &[u8]) {
    // SAFETY: by this function's contract; the caller's memory and ours do not overlap.
    unsafe { to.cast().copy_from_nonoverlapping(NonNull::from(bytes).cast::<u8>(), bytes.len()) };
}

/// The first call starts the counters, and with DTLSV1_LISTEN_TRACE set it says that it is ours
/// that runs.
#[inline(always)]
pub(super) fn announce(libssl: &Libssl) {
    if ANNOUNCED.get().is_none() {
        announce_now(libssl);
    }
}

static ANNOUNCED: Once<()> = Once::new();

#[cold]
fn announce_now(libssl: &Libssl) {
    guard_value((), || uncancelled(|| *ANNOUNCED.get_or_make(|| first_call(libssl))));
}

fn first_call(libssl: &Libssl) {
    stats::begin();
    let defaults = Defaults::read();
    if defaults.trace {
        crate::os::notice(format_args!(
            "{} serving DTLSv1_listen (pid {}, libssl {:#x}, cookies {})",
            env!("CARGO_PKG_VERSION"),
            std::process::id(),
            libssl.release.version,
            defaults.policy.name(),
        ));
    }
}

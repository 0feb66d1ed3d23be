//! Signals, waited for instead of caught, and the clocks.

use crate::library::Now;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Those that end this program, or tell of its child.
const WAITED_FOR: [libc::c_int; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGCHLD];

/// The signals that are waited for; no handler ever runs.
pub struct Signals(libc::sigset_t);

impl Signals {
    /// Holds them back from now on, in this thread and those that it starts.
    #[allow(unsafe_code)]
    pub fn hold_back() -> Self {
        let mut set = std::mem::MaybeUninit::uninit();
        // SAFETY: writable for a set.
        unsafe { libc::sigemptyset(set.as_mut_ptr()) };
        for signal in WAITED_FOR {
            // SAFETY: the set was made just above, and the signal is one.
            unsafe { libc::sigaddset(set.as_mut_ptr(), signal) };
        }
        // SAFETY: sigemptyset wrote all of it.
        let set = unsafe { set.assume_init() };
        // SAFETY: a set, and no room for the old one.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
        Self(set)
    }

    /// Waits for one of them, or until the time is over.
    pub fn wait(&self, time: Duration) -> Option<libc::c_int> {
        let timeout = libc::timespec {
            tv_sec: libc::time_t::try_from(time.as_secs()).unwrap_or(1),
            tv_nsec: time.subsec_nanos().into(),
        };
        // SAFETY: a set and a time that live until it returns; nothing is to be written.
        #[allow(unsafe_code)]
        let signal = unsafe {
            libc::sigtimedwait(&raw const self.0, std::ptr::null_mut(), &raw const timeout)
        };
        (signal > 0).then_some(signal)
    }
}

/// Sends a child a signal.
pub fn send(child: &std::process::Child, signal: libc::c_int) {
    let Ok(pid) = libc::pid_t::try_from(child.id()) else { return };
    // SAFETY: takes two numbers; a child that was not waited for has its number to itself.
    #[allow(unsafe_code)]
    let _ = unsafe { libc::kill(pid, signal) };
}

/// Both clocks. What lies between the two looks makes keys hold a little shorter, never longer.
pub fn now() -> Now {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writable for a time.
    #[allow(unsafe_code)]
    let _ = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0).saturating_mul(1_000_000_000);
    let monotonic = seconds.saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0));
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { wall: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX), monotonic }
}

/// How long until a little after the next second begins.
pub fn until_next_second(now: Now) -> Duration {
    let into = now.wall.checked_rem(1_000_000_000).unwrap_or(0);
    Duration::from_nanos(1_001_000_000_u64.saturating_sub(into))
}

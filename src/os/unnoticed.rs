//! Writing to files of our own so that the program does not notice.
//!
//! A write can do more to a process than fail: a pipe that nobody reads sends SIGPIPE, a file at its
//! limit (`RLIMIT_FSIZE`) SIGXFSZ, a terminal that is another job's SIGTTOU, each of which ends or
//! stops the process. It sets errno, and a thread that is to be cancelled ends in it.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr::null_mut;

/// While this lives the thread is not cancelled.
pub(super) struct Uncancelled {
    before: c_int,
}

impl Uncancelled {
    pub(super) fn begin() -> Self {
        let mut before = 0;
        // SAFETY: `before` is writable.
        unsafe { pthread_setcancelstate(CANCEL_DISABLE, &raw mut before) };
        Self { before }
    }
}

impl Drop for Uncancelled {
    fn drop(&mut self) {
        let mut disabled = 0;
        // SAFETY: `disabled` is writable. What is pending waits for the next cancellation point.
        unsafe { pthread_setcancelstate(self.before, &raw mut disabled) };
    }
}

/// While this lives none of that happens to the thread; then all is as it was.
pub(crate) struct Unnoticed {
    errno: c_int,
    _uncancelled: Uncancelled,
    /// The thread's signal mask; none if it could not be changed.
    mask: Option<libc::sigset_t>,
    /// Those of [`SENT`] that were pending before.
    pending: [bool; SENT.len()],
}

/// What a write sends to its own thread.
const SENT: [c_int; 2] = [libc::SIGPIPE, libc::SIGXFSZ];
/// Not sent where it is blocked.
const ASKED_FOR: c_int = libc::SIGTTOU;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}
/// The same on Linux, glibc and musl. Elsewhere what is asked for is put back as it came.
const CANCEL_DISABLE: c_int = 1;

impl Unnoticed {
    pub(crate) fn begin() -> Self {
        let errno = errno();
        let uncancelled = Uncancelled::begin();
        let mut blocked = set_of(&SENT);
        // SAFETY: the set is a set.
        unsafe { libc::sigaddset(&raw mut blocked, ASKED_FOR) };
        let mut mask = set_of(&[]);
        // SAFETY: both are sets.
        let failed =
            unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const blocked, &raw mut mask) };
        let mask = (failed == 0).then_some(mask);
        // What was let through is not pending. A sandbox may end the process for the question.
        let may_wait = mask.as_ref().is_some_and(|mask| SENT.iter().any(|&sent| holds(mask, sent)));
        let pending = if may_wait { pending() } else { [false; SENT.len()] };
        set_errno(0);
        Self { errno, _uncancelled: uncancelled, mask, pending }
    }

    /// Takes back what our writes have sent: those that failed, which errno still tells of.
    fn take_back(&self) {
        if errno() == 0 {
            return;
        }
        let now = pending();
        for ((signal, before), now) in SENT.into_iter().zip(self.pending).zip(now) {
            if now && !before {
                let set = set_of(&[signal]);
                take(&set);
            }
        }
    }
}

impl Drop for Unnoticed {
    fn drop(&mut self) {
        if let Some(mask) = self.mask {
            self.take_back();
            // SAFETY: a mask that this thread had.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const mask, null_mut()) };
        }
        set_errno(self.errno);
    }
}

fn set_of(signals: &[c_int]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: writable for a set, and filled by the call.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    for &signal in signals {
        // SAFETY: a set by now.
        unsafe { libc::sigaddset(set.as_mut_ptr(), signal) };
    }
    // SAFETY: a set by now.
    unsafe { set.assume_init() }
}

/// Which of [`SENT`] wait to be delivered, to this thread or to the process.
fn pending() -> [bool; SENT.len()] {
    let mut set = set_of(&[]);
    // SAFETY: writable for a set.
    unsafe { libc::sigpending(&raw mut set) };
    SENT.map(|signal| holds(&set, signal))
}

fn holds(set: &libc::sigset_t, signal: c_int) -> bool {
    // SAFETY: a set.
    unsafe { libc::sigismember(set, signal) == 1 }
}

/// Takes one of the signals that are pending, if it still is.
#[cfg(not(target_os = "openbsd"))]
fn take(set: &libc::sigset_t) {
    let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a set, no place for the details, and no time to wait.
    unsafe { libc::sigtimedwait(set, null_mut(), &raw const at_once) };
}

/// Without sigtimedwait(2): it is pending, so that this does not wait.
#[cfg(target_os = "openbsd")]
fn take(set: &libc::sigset_t) {
    let mut taken = 0;
    // SAFETY: a set, and room for the signal's number.
    unsafe { libc::sigwait(set, &raw mut taken) };
}

#[cfg(any(target_os = "netbsd", target_os = "openbsd"))]
use libc::__errno as errno_location;
#[cfg(any(target_os = "linux", target_os = "dragonfly"))]
use libc::__errno_location as errno_location;
#[cfg(target_os = "freebsd")]
use libc::__error as errno_location;

pub(crate) fn errno() -> c_int {
    // SAFETY: every thread has an errno.
    let at = unsafe { errno_location() };
    // SAFETY: every thread has an errno.
    unsafe { at.read() }
}

pub(crate) fn set_errno(errno: c_int) {
    // SAFETY: every thread has an errno.
    let at = unsafe { errno_location() };
    // SAFETY: every thread has an errno.
    unsafe { at.write(errno) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn is_blocked(signal: c_int) -> bool {
        let mut mask = set_of(&[]);
        // SAFETY: nothing is changed; `mask` is writable.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &raw mut mask) };
        // SAFETY: a set.
        unsafe { libc::sigismember(&raw const mask, signal) == 1 }
    }

    /// Rust's start-up ignores SIGPIPE; here it has to be what it is in a program in C.
    fn break_a_pipe() {
        let (reader, mut writer) = crate::os::tests::pipe();
        drop(reader);
        assert!(writer.write(b"x").is_err());
    }

    #[test]
    fn a_broken_pipe_leaves_nothing_behind() {
        // SAFETY: the default action, which the mask keeps from this thread.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        set_errno(libc::EXDEV);
        let unnoticed = Unnoticed::begin();
        break_a_pipe();
        assert_eq!(pending(), [true, false]);
        drop(unnoticed);
        assert_eq!(errno(), libc::EXDEV);
        assert_eq!(pending(), [false, false]);
        assert!(!is_blocked(libc::SIGPIPE) && !is_blocked(libc::SIGTTOU));

        // What was the program's stays.
        let own = Unnoticed::begin();
        break_a_pipe();
        let inner = Unnoticed::begin();
        break_a_pipe();
        drop(inner);
        assert_eq!(pending(), [true, false]);
        drop(own);
        assert_eq!(pending(), [false, false]);
    }
}

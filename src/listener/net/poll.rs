//! One descriptor for everything: an epoll instance over the sockets and a timer.

use super::socket::{Errno, Socket, done};
use super::{last_error, waiting};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::time::Instant;

/// What is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ready {
    /// The timer has run down.
    pub(crate) timer: bool,
    /// A bit for each socket that can be read from, by the number that it was added with.
    pub(crate) readable: u32,
    /// Likewise: it has something in its error queue.
    pub(crate) errors: u32,
    /// Likewise: it can be written to, and that was asked for.
    pub(crate) writable: u32,
    /// A signal ended the wait.
    pub(crate) interrupted: bool,
}

pub(crate) struct Poll {
    epoll: OwnedFd,
    timer: OwnedFd,
    /// When the timer is set to run down.
    armed: Option<Instant>,
}

const TIMER: u64 = u64::MAX;
const EVENTS: usize = 8;

impl Poll {
    pub(crate) fn new() -> Result<Self, Errno> {
        // SAFETY: takes a number.
        let epoll = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: takes numbers.
        let timer = owned(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) })?;
        let poll = Self { epoll, timer, armed: None };
        poll.control(libc::EPOLL_CTL_ADD, poll.timer.as_raw_fd(), libc::EPOLLIN, TIMER)?;
        Ok(poll)
    }

    /// The descriptor that a program waits for.
    pub(crate) fn fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }

    pub(crate) fn add(&self, socket: &Socket, number: u32) -> Result<(), Errno> {
        self.control(libc::EPOLL_CTL_ADD, socket.fd(), libc::EPOLLIN, number.into())
    }

    /// Asks to be told, or no more, when a socket can be written to.
    pub(crate) fn watch_writable(
        &self,
        socket: &Socket,
        number: u32,
        watch: bool,
    ) -> Result<(), Errno> {
        let events = if watch { libc::EPOLLIN | libc::EPOLLOUT } else { libc::EPOLLIN };
        self.control(libc::EPOLL_CTL_MOD, socket.fd(), events, number.into())
    }

    fn control(&self, operation: i32, fd: RawFd, events: i32, data: u64) -> Result<(), Errno> {
        let events = u32::from_ne_bytes(events.to_ne_bytes());
        let mut event = libc::epoll_event { events, u64: data };
        // SAFETY: `event` lives for the call.
        done(unsafe { libc::epoll_ctl(self.fd(), operation, fd, &raw mut event) })
    }

    /// Waits up to `timeout` milliseconds, for ever if it is negative. A signal ends it, with nothing
    /// ready.
    pub(crate) fn wait(&self, timeout: i32) -> Result<Ready, Errno> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        let (to, max) = (events.as_mut_ptr(), EVENTS as i32);
        // SAFETY: there is room for `max` events.
        let n = unsafe { waiting::epoll_wait(self.fd(), to, max, timeout) };
        let (n, interrupted) = match usize::try_from(n) {
            Ok(n) => (n, false),
            Err(_) if last_error() == libc::EINTR => (0, true),
            Err(_) => return Err(last_error()),
        };
        let mut ready = Ready { interrupted, ..Ready::default() };
        for event in events.iter().take(n) {
            let (what, data) = (event.events, event.u64);
            if data == TIMER {
                ready.timer = true;
                continue;
            }
            let bit = u32::try_from(data).ok().and_then(|n| 1_u32.checked_shl(n)).unwrap_or(0);
            let has = |flag: i32| what & u32::from_ne_bytes(flag.to_ne_bytes()) != 0;
            if has(libc::EPOLLIN) {
                ready.readable |= bit;
            }
            if has(libc::EPOLLERR) {
                // An error that waits for the next call, or the queue of those that have come.
                ready.errors |= bit;
                ready.readable |= bit;
            }
            if has(libc::EPOLLOUT) {
                ready.writable |= bit;
            }
        }
        Ok(ready)
    }

    /// Sees to it that the descriptor is ready at `at` at the latest. One that is set for an earlier
    /// time stays: it costs a look too many, and setting it anew would cost a system call for each
    /// flight that is answered.
    pub(crate) fn wake_by(&mut self, at: Instant, now: Instant) {
        if self.armed.is_some_and(|armed| armed <= at) {
            return;
        }
        self.arm(Some(at), now);
    }

    /// Sets the timer once it has run down: for `at`, or never.
    pub(crate) fn rearm(&mut self, at: Option<Instant>, now: Instant) {
        if at != self.armed || at.is_some_and(|at| at <= now) {
            self.arm(at, now);
        }
    }

    fn arm(&mut self, at: Option<Instant>, now: Instant) {
        let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let mut when = libc::itimerspec { it_interval: zero, it_value: zero };
        if let Some(at) = at {
            let left = at.saturating_duration_since(now);
            // time_t has 32 bits or 64.
            when.it_value.tv_sec = i32::try_from(left.as_secs()).unwrap_or(i32::MAX) as _;
            // 0 would take the timer away.
            when.it_value.tv_nsec = left.subsec_nanos().max(1) as _;
        }
        let fd = self.timer.as_raw_fd();
        // SAFETY: `when` is readable, and the old value is not wanted.
        let set = unsafe { libc::timerfd_settime(fd, 0, &raw const when, std::ptr::null_mut()) };
        if set == 0 {
            self.armed = at;
        }
    }
}

fn owned(fd: RawFd) -> Result<OwnedFd, Errno> {
    if fd < 0 {
        return Err(last_error());
    }
    // SAFETY: just made, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

//! Sockets, descriptors and what the kernel is asked for: what the listener calls the system for, and
//! all of its `unsafe` but what `shared` and `tie` say of references.

mod connected;
mod control;
mod doors;
mod filter;
mod group;
mod poll;
mod receive;
mod send;
mod socket;

pub(super) use connected::{Connected, Heard, bind};
pub(super) use doors::{Doors, open};
pub(super) use filter::{Door, door_of};
pub(super) use poll::{Poll, Ready};
#[cfg(test)]
pub(super) use receive::Unusable;
pub(super) use receive::{Inbox, Received};
pub(super) use send::{Answered, Outbox, Sending, send_now};
pub(super) use socket::{Errno, Socket};

/// Datagrams read or answered with one system call. 32 to 64 are enough: what is left is the
/// kernel's own work for each.
pub(super) const BATCH: usize = 64;

/// System calls that wait, and in which a thread may be cancelled (pthreads(7)): it leaves through
/// these functions. The libc crate declares them as functions that end the process then.
mod waiting {
    use std::ffi::{c_int, c_void};

    unsafe extern "C-unwind" {
        pub(super) fn epoll_wait(
            epoll: c_int,
            events: *mut libc::epoll_event,
            max: c_int,
            timeout: c_int,
        ) -> c_int;
        pub(super) fn poll(fds: *mut libc::pollfd, count: libc::nfds_t, timeout: c_int) -> c_int;
        pub(super) fn recvfrom(
            fd: c_int,
            to: *mut c_void,
            len: usize,
            flags: c_int,
            from: *mut libc::sockaddr,
            from_len: *mut libc::socklen_t,
        ) -> isize;
        pub(super) fn send(fd: c_int, from: *const c_void, len: usize, flags: c_int) -> isize;
    }
}

fn last_error() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

//! Sockets, descriptors and what the kernel is asked for. The only place of the listener with
//! `unsafe` that is not libssl's.

#![allow(unused_imports, reason = "under construction")]

mod connected;
mod control;
mod doors;
mod filter;
mod group;
mod poll;
mod receive;
mod send;
mod socket;

pub(super) use connected::{Connected, Heard, connect};
pub(super) use doors::{Doors, open};
pub(super) use filter::{DOORS, Door, door_of};
pub(super) use poll::{Poll, Ready};
pub(super) use receive::{Inbox, Received, Unusable};
pub(super) use send::{ANSWER_ROOM, Outbox, Sending, send_now};
pub(super) use socket::{Errno, Socket};

/// Datagrams read or answered with one system call. 32 to 64 are enough: what is left is the
/// kernel's own work for each.
pub(super) const BATCH: usize = 64;

fn last_error() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

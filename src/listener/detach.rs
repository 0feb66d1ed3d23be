//! A client leaves its listener for a socket of its own.
//!
//! No system call moves what has come: some lies with the listener, some came to the new socket
//! before that was the client's alone. All of it is read first, in the order in which it came.

use super::Listener;
use super::address::Flow;
use super::clients::ClientId;
use super::core::Core;
use super::net::{BATCH, Connected, Door, bind};
use super::shared::Shared;
use super::ssl_engine::SslEngine;
use super::tie;
use super::wire::Wire;
use crate::hello::error::{Fault, Stop};
use crate::openssl::{Ssl, client_bio};
use crate::stats::{self, Event};
use std::collections::VecDeque;
use std::os::fd::RawFd;

/// What a datagram takes up in a socket's buffer at least, in bytes: the kernel's own structures.
const LEAST_IN_BUFFER: usize = 512;
/// Datagrams that come to a new socket before it is connected, at most: its buffer's.
const MOST_ASTRAY: usize = 1024;

/// Gives an SSL's client a socket of its own.
pub(crate) fn detach(ssl: Ssl) -> Result<RawFd, Fault> {
    let wire = client_bio::wire::<Wire>(ssl).ok_or(Fault::InvalidArgument)?;
    let (listener, id) = wire.listener().ok_or(Fault::InvalidArgument)?;
    if listener.core.has_ended(id) {
        return Err(Fault::InvalidArgument);
    }
    let before = gather(&listener, id, wire.flow());
    listener.core.with(|state| state.clients.set_leaves(id, false));
    // Others' datagrams have been read as well.
    listener.wake();
    let (socket, before) = before?;
    socket.block()?;
    let fd = socket.fd();
    tie::cut(ssl);
    // A callback may have run: the BIO is looked up again.
    let wire = client_bio::wire::<Wire>(ssl).ok_or(Fault::InvalidArgument)?;
    wire.detach(socket, before);
    listener.core.forget(id);
    stats::tally().count(Event::ListenerDetached);
    Ok(fd)
}

/// Makes the socket, and reads what has come up to now, for this client and for others, in its order:
/// to the listener; to the new socket, by mistake, if it is others'; to the listener meanwhile; and to
/// the new socket by a processor that had chosen it before it was connected.
///
/// The listener's is read once more between bind(2) and connect(2): bound, the new socket may get all
/// that comes to its address, and what came to the listener's just before is older. libssl takes a
/// record for a replay that comes behind 64 later ones.
fn gather(
    listener: &Shared<Listener>,
    id: ClientId,
    flow: &Flow,
) -> Result<(Connected, VecDeque<Vec<u8>>), Fault> {
    let mut pump = listener.pump.try_borrow_mut().map_err(|_| Fault::InvalidArgument)?;
    let tally = stats::tally();
    let mut engine = SslEngine::new(listener, &tally).map_err(|stop| match stop {
        Stop::Fault(fault) => fault,
        _ => Fault::NoSecret,
    })?;
    let core = &listener.core;
    let waiting = most(core)?;
    // Later there may be no memory, and what has been read from the new socket would be in its place
    // no more.
    let mut room = VecDeque::new();
    let places =
        waiting.saturating_mul(3).saturating_add(MOST_ASTRAY).saturating_add(unread(core, id));
    room.try_reserve_exact(places).map_err(|_| Fault::NoMemory)?;
    core.with(|state| state.clients.set_leaves(id, true));
    pump.read_out(&mut engine, core, None, waiting)?;
    let bound = core.with(|state| {
        let beside = state.doors.through(Door::Clients).ok_or(libc::EBADF)?;
        bind(beside, flow)
    });
    let bound = bound.ok_or(Fault::InvalidArgument)??;
    pump.read_out(&mut engine, core, None, most(core)?)?;
    let socket = bound.connect()?;
    let before = unread(core, id);
    pump.read_out(&mut engine, core, Some(socket.socket()), MOST_ASTRAY)?;
    let astray = unread(core, id);
    pump.read_out(&mut engine, core, None, most(core)?)?;
    let meanwhile = unread(core, id);
    pump.read_out(&mut engine, core, Some(socket.socket()), MOST_ASTRAY)?;
    let all = core.with(|state| state.clients.take_all(id, room)).flatten();
    let mut all = all.ok_or(Fault::NoMemory)?;
    put_in_order(&mut all, before, astray, meanwhile);
    Ok((socket, all))
}

/// What came to the listener meanwhile, read from `astray` to `meanwhile`, is older than what came
/// astray, read from `before` to `astray`.
fn put_in_order<T>(all: &mut VecDeque<T>, before: usize, astray: usize, meanwhile: usize) {
    if let Some(changed) = all.make_contiguous().get_mut(before..meanwhile) {
        changed.rotate_left(astray.saturating_sub(before));
    }
}

/// As many datagrams as there are by now at most: a flood does not hold the client up.
fn most<H>(core: &Core<H>) -> Result<usize, Fault> {
    let waiting = core.with(|state| Some(state.doors.through(Door::Clients)?.waiting()));
    let waiting = waiting.flatten().ok_or(Fault::InvalidArgument)?;
    Ok(waiting.div_ceil(LEAST_IN_BUFFER).saturating_add(BATCH))
}

fn unread<H>(core: &Core<H>, id: ClientId) -> usize {
    let unread = core.with(|state| state.clients.unread(id)).unwrap_or(0);
    usize::try_from(unread).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_meanwhile_is_older_than_what_came_astray() {
        // By when it came, as it is read: before; astray; meanwhile; behind.
        for (read, [before, astray, meanwhile]) in [
            (vec![0, 1, 4, 5, 6, 2, 3, 7], [2, 5, 7]),
            (vec![0, 1, 2, 3], [2, 2, 3]),
            (vec![0, 1, 2], [0, 3, 3]),
            (vec![1, 2, 0], [0, 2, 3]),
            (vec![], [0, 0, 0]),
        ] {
            let mut all = VecDeque::from(read);
            put_in_order(&mut all, before, astray, meanwhile);
            assert!(all.iter().copied().eq(0..all.len()), "{all:?}");
        }
    }
}

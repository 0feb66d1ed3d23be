//! Many clients on one port: one SSL for each peer whose cookie was right, told apart in user space
//! by where its datagrams come from and which of our addresses they were sent to.
//!
//! ```text
//! net (sockets, doors, epoll, timerfd) -> pump (one turn) -> step -> answers, in batches
//!                                           |                  `---> a new SSL (ssl_engine)
//!                                           `-> clients (table, queues, timers, news)
//!                                                  ^ wire (a client's BIO)
//! ```
//!
//! A [`Listener`] is shared by the program and the BIOs of its clients: what is emptied when the
//! program frees it, [`core::Core`], the BIOs find empty. Nothing of it is borrowed while libssl runs,
//! whose callbacks may come back.

mod address;
mod backlog;
#[cfg_attr(test, allow(unsafe_code))]
mod batch;
mod clients;
mod core;
mod detach;
mod list;
#[allow(unsafe_code)]
mod net;
mod options;
mod pump;
mod queue;
mod seen;
#[allow(unsafe_code)]
mod shared;
mod ssl_engine;
#[allow(unsafe_code)]
mod tie;
mod timers;
mod wire;

pub(crate) use address::{Address, SockAddr};
pub(crate) use batch::BatchSocket;
pub(crate) use clients::News;
pub(crate) use detach::detach;
pub(crate) use options::Options;
pub(crate) use shared::Shared;

use crate::hello::error::{Fault, Stop};
use crate::hello::wire::Method;
use crate::openssl::{Libssl, OwnedCtx, Ssl, SslCtx, client_bio, free};
use crate::os::monotonic;
use crate::stats::{self, Event, write_if_due};
use address::Family;
use clients::Clients;
use core::{Core, State};
use list::List;
use net::{Doors, Errno, Poll};
use pump::Pump;
use ssl_engine::SslEngine;
use std::cell::{Cell, RefCell};
use std::os::fd::RawFd;
use std::time::Duration;
use wire::Wire;

pub(crate) struct Listener {
    core: Core<Ssl>,
    pump: RefCell<Pump>,
    ctx: SslCtx,
    /// A reference to it, until the program frees the listener.
    owned_ctx: Cell<Option<OwnedCtx>>,
    method: Method,
    options: Options,
    family: Family,
    local: Address,
    fd: RawFd,
    /// The program freed it while it was at work, in a callback.
    freed: Cell<bool>,
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        Self::System(errno)
    }
}

impl Listener {
    /// `count` listeners on one address, made before any of them hears anything.
    pub(crate) fn bind(
        ctx: &OwnedCtx,
        address: &Address,
        options: Options,
        count: u16,
    ) -> Result<Vec<Shared<Self>>, Fault> {
        let method = ssl_engine::method(ctx)?;
        let mut listeners = Vec::new();
        listeners.try_reserve_exact(count.into()).map_err(|_| Fault::NoMemory)?;
        for doors in net::open(address, count, options.doors)? {
            listeners.push(Self::new(OwnedCtx::new(ctx.get())?, method, doors, options)?);
        }
        Ok(listeners)
    }

    /// On a socket of the caller's.
    pub(crate) fn beside(
        ctx: &OwnedCtx,
        fd: RawFd,
        options: Options,
    ) -> Result<Shared<Self>, Fault> {
        let method = ssl_engine::method(ctx)?;
        let doors = Doors::beside(fd, options.doors)?;
        Self::new(OwnedCtx::new(ctx.get())?, method, doors, options)
    }

    fn new(
        ctx: OwnedCtx,
        method: Method,
        doors: Doors,
        options: Options,
    ) -> Result<Shared<Self>, Fault> {
        let first = doors.get(0).ok_or(Fault::Internal)?;
        let (family, local) = (first.family, first.local()?);
        let poll = Poll::new()?;
        for (number, socket) in doors.all() {
            poll.add(socket, number)?;
        }
        let pump = Pump::new(options.max_datagram, options.handshake).ok_or(Fault::NoMemory)?;
        let fd = poll.fd();
        let clients = Clients::new(options.limits);
        let core = Core::new(State { clients, doors, poll, blocked: false, reminds: false });
        let (pump, freed) = (RefCell::new(pump), Cell::new(false));
        let (at, owned_ctx) = (ctx.get(), Cell::new(Some(ctx)));
        let listener =
            Self { core, pump, ctx: at, owned_ctx, method, options, family, local, fd, freed };
        Shared::new(listener).ok_or(Fault::NoMemory)
    }

    pub(crate) const fn libssl(&self) -> &'static Libssl {
        self.ctx.libssl()
    }

    pub(crate) fn address(&self) -> Result<SockAddr, Fault> {
        self.local.to_sockaddr(self.family).ok_or(Fault::Internal)
    }

    pub(crate) const fn fd(&self) -> RawFd {
        self.fd
    }

    /// One turn, as [`Pump`] has it, after a wait of up to `timeout` milliseconds; for ever, if it is
    /// negative. Are there news?
    pub(crate) fn run(this: &Shared<Self>, timeout: i32) -> Result<bool, Fault> {
        // What the program has not taken by now it may not take before it sleeps, either.
        let news = this.core.with(|state| {
            state.reminds = state.clients.has_news();
            state.reminds
        });
        let timeout = if news.unwrap_or(false) { 0 } else { timeout };
        Self::turn(this, timeout)?;
        Ok(this.has_news())
    }

    /// True if a signal ended the wait.
    fn turn(this: &Shared<Self>, timeout: i32) -> Result<bool, Fault> {
        // In a callback, while it is at work already.
        let mut pump = this.pump.try_borrow_mut().map_err(|_| Fault::InvalidArgument)?;
        write_if_due();
        let ready = this.core.with(|state| state.poll.wait(timeout));
        let ready = ready.ok_or(Fault::InvalidArgument)??;
        let tally = stats::tally();
        match SslEngine::new(this, &tally) {
            Ok(mut engine) => pump.turn(&mut engine, &this.core, ready)?,
            Err(Stop::Fault(fault)) => return Err(fault),
            // Another thread is about to read the secret. What has come waits.
            Err(_) => {}
        }
        Ok(ready.interrupted)
    }

    fn has_news(&self) -> bool {
        self.core.with(|state| state.clients.has_news()).unwrap_or(false)
    }

    pub(crate) fn next(&self) -> Option<(Ssl, News)> {
        let waits = self.pump.try_borrow().map_or(true, |pump| pump.is_due());
        let next = self.core.with(|state| {
            let next = state.clients.next(None)?;
            state.remind(waits);
            Some(next)
        });
        next.flatten()
    }

    /// The next new client, after a wait as [`run`](Self::run)'s; what is new of others stays.
    pub(crate) fn accept(this: &Shared<Self>, timeout: i32) -> Result<Option<Ssl>, Fault> {
        let start = monotonic();
        let mut last = false;
        // It would wait for nobody.
        this.core.with(|state| state.reminds = false);
        let new = loop {
            let new = this.core.with(|state| state.clients.next(Some(List::New))).flatten();
            if new.is_some() || last {
                break new;
            }
            let left = remaining(timeout, start.elapsed());
            let interrupted = Self::turn(this, left)?;
            last = left == 0 || interrupted || this.was_freed();
        };
        this.wake();
        Ok(new.map(|(ssl, _)| ssl))
    }

    /// Has the descriptor say that there is something to do, if what is no more in the sockets waits
    /// for the next turn or to be told of.
    fn wake(&self) {
        let waits = self.pump.try_borrow().is_ok_and(|pump| pump.is_due());
        self.core.with(|state| {
            state.reminds = state.clients.has_news();
            if waits || state.reminds {
                state.wake(monotonic());
            }
        });
    }

    /// Lets go of everything but the SSLs that the program has. True if it is at work, in a callback
    /// of which the program frees it: then it has to be called again.
    pub(crate) fn close(&self) -> bool {
        if self.pump.try_borrow_mut().is_err() {
            self.freed.set(true);
            return true;
        }
        if let Some(state) = self.core.close() {
            let State { clients, doors, .. } = state;
            drop(doors);
            stats::tally().add(Event::ListenerClosed, clients.len());
            for ssl in clients.untold() {
                // Nobody knows of it.
                free(ssl);
            }
        }
        drop(self.owned_ctx.take());
        false
    }

    /// Was it freed in a callback?
    pub(crate) fn was_freed(&self) -> bool {
        self.freed.get()
    }
}

/// Where the client of an SSL is, in the form of the listener's socket.
pub(crate) fn peer(ssl: Ssl) -> Result<SockAddr, Fault> {
    let wire = client_bio::wire::<Wire>(ssl).ok_or(Fault::InvalidArgument)?;
    wire.sockaddr(&wire.flow().peer).ok_or(Fault::Internal)
}

/// Which address of ours the client of an SSL writes to.
pub(crate) fn local(ssl: Ssl) -> Result<SockAddr, Fault> {
    let wire = client_bio::wire::<Wire>(ssl).ok_or(Fault::InvalidArgument)?;
    wire.sockaddr(&wire.local()).ok_or(Fault::Internal)
}

/// What is left of so many milliseconds, a part of one counting as a whole; negative for ever.
fn remaining(timeout: i32, passed: Duration) -> i32 {
    let Ok(all) = u64::try_from(timeout) else { return timeout };
    let left = Duration::from_millis(all).saturating_sub(passed);
    i32::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_not_cut_short() {
        let after = |timeout, micros| remaining(timeout, Duration::from_micros(micros));
        assert_eq!([after(1, 0), after(1, 1), after(1, 999), after(1, 1000)], [1, 1, 1, 0]);
        assert_eq!([after(20, 3500), after(20, 30_000), after(0, 7)], [17, 0, 0]);
        assert_eq!([after(-1, 5), after(i32::MAX, 0)], [-1, i32::MAX]);
    }
}

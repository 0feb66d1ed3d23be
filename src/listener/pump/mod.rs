//! One turn of a listener: what has come is read in batches, strangers are answered in batches, what
//! is a client's goes to that client, and timers run down. Bounded: a flood delays what comes behind
//! it, and holds nobody's event loop.

mod engine;
mod judge;
mod timers;

pub(super) use engine::{Engine, Happened, Repeated};

use super::backlog::{Backlog, Waiting};
use super::core::Core;
use super::net::{BATCH, Door, Errno, Inbox, Outbox, Ready, Socket};
use super::seen::Seen;
use crate::hello::error::Fault;
use crate::hello::step::Step;
use crate::hello::wire::HelloVerifyRequest;
use judge::{Admission, judge};
use std::time::{Duration, Instant};
use timers::run_timers;

/// Batches that are read from one socket in one turn. What comes of a client's datagram, or of a hello
/// whose cookie was right, is the program's to do before the next turn; strangers are answered here,
/// in a hundredth of the time.
const BATCHES: usize = 1;
const STRANGERS_BATCHES: usize = 4;
/// Handshakes that are begun in one turn.
const ACCEPTS: usize = 4;

/// What a turn works with.
pub(super) struct Pump {
    inbox: Inbox,
    outbox: Outbox,
    seen: Seen,
    backlog: Backlog,
    answer: HelloVerifyRequest,
    handshake: Duration,
    /// The last turn left datagrams in a socket.
    left: bool,
}

impl Pump {
    /// `None` without memory.
    pub(super) fn new(max_datagram: usize, handshake: Duration) -> Option<Self> {
        Some(Self {
            inbox: Inbox::new(max_datagram)?,
            outbox: Outbox::new()?,
            seen: Seen::new(super::seen::MAX),
            backlog: Backlog::new(super::backlog::MAX),
            answer: HelloVerifyRequest::blank(),
            handshake,
            left: false,
        })
    }

    /// Is there something to do, whatever may come? Somebody waits to become a client, or there was
    /// more in a socket than one turn reads: of that, a descriptor that is watched for its edges
    /// (EPOLLET) tells once.
    pub(super) fn is_due(&self) -> bool {
        self.left || !self.backlog.is_empty()
    }

    /// Does what is to be done about what is ready.
    pub(super) fn turn<E: Engine>(
        &mut self,
        engine: &mut E,
        core: &Core<E::Handle>,
        ready: Ready,
    ) -> Result<(), Fault> {
        let now = Instant::now();
        if ready.writable != 0 {
            core.with(|state| state.has_room());
        }
        self.left = false;
        for door in [Door::Clients, Door::Cookies, Door::Strangers] {
            self.left |= self.read(engine, core, door, ready, now)?;
        }
        for _ in 0..ACCEPTS {
            self.accept_next(engine, core, now)?;
        }
        if ready.timer {
            run_timers(engine, core, now);
        }
        core.with(|state| {
            let due = self.is_due() || state.reminds;
            let next = if due { Some(now) } else { state.clients.next_timer() };
            if ready.timer {
                state.poll.rearm(next, now);
            } else if let Some(next) = next {
                state.poll.wake_by(next, now);
            }
        });
        Ok(())
    }

    /// True if there may be more.
    fn read<E: Engine>(
        &mut self,
        engine: &mut E,
        core: &Core<E::Handle>,
        door: Door,
        ready: Ready,
        now: Instant,
    ) -> Result<bool, Fault> {
        let batches = if door == Door::Strangers { STRANGERS_BATCHES } else { BATCHES };
        for _ in 0..batches {
            let receive = |inbox: &mut Inbox| {
                let came = core.with(|state| {
                    // Without doors there is one socket, which is read once.
                    let number = state.doors.number(door);
                    let bit = 1_u32.checked_shl(number).unwrap_or(0);
                    let apart = state.doors.are_apart();
                    let Some(socket) = state.doors.get(number) else { return Ok(0) };
                    if ready.readable & bit == 0 || (!apart && door != Door::Clients) {
                        return Ok(0);
                    }
                    if ready.errors & bit != 0 {
                        socket.drop_errors();
                    }
                    inbox.receive(socket, BATCH)
                });
                came.unwrap_or(Ok(0))
            };
            if self.read_batch(engine, core, receive, now)? < BATCH {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads what has come to the clients' socket, or to this one, until there is no more, or about
    /// `most` datagrams.
    pub(super) fn read_out<E: Engine>(
        &mut self,
        engine: &mut E,
        core: &Core<E::Handle>,
        socket: Option<&Socket>,
        most: usize,
    ) -> Result<(), Fault> {
        let now = Instant::now();
        for _ in 0..most.div_ceil(BATCH) {
            let receive = |inbox: &mut Inbox| {
                let came = core.with(|state| {
                    match socket.or_else(|| state.doors.through(Door::Clients)) {
                        Some(socket) => inbox.receive(socket, BATCH),
                        None => Ok(0),
                    }
                });
                came.unwrap_or(Ok(0))
            };
            if self.read_batch(engine, core, receive, now)? < BATCH {
                break;
            }
        }
        Ok(())
    }

    fn read_batch<E: Engine>(
        &mut self,
        engine: &mut E,
        core: &Core<E::Handle>,
        receive: impl FnOnce(&mut Inbox) -> Result<usize, Errno>,
        now: Instant,
    ) -> Result<usize, Fault> {
        let came = receive(&mut self.inbox)?;
        let judged = self.judge_all(engine, core, came, now);
        self.flush(engine, core);
        judged.map(|()| came)
    }

    fn judge_all<E: Engine>(
        &mut self,
        engine: &mut E,
        core: &Core<E::Handle>,
        came: usize,
        now: Instant,
    ) -> Result<(), Fault> {
        for n in 0..came {
            let Some(received) = self.inbox.get(n) else { break };
            let Ok(received) = received else {
                engine.count(Happened::Unusable);
                continue;
            };
            engine.count(Happened::Came(received.bytes.len()));
            let mut admission = Admission {
                seen: &mut self.seen,
                backlog: &mut self.backlog,
                handshake: self.handshake,
                now,
            };
            let answers = (&mut self.outbox, &mut self.answer);
            judge(engine, core, &received, answers, &mut admission)?;
        }
        Ok(())
    }

    /// Begins the handshake of who has waited longest.
    fn accept_next<E: Engine>(
        &mut self,
        engine: &mut E,
        core: &Core<E::Handle>,
        now: Instant,
    ) -> Result<(), Fault> {
        let Some(waiting) = self.backlog.pop() else { return Ok(()) };
        let (seen, backlog) = (&mut self.seen, &mut self.backlog);
        let mut admission = Admission { seen, backlog, handshake: self.handshake, now };
        // Its cookie may be too old by now.
        let Waiting { flow, peer, hello, bytes } = &waiting;
        if let Step::Accept(verified) = engine.step(bytes, peer, &mut self.answer, true)? {
            admission.accept(engine, core, *flow, *hello, &verified);
        }
        Ok(())
    }

    /// Sends what strangers are answered.
    fn flush<E: Engine>(&mut self, engine: &mut E, core: &Core<E::Handle>) {
        core.with(|state| {
            if let Some(socket) = state.doors.through(Door::Strangers) {
                self.outbox.flush(socket, |answered| engine.count(Happened::Answered(answered)));
            }
        });
    }
}

#[cfg(test)]
mod tests;

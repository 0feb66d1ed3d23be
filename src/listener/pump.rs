//! One turn of a listener: what has come is read in batches, strangers are answered in batches, what
//! is a client's goes to that client, and timers run down. Bounded: a flood delays what comes behind
//! it, and holds nobody's event loop.

use super::address::Flow;
use super::clients::{News, Queued, Refusal, Timer};
use super::core::Core;
use super::net::{
    ANSWER_ROOM, BATCH, Door, Errno, Inbox, Outbox, Ready, Received, Sending, Unusable, door_of,
};
use super::seen::{HelloId, Seen};
use std::time::{Duration, Instant};

/// Batches that are read from one socket in one turn: clients' and strangers'.
const CLIENT_BATCHES: usize = 4;
/// Timers that run down in one turn.
const TIMERS: usize = 256;
/// When libssl is asked next, whose client has not read yet what it may be waiting for.
const POSTPONED: Duration = Duration::from_millis(100);

/// What libssl and the service do, so that a turn can be told from them.
pub(super) trait Engine {
    /// A client's SSL.
    type Handle: Copy;
    /// A hello whose cookie was right.
    type Hello<'a>: Hello;
    /// Why the listener cannot go on.
    type Fault: From<Errno>;

    /// Judges one datagram of somebody who is at `sockaddr`. The answer goes to the room for it.
    fn judge<'a>(
        &mut self,
        datagram: &'a [u8],
        sockaddr: &[u8],
        answer: &mut [u8; ANSWER_ROOM],
    ) -> Result<Judged<Self::Hello<'a>>, Self::Fault>;

    /// Makes a client's SSL and gives it its hello. `None`: it was not taken.
    fn begin(&mut self, hello: &Self::Hello<'_>, flow: &Flow) -> Option<Self::Handle>;

    /// Tells the SSL's BIO which client it belongs to.
    fn link(&mut self, handle: Self::Handle, id: super::clients::ClientId);

    /// Frees an SSL that nobody knows yet.
    fn abandon(&mut self, handle: Self::Handle);

    /// Makes libssl repeat a flight.
    fn repeat(&mut self, handle: Self::Handle) -> Repeated;

    /// Has the handshake come to its end?
    fn is_connected(&mut self, handle: Self::Handle) -> bool;

    /// For how long a hello's cookie is good.
    fn cookie_life(&self) -> Duration;

    fn count(&mut self, happened: Happened);
}

/// What makes a hello another than the client's next.
pub(super) trait Hello {
    fn random(&self) -> &[u8; 32];
    fn cookie(&self) -> &[u8];
}

pub(super) enum Judged<H> {
    Drop,
    /// As many bytes are in the room for an answer.
    Answer(usize),
    Kept,
    Admit(H),
}

/// What libssl made of a timer that ran down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeated {
    /// It has said when it wants to be asked again, if it does.
    Done,
    /// It is not time yet, by its own clock.
    Early(Duration),
    /// It has given up.
    GivenUp,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// A datagram came, of so many bytes.
    Came(usize),
    /// An answer of so many bytes to so many was sent, or was not.
    Answered(Sending, usize, usize),
    Accepted,
    /// A client began anew from its port.
    Replaced,
    /// A handshake took too long.
    Overdue,
    /// A hello that had been accepted came again.
    Repeated,
    /// A client was not accepted: there are as many as there may be.
    Refused,
    /// A client's datagram was dropped, since it does not read.
    Overflow,
    /// A datagram as clients send them, from nobody who is one.
    Stray,
    /// A datagram that is too long, was sent to many, or came from nowhere.
    Unusable(Unusable),
}

/// What a turn works with.
pub(super) struct Pump {
    inbox: Inbox,
    outbox: Outbox,
    seen: Seen,
    answer: [u8; ANSWER_ROOM],
    handshake: Duration,
}

impl Pump {
    /// `None` without memory.
    pub(super) fn new(max_datagram: usize, handshake: Duration) -> Option<Self> {
        Some(Self {
            inbox: Inbox::new(max_datagram)?,
            outbox: Outbox::new()?,
            seen: Seen::new(super::seen::MAX),
            answer: [0; ANSWER_ROOM],
            handshake,
        })
    }

    /// Does what is to be done about what is ready.
    pub(super) fn turn<E: Engine>(
        &mut self,
        engine: &mut E,
        core: &Core<E::Handle>,
        ready: Ready,
    ) -> Result<(), E::Fault> {
        let now = Instant::now();
        if ready.writable != 0 {
            core.with(|state| state.has_room());
        }
        for door in [Door::Clients, Door::Cookies, Door::Strangers] {
            self.read(engine, core, door, ready, now)?;
        }
        if ready.timer {
            run_timers(engine, core, now);
        }
        core.with(|state| {
            let next = state.clients.next_timer();
            if ready.timer {
                state.poll.rearm(next, now);
            } else if let Some(next) = next {
                state.poll.wake_by(next, now);
            }
        });
        Ok(())
    }

    fn read<E: Engine>(
        &mut self,
        engine: &mut E,
        core: &Core<E::Handle>,
        door: Door,
        ready: Ready,
        now: Instant,
    ) -> Result<(), E::Fault> {
        let batches = if door == Door::Clients { CLIENT_BATCHES } else { 1 };
        for _ in 0..batches {
            let inbox = &mut self.inbox;
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
            let came = came.unwrap_or(Ok(0))?;
            let judged = self.judge_all(engine, core, came, now);
            self.flush(engine, core);
            judged?;
            if came < BATCH {
                break;
            }
        }
        Ok(())
    }

    fn judge_all<E: Engine>(
        &mut self,
        engine: &mut E,
        core: &Core<E::Handle>,
        came: usize,
        now: Instant,
    ) -> Result<(), E::Fault> {
        for n in 0..came {
            let Some(received) = self.inbox.get(n) else { break };
            let received = match received {
                Ok(received) => received,
                Err(unusable) => {
                    engine.count(Happened::Unusable(unusable));
                    continue;
                }
            };
            engine.count(Happened::Came(received.bytes.len()));
            let mut desk = Desk {
                outbox: &mut self.outbox,
                seen: &mut self.seen,
                answer: &mut self.answer,
                handshake: self.handshake,
                now,
            };
            desk.receive(engine, core, &received)?;
        }
        Ok(())
    }

    /// Sends what strangers are answered.
    fn flush<E: Engine>(&mut self, engine: &mut E, core: &Core<E::Handle>) {
        core.with(|state| {
            if let Some(socket) = state.doors.through(Door::Strangers) {
                self.outbox.flush(socket, |sending, answered, answer| {
                    engine.count(Happened::Answered(sending, answered, answer));
                });
            }
        });
    }
}

/// Where one datagram is dealt with.
struct Desk<'a> {
    outbox: &'a mut Outbox,
    seen: &'a mut Seen,
    answer: &'a mut [u8; ANSWER_ROOM],
    handshake: Duration,
    now: Instant,
}

impl Desk<'_> {
    fn receive<E: Engine>(
        &mut self,
        engine: &mut E,
        core: &Core<E::Handle>,
        received: &Received<'_>,
    ) -> Result<(), E::Fault> {
        let flow = Flow { peer: received.peer, local: received.local };
        if door_of(received.bytes) == Door::Clients {
            deliver(engine, core, &flow, received.bytes);
            return Ok(());
        }
        match engine.judge(received.bytes, received.sockaddr, self.answer)? {
            Judged::Drop | Judged::Kept => {}
            Judged::Answer(len) => {
                let answer = self.answer.get(..len).unwrap_or_default();
                core.with(|state| {
                    if let Some(socket) = state.doors.through(Door::Strangers) {
                        self.outbox.push(socket, &flow, received.bytes.len(), answer);
                    }
                });
            }
            Judged::Admit(hello) => {
                let id = self.seen.id(&flow, hello.random(), hello.cookie());
                if self.seen.contains(id) {
                    engine.count(Happened::Repeated);
                    repeat(core, &flow, id, received.bytes);
                } else {
                    self.accept(engine, core, flow, id, &hello);
                }
            }
        }
        Ok(())
    }

    fn accept<E: Engine>(
        &mut self,
        engine: &mut E,
        core: &Core<E::Handle>,
        flow: Flow,
        hello_id: HelloId,
        hello: &E::Hello<'_>,
    ) {
        match core.with(|state| state.clients.make_room(&flow)) {
            Some(Ok(())) => {}
            Some(Err(Refusal::Full | Refusal::SiteFull | Refusal::NoMemory)) => {
                engine.count(Happened::Refused);
                return;
            }
            None => return,
        }
        // libssl's own failures are counted where they are found.
        let Some(handle) = engine.begin(hello, &flow) else { return };
        let (replaces, id) = core
            .with(|state| {
                let replaces = state.clients.of_flow(&flow).is_some();
                (replaces, state.clients.insert(flow, hello_id, handle))
            })
            .unwrap_or((false, None));
        let Some(id) = id else {
            engine.abandon(handle);
            return;
        };
        engine.link(handle, id);
        self.seen.add(hello_id, self.now, engine.cookie_life());
        core.with(|state| {
            let end = self.now.checked_add(self.handshake);
            state.clients.set_timer(id, Timer::Handshake, end);
        });
        engine.count(Happened::Accepted);
        if replaces {
            engine.count(Happened::Replaced);
        }
    }
}

/// Gives a client what it sent.
fn deliver<E: Engine>(engine: &mut E, core: &Core<E::Handle>, flow: &Flow, datagram: &[u8]) {
    let happened = core.with(|state| match state.clients.of_flow(flow) {
        None => Some(Happened::Stray),
        Some(id) => match state.clients.push(id, datagram) {
            Queued::Taken => None,
            Queued::Overflow => Some(Happened::Overflow),
        },
    });
    if let Some(happened) = happened.flatten() {
        engine.count(happened);
    }
}

/// The hello of a client that is in its handshake, once more: libssl knows what to do. One of a
/// client that has gone is dropped.
fn repeat<H: Copy>(core: &Core<H>, flow: &Flow, hello: HelloId, datagram: &[u8]) {
    core.with(|state| {
        let id = state.clients.of_flow(flow)?;
        if state.clients.get(id)?.hello == hello {
            state.clients.push(id, datagram);
        }
        Some(())
    });
}

fn run_timers<E: Engine>(engine: &mut E, core: &Core<E::Handle>, now: Instant) {
    for _ in 0..TIMERS {
        let due = core.with(|state| {
            let (id, timer) = state.clients.due(now)?;
            let handle = state.clients.get(id)?.handle;
            Some((id, timer, handle, state.clients.has_unread(id)))
        });
        let Some((id, timer, handle, unread)) = due.flatten() else { break };
        let (again, overdue) = match timer {
            Timer::Retransmit if unread => (Some(POSTPONED), false),
            Timer::Retransmit => match engine.repeat(handle) {
                Repeated::Done => (None, false),
                Repeated::Early(left) => (Some(left), false),
                Repeated::GivenUp => (None, true),
            },
            Timer::Handshake => (None, !engine.is_connected(handle)),
        };
        core.with(|state| {
            if let Some(again) = again {
                state.clients.set_timer(id, Timer::Retransmit, now.checked_add(again));
            }
            if overdue {
                state.clients.set_timer(id, Timer::Handshake, None);
                state.clients.tell(id, News::OVERDUE);
            }
        });
        if overdue {
            engine.count(Happened::Overdue);
        }
    }
}

#[cfg(test)]
#[path = "pump_tests.rs"]
mod tests;

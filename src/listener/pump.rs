//! One turn of a listener: what has come is read in batches, strangers are answered in batches, what
//! is a client's goes to that client, and timers run down. Bounded: a flood delays what comes behind
//! it, and holds nobody's event loop.

use super::address::Flow;
use super::backlog::{Backlog, Waiting};
use super::clients::{ClientId, News, Queued, Timer};
use super::core::Core;
use super::net::{BATCH, Door, Errno, Inbox, Outbox, Ready, Received, Sending, Socket, door_of};
use super::seen::{HelloId, Seen};
use crate::hello::error::{Discard, Fault};
use crate::hello::peer::{MAX_ADDRESS_LEN, Peer};
use crate::hello::step::{Step, VerifiedHello};
use crate::hello::wire::HelloVerifyRequest;
use std::time::{Duration, Instant};

/// Batches that are read from one socket in one turn. What comes of a client's datagram, or of a hello
/// whose cookie was right, is the program's to do before the next turn; strangers are answered here,
/// in a hundredth of the time.
const BATCHES: usize = 1;
const STRANGERS_BATCHES: usize = 4;
/// Handshakes that are begun in one turn.
const ACCEPTS: usize = 4;
/// Timers that run down in one turn.
const TIMERS: usize = 256;
/// When libssl is asked next, whose client has not read yet what it may be waiting for.
const POSTPONED: Duration = Duration::from_millis(100);

/// What libssl and the service do, so that a turn can be told from them.
pub(super) trait Engine {
    /// A client's SSL.
    type Handle: Copy;

    /// Judges one datagram of this peer's; `answer` is room for what it may get back. `again`: it
    /// was judged before, and counted.
    fn step<'a>(
        &mut self,
        datagram: &'a [u8],
        peer: &'a Peer,
        answer: &'a mut HelloVerifyRequest,
        again: bool,
    ) -> Result<Step<'a>, Fault>;

    /// Makes a client's SSL and gives it its hello. `None`: it was not taken.
    fn begin(&mut self, hello: &VerifiedHello<'_>, flow: &Flow) -> Option<Self::Handle>;

    /// Tells the SSL which client it belongs to.
    fn link(&mut self, handle: Self::Handle, id: ClientId);

    /// Frees an SSL that nobody knows yet.
    fn abandon(&mut self, handle: Self::Handle);

    /// Makes libssl repeat a flight.
    fn repeat(&mut self, handle: Self::Handle) -> Repeated;

    /// Has the handshake come to its end?
    fn is_connected(&mut self, handle: Self::Handle) -> bool;

    /// For how long a hello's cookie is good.
    fn cookie_life(&self) -> Duration;

    fn count(&mut self, happened: Happened<'_>);
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
#[derive(Clone, Copy)]
pub(super) enum Happened<'a> {
    /// A datagram came, of so many bytes.
    Came(usize),
    /// It was dropped.
    Dropped(Discard, &'a Peer),
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
    Unusable,
}

/// What a turn works with.
pub(super) struct Pump {
    inbox: Inbox,
    outbox: Outbox,
    seen: Seen,
    backlog: Backlog,
    answer: HelloVerifyRequest,
    handshake: Duration,
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
        })
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
        for door in [Door::Clients, Door::Cookies, Door::Strangers] {
            self.read(engine, core, door, ready, now)?;
        }
        for _ in 0..ACCEPTS {
            self.accept_next(engine, core, now)?;
        }
        if ready.timer {
            run_timers(engine, core, now);
        }
        core.with(|state| {
            let next = state.clients.next_timer();
            let next = if self.backlog.is_empty() { next } else { Some(now) };
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
    ) -> Result<(), Fault> {
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
                break;
            }
        }
        Ok(())
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
                self.outbox.flush(socket, |sending, answered, answer| {
                    engine.count(Happened::Answered(sending, answered, answer));
                });
            }
        });
    }
}

fn judge<E: Engine>(
    engine: &mut E,
    core: &Core<E::Handle>,
    received: &Received<'_>,
    (outbox, answer): (&mut Outbox, &mut HelloVerifyRequest),
    admission: &mut Admission<'_>,
) -> Result<(), Fault> {
    let flow = Flow { peer: received.peer, local: received.local };
    if door_of(received.bytes) == Door::Clients {
        deliver(engine, core, &flow, received.bytes);
        return Ok(());
    }
    let peer = peer_of(received.sockaddr);
    match engine.step(received.bytes, &peer, answer, false)? {
        // The rest of a hello that libssl puts together itself.
        Step::Drop(Discard::Fragment) if is_known(core, &flow) => {
            deliver(engine, core, &flow, received.bytes);
        }
        Step::Drop(discard) => engine.count(Happened::Dropped(discard, &peer)),
        Step::Kept => {}
        Step::Answer(answer) => {
            core.with(|state| {
                if let Some(socket) = state.doors.through(Door::Strangers) {
                    outbox.push(socket, &flow, received.bytes.len(), answer);
                }
            });
        }
        Step::Accept(hello) => {
            let random = hello.random().unwrap_or_default();
            let id = admission.seen.id(&flow, &random, hello.cookie());
            if admission.seen.contains(id) {
                engine.count(Happened::Repeated);
                repeat(core, &flow, id, received.bytes);
            } else if !hello.came_whole() {
                // The rest may be here already, or can be had once only.
                admission.accept(engine, core, flow, id, &hello);
            } else if !admission.backlog.contains(id) {
                let waits = admission.backlog.push(received, &peer, id);
                if !waits {
                    engine.count(Happened::Refused);
                }
            }
        }
    }
    Ok(())
}

/// What a hello goes through before it becomes a client.
struct Admission<'a> {
    seen: &'a mut Seen,
    backlog: &'a mut Backlog,
    handshake: Duration,
    now: Instant,
}

impl Admission<'_> {
    fn accept<E: Engine>(
        &mut self,
        engine: &mut E,
        core: &Core<E::Handle>,
        flow: Flow,
        hello_id: HelloId,
        hello: &VerifiedHello<'_>,
    ) {
        match core.with(|state| state.clients.make_room(&flow)) {
            Some(Ok(())) => {}
            Some(Err(_)) => {
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

fn is_known<H>(core: &Core<H>, flow: &Flow) -> bool {
    core.with(|state| state.clients.of_flow(flow).is_some()).unwrap_or(false)
}

/// As a BIO gives it.
fn peer_of(sockaddr: &[u8]) -> Peer {
    let mut bytes = [0; MAX_ADDRESS_LEN];
    for (to, from) in bytes.iter_mut().zip(sockaddr) {
        *to = *from;
    }
    Peer::new(bytes)
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

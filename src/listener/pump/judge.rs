//! What becomes of one datagram.

use super::engine::{Engine, Happened};
use crate::hello::error::{Discard, Fault};
use crate::hello::peer::{MAX_ADDRESS_LEN, Peer};
use crate::hello::step::{Step, VerifiedHello};
use crate::hello::wire::HelloVerifyRequest;
use crate::listener::address::Flow;
use crate::listener::backlog::Backlog;
use crate::listener::clients::{Queued, Timer};
use crate::listener::core::Core;
use crate::listener::net::{Door, Outbox, Received, door_of};
use crate::listener::seen::{HelloId, Seen};
use std::time::{Duration, Instant};

/// Answers it, gives it to its client, or has it wait to become one.
pub(super) fn judge<E: Engine>(
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
pub(super) struct Admission<'a> {
    pub(super) seen: &'a mut Seen,
    pub(super) backlog: &'a mut Backlog,
    pub(super) handshake: Duration,
    pub(super) now: Instant,
}

impl Admission<'_> {
    pub(super) fn accept<E: Engine>(
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
        if replaces {
            engine.count(Happened::Replaced);
        }
        engine.count(Happened::Accepted(hello.peer()));
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

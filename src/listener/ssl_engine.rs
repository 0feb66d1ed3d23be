//! What a turn asks of libssl and of the SSL_CTX's service.

use super::Listener;
use super::address::Flow;
use super::clients::ClientId;
use super::net::{Answered, Sending};
use super::pump::{Engine, Happened, Repeated};
use super::shared::Shared;
use super::tie;
use super::wire::Wire;
use crate::ctx_driver::CtxDriver;
use crate::hello::error::{Fault, Sent, Stop};
use crate::hello::peer::Peer;
use crate::hello::step::{Step, VerifiedHello, step};
use crate::hello::wire::{HelloVerifyRequest, Method};
use crate::listen::hand_over;
use crate::openssl::{
    Context, Controls, Current, OwnedCtx, OwnedSsl, Sender, Ssl, TimedOut, client_bio, free,
    without_errors,
};
use crate::probes;
use crate::stats::{Event, Tally};
use std::time::Duration;

/// The versions that an SSL_CTX's SSLs speak; an error if they are no DTLS servers, or if their cookies have to be
/// the application's: nobody has an SSL yet that its callbacks could be given.
pub(super) fn method(ctx: &OwnedCtx) -> Result<Method, Fault> {
    let context = Context::of(ctx.get())?;
    context.goes_without_ssl(ctx.get())?;
    // A secret that another thread is about to read is there soon enough.
    if let Err(Stop::Fault(fault)) = context.keys.prepare() {
        return Err(fault);
    }
    ctx.get().ask_method(context);
    ctx.get().dtls_method(context)
}

/// Lives for one turn.
pub(super) struct SslEngine<'a> {
    listener: &'a Shared<Listener>,
    context: &'a Context,
    tally: &'a Tally,
}

impl<'a> SslEngine<'a> {
    pub(super) fn new(listener: &'a Shared<Listener>, tally: &'a Tally) -> Result<Self, Stop> {
        let context = Context::of(listener.ctx)?;
        context.goes_without_ssl(listener.ctx)?;
        context.keys.prepare()?;
        Ok(Self { listener, context, tally })
    }

    fn make(&self, hello: &VerifiedHello<'_>, flow: &Flow) -> Result<OwnedSsl, Fault> {
        let Listener { ctx, family, local, options, .. } = &**self.listener;
        let ssl = OwnedSsl::new(*ctx, self.context)?;
        ssl.get().set_accept_state();
        let wire = Wire::new(*flow, *family, local.port, options.mtu);
        ssl.get().set_wire(wire).ok_or(Fault::NoMemory)?;
        tie::tie(ssl.get(), self.listener).ok_or(Fault::NoMemory)?;
        let rbio = ssl.get().rbio().ok_or(Fault::Internal)?;
        let mut current = Current::of(ssl.get());
        let controls = Controls::Forward(rbio);
        let mut sender = Sender::Untold;
        let taken = hand_over(ssl.get(), &mut current, controls, self.tally, hello, &mut sender);
        taken.map_err(|_| Fault::Handoff)?;
        Ok(ssl)
    }
}

impl Engine for SslEngine<'_> {
    type Handle = Ssl;

    fn step<'a>(
        &mut self,
        datagram: &'a [u8],
        peer: &'a Peer,
        answer: &'a mut HelloVerifyRequest,
        again: bool,
    ) -> Result<Step<'a>, Fault> {
        let (context, tally) = (self.context, (!again).then_some(self.tally));
        let mut driver = CtxDriver { ctx: self.listener.ctx, context, tally, peer };
        step(datagram, self.listener.method, &mut driver, answer)
    }

    fn begin(&mut self, hello: &VerifiedHello<'_>, flow: &Flow) -> Option<Ssl> {
        // Without memory, or not to libssl's liking: the client asks again, and the program's error
        // queue is as it was.
        without_errors(self.listener.libssl(), || self.make(hello, flow)).map(OwnedSsl::into_inner)
    }

    fn link(&mut self, ssl: Ssl, id: ClientId) {
        tie::name(ssl, id);
        if let Some(wire) = client_bio::wire::<Wire>(ssl) {
            wire.link(self.listener.clone(), id);
        }
    }

    fn abandon(&mut self, ssl: Ssl) {
        free(ssl);
    }

    fn repeat(&mut self, ssl: Ssl) -> Repeated {
        match ssl.handle_timeout() {
            TimedOut::Repeated => Repeated::Done,
            TimedOut::GivenUp => Repeated::GivenUp,
            TimedOut::Early => ssl.time_left().map_or(Repeated::Done, Repeated::Early),
        }
    }

    fn is_connected(&mut self, ssl: Ssl) -> bool {
        ssl.is_connected()
    }

    /// A cookie is good in the slot that it names, in the next, and if the issuing host's clock is
    /// ahead, in the one before.
    fn cookie_life(&self) -> Duration {
        Duration::from_secs(self.context.keys.lifetime().seconds().saturating_mul(3))
    }

    fn count(&mut self, happened: Happened<'_>) {
        let tally = self.tally;
        match happened {
            Happened::Came(len) => tally.count_datagram(len),
            Happened::Dropped(discard, peer) => {
                tally.discard(discard);
                probes::dropped(discard, peer);
            }
            Happened::Answered(Answered { sending, to, question, answer }) => {
                let sent = match sending {
                    Sending::Out => Sent::Out,
                    Sending::WouldBlock => Sent::WouldBlock,
                    Sending::TooLong | Sending::Lost => Sent::Unreachable,
                };
                tally.count_answer(sent, question, answer);
                if sent == Sent::Out {
                    probes::challenge(|| Peer::from_given(to.as_bytes()), question, answer);
                }
            }
            Happened::Accepted(peer) => {
                tally.count(Event::ListenerAccepted);
                tally.count_end(&Ok(()));
                if let Some(peer) = peer {
                    probes::accepted(peer);
                }
            }
            Happened::Replaced => tally.count(Event::ListenerReplaced),
            Happened::Overdue => tally.count(Event::ListenerOverdue),
            Happened::Repeated => tally.count(Event::ListenerRepeated),
            Happened::Refused => tally.count(Event::ListenerRefused),
            Happened::Overflow => tally.count(Event::ListenerOverflow),
            Happened::Stray => tally.count(Event::ListenerStray),
            Happened::Unusable => tally.count(Event::ListenerUnusable),
        }
    }
}

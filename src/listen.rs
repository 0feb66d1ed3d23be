//! `DTLSv1_listen`: reads datagrams, has the gate judge each, and does what the verdict says.

use crate::hello::cookie::{Binding, Check};
use crate::hello::error::{Discard, Fault, Sent, Stop};
use crate::hello::gate::{Admitted, COOKIE_ROOM, Doorkeeper, Verdict, judge};
use crate::hello::peer::Peer;
use crate::hello::reassembly::{Complete, Outcome};
use crate::hello::wire::{ClientHello, Fragment, HelloVerifyRequest, Method, RecordHeader};
use crate::openssl::{
    Accepted, Bio, Context, Datagram, Listener, Read, Ssl, begin, behind, clear_errors, hand_off,
    remember_verified, resequence, same_libssl,
};
use crate::probes;
use crate::service::repairs::Repairs;
use crate::stats::{Event, Tally, tick};

/// Waits for a hello whose cookie is right, answers those without, and gives the SSL to libssl.
///
/// Everything comes in libssl's order, so that a caller who has several things wrong is told of
/// the same one first.
pub(crate) fn listen(ssl: Ssl, tally: &Tally, from: &mut Option<Peer>) -> Result<Accepted, Stop> {
    if !same_libssl() {
        return Err(Fault::OtherLibssl.into());
    }
    begin(ssl)?;
    clear_errors();
    let (Some(rbio), Some(wbio)) = (ssl.rbio(), ssl.wbio()) else {
        return Err(Fault::BioNotSet.into());
    };
    let method = ssl.dtls_method().ok_or(Fault::NotDtls)?;
    let ctx = ssl.ctx().ok_or(Fault::Internal)?;
    let context = Context::of(ctx)?;
    context.listens(ctx)?;
    if context.uses_builtin() {
        context.keys.prepare()?;
    }
    let way = Way::back(rbio, behind(wbio)); // no answer of ours is renumbered

    let mut purse = context.budget.purse();
    let mut room = Datagram::new();
    let mut answer = HelloVerifyRequest::blank();
    loop {
        tick();
        context.reassembly.expire_if_due();
        let datagram = match rbio.read(&mut room) {
            Read::Datagram(datagram) => datagram,
            Read::WouldBlock => return Err(Stop::WouldBlock),
            // Anyone can send a datagram of no bytes: not a reason to give up the socket.
            Read::Empty => {
                tally.count_datagram(0);
                return Err(Discard::RecordTooSmall.into());
            }
            Read::Failed => return Err(Fault::Io.into()),
        };
        tally.count_datagram(datagram.len());
        let mut door = Door { ssl, context, rbio, tally, peer: None };
        match judge(datagram, method, &mut door, &mut answer)? {
            Verdict::Discard(discard) => return Err(discard.into()),
            Verdict::Challenge(answer) => {
                door.answer(way, datagram, answer)?;
                purse.spend()?;
            }
            Verdict::Admit(admitted) => match door.keep_first(&admitted, datagram) {
                Outcome::Kept => purse.spend()?,
                Outcome::Complete(hello) => return door.admit_whole(&hello, method, from),
                // As under libssl, which puts the rest together if it comes to the SSL's own BIO.
                Outcome::Refused => return door.admit(datagram, &admitted, from),
            },
            Verdict::Continuation(fragment) => match door.keep_rest(&fragment, datagram) {
                Outcome::Kept => purse.spend()?,
                Outcome::Complete(hello) => return door.admit_whole(&hello, method, from),
                Outcome::Refused => return Err(Discard::Fragment.into()),
            },
        }
    }
}

/// The way back to whoever asks: found out once a call, since a BIO is known by its method's name.
#[derive(Clone, Copy)]
struct Way {
    wbio: Bio,
    /// libssl's own BIO writes to whom it read from last; any other is told.
    knows_peer: bool,
    /// libssl's own datagram BIO has nothing to flush. To ask it all the same took 60 instructions
    /// an answer.
    buffers: bool,
}

impl Way {
    fn back(rbio: Bio, wbio: Bio) -> Self {
        // Who watches a BIO sees what libssl does with it, needed or not.
        let plain = wbio.is_datagram() && !wbio.is_watched();
        Self { wbio, knows_peer: plain && wbio == rbio, buffers: !plain }
    }
}

/// Stands at the gate for one datagram.
struct Door<'a> {
    ssl: Ssl,
    context: &'a Context,
    rbio: Bio,
    tally: &'a Tally,
    /// Asked for at most once, and only when needed.
    peer: Option<Option<Peer>>,
}

impl Door<'_> {
    fn peer(&mut self) -> Option<&Peer> {
        let rbio = self.rbio;
        self.peer.get_or_insert_with(|| rbio.peer()).as_ref()
    }

    /// Sends the answer to the peer. It is sent once: a client that misses it asks again.
    fn answer(&mut self, way: Way, answered: &[u8], answer: &[u8]) -> Result<(), Stop> {
        if let Some(listener) = Listener::of(self.ssl) {
            listener.answer_out(answered, answer);
        }
        if !way.knows_peer
            && let Some(peer) = self.peer()
        {
            way.wbio.set_peer(peer);
        }
        let sent = way.wbio.send(answer, way.buffers);
        self.tally.count_answer(sent, answered.len(), answer.len());
        match sent {
            Sent::Out => {
                probes::challenge(|| self.peer().copied(), answered.len(), answer.len());
                Ok(())
            }
            // Anyone can say that they are at port 0: not a reason to give up the socket.
            Sent::Unreachable => Ok(()),
            Sent::Failed => Err(Fault::Io.into()),
            Sent::WouldBlock => Err(Stop::WouldBlock),
        }
    }

    /// Keeps a first fragment whose hello did not fit the datagram.
    fn keep_first(&mut self, admitted: &Admitted<'_>, datagram: &[u8]) -> Outcome {
        if admitted.fragment.is_whole() || !self.reassembles() {
            return Outcome::Refused;
        }
        let reassembly = &self.context.reassembly;
        match self.peer().filter(|peer| !peer.is_unspecified()) {
            Some(peer) => reassembly.first(peer, admitted, datagram),
            None => Outcome::Refused,
        }
    }

    /// Adds a fragment that is not the first.
    fn keep_rest(&mut self, fragment: &Fragment<'_>, datagram: &[u8]) -> Outcome {
        let reassembly = &self.context.reassembly;
        if reassembly.is_idle() || !self.reassembles() {
            return Outcome::Refused;
        }
        let outcome = self.peer().map(|peer| reassembly.rest(peer, fragment, datagram));
        outcome.unwrap_or(Outcome::Refused)
    }

    /// Are fragments put together here? Applications look into BIOs of their own.
    fn reassembles(&self) -> bool {
        self.context.repairs.has(Repairs::FRAGMENTS) && self.rbio.is_datagram()
    }

    fn admit_whole(
        &self,
        hello: &Complete,
        method: Method,
        from: &mut Option<Peer>,
    ) -> Result<Accepted, Stop> {
        self.tally.count(Event::HelloGathered);
        let admitted = hello.admitted(method)?;
        self.admit(admitted.record, &admitted, from)
    }

    fn admit(
        &self,
        datagram: &[u8],
        admitted: &Admitted<'_>,
        from: &mut Option<Peer>,
    ) -> Result<Accepted, Stop> {
        let trailing = self.context.repairs.has(Repairs::TRAILING);
        let shown = if trailing { admitted.record } else { datagram };
        if shown.len() < datagram.len() {
            self.tally.count(Event::TrailingDropped);
        }
        let accepted = hand_off(self.ssl, self.rbio, shown, from)
            .inspect_err(|_| self.tally.count(Event::HandoffFailed))?;
        let repaired = self.context.repairs.has(Repairs::SEQUENCE);
        resequence(self.ssl, repaired.then_some(admitted.sequence));
        if self.context.uses_builtin() && !remember_verified(self.ssl, admitted.cookie) {
            self.tally.count(Event::HandoffFailed);
            return Err(Fault::NoMemory.into());
        }
        Ok(accepted)
    }
}

impl Doorkeeper for Door<'_> {
    fn record_seen(&mut self, header: &RecordHeader) {
        if let Some(listener) = Listener::of(self.ssl) {
            listener.header_in(header);
        }
    }

    fn hello_seen(&mut self, message: &[u8]) {
        if let Some(listener) = Listener::of(self.ssl) {
            listener.hello_in(message);
        }
    }

    fn verify(&mut self, hello: &ClientHello<'_>) -> Result<bool, Fault> {
        if !self.context.uses_builtin() {
            let right = self.context.app.verify(self.ssl, hello.cookie)?;
            self.tally.count_verdict(right);
            return Ok(right);
        }
        let context = self.context;
        let binding = Binding::hello(self.peer(), hello);
        let check = context.keys.check(crate::os::unix_seconds(), hello.cookie, &binding)?;
        self.tally.count_check(check);
        Ok(matches!(check, Check::Right { .. }))
    }

    fn generate(
        &mut self,
        hello: &ClientHello<'_>,
        cookie: &mut [u8; COOKIE_ROOM],
    ) -> Result<usize, Fault> {
        if !self.context.uses_builtin() {
            return self.context.app.generate(self.ssl, cookie);
        }
        let context = self.context;
        let binding = Binding::hello(self.peer(), hello);
        let made = context.keys.make(crate::os::unix_seconds(), &binding)?;
        *cookie.first_chunk_mut().ok_or(Fault::Internal)? = made;
        Ok(binding.cookie_len())
    }
}

//! `DTLSv1_listen`: reads datagrams, has the gate judge each, and does what the verdict says.

use crate::cookie::{Binding, COOKIE_LEN, Check, Cookie};
use crate::error::{Discard, Fault, Stop};
use crate::gate::{Admitted, COOKIE_ROOM, Doorkeeper, Verdict, judge};
use crate::openssl::{
    Accepted, Bio, Context, Datagram, Read, Ssl, clear_errors, hand_off, remember_verified,
    same_libssl,
};
use crate::peer::Peer;
use crate::probes;
use crate::stats::{self, Event};
use crate::wire::{ClientHello, RecordHeader};

/// Waits for a hello whose cookie is right, answers those without, and gives the SSL to libssl.
///
/// Everything comes in libssl's order, so that a caller who has several things wrong is told of
/// the same one first.
pub(crate) fn listen(ssl: Ssl) -> Result<Accepted, Stop> {
    if !same_libssl() {
        return Err(Fault::OtherLibssl.into());
    }
    ssl.begin()?;
    clear_errors();
    let (Some(rbio), Some(wbio)) = (ssl.rbio(), ssl.wbio()) else {
        return Err(Fault::BioNotSet.into());
    };
    let method = ssl.dtls_method().ok_or(Fault::NotDtls)?;
    let ctx = ssl.ctx().ok_or(Fault::Internal)?;
    let context = Context::of(ctx).ok_or(Fault::Handoff)?;
    context.listens(ctx);

    let stats = stats::mine();
    let mut purse = context.budget.purse();
    let mut room = Datagram::new();
    loop {
        stats::tick();
        let datagram = match rbio.read(&mut room) {
            Read::Datagram(datagram) => datagram,
            Read::WouldBlock => return Err(Stop::WouldBlock),
            // Anyone can send a datagram of no bytes: not a reason to give up the socket.
            Read::Empty => {
                stats.count(Event::Datagram);
                return Err(Discard::RecordTooSmall.into());
            }
            Read::Failed => return Err(Fault::Io.into()),
        };
        stats.count(Event::Datagram);
        stats.add(Event::BytesIn, datagram.len());
        let mut door = Door::new(ssl, context, rbio);
        match judge(datagram, method, &mut door)? {
            Verdict::Discard(discard) => return Err(discard.into()),
            Verdict::Continuation(_) => return Err(Discard::Fragment.into()),
            Verdict::Challenge(answer) => {
                door.answer(wbio, answer.as_bytes(), datagram.len())?;
                purse.spend()?;
            }
            Verdict::Admit(admitted) => return door.admit(&admitted),
        }
    }
}

/// Stands at the gate for one datagram.
struct Door<'a> {
    ssl: Ssl,
    context: &'a Context,
    rbio: Bio,
    /// Asked for at most once, and only when needed.
    peer: Option<Option<Peer>>,
}

impl<'a> Door<'a> {
    const fn new(ssl: Ssl, context: &'a Context, rbio: Bio) -> Self {
        Self { ssl, context, rbio, peer: None }
    }

    fn peer(&mut self) -> Option<&Peer> {
        let rbio = self.rbio;
        self.peer.get_or_insert_with(|| rbio.peer()).as_ref()
    }

    /// Sends the answer to the peer. It is sent once: a client that misses it asks again.
    fn answer(&mut self, wbio: Bio, answer: &[u8], received: usize) -> Result<(), Stop> {
        // libssl's own BIO writes to whom it read from last; any other is told.
        if !(wbio == self.rbio && wbio.is_datagram())
            && let Some(peer) = self.peer()
        {
            wbio.set_peer(peer);
        }
        match wbio.send(answer) {
            Some(true) => {
                stats::count_challenge(received, answer.len());
                probes::challenge(|| self.peer().copied(), received, answer.len());
                Ok(())
            }
            Some(false) => {
                stats::count(Event::WriteFailed);
                Err(Fault::Io.into())
            }
            None => {
                stats::count(Event::WriteBlocked);
                Err(Stop::WouldBlock)
            }
        }
    }

    fn admit(&self, admitted: &Admitted<'_>) -> Result<Accepted, Stop> {
        let accepted = hand_off(self.ssl, self.rbio, admitted.record)
            .inspect_err(|_| stats::count(Event::HandoffFailed))?;
        if self.context.uses_builtin()
            && let Ok(cookie) = <&Cookie>::try_from(admitted.cookie)
            && !remember_verified(self.ssl, cookie)
        {
            return Err(Fault::Handoff.into());
        }
        Ok(accepted)
    }
}

impl Doorkeeper for Door<'_> {
    fn record_seen(&mut self, _header: &RecordHeader) {}

    fn hello_seen(&mut self, _message: &[u8]) {}

    fn verify(&mut self, hello: &ClientHello<'_>) -> Result<bool, Fault> {
        if !self.context.uses_builtin() {
            let right = self.context.app.verify(self.ssl, hello.cookie)?;
            stats::count_verdict(right);
            return Ok(right);
        }
        let context = self.context;
        let binding = Binding::hello(self.peer(), hello);
        let check = context.keys.check(crate::os::unix_seconds(), hello.cookie, &binding)?;
        stats::count_check(check);
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
        Ok(COOKIE_LEN)
    }
}

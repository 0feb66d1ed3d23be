//! A datagram in, what is to be done with it out: a [`step`] without an SSL, a BIO or a socket; and an
//! SSL that goes on from a hello that was admitted so.

use crate::ctx_driver::{CtxDriver, Recheck};
use crate::hello::error::{Fault, Sent, Stop};
use crate::hello::peer::Peer;
use crate::hello::step::{Step, VerifiedHello, step};
use crate::hello::wire::HelloVerifyRequest;
use crate::listen::hand_over;
use crate::openssl::{
    Context, Controls, Current, KeptErrors, Sender, Ssl, SslCtx, begin, speak_1_2_at_most,
};
use crate::probes;
use crate::stats::{Event, Tally, write_if_due};

/// What is to be done with a datagram.
pub(crate) enum Verdict<'a> {
    Drop,
    /// Send this back.
    Answer(&'a [u8]),
    /// The peer's hello, whose cookie was right.
    Admit(VerifiedHello<'a>),
    Kept,
}

/// Judges one datagram of a peer's, for an SSL_CTX that goes without an SSL; `answer` is room for what
/// it may get back, and the caller has room for `room` bytes of it or of the hello. The datagram has
/// as many bytes as are read of one where there is a BIO, at most.
///
/// None of the program's code runs in it.
#[inline(always)]
pub(crate) fn judge<'a>(
    (ctx, context): (SslCtx, &'a Context),
    datagram: &'a [u8],
    peer: &'a Peer,
    room: usize,
    tally: &'a Tally,
    answer: &'a mut HelloVerifyRequest,
) -> Result<Verdict<'a>, Fault> {
    let method = ctx.dtls_method(context)?;
    if !has_secret(context)? {
        return Ok(Verdict::Drop);
    }
    write_if_due();

    tally.count_datagram(datagram.len());
    let mut driver = CtxDriver { ctx, context, tally: Some(tally), peer };
    match step(datagram, method, &mut driver, answer)? {
        Step::Drop(discard) => {
            tally.discard(discard);
            probes::dropped(discard, peer);
            Ok(Verdict::Drop)
        }
        Step::Answer(answer) => {
            fits(answer, room)?;
            // It is out as far as can be told here.
            tally.count_answer(Sent::Out, datagram.len(), answer.len());
            probes::challenge(|| Some(*peer), datagram.len(), answer.len());
            Ok(Verdict::Answer(answer))
        }
        Step::Kept => Ok(Verdict::Kept),
        Step::Accept(hello) => {
            fits(hello.record(), room)?;
            if hello.was_in_fragments() {
                tally.count(Event::HelloGathered);
            }
            if hello.record().len() < hello.datagram().len() {
                tally.count(Event::TrailingDropped);
            }
            Ok(Verdict::Admit(hello))
        }
    }
}

const fn fits(what: &[u8], room: usize) -> Result<(), Fault> {
    if what.len() > room { Err(Fault::NoRoom) } else { Ok(()) }
}

/// Gives an SSL a hello of a peer's, if its cookie is right; false if not, or not any more. The SSL is
/// cleared either way. What the error queue held stays there, unless libssl has put its own in.
///
/// libssl and the program's callbacks run in it.
pub(crate) fn adopt(ssl: Ssl, hello: &[u8], peer: &Peer, tally: &Tally) -> Result<bool, Fault> {
    let errors = KeptErrors::take(ssl.libssl());
    let outcome = take_in(ssl, hello, peer, tally);
    if let Some(errors) = errors.filter(|_| outcome != Err(Fault::Libssl)) {
        errors.put_back();
    }
    if outcome == Ok(true) {
        tally.count_end(&Ok(()));
        probes::accepted(peer);
    }
    outcome
}

fn take_in(ssl: Ssl, hello: &[u8], peer: &Peer, tally: &Tally) -> Result<bool, Fault> {
    if ssl.rbio().is_none() || ssl.wbio().is_none() {
        return Err(Fault::BioNotSet);
    }
    if !ssl.is_dtls() {
        return Err(Fault::NotDtls);
    }
    if !ssl.is_server() {
        return Err(Fault::InvalidArgument);
    }
    begin(ssl)?;
    // Cleared, it speaks what its method does, whatever it spoke before.
    let method = ssl.dtls_method().ok_or(Fault::NotDtls)?;
    speak_1_2_at_most(ssl)?;
    let ctx = ssl.ctx().ok_or(Fault::Internal)?;
    let context = Context::of(ctx)?;
    context.goes_without_ssl(ctx)?;
    if !has_secret(context)? {
        return Ok(false);
    }
    let mut answer = HelloVerifyRequest::blank();
    let mut driver = Recheck { ssl, tally, driver: CtxDriver { ctx, context, tally: None, peer } };
    let Step::Accept(hello) = step(hello, method, &mut driver, &mut answer)? else {
        return Ok(false);
    };
    let mut current = Current::of(ssl);
    let mut sender = Sender::Untold;
    let controls = Controls::Peer(*peer);
    match hand_over(ssl, &mut current, controls, tally, &hello.alone(), &mut sender) {
        Ok(()) => Ok(true),
        Err(Stop::Fault(fault)) => Err(fault),
        Err(_) => Err(Fault::Handoff),
    }
}

/// Not while another thread reads it: whoever sent the datagram sends it again.
#[inline(always)]
fn has_secret(context: &Context) -> Result<bool, Fault> {
    match context.keys.prepare() {
        Ok(()) => Ok(true),
        Err(Stop::Fault(fault)) => Err(fault),
        Err(_) => Ok(false),
    }
}

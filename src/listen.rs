//! `DTLSv1_listen`: reads datagrams from the SSL's BIO, takes a [`step`] with each, and does what it
//! says.
//!
//! The program's own code runs in BIOs, in cookie and message callbacks, and in libssl's function. It
//! may end the thread or throw an exception there: no `catch_unwind` is on the stack then, and what
//! is held is given back by drops.

use crate::after_drop::AfterDrop;
use crate::hello::error::{Discard, Fault, Stop};
use crate::hello::step::{Step, VerifiedHello, step};
use crate::local_address::{self, Ahead, Local, Next};
use crate::openssl::{
    BatchedCall, Bio, CAPACITY, Controls, Current, FrontOf, InARow, Look, Manner, PeerRoom, Read,
    RecvBuffer, Sender, Ssl, Waited, begin, behind, clear_errors, forget_named_peer, hand_off,
    keep_claim, note_accepted, pending, remember_verified, resequence, send_from,
    speak_1_2_at_most,
};
use crate::reply::{ReplyPath, send_answer};
use crate::service::repairs::Repairs;
use crate::service::repeats::{self, HelloId};
use crate::socket_filter;
use crate::ssl_driver::SslDriver;
use crate::stats::{Event, Tally, write_if_due};
use std::ffi::c_int;

/// Waits for a hello whose cookie is right, answers those without, and gives the SSL to libssl.
///
/// Everything comes in libssl's order, so that a caller who has several things wrong is told of
/// the same one first.
pub(crate) fn listen(
    ssl: Ssl,
    tally: &Tally,
    after_drop: AfterDrop,
    sender: &mut Sender,
) -> Result<(), Stop> {
    let (rbio, wbio) = fit(ssl).inspect_err(|_| drop_what_waits(ssl, tally))?;
    // An SSL of TLS, or of DTLS 1.3 alone, leaves what waits, as with libssl: it may yet read that.
    let method = ssl.dtls_method().ok_or(Fault::NotDtls)?;
    speak_1_2_at_most(ssl)?;
    let mut current = Current::of(ssl);
    let budget = current.find().map_err(Stop::from).and_then(|context| {
        if context.uses_builtin() {
            context.keys.prepare()?;
        }
        context.reassembly.expire_if_due();
        context.filter.begin(|| rbio.socket());
        Ok(context.budget.of_a_call())
    });
    let mut budget = match budget {
        Ok(budget) => budget,
        Err(stop) => return Err(without_its_datagram(rbio, tally, stop)),
    };
    let reply_path = ReplyPath::back(rbio, behind(wbio)); // no answer of ours is resequenced
    let Some(mut buffer) = RecvBuffer::of(tally) else {
        return Err(without_its_datagram(rbio, tally, Fault::NoMemory.into()));
    };
    let (buffer, answer) = buffer.split();
    let mut peer = PeerRoom::new();
    let mut errors = InARow::none();
    let batched = BatchedCall::on(rbio);
    // A BIO that batches knows by itself where its datagrams were sent to.
    let mut ahead = Ahead::of(reply_path.socket.filter(|_| batched.is_none()));
    let more = || batched.as_ref().is_some_and(BatchedCall::has_more);
    loop {
        write_if_due();
        let datagram = match read(&mut ahead, rbio, buffer) {
            Read::Datagram(datagram) => datagram,
            Read::WouldBlock => return Err(Stop::WouldBlock),
            // Anyone can send a datagram of no bytes: not a reason to give up the socket.
            Read::Empty => {
                tally.count_datagram(0);
                after_drop.of(ssl, tally, Discard::RecordTooSmall, more(), &mut budget)?;
                continue;
            }
            // What became of an answer of earlier: not a reason to give up the socket either.
            Read::Pending(cause) => {
                tally.count(Event::SocketError);
                errors.add(cause)?;
                continue;
            }
            Read::Failed => return Err(Fault::Io.into()),
        };
        errors = InARow::none();
        tally.count_datagram(datagram.len());
        let mut driver = SslDriver::new(ssl, &mut current, rbio, tally, &mut peer);
        let step = match step(datagram, method, &mut driver, answer) {
            // A Unix client without a name: there is nobody to send an answer to, which is its own doing.
            Err(Fault::PeerUnknown) if rbio.is_datagram() => {
                tally.count(Event::WriteFailed);
                budget.use_one()?;
                continue;
            }
            step => step?,
        };
        match step {
            Step::Drop(discard) => after_drop.of(ssl, tally, discard, more(), &mut budget)?,
            Step::Answer(answer) => {
                send_answer(&mut driver, reply_path, ahead.next(), datagram, answer)?;
                budget.use_one()?;
            }
            Step::Kept => budget.use_one()?,
            Step::Accept(hello) => {
                let from = source(&mut driver, reply_path, ahead.next(), datagram.len());
                match accept(driver, from, &hello, sender) {
                    Err(Stop::Discard(discard)) => {
                        after_drop.of(ssl, tally, discard, more(), &mut budget)?;
                    }
                    outcome => return outcome,
                }
            }
        }
    }
}

/// What has to be right of the SSL before anything is asked of its SSL_CTX.
#[inline(always)]
fn fit(ssl: Ssl) -> Result<(Bio, Bio), Fault> {
    begin(ssl)?;
    clear_errors(ssl.libssl());
    match (ssl.rbio(), ssl.wbio()) {
        (Some(rbio), Some(wbio)) => Ok((rbio, wbio)),
        _ => Err(Fault::BioNotSet),
    }
}

/// For a fault of the SSL, which the call gives whether anything has come or not: one datagram of its
/// socket's goes, as in [`without_its_datagram`]. From other BIOs nothing is read: they may be streams.
#[cold]
pub(crate) fn drop_what_waits(ssl: Ssl, tally: &Tally) {
    write_if_due();
    if let Some(len) = ssl.rbio().and_then(Bio::drop_one) {
        tally.count_datagram(len);
    }
}

/// Looks where to it was sent, and reads it.
#[inline(always)]
fn read<'b>(ahead: &mut Ahead, rbio: Bio, buffer: &'b mut [u8; CAPACITY]) -> Read<'b> {
    ahead.look();
    if !ahead.next().is_whatever() {
        if let Some(instead) = wait(ahead, rbio) {
            return instead;
        }
    }
    rbio.read(buffer)
}

/// Waits where nothing has come, and looks again: what is read is gone. What a read would have given, if
/// it is not a datagram.
#[cold]
fn wait(ahead: &mut Ahead, rbio: Bio) -> Option<Read<'static>> {
    for look in [Look::NoBytes, Look::OneByte] {
        if !ahead.next().is_nothing() {
            break;
        }
        match rbio.wait(look) {
            Waited::There => ahead.look(),
            Waited::Instead(read) => return Some(read),
            Waited::Cannot => break,
        }
    }
    ahead.next().error().and_then(pending).map(Read::Pending)
}

/// For a fault of ours, which is known before anything is read: a datagram that waits is dropped all
/// the same. It would wake a program that waits for something to read, again and again. As under
/// libssl, the fault shows when somebody asks.
#[cold]
fn without_its_datagram(rbio: Bio, tally: &Tally, stop: Stop) -> Stop {
    if !matches!(stop, Stop::Fault(_)) {
        return stop;
    }
    write_if_due();
    match rbio.skip() {
        Ok(len) => {
            tally.count_datagram(len);
            stop
        }
        Err(unread) => unread,
    }
}

/// Gives the SSL the hello that it was listening for.
fn accept(
    mut driver: SslDriver<'_>,
    from: Option<(c_int, Local)>,
    hello: &VerifiedHello<'_>,
    sender: &mut Sender,
) -> Result<(), Stop> {
    let claim = claim(&mut driver, hello)?;
    let SslDriver { ssl, current, rbio, tally, .. } = driver;
    let filtered = current.get()?.filter.is_in_use();
    hand_over(ssl, current, Controls::Forward(rbio), tally, hello, sender)?;
    if let Some((socket, local)) = from {
        send_from(ssl, socket, local);
    }
    if let Some(claim) = claim {
        keep_claim(ssl, claim);
    }
    if filtered {
        socket_filter::end(rbio.socket());
    }
    Ok(())
}

/// Where the SSL is to send from, if the kernel would choose another address.
fn source(
    driver: &mut SslDriver<'_>,
    reply_path: ReplyPath,
    next: &Next,
    read: usize,
) -> Option<(c_int, Local)> {
    if !matches!(next, Next::Datagram { .. }) {
        return None;
    }
    let peer = driver.peer().copied()?;
    let (socket, local) = reply_path.sent_to(next, read, Some(&peer))?;
    (!local_address::is_the_kernels(&peer, local)).then_some((socket, *local))
}

/// Claims the hello for the SSL that is to be accepted with it, unless it is another's that lives:
/// a client has one. On a socket only, which nobody watches: what else is read comes by a program that
/// knows its clients.
fn claim(
    driver: &mut SslDriver<'_>,
    hello: &VerifiedHello<'_>,
) -> Result<Option<repeats::Claim>, Discard> {
    if !driver.rbio.is_datagram() || driver.rbio.is_watched() {
        return Ok(None);
    }
    let id = hello.random().zip(driver.peer());
    let Some(id) = id.and_then(|(random, peer)| HelloId::new(random, peer)) else {
        return Ok(None);
    };
    repeats::claim(&id).map(Some).ok_or(Discard::Repeated)
}

/// What every driver does with a hello whose cookie was right: libssl goes on from it, with what its
/// function gets wrong set right. The SSL has both BIOs.
pub(crate) fn hand_over(
    ssl: Ssl,
    current: &mut Current,
    controls: Controls,
    tally: &Tally,
    hello: &VerifiedHello<'_>,
    sender: &mut Sender,
) -> Result<(), Stop> {
    // The SSL may have another SSL_CTX after: the program's callbacks run in libssl's function.
    let context = current.get()?;
    let with_trailing = !context.repairs.has(Repairs::TRAILING);
    let resequences = context.repairs.has(Repairs::SEQUENCE);
    // It came without the SSL's BIOs: the cookie is ours, and those BIOs may be any.
    let came_alone = hello.peer().is_some();
    let builtin = came_alone || context.uses_builtin();
    let front_of = if came_alone { FrontOf::Any } else { FrontOf::OneSocket };

    if came_alone {
        ssl.read_ahead();
    }
    if hello.was_in_fragments() {
        tally.count(Event::HelloGathered);
    }
    if !with_trailing && hello.record().len() < hello.datagram().len() {
        tally.count(Event::TrailingDropped);
    }
    hand_off(ssl, hello, Manner { controls, with_trailing }, sender).inspect_err(|stop| {
        if matches!(stop, Stop::Fault(_)) {
            tally.count(Event::HandoffFailed);
        }
    })?;
    resequence(ssl, resequences.then(|| hello.sequence()), front_of);
    forget_named_peer(ssl);
    note_accepted(ssl);
    if builtin {
        // It was checked for this hello, and in a renegotiation the client repeats it: libssl, which
        // shows no hello, could not have it checked again.
        ssl.clear_cookie_exchange();
    } else {
        // Without memory the application's callback alone is asked again, as in libssl.
        let _ = remember_verified(ssl, hello.cookie());
    }
    Ok(())
}

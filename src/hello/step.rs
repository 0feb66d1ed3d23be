//! One step: a datagram in, what is to be done with it out. The same for every driver: the SSL's
//! BIO, datagrams without one, a listener's socket.

mod verified;

use crate::hello::error::{Discard, Fault};
use crate::hello::gate::{Cookies, Incoming, Observer, read};
use crate::hello::peer::Peer;
use crate::hello::reassembly::{Complete, Outcome};
use crate::hello::wire::{HelloVerifyRequest, Method};

pub use crate::hello::gate::Fragments;
pub use verified::VerifiedHello;

/// Everything that a step asks.
pub trait Driver<'p>: Cookies + Observer + Fragments {
    /// Who sent the datagram, where the driver has been told: the cookie vouches for them. `None`
    /// where libssl asks the SSL's own BIO.
    fn peer(&self) -> Option<&'p Peer>;
}

/// What is to be done with a datagram.
pub enum Step<'a> {
    /// Nothing, and say nothing.
    Drop(Discard),
    /// Send this back, a HelloVerifyRequest, and forget that it came.
    Answer(&'a [u8]),
    /// A part of a hello whose cookie was right is kept: nothing to do yet.
    Kept,
    /// The peer is where it says: libssl may see its hello.
    Accept(VerifiedHello<'a>),
}

/// Judges one datagram and puts fragments together; `answer` is room for what it may get back. An
/// `Err` is our side's fault and no fault of the datagram's.
#[inline(always)]
pub fn step<'a>(
    datagram: &'a [u8],
    method: Method,
    driver: &mut impl Driver<'a>,
    answer: &'a mut HelloVerifyRequest,
) -> Result<Step<'a>, Fault> {
    let hello = match read(datagram, method, driver) {
        Ok(Incoming::Hello(hello)) => hello,
        Ok(Incoming::Continuation(fragment)) => {
            return Ok(match driver.rest(&fragment, datagram) {
                Outcome::Kept => Step::Kept,
                Outcome::Complete(hello) => complete(hello, method, driver),
                Outcome::Refused => Step::Drop(Discard::Fragment),
            });
        }
        Err(discard) => return Ok(Step::Drop(discard)),
    };
    if hello.hello.cookie.is_empty() || !driver.check(&hello.hello)? {
        // RFC 6347 section 4.2.1: a wrong cookie is treated as none.
        let len = driver.make(&hello.hello, answer.cookie_room())?;
        let answer = answer.write(method.answer_version(), *hello.record.sequence, len);
        return answer.map(Step::Answer).ok_or(Fault::GenerateCallback);
    }
    let admitted = hello.admitted(datagram);
    if !admitted.fragment.is_whole() {
        match driver.first(&admitted, datagram) {
            Outcome::Kept => return Ok(Step::Kept),
            Outcome::Complete(hello) => return Ok(complete(hello, method, driver)),
            // libssl puts the rest together if it comes to the SSL's own BIO.
            Outcome::Refused => {}
        }
    }
    Ok(Step::Accept(VerifiedHello::in_datagram(datagram, &admitted, driver.peer())))
}

/// Another SSL than the one that read the first fragment may speak other versions.
#[inline(always)]
fn complete<'a>(hello: Complete, method: Method, driver: &mut impl Driver<'a>) -> Step<'a> {
    VerifiedHello::complete(hello, method, driver.peer()).map_or_else(Step::Drop, Step::Accept)
}

#[cfg(test)]
mod tests;

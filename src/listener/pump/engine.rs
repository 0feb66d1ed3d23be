//! What a turn asks of libssl and of an SSL_CTX's service, so that it can be told from them.

use crate::hello::error::{Discard, Fault};
use crate::hello::peer::Peer;
use crate::hello::step::{Step, VerifiedHello};
use crate::hello::wire::HelloVerifyRequest;
use crate::listener::address::Flow;
use crate::listener::clients::ClientId;
use crate::listener::net::Answered;
use std::time::Duration;

/// libssl and the service.
pub(crate) trait Engine {
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
pub(crate) enum Repeated {
    /// It has said when it wants to be asked again, if it does.
    Done,
    /// It is not time yet, by its own clock.
    Early(Duration),
    /// It has given up.
    GivenUp,
}

/// What is counted.
#[derive(Clone, Copy)]
pub(crate) enum Happened<'a> {
    /// A datagram came, of so many bytes.
    Came(usize),
    /// It was dropped.
    Dropped(Discard, &'a Peer),
    /// An answer was sent, or was not.
    Answered(Answered<'a>),
    /// A client began anew from its port: told before that it was accepted.
    Replaced,
    Accepted(Option<&'a Peer>),
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

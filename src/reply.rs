//! The answer's way back to the peer.

use crate::hello::error::{Fault, Sent, Stop};
use crate::hello::peer::Peer;
use crate::local_address::{self, Local, Next};
use crate::openssl::{Bio, MessageObserver};
use crate::probes;
use crate::ssl_driver::SslDriver;
use std::ffi::c_int;

/// Where answers go: found out once a call, since a BIO is known by its method's name.
#[derive(Clone, Copy)]
pub(crate) struct ReplyPath {
    wbio: Bio,
    /// libssl's own BIO writes to whom it read from last; any other is told.
    knows_peer: bool,
    /// libssl's own datagram BIO has nothing to flush. To ask it all the same took 60 instructions
    /// an answer.
    buffers: bool,
    /// That BIO's own, where it may be told where to send from.
    pub(crate) socket: Option<c_int>,
}

impl ReplyPath {
    pub(crate) fn back(rbio: Bio, wbio: Bio) -> Self {
        // Who watches a BIO sees what libssl does with it, needed or not.
        let plain = wbio.is_datagram() && !wbio.is_watched();
        let knows_peer = plain && wbio == rbio;
        let socket = if knows_peer { rbio.descriptor() } else { None };
        Self { wbio, knows_peer, buffers: !plain, socket }
    }

    /// Where the datagram was sent to that was seen ahead, if it is the one that was read: another
    /// process may have taken that.
    pub(crate) fn sent_to<'a>(
        self,
        next: &'a Next,
        read: usize,
        peer: Option<&Peer>,
    ) -> Option<(c_int, &'a Local)> {
        let Next::Datagram { from, len, to } = next else { return None };
        let same = *len == read && peer.is_some_and(|peer| peer.endpoint() == from.endpoint());
        self.socket.filter(|_| same).map(|socket| (socket, to))
    }
}

/// Sends the answer to the peer. It is sent once: a client that misses it asks again.
pub(crate) fn send_answer(
    driver: &mut SslDriver<'_>,
    reply_path: ReplyPath,
    next: &Next,
    answered: &[u8],
    answer: &[u8],
) -> Result<(), Stop> {
    if let Some(observer) = MessageObserver::of(driver.ssl) {
        observer.answer_out(answered, answer);
    }
    if !reply_path.knows_peer {
        if let Some(peer) = driver.peer() {
            reply_path.wbio.set_peer(peer);
        }
    }
    let from_there = matches!(next, Next::Datagram { .. }) && {
        let peer = driver.peer().copied();
        let sent_to = reply_path.sent_to(next, answered.len(), peer.as_ref());
        sent_to.zip(peer).is_some_and(|((socket, local), peer)| {
            local_address::send(socket, &peer, local, answer)
        })
    };
    let sent =
        if from_there { Sent::Out } else { reply_path.wbio.send(answer, reply_path.buffers) };
    driver.tally.count_answer(sent, answered.len(), answer.len());
    match sent {
        Sent::Out => {
            probes::challenge(|| driver.peer().copied(), answered.len(), answer.len());
            Ok(())
        }
        // Anyone can say that they are at port 0: not a reason to give up the socket.
        Sent::Unreachable => Ok(()),
        Sent::Failed => Err(Fault::Io.into()),
        Sent::WouldBlock => Err(Stop::WouldBlock),
    }
}

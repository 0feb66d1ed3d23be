//! Sending datagrams: answers to strangers many with one call, a client's one at once.

use super::control::Control;
use super::socket::{Errno, Socket};
use super::{BATCH, last_error};
use crate::listener::address::{Flow, SockAddr};
use crate::os::uncancelled;
use std::ptr::null_mut;

/// The longest answer to a stranger: record header, handshake header, version, and the longest
/// cookie with its length.
pub(crate) const ANSWER_ROOM: usize = 13 + 12 + 3 + 255;

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    Out,
    /// The socket's buffer is full.
    WouldBlock,
    /// It is longer than what the kernel sends.
    TooLong,
    /// It cannot be sent to that address, or not now: as good as lost on the way.
    Lost,
}

/// What became of an answer.
#[derive(Clone, Copy)]
pub(crate) struct Answered<'a> {
    pub(crate) sending: Sending,
    pub(crate) to: &'a SockAddr,
    /// Bytes of what it answers, and its own.
    pub(crate) question: usize,
    pub(crate) answer: usize,
}

/// Answers that wait to be sent.
pub(crate) struct Outbox {
    slots: Vec<Slot>,
    headers: Vec<libc::mmsghdr>,
    len: usize,
}

struct Slot {
    address: SockAddr,
    control: Control,
    part: libc::iovec,
    bytes: [u8; ANSWER_ROOM],
    len: usize,
    controls: usize,
    answered: usize,
}

impl Outbox {
    /// For [`BATCH`] answers; `None` without memory.
    pub(crate) fn new() -> Option<Self> {
        let (mut slots, mut headers) = (Vec::new(), Vec::new());
        slots.try_reserve_exact(BATCH).ok()?;
        headers.try_reserve_exact(BATCH).ok()?;
        for _ in 0..BATCH {
            slots.push(Slot {
                address: SockAddr::NONE,
                control: Control::EMPTY,
                part: libc::iovec { iov_base: null_mut(), iov_len: 0 },
                bytes: [0; ANSWER_ROOM],
                len: 0,
                controls: 0,
                answered: 0,
            });
            headers.push(libc::mmsghdr { msg_hdr: NO_MESSAGE, msg_len: 0 });
        }
        Some(Self { slots, headers, len: 0 })
    }

    #[cfg(test)]
    pub(crate) fn is_full(&self) -> bool {
        self.len >= self.slots.len()
    }

    /// Adds an answer, which `write` writes; of how many bytes it says. `answered`: of what it
    /// answers. False if there is no room, or no address of that socket's kind.
    pub(crate) fn push(
        &mut self,
        socket: &Socket,
        to: &Flow,
        answered: usize,
        answer: &[u8],
    ) -> bool {
        let Some(slot) = self.slots.get_mut(self.len) else { return false };
        let Some(address) = to.peer.to_sockaddr(socket.family) else { return false };
        let Some(room) = slot.bytes.get_mut(..answer.len()) else { return false };
        room.copy_from_slice(answer);
        slot.len = answer.len();
        slot.address = address;
        slot.controls = controls(&mut slot.control, socket, to);
        slot.answered = answered;
        self.len = self.len.saturating_add(1);
        true
    }

    /// Sends them all, and tells of each what became of it. What cannot be sent now is dropped: who
    /// misses it asks again.
    pub(crate) fn flush(&mut self, socket: &Socket, mut told: impl FnMut(Answered<'_>)) {
        self.prepare();
        let (mut at, mut again) = (0, false);
        while let Some(rest) = self.headers.get_mut(at..self.len).filter(|rest| !rest.is_empty()) {
            let count = libc::c_uint::try_from(rest.len()).unwrap_or(0);
            let n = uncancelled(|| {
                // SAFETY: `prepare` has pointed each of these headers at what is in its slot.
                unsafe { libc::sendmmsg(socket.fd(), rest.as_mut_ptr(), count, FLAGS as _) }
            });
            let (sent, sending) = match usize::try_from(n) {
                Ok(n) => (n.max(1), Sending::Out),
                Err(_) => match judged(last_error()) {
                    // Nor the others.
                    Sending::WouldBlock => (rest.len(), Sending::WouldBlock),
                    // An error that was waiting comes in place of the first try. Once: a flood from
                    // where nothing can be sent to costs no more calls than answers.
                    Sending::Lost if !again => {
                        again = true;
                        continue;
                    }
                    other => (1, other),
                },
            };
            let end = at.saturating_add(sent);
            for slot in self.slots.get(at..end.min(self.len)).unwrap_or_default() {
                let (to, question, answer) = (&slot.address, slot.answered, slot.len);
                told(Answered { sending, to, question, answer });
            }
            at = end;
        }
        self.len = 0;
    }

    fn prepare(&mut self) {
        for (slot, header) in self.slots.iter_mut().zip(&mut self.headers).take(self.len) {
            let bytes = slot.bytes.as_mut_ptr().cast();
            slot.part = libc::iovec { iov_base: bytes, iov_len: slot.len };
            header.msg_hdr = message(&slot.address, &mut slot.part, &slot.control, slot.controls);
        }
    }
}

/// Sends one datagram at once.
pub(crate) fn send_now(socket: &Socket, to: &Flow, datagram: &[u8]) -> Sending {
    let Some(address) = to.peer.to_sockaddr(socket.family) else { return Sending::Lost };
    let mut control = Control::EMPTY;
    let controls = controls(&mut control, socket, to);
    let bytes = datagram.as_ptr().cast_mut().cast();
    let mut part = libc::iovec { iov_base: bytes, iov_len: datagram.len() };
    let message = message(&address, &mut part, &control, controls);
    // An error that was waiting comes in place of the first try.
    let mut outcome = Sending::Lost;
    for _ in 0..2 {
        let n = uncancelled(|| {
            // SAFETY: the message points at what lives here, and none of it is written to.
            unsafe { libc::sendmsg(socket.fd(), &raw const message, FLAGS) }
        });
        if n >= 0 {
            return Sending::Out;
        }
        outcome = judged(last_error());
        if outcome != Sending::Lost {
            break;
        }
    }
    outcome
}

/// Says where it leaves from, if the socket could send it from several addresses.
fn controls(control: &mut Control, socket: &Socket, to: &Flow) -> usize {
    if socket.only.is_some() { 0 } else { control.write(socket.family, &to.local) }
}

const FLAGS: i32 = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;

/// Of one datagram's error: nothing that a peer can bring about is more than a datagram lost.
const fn judged(errno: Errno) -> Sending {
    match errno {
        libc::EAGAIN => Sending::WouldBlock,
        libc::EMSGSIZE => Sending::TooLong,
        _ => Sending::Lost,
    }
}

/// What a call to sendmsg(2) needs. It only reads what this points at.
fn message(
    address: &SockAddr,
    part: &mut libc::iovec,
    control: &Control,
    controls: usize,
) -> libc::msghdr {
    let mut message = NO_MESSAGE;
    let name = address.as_bytes();
    message.msg_name = name.as_ptr().cast_mut().cast();
    message.msg_namelen = libc::socklen_t::try_from(name.len()).unwrap_or(0);
    message.msg_iov = part;
    message.msg_iovlen = 1;
    if controls > 0 {
        message.msg_control = control.0.as_ptr().cast_mut().cast();
        message.msg_controllen = controls as _;
    }
    message
}

pub(super) const NO_MESSAGE: libc::msghdr = {
    // SAFETY: a msghdr is numbers and pointers, for all of which zero is a value. musl has private
    // padding in it, so that it cannot be written out.
    unsafe { std::mem::zeroed() }
};

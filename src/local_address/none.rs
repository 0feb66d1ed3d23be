//! Where nobody tells which of our addresses a datagram was sent to: the kernel chooses what to send from.

use crate::hello::peer::Peer;
use libc::c_int;

/// There is none that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Local {}

#[derive(Clone, Copy)]
pub(crate) enum Next {
    Whatever,
    #[allow(dead_code, reason = "as where somebody tells")]
    Datagram {
        from: Peer,
        len: usize,
        to: Local,
    },
}

impl Next {
    #[allow(clippy::unused_self, reason = "as where somebody tells")]
    pub(crate) const fn error(&self) -> Option<c_int> {
        None
    }

    #[allow(clippy::unused_self, reason = "as where somebody tells")]
    pub(crate) const fn is_whatever(&self) -> bool {
        true
    }

    #[allow(clippy::unused_self, reason = "as where somebody tells")]
    pub(crate) const fn is_nothing(&self) -> bool {
        false
    }
}

pub(crate) struct Ahead;

impl Ahead {
    pub(crate) const fn of(_socket: Option<c_int>) -> Self {
        Self
    }

    #[allow(clippy::unused_self, reason = "as where somebody tells")]
    pub(crate) const fn look(&mut self) {}

    #[allow(clippy::unused_self, reason = "as where somebody tells")]
    pub(crate) const fn next(&self) -> &Next {
        &Next::Whatever
    }
}

pub(crate) const fn send(_socket: c_int, _to: &Peer, from: &Local, _datagram: &[u8]) -> bool {
    match *from {}
}

pub(crate) const fn is_the_kernels(_to: &Peer, from: &Local) -> bool {
    match *from {}
}

//! What an error of a socket means for a server: its own end, or one peer's doing.
//!
//! A UDP socket reports by the next read or write what an ICMP message said of an earlier datagram
//! (with IP_RECVERR, or connected), and a Unix one what became of a client. Anyone can cause that,
//! and the socket is as good as before. libssl gives -1 for all of them, and a server ends.

use crate::hello::error::{Fault, Stop};
use libc::{
    EACCES, EADDRNOTAVAIL, ECONNREFUSED, ECONNRESET, EDESTADDRREQ, EHOSTDOWN, EHOSTUNREACH, EINVAL,
    EMSGSIZE, ENETDOWN, ENETUNREACH, ENOBUFS, ENOENT, ENOMEM, ENOPROTOOPT, ENOTCONN, EOPNOTSUPP,
    EPERM, EPROTO, EPROTOTYPE,
};
use std::ffi::c_int;

/// Linux's alone.
#[cfg(target_os = "linux")]
use libc::ENONET;
/// No error.
#[cfg(not(target_os = "linux"))]
const ENONET: c_int = -1;

/// Whose doing an error is that the socket will not have for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// What ICMP and ICMPv6 messages become (Linux: `icmp_err_convert`, `icmpv6_err_convert`), and an
    /// interface that has gone: told once.
    Datagram,
    /// Memory that is short, or a rule of this host's: it may last.
    Host,
}

/// After a read that failed; `None` if the socket is no good any more.
pub(crate) const fn of_read(errno: c_int) -> Option<Cause> {
    match errno {
        ECONNREFUSED | ECONNRESET | EHOSTUNREACH | ENETUNREACH | EHOSTDOWN | ENETDOWN | ENONET
        | ENOPROTOOPT | EOPNOTSUPP | EPROTO | EMSGSIZE => Some(Cause::Datagram),
        EACCES | EPERM | ENOBUFS | ENOMEM => Some(Cause::Host),
        _ => None,
    }
}

/// How many errors a call has met with no datagram between them.
pub(crate) struct InARow(u8);

impl InARow {
    /// More are not read in one call.
    const MOST: u8 = 64;

    pub(crate) const fn none() -> Self {
        Self(0)
    }

    /// Takes note of one after which the call would read again; an `Err` after the last that it may.
    /// What a peer can cause as often as it likes is no failure even then, what lasts is.
    pub(crate) const fn add(&mut self, cause: Cause) -> Result<(), Stop> {
        self.0 = self.0.saturating_add(1);
        match cause {
            _ if self.0 < Self::MOST => Ok(()),
            Cause::Datagram => Err(Stop::WouldBlock),
            Cause::Host => Err(Stop::Fault(Fault::Io)),
        }
    }
}

/// After a write that failed: because of where it was to go, of an earlier datagram, or for want of
/// room for now? Port 0 and Unix clients that are gone or have no address are among the first.
pub(super) const fn passes_on_write(errno: c_int) -> bool {
    of_read(errno).is_some()
        || matches!(errno, EINVAL | EADDRNOTAVAIL | ENOENT | ENOTCONN | EDESTADDRREQ | EPROTOTYPE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use libc::{EBADF, EFAULT, ENOTSOCK};

    #[test]
    fn a_broken_socket_is_told_from_a_peer_s_doing() {
        for errno in [0, EBADF, ENOTSOCK, EFAULT] {
            assert_eq!(of_read(errno), None, "{errno}");
            assert!(!passes_on_write(errno), "{errno}");
        }
        assert_eq!((of_read(EINVAL), of_read(ENOTCONN)), (None, None));
        for errno in [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN] {
            assert_eq!(of_read(errno), Some(Cause::Datagram), "{errno}");
            assert!(passes_on_write(errno), "{errno}");
        }
    }

    #[test]
    fn errors_in_a_row_end_a_call_and_only_a_lasting_one_fails_it() {
        for (cause, end) in
            [(Cause::Datagram, Stop::WouldBlock), (Cause::Host, Stop::Fault(Fault::Io))]
        {
            let mut errors = InARow::none();
            for _ in 1..InARow::MOST {
                assert_eq!(errors.add(cause), Ok(()));
            }
            assert_eq!(errors.add(cause), Err(end));
        }
    }
}

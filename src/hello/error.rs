//! Why a call ends without an accepted hello, and what C is told.
//!
//! The two kinds never mix: a [`Discard`] is what a peer sent and is always 0 ("call again"); a
//! [`Fault`] is ours or the application's and is always -1. Each has the reason that OpenSSL
//! queues in the same place (`DTLSv1_listen` in OpenSSL's `ssl/d1_lib.c`).

use std::ffi::c_int;

/// A datagram that is dropped in silence (RFC 6347 section 4.1.2.7). Never fatal: anyone can send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Discard {
    /// Shorter than a record header, 13 bytes.
    RecordTooSmall,
    /// Content type other than handshake.
    NotHandshake,
    /// Record version that is not DTLS.
    RecordVersion,
    /// Record longer than its datagram.
    RecordLength,
    /// Epoch other than 0.
    Epoch,
    /// Handshake header cut short, or fragment length other than the rest of the record.
    HandshakeLength,
    /// Handshake message other than a ClientHello.
    NotClientHello,
    /// message_seq above 1: this hello belongs to no cookie exchange that libssl could continue.
    MessageSequence,
    /// The rest of a hello whose first fragment is not here, or a fragment longer than its message.
    Fragment,
    /// ClientHello without room for everything up to its cookie.
    HelloLength,
    /// Client version older than the one version the SSL speaks.
    ClientVersion,
    /// A hello whose cookie is right, again, while the SSL lives that was accepted with it.
    Repeated,
}

impl Discard {
    /// Every reason, in the order of the checks.
    pub const ALL: [Self; 12] = [
        Self::RecordTooSmall,
        Self::NotHandshake,
        Self::RecordVersion,
        Self::RecordLength,
        Self::Epoch,
        Self::HandshakeLength,
        Self::NotClientHello,
        Self::MessageSequence,
        Self::Fragment,
        Self::HelloLength,
        Self::ClientVersion,
        Self::Repeated,
    ];

    /// OpenSSL's `SSL_R_` number for it, the same in every release.
    pub const fn reason(self) -> c_int {
        match self {
            Self::RecordTooSmall => 298, // RECORD_TOO_SMALL
            // UNEXPECTED_MESSAGE
            Self::NotHandshake | Self::Epoch | Self::NotClientHello | Self::Repeated => 244,
            Self::RecordVersion => 116, // BAD_PROTOCOL_VERSION_NUMBER
            Self::RecordLength | Self::HandshakeLength | Self::HelloLength => 159, // LENGTH_MISMATCH
            Self::MessageSequence => 402, // INVALID_SEQUENCE_NUMBER
            Self::Fragment => 401,        // FRAGMENTED_CLIENT_HELLO
            Self::ClientVersion => 267,   // WRONG_VERSION_NUMBER
        }
    }

    /// A name for counters and probes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RecordTooSmall => "record_too_small",
            Self::NotHandshake => "not_handshake",
            Self::RecordVersion => "record_version",
            Self::RecordLength => "record_length",
            Self::Epoch => "epoch",
            Self::HandshakeLength => "handshake_length",
            Self::NotClientHello => "not_client_hello",
            Self::MessageSequence => "message_sequence",
            Self::Fragment => "fragment",
            Self::HelloLength => "hello_length",
            Self::ClientVersion => "client_version",
            Self::Repeated => "repeated",
        }
    }
}

/// What became of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It is out.
    Out,
    /// Not sent: the write BIO would have blocked.
    WouldBlock,
    /// The socket is as good as before; it is this address that nothing can be sent to.
    Unreachable,
    /// Not sent: the write BIO failed.
    Failed,
}

/// Something is wrong on this side: -1, and a reason on OpenSSL's error queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// NULL where an object is needed.
    NullArgument,
    /// The SSL has no read or no write BIO.
    BioNotSet,
    /// The SSL is not a DTLS one.
    NotDtls,
    /// The BIO failed and the queue holds what it said; nothing is added.
    Io,
    /// libssl refused and has queued why; nothing is added.
    Libssl,
    /// A cookie arrived and there is nothing to verify it with.
    NoVerifyCallback,
    /// The generate callback is missing, failed, or made more than 255 bytes.
    GenerateCallback,
    /// Built-in cookies, a BIO that does not know the peer, and no callback of the program's.
    PeerUnknown,
    /// A value that this function does not take.
    InvalidArgument,
    /// The SSL_CTX's cookies are the application's, and there is no SSL to ask it with.
    AppCookies,
    /// A listener's option that this version does not know, or a number that cannot be.
    ListenerOptions,
    /// Neither an IPv4 nor an IPv6 address.
    ListenerAddress,
    /// A length below 0, as of a recvfrom(2) that failed.
    NegativeLength,
    /// No address, or a cookie for it would vouch for nobody.
    NoPeer,
    /// What is to be written does not fit.
    NoRoom,
    /// No random bytes or no usable secret to make cookies with.
    NoSecret,
    /// The secret file holds no good secret, or never did since the start; stderr says more.
    SecretFile,
    /// A secret shorter or longer than the MAC takes.
    SecretLength,
    /// Out of memory.
    NoMemory,
    /// libssl's functions are not there, or it would not take the verified hello.
    Handoff,
    /// A system call failed, with this errno.
    System(c_int),
    /// A defect in this library; a panic ends here.
    Internal,
}

/// Why `DTLSv1_listen` returns without an accepted hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Nothing to read now, or the answer could not be sent without blocking.
    WouldBlock,
    /// As many answers as the budget allows were sent in this call.
    BudgetSpent,
    /// The peer's doing.
    Discard(Discard),
    /// Our side's doing.
    Fault(Fault),
}

impl Stop {
    /// 0: call again with the same SSL. -1: fatal.
    pub const fn code(self) -> c_int {
        match self {
            Self::WouldBlock | Self::BudgetSpent | Self::Discard(_) => 0,
            Self::Fault(_) => -1,
        }
    }
}

impl From<Discard> for Stop {
    fn from(discard: Discard) -> Self {
        Self::Discard(discard)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_never_fatal() {
        for discard in Discard::ALL {
            assert_eq!(Stop::from(discard).code(), 0);
        }
        assert_eq!(Stop::from(Fault::Io).code(), -1);
    }

    #[test]
    fn all_is_complete_and_in_order() {
        for (i, discard) in Discard::ALL.into_iter().enumerate() {
            assert_eq!(discard as usize, i);
        }
        assert_eq!(Discard::ALL.len(), Discard::Repeated as usize + 1);
    }
}

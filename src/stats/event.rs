//! What is counted.

/// What is counted, discards apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Event {
    /// A datagram was read.
    Datagram,
    /// Its bytes.
    BytesIn,
    /// A HelloVerifyRequest was sent.
    Challenge,
    /// Its bytes.
    BytesOut,
    /// It was larger than the datagram that it answers: an application's cookie.
    ChallengeLarger,
    /// A cookie was right.
    CookieRight,
    /// It was right, and made with a secret that makes no cookies any more.
    CookiePreviousSecret,
    /// A cookie was ours once and is too old.
    CookieExpired,
    /// A cookie was wrong.
    CookieForged,
    /// A client was accepted.
    Accepted,
    /// A HelloVerifyRequest could not be sent without blocking.
    WriteBlocked,
    /// A HelloVerifyRequest could not be sent.
    WriteFailed,
    /// libssl did not take a hello whose cookie was right.
    HandoffFailed,
    /// A hello was put together from its fragments.
    HelloGathered,
    /// The record sequence numbers of a server's first flight were set right.
    SequenceRepaired,
    /// Bytes behind a verified hello in its datagram were not shown to libssl.
    TrailingDropped,
    /// A call returned because its budget was spent.
    BudgetSpent,
    /// Built-in cookies were wanted and the peer was not known: the program's callback was asked.
    PeerUnknown,
    /// A read gave an error of the socket's that was about an earlier datagram.
    SocketError,
    /// An SSL was made for a listener's client.
    ListenerAccepted,
    /// It was freed, detached, or its listener was.
    ListenerClosed,
    /// A client began anew from its port.
    ListenerReplaced,
    /// A handshake took too long.
    ListenerOverdue,
    /// A client got a socket of its own.
    ListenerDetached,
    /// There was no room for a client.
    ListenerRefused,
    /// A hello that had been accepted came again.
    ListenerRepeated,
    /// A client's queue was full.
    ListenerOverflow,
    /// A client's datagram came from nobody who is one.
    ListenerStray,
    /// A datagram was too long, sent to many, or from nowhere.
    ListenerUnusable,
}

impl Event {
    pub(crate) const COUNT: usize = Self::ListenerUnusable as usize + 1;
}

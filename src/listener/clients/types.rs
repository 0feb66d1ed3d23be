//! What a table of clients is told and tells.

/// A client of this table's. One that is gone is nobody, though its place be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientId {
    pub(crate) place: u32,
    pub(super) generation: u32,
}

/// What a program is told of a client: the bits of `DTLSV1_NEWS_...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct News(pub(super) u8);

impl News {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ACCEPTED: Self = Self(1);
    pub(crate) const READABLE: Self = Self(2);
    pub(crate) const REPLACED: Self = Self(4);
    pub(crate) const OVERDUE: Self = Self(8);

    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Two deadlines a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// libssl wants to repeat a flight.
    Retransmit,
    /// The handshake should have come to its end.
    Handshake,
}

pub(super) const TIMERS: u32 = 2;

/// Why a client is not taken. Its hello is dropped, and it asks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There are as many clients as there may be.
    Full,
    /// There are as many from this address as there may be.
    SiteFull,
    NoMemory,
}

/// 0: no bound.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) clients: u32,
    pub(crate) per_address: u32,
    /// Datagrams that wait for one client.
    pub(crate) queue: u32,
}

/// What became of a datagram for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queued {
    Taken,
    /// The client reads too slowly: as a full socket buffer would, it loses the newest.
    Overflow,
}

//! What the loader and the program share; `bpf/maps.h` has the same layouts.

use aya::Pod;
use zeroize::Zeroize as _;

/// Secrets that are accepted at once.
pub const SECRETS: usize = 16;
/// Slots that are accepted: the previous, the current, the next.
pub const SLOTS: usize = 3;

/// An HMAC-SHA256 key: the states behind the inner and the outer pad.
pub type Key = [u32; 16];

/// The keys around one moment.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ring {
    /// Nanoseconds of CLOCK_MONOTONIC; after that, everything passes.
    pub valid_until: u64,
    /// How many secrets have keys here, from the first on; the first makes cookies.
    pub secrets: u32,
    /// The first byte of each slot's cookies.
    pub names: [u8; 4],
    /// The keys, previous slot first.
    pub keys: [[Key; SLOTS]; SECRETS],
}

/// What can change while the program runs, keys apart.
#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct State {
    /// Which ring is in force, 0 or 1.
    pub active: u32,
    /// The device's hardware address.
    pub mac: [u8; 6],
    /// 0.
    pub unused: [u8; 6],
}

/// An address, IPv4 as `::ffff:a.b.c.d`, and a port (0 where only the address counts), both in
/// network byte order.
#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// 16 bytes.
    pub address: [u8; 16],
    /// 2 bytes.
    pub port: [u8; 2],
    /// 0.
    pub unused: [u8; 2],
}

impl Ring {
    /// No keys: everything passes.
    pub const NONE: Self =
        Self { valid_until: 0, secrets: 0, names: [0; 4], keys: [[[0; 16]; SLOTS]; SECRETS] };

    /// Wipes the keys.
    pub fn wipe(&mut self) {
        self.keys.as_flattened_mut().as_flattened_mut().zeroize();
    }
}

impl From<std::net::SocketAddr> for Endpoint {
    fn from(address: std::net::SocketAddr) -> Self {
        let ip = match address.ip() {
            std::net::IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            std::net::IpAddr::V6(ip) => ip,
        };
        Self { address: ip.octets(), port: address.port().to_be_bytes(), unused: [0; 2] }
    }
}

macro_rules! plain {
    ($($name:ty)*) => { $(
        #[allow(unsafe_code)]
        // SAFETY: `repr(C)`, of integers alone and without padding; every value is valid.
        unsafe impl Pod for $name {}
    )* };
}
plain!(Ring State Endpoint Counts);

/// Everything that is counted; `bpf/maps.h` has the same order.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams to an address that is answered.
    pub datagrams: u64,
    /// Bytes of those.
    pub received_bytes: u64,
    /// HelloVerifyRequests sent.
    pub challenges: u64,
    /// Bytes of those.
    pub sent_bytes: u64,
    /// Right cookies: these hellos went to the server.
    pub right: u64,
    /// Right cookies that were made with a secret that makes none any more.
    pub previous_secret: u64,
    /// Cookies that were not right.
    pub wrong: u64,
    /// Passed: no fresh keys.
    pub pass_stale: u64,
    /// Passed: of a handshake or session, or taken for such.
    pub pass_session: u64,
    /// Passed: later fragments of a hello whose first one had a right cookie.
    pub pass_continuation: u64,
    /// Passed: no DTLS.
    pub pass_not_dtls: u64,
    /// Passed: to another hardware address, or too long.
    pub pass_not_ours: u64,
    /// Passed: several datagrams that the host put together.
    pub pass_offloaded: u64,
    /// Dropped: no DTLS.
    pub drop_not_dtls: u64,
    /// Dropped: a hello, IP or UDP header that the server could not take.
    pub drop_malformed: u64,
    /// Dropped: of no handshake or session that is known.
    pub drop_stranger: u64,
    /// Dropped: fragments of a hello whose first one had no right cookie.
    pub drop_continuation: u64,
    /// Dropped: from an address that no answer may go to.
    pub drop_source: u64,
    /// Dropped: IPv4 with options.
    pub drop_options: u64,
    /// Dropped: damaged on the way.
    pub drop_checksum: u64,
    /// Dropped: enough answers went there in this second.
    pub drop_limit: u64,
    /// Dropped: an answer that could not be sent.
    pub drop_failed: u64,
}

impl Counts {
    /// The sum of both.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        macro_rules! sum {
            ($($field:ident)*) => { Self { $($field: self.$field.wrapping_add(other.$field)),* } };
        }
        sum!(datagrams received_bytes challenges sent_bytes right previous_secret wrong pass_stale
            pass_session pass_continuation pass_not_dtls pass_not_ours pass_offloaded drop_not_dtls
            drop_malformed drop_stranger drop_continuation drop_source drop_options drop_checksum
            drop_limit drop_failed)
    }
}

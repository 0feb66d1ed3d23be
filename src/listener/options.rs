//! What a listener may be told.

use super::clients::Limits;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(super) limits: Limits,
    pub(super) handshake: Duration,
    /// 0: what every path is likely to carry.
    pub(super) mtu: u32,
    pub(super) max_datagram: usize,
    pub(super) doors: bool,
}

/// Datagrams for a client that does not read.
const QUEUE: u32 = 32;
const HANDSHAKE_SECONDS: u32 = 60;
const MAX_DATAGRAM: u32 = 2048;
/// The longest that there is: a record of libssl's.
const LONGEST_DATAGRAM: u32 = 16_384 + 13;
/// IP's own bound on what a host has to take in one piece (RFC 791), less its and UDP's headers:
/// below it, libssl would not use the number.
const LEAST_MTU: u32 = 256 - 28;

/// Bytes of the longest datagram that IPv4 carries: 65,535 with its header and UDP's.
const LONGEST_UDP: u32 = 65_535 - 28;

impl Options {
    /// In the order of the C structure, where 0 stands for the usual. `None` for what cannot be.
    pub(crate) fn new(numbers: [u32; 6], doors: bool) -> Option<Self> {
        let [clients, per_address, queue, handshake, mtu, max_datagram] = numbers;
        let or = |number, usual| if number == 0 { usual } else { number };
        let max_datagram = or(max_datagram, MAX_DATAGRAM);
        let fits = max_datagram <= LONGEST_DATAGRAM && (mtu == 0 || mtu >= LEAST_MTU);
        Some(Self {
            limits: Limits { clients, per_address, queue: or(queue, QUEUE) },
            handshake: Duration::from_secs(or(handshake, HANDSHAKE_SECONDS).into()),
            // LibreSSL's arithmetic with more than a datagram can have goes wrong.
            mtu: mtu.min(LONGEST_UDP),
            max_datagram: usize::try_from(max_datagram).ok().filter(|_| fits)?,
            doors,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_the_usual() {
        let options = Options::new([0; 6], true).unwrap();
        assert_eq!((options.limits.clients, options.limits.per_address), (0, 0));
        assert_eq!((options.limits.queue, options.handshake.as_secs()), (32, 60));
        assert_eq!((options.mtu, options.max_datagram), (0, 2048));
    }

    #[test]
    fn bounds_hold() {
        let with = |mtu, longest| Options::new([0, 0, 0, 0, mtu, longest], true);
        assert!(with(0, 16_397).is_some() && with(0, 16_398).is_none());
        assert!(with(228, 1).is_some() && with(227, 1).is_none());
        assert_eq!(with(u32::MAX, 1).unwrap().mtu, 65_507);
    }
}

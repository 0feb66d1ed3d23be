//! The hello that an SSL was accepted with is its own as long as it lives, or listens again.

use super::ex_data::{ExData, SslValue};
use super::libssl::Libssl;
use super::ssl::Ssl;
use crate::service::repeats::Claim;

#[repr(align(8))]
struct Claimed {
    _claim: Claim,
}

impl SslValue for Claimed {
    /// A copy has not been accepted.
    fn of_copy(&self) -> Option<Self> {
        None
    }
}

static CLAIMED: ExData<Claimed> = ExData::new();

/// Asks for the place on SSLs ahead of need.
pub(super) fn prepare(libssl: &'static Libssl) {
    CLAIMED.prepare(libssl);
}

/// Keeps a claim. Without memory it is given up: the hello may be accepted again.
pub(crate) fn keep_claim(ssl: Ssl, claim: Claim) {
    let _ = CLAIMED.set(ssl, Claimed { _claim: claim });
}

/// Gives up what the SSL has claimed.
pub(super) fn release_claim(ssl: Ssl) {
    if CLAIMED.get(ssl).is_some() {
        let _ = CLAIMED.set_mark(ssl, 0);
    }
}

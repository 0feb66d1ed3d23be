//! What a call does when it has dropped a datagram.

use crate::hello::error::{Discard, Stop};
use crate::openssl::Ssl;
use crate::probes;
use crate::service::budget::BudgetLeft;
use crate::stats::Tally;

/// What a call does then.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterDrop {
    /// It returns 0, with the reason queued: OpenSSL's function.
    Return,
    /// It reads on, and nothing is queued: LibreSSL's macro, whose callers take an error for the end.
    ReadOn,
}

impl AfterDrop {
    /// An `Err` ends the call. `more`: other datagrams were read with this one, and a program that waits for
    /// its socket would not be told of them.
    #[inline(always)]
    pub(crate) fn of(
        self,
        ssl: Ssl,
        tally: &Tally,
        discard: Discard,
        more: bool,
        budget: &mut BudgetLeft,
    ) -> Result<(), Stop> {
        match self {
            Self::Return if !more => Err(discard.into()),
            Self::Return => {
                count_drop(ssl, tally, discard);
                Ok(())
            }
            Self::ReadOn => {
                count_drop(ssl, tally, discard);
                budget.use_one()
            }
        }
    }
}

/// Counts what the end of the call would have counted.
#[cold]
fn count_drop(ssl: Ssl, tally: &Tally, discard: Discard) {
    tally.discard(discard);
    probes::end::<()>(ssl, &Err(discard.into()));
}

//! What has happened so far, for the whole process: the counters, and the file that shows them.

mod counters;
mod file;
mod label;
mod text;

pub(crate) use counters::{Event, count, mine, total, total_discards};
pub(crate) use file::tick;

use crate::cookie::Check;
use crate::error::Stop;

/// To be called once, before anything is counted.
pub(crate) fn begin() {
    // A process that was forked off has done nothing yet.
    crate::os::in_child(in_child);
    file::begin();
}

extern "C" fn in_child() {
    counters::reset();
    file::in_child();
}

/// Counts what a built-in cookie turned out to be.
pub(crate) fn count_check(check: Check) {
    count(match check {
        Check::Right { previous_secret } => {
            if previous_secret {
                count(Event::CookiePreviousSecret);
            }
            Event::CookieRight
        }
        Check::Expired => Event::CookieExpired,
        Check::Forged => Event::CookieForged,
    });
}

/// Counts what an application's verify callback said: it does not tell old cookies from forged ones.
pub(crate) fn count_verdict(right: bool) {
    count(if right { Event::CookieRight } else { Event::CookieForged });
}

/// Counts an answer of that many bytes to a datagram of that many, as [`Bio::send`] left it.
///
/// [`Bio::send`]: crate::openssl::Bio::send
#[inline]
pub(crate) fn count_answer(sent: Option<bool>, answered: usize, answer: usize) {
    let stats = mine();
    match sent {
        Some(true) => {
            stats.count(Event::Challenge);
            stats.add(Event::BytesOut, answer);
            if answer > answered {
                stats.count(Event::ChallengeLarger);
            }
        }
        Some(false) => stats.count(Event::WriteFailed),
        None => stats.count(Event::WriteBlocked),
    }
}

/// Counts how a call ended.
pub(crate) fn count_end<T>(outcome: &Result<T, Stop>) {
    match outcome {
        Ok(_) => count(Event::Accepted),
        Err(Stop::Discard(discard)) => mine().discard(*discard),
        Err(Stop::BudgetSpent) => count(Event::BudgetSpent),
        Err(Stop::WouldBlock | Stop::Fault(_)) => {}
    }
}

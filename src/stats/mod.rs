//! What has happened so far, for the whole process: the counters, and the file that shows them.

mod counters;
mod event;
mod file;
mod labels;
mod path;
mod place;
mod prometheus;
mod schedule;

pub(crate) use counters::{SHARDS, Tally, tally, total, total_discards};
pub(crate) use event::Event;
pub(crate) use file::write_if_due;

use crate::hello::cookie::Check;
use crate::hello::error::{Sent, Stop};

/// To be called when the library is loaded.
pub(crate) fn at_load() {
    // A process that was forked off has done nothing yet.
    crate::os::in_child(in_child);
}

/// To be called once, before anything is counted.
pub(crate) fn begin() {
    file::begin();
}

extern "C" fn in_child() {
    counters::reset();
    file::in_child();
}

impl Tally {
    /// Counts a datagram that was read.
    pub(crate) fn count_datagram(&self, len: usize) {
        self.count(Event::Datagram);
        self.add(Event::BytesIn, len);
    }

    /// Counts what a built-in cookie turned out to be.
    pub(crate) fn count_check(&self, check: Check) {
        self.count(match check {
            Check::Right { previous_secret } => {
                if previous_secret {
                    self.count(Event::CookiePreviousSecret);
                }
                Event::CookieRight
            }
            Check::Expired => Event::CookieExpired,
            Check::Forged => Event::CookieForged,
        });
    }

    /// Counts what an application's verify callback said: it does not tell old cookies from forged
    /// ones.
    pub(crate) fn count_verdict(&self, right: bool) {
        self.count(if right { Event::CookieRight } else { Event::CookieForged });
    }

    /// Counts an answer of that many bytes to a datagram of that many, as [`Bio::send`] left it.
    ///
    /// [`Bio::send`]: crate::openssl::Bio::send
    pub(crate) fn count_answer(&self, sent: Sent, answered: usize, answer: usize) {
        match sent {
            Sent::Out => {
                self.count(Event::Challenge);
                self.add(Event::BytesOut, answer);
                if answer > answered {
                    self.count(Event::ChallengeLarger);
                }
            }
            Sent::Failed | Sent::Unreachable => self.count(Event::WriteFailed),
            Sent::WouldBlock => self.count(Event::WriteBlocked),
        }
    }

    /// Counts how a call ended.
    pub(crate) fn count_end<T>(&self, outcome: &Result<T, Stop>) {
        match outcome {
            Ok(_) => {
                self.count(Event::Accepted);
                file::accepted();
            }
            Err(Stop::Discard(discard)) => self.discard(*discard),
            Err(Stop::BudgetSpent) => self.count(Event::BudgetSpent),
            Err(Stop::WouldBlock | Stop::Fault(_)) => {}
        }
    }
}

//! Timers that have run down.

use super::engine::{Engine, Happened, Repeated};
use crate::listener::clients::{News, Timer};
use crate::listener::core::Core;
use std::time::{Duration, Instant};

/// Timers that run down in one turn.
const TIMERS: usize = 256;
/// When libssl is asked next, whose client has not read yet what it may be waiting for.
const POSTPONED: Duration = Duration::from_millis(100);

pub(super) fn run_timers<E: Engine>(engine: &mut E, core: &Core<E::Handle>, now: Instant) {
    for _ in 0..TIMERS {
        let due = core.with(|state| {
            let (id, timer) = state.clients.due(now)?;
            let handle = state.clients.get(id)?.handle;
            Some((id, timer, handle, state.clients.unread(id) > 0))
        });
        let Some((id, timer, handle, unread)) = due.flatten() else { break };
        let (again, overdue) = match timer {
            Timer::Retransmit if unread => (Some(POSTPONED), false),
            Timer::Retransmit => match engine.repeat(handle) {
                Repeated::Done => (None, false),
                Repeated::Early(left) => (Some(left), false),
                Repeated::GivenUp => (None, true),
            },
            Timer::Handshake => (None, !engine.is_connected(handle)),
        };
        core.with(|state| {
            if let Some(again) = again {
                state.clients.set_timer(id, Timer::Retransmit, now.checked_add(again));
            }
            if overdue {
                state.clients.set_timer(id, Timer::Handshake, None);
                state.clients.tell(id, News::OVERDUE);
            }
        });
        if overdue {
            engine.count(Happened::Overdue);
        }
    }
}

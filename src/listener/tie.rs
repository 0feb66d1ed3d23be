//! What ties an SSL to its listener: when it is freed, the listener forgets it, though somebody may
//! still have its BIO.

use super::Listener;
use super::clients::ClientId;
use super::shared::Shared;
use crate::openssl::{ExData, Ssl, SslValue};
use std::cell::Cell;

struct Tie {
    listener: Shared<Listener>,
    id: Cell<Option<ClientId>>,
}

// SAFETY: what hangs on an SSL is used by the thread that uses the SSL, and the SSLs of a listener are
// one thread's at a time.
unsafe impl Send for Tie {}
// SAFETY: what hangs on an SSL is used by the thread that uses the SSL, and the SSLs of a listener
// are one thread's at a time.
unsafe impl Sync for Tie {}

impl SslValue for Tie {
    /// A copy of an SSL is none of the listener's.
    fn of_copy(&self) -> Option<Self> {
        None
    }
}

impl Drop for Tie {
    fn drop(&mut self) {
        if let Some(id) = self.id.get() {
            self.listener.core.forget(id);
        }
    }
}

static TIES: ExData<Tie> = ExData::new();

/// Before it has a place; `None` without memory.
pub(super) fn tie(ssl: Ssl, listener: &Shared<Listener>) -> Option<()> {
    let tie = Tie { listener: listener.clone(), id: Cell::new(None) };
    TIES.set(ssl, tie).then_some(())
}

pub(super) fn name(ssl: Ssl, id: ClientId) {
    if let Some(tie) = TIES.get(ssl) {
        tie.id.set(Some(id));
    }
}

/// It is no more the listener's.
pub(super) fn cut(ssl: Ssl) {
    if TIES.get(ssl).is_some() {
        let _ = TIES.set_mark(ssl, 1);
    }
}

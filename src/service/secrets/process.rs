//! The secret that the process has: every SSL_CTX that was given none uses it.
//!
//! It is drawn when the library is loaded, so that it is older than any fork(2): a server that forks
//! its workers before it first listens has one secret, and a client's two hellos may come to two of
//! them, as they may come to two SSL_CTXs of one process. execve(2) loads the library anew, and draws
//! another.

use crate::hello::cookie::{MIN_SECRET_LEN, Secret};
use crate::protected::{Protected, Shared};

/// Never freed: one page.
static SECRET: Shared<[u8; MIN_SECRET_LEN]> = Shared::new();

/// To be called when the library is loaded. It does not wait for a system that has just started and
/// has no randomness yet: then the secret is drawn by the first one who needs it.
pub(crate) fn draw_at_load() {
    let _ = draw(crate::os::random_at_once);
}

/// The secret; `None` if there is no randomness or no memory.
pub(super) fn secret() -> Option<Secret> {
    if !SECRET.is_set() {
        draw(|bytes| getrandom::fill(bytes).is_ok())?;
    }
    // A process that does without cookies keeps what it may lock into memory for itself.
    SECRET.look(|bytes| Secret::new(bytes.as_slice()))?
}

/// The first one counts, whoever draws at the same moment.
fn draw(fill: impl FnOnce(&mut [u8]) -> bool) -> Option<()> {
    let mut bytes = Protected::<[u8; MIN_SECRET_LEN]>::zeroed_unlocked()?;
    fill(bytes.as_mut_slice()).then_some(())?;
    SECRET.set_if_none(bytes);
    Some(())
}

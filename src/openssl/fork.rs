//! Our locks across fork(2). A child has the forking thread and no other: a lock that another one
//! held at that moment would never be given back there, and what it guards be half changed. So the
//! forking thread takes them all first and gives them back behind it, on both sides.
//!
//! The list of locks has its room beforehand: an allocator may have taken its own by then.
//!
//! What is done once, at the first call (variables read, indices registered), is left out: it is
//! over before a server forks, and libcrypto's own locks are taken in it.

use super::context::{Choice, Table, lock_table};
use crate::abi::guard_value;
use crate::hello::reassembly::Reassembler;
use crate::os;
use crate::service::secrets::{Files, State, lock_files};
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::MutexGuard;
use std::time::Duration;

/// Where a lock is not to be had for so long, the process forks without: a file that takes its time
/// does not hold up the program, and a signal handler that forks does not wait for its own thread.
const PATIENCE: Duration = Duration::from_millis(100);

/// One context's locks, in the order that they are taken in elsewhere.
pub(super) type Locks =
    (MutexGuard<'static, Choice>, MutexGuard<'static, State>, MutexGuard<'static, Reassembler>);

/// Where the locks of all contexts are kept meanwhile; it has room for each that the table has.
pub(super) struct Held(pub(super) Vec<Locks>);

// SAFETY: it is empty but for the time of a fork, when only the thread that holds the table's lock,
// and its copy in the child, gets at it.
unsafe impl Send for Held {}

type Fork = (MutexGuard<'static, Table>, MutexGuard<'static, Files>);

thread_local! {
    /// What this thread holds while it forks; not dropped with the thread.
    static FORK: Cell<Option<ManuallyDrop<Fork>>> = const { Cell::new(None) };
}

/// From now on.
pub(super) fn begin() {
    os::around_fork(before, after);
}

extern "C" fn before() {
    guard_value((), || FORK.set(lock_all().map(ManuallyDrop::new)));
}

/// In the parent and in the child.
extern "C" fn after() {
    guard_value((), || {
        if let Some(fork) = FORK.take() {
            let (mut table, files) = ManuallyDrop::into_inner(fork);
            drop(files);
            table.give_back();
        }
    });
}

fn lock_all() -> Option<Fork> {
    let end = os::monotonic().checked_add(PATIENCE)?;
    let mut table = lock_table(end)?;
    if let Some(files) = table.take_all(end).and_then(|()| lock_files(end)) {
        return Some((table, files));
    }
    table.give_back();
    None
}

//! Keeps a panic on this side of the C boundary. A backstop: the lints see to it that there is none,
//! and the process that we are a guest in must not die of one.
//!
//! Around code of ours alone, never around what may run the program's (its callbacks, a BIO, libssl):
//! a thread that is cancelled or exits, or a C++ exception, ends the process in a `catch_unwind`.

use crate::hello::error::Fault;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A panic is [`Fault::Internal`].
pub(crate) fn guard<T>(body: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(Err(Fault::Internal))
}

/// A panic is `otherwise`.
pub(crate) fn guard_value<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_at_the_boundary() {
        assert_eq!(guard::<()>(|| panic!("on purpose")), Err(Fault::Internal));
        assert_eq!(guard_value(-1, || panic!("on purpose")), -1);
    }
}

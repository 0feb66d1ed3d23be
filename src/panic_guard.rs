//! Keeps a panic on this side of the C boundary. A backstop: the lints see to it that there is none,
//! and the process that we are a guest in must not die of one.

use crate::hello::error::Fault;
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A panic is [`Fault::Internal`].
pub(crate) fn guard<T>(body: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(Err(Fault::Internal))
}

/// A panic is `otherwise`.
pub(crate) fn guard_value<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

/// For callbacks that give 1 or 0; a panic is 0.
pub(crate) fn guard_callback(body: impl FnOnce() -> Option<()>) -> c_int {
    guard_value(0, || c_int::from(body().is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_at_the_boundary() {
        assert_eq!(guard::<()>(|| panic!("on purpose")), Err(Fault::Internal));
        assert_eq!(guard_value(-1, || panic!("on purpose")), -1);
        assert_eq!(guard_callback(|| panic!("on purpose")), 0);
    }
}

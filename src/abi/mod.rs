//! The exported C functions: null checks, panic guard, conversion, call. Nothing is decided here.

pub mod budget;
pub mod cookies;
pub mod interpose;
pub mod listen;
pub mod repairs;
pub mod secrets;
pub mod settings;
pub mod stats;

use crate::hello::error::Fault;
use crate::openssl::{queue_fault, same_libssl};
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Keeps a panic on this side of the boundary. A backstop: the lints see to it that there is none,
/// and the process that we are a guest in must not die of one.
fn guard<T>(body: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(Err(Fault::Internal))
}

/// For functions that give 1, or 0 with a reason queued. An SSL or SSL_CTX of
/// another libssl is not to be looked into.
fn done(body: impl FnOnce() -> Result<(), Fault>) -> c_int {
    match guard(|| if same_libssl() { body() } else { Err(Fault::OtherLibssl) }) {
        Ok(()) => 1,
        Err(fault) => {
            let _ = catch_unwind(|| queue_fault(fault));
            0
        }
    }
}

/// For what libcrypto calls back: a value, or `otherwise` after a panic.
pub(crate) fn guard_value<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

/// For callbacks that give 1 or 0.
pub(crate) fn guard_callback(body: impl FnOnce() -> Option<()>) -> c_int {
    guard_value(0, || c_int::from(body().is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" {
        fn ERR_get_error() -> std::ffi::c_ulong;
    }

    #[test]
    fn a_panic_ends_at_the_boundary_with_a_reason() {
        assert_eq!(guard::<()>(|| panic!("on purpose")), Err(Fault::Internal));
        assert_eq!(guard_value(-1, || panic!("on purpose")), -1);
        assert_eq!(guard_callback(|| panic!("on purpose")), 0);
        assert_eq!(done(|| panic!("on purpose")), 0);
        // SAFETY: the queue is this thread's.
        assert_ne!(unsafe { ERR_get_error() }, 0);
    }
}

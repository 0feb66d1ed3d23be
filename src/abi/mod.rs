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
use crate::panic_guard::guard;
use std::ffi::c_int;

/// For functions that give 1, or 0 with a reason queued.
fn done(body: impl FnOnce() -> Result<(), Fault>) -> c_int {
    done_by_program(|| guard(body))
}

/// The same for those that run the program's code, which may end the thread or throw an exception: a
/// `catch_unwind` around it would end the process.
fn done_by_program(body: impl FnOnce() -> Result<(), Fault>) -> c_int {
    // An SSL or SSL_CTX of another libssl is not to be looked into.
    match if same_libssl() { body() } else { Err(Fault::OtherLibssl) } {
        Ok(()) => 1,
        Err(fault) => {
            queue_fault(fault);
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C-unwind" {
        fn ERR_get_error() -> std::ffi::c_ulong;
    }

    #[test]
    fn a_panic_ends_at_the_boundary_with_a_reason() {
        assert_eq!(done(|| panic!("on purpose")), 0);
        // SAFETY: the queue is this thread's.
        assert_ne!(unsafe { ERR_get_error() }, 0);
    }
}

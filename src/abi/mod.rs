//! The exported C functions: null checks, panic guard, conversion, call. Nothing is decided here.

#[cfg(target_os = "linux")]
pub mod bio_new;
pub mod bios;
pub mod budget;
pub mod cookies;
pub mod datagram;
mod entry;
pub mod interpose;
pub mod listen;
#[cfg(target_os = "linux")]
pub mod listener;
#[cfg(target_os = "linux")]
pub mod listener_client;
#[cfg(target_os = "linux")]
pub mod listener_make;
#[cfg(target_os = "linux")]
pub mod listener_options;
pub mod peer;
pub mod repairs;
pub mod secrets;
pub mod settings;
pub mod socket_filter;
pub mod stats;
pub mod symbind;
#[cfg(target_os = "linux")]
mod told;

use crate::hello::error::Fault;
use crate::openssl::{Call, Libssl, queue_fault};
use crate::panic_guard::guard;
use std::ffi::c_int;

/// For functions that give 1, or 0 with a reason queued; and 0 with a line on stderr if the object is
/// none of a libssl that is served, and so not to be looked into.
fn done(body: impl FnOnce(&'static Libssl) -> Result<(), Fault>) -> c_int {
    done_by_program(Call::of_our_own(), |libssl| guard(|| body(libssl)))
}

/// The same for those that run the program's code, which may end the thread or throw an exception: a
/// `catch_unwind` around it would end the process.
fn done_by_program(call: Call, body: impl FnOnce(&'static Libssl) -> Result<(), Fault>) -> c_int {
    let Some(libssl) = call.libssl() else {
        call.say_that_it_is_not_served();
        return 0;
    };
    match body(libssl) {
        Ok(()) => 1,
        Err(fault) => {
            queue_fault(libssl, fault);
            0
        }
    }
}

/// For those that need no libssl: 1, or 0 with a reason queued if there is one to queue it in.
fn done_without_libssl(body: impl FnOnce() -> Result<(), Fault>) -> c_int {
    let Err(fault) = guard(body) else { return 1 };
    if let Some(libssl) = Call::of_our_own().libssl() {
        queue_fault(libssl, fault);
    }
    0
}

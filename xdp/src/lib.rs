//! Answers ClientHellos in the kernel with the library's own cookies.
//!
//! `bpf/` is the program, in C; this crate loads it, gives it the keys that it works with and takes
//! it away when it is not wanted. The server goes on alone whenever this is not there.
//!
//! * [`library`]: all that comes from the library.
//! * [`program`], [`shared`], [`test_run`]: the program in the kernel.
//! * [`device`], [`rights`], [`server`]: what would strand clients, found before they are.
//! * [`run`]: the rest of the time.

mod address;
pub mod check;
pub mod counters;
pub mod device;
mod launch;
pub mod library;
pub mod options;
pub mod program;
pub mod rights;
pub mod run;
pub mod server;
pub mod shared;
pub mod signals;
pub mod test_run;
pub mod watch;

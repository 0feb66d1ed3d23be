//! Answers ClientHellos in the kernel with the library's own cookies.
//!
//! `bpf/` is the program, in C; this crate loads it, gives it the keys that it works with and takes
//! it away when it is not wanted. The server goes on alone whenever this is not there.

pub mod library;
pub mod program;
pub mod shared;
pub mod test_run;

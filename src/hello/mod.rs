//! The decision on a hello: bytes, addresses, secrets and time come in as arguments, a verdict goes
//! out. No sockets, no clock, no OpenSSL; nothing here panics, and nothing allocates before a cookie
//! was right, whatever the network sends.
#![forbid(unsafe_code)]

pub mod admitted;
pub mod cookie;
pub mod error;
pub mod gate;
pub mod peer;
pub mod reassembly;
pub(crate) mod resequence;
mod sockaddr;
pub mod step;
pub mod wire;

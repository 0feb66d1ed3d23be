//! A drop-in `DTLSv1_listen()`.
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::type_complexity))]

#[allow(unsafe_code)]
pub mod abi;
mod budget;
pub mod cookie;
pub mod error;
pub mod gate;
mod keys;
mod listen;
#[allow(unsafe_code)]
mod openssl;
mod os;
pub mod peer;
#[allow(unsafe_code)]
mod probes;
mod settings;
mod stats;
pub mod wire;

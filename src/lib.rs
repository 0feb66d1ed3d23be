//! A drop-in `DTLSv1_listen()`.
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::type_complexity))]

#[allow(unsafe_code)]
pub mod abi;
pub mod cookie;
pub mod error;
pub mod gate;
mod keys;
mod listen;
#[allow(unsafe_code)]
mod memory;
#[allow(unsafe_code)]
mod openssl;
mod os;
pub mod peer;
mod settings;
pub mod wire;

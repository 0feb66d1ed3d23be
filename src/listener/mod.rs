//! Many clients on one port: one SSL for each peer whose cookie was right, told apart in user space
//! by where its datagrams come from and which of our addresses they were sent to.
#![allow(dead_code, reason = "under construction")]

mod address;
mod clients;
mod core;
mod list;
#[allow(unsafe_code)]
mod net;
mod pump;
mod queue;
mod seen;
#[allow(unsafe_code)]
mod shared;
mod timers;
mod wire;

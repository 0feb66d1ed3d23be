//! Many clients on one port: one SSL for each peer whose cookie was right, told apart in user space
//! by where its datagrams come from and which of our addresses they were sent to.
#![allow(dead_code, reason = "under construction")]

mod address;
mod clients;
mod list;
#[allow(unsafe_code)]
mod net;
mod queue;
mod seen;
mod timers;

//! A drop-in `DTLSv1_listen()` for OpenSSL and LibreSSL programs.
//!
//! # The way of a datagram
//!
//! ```text
//! a BIO:       abi::listen   -> listen::listen  ---.
//! bytes:       abi::datagram -> datagram::judge ---+-> hello::step::step  <- hello::wire (what was sent)
//! many peers:  abi::listener -> listener::pump  ---'          | asks      <- hello::cookie (is it ours?)
//!                                                             v
//!                        Drop(Discard) | Answer(HelloVerifyRequest) | Kept | Accept(VerifiedHello)
//!                             |                |                                |
//!                       dropped, counted   sent, and on         listen::hand_over -> libssl's own function
//! ```
//!
//! * [`hello`] decides. It is safe and pure: bytes, addresses, secrets and time come in as arguments, a
//!   verdict goes out.
//! * `service` is what an SSL_CTX has of ours: its secrets, settings, and hellos in reassembly.
//! * `openssl` is the only door to libssl and libcrypto, and with [`abi`], the exported C functions,
//!   the only place with `unsafe`, beside the modules that talk to the system: `#[allow(unsafe_code)]` below.
//! * Three drivers make the step and do what it says: `listen` reads a BIO in a loop; `datagram` is given
//!   one datagram, without an SSL or a BIO, and gives an SSL what was admitted; `listener` holds a port, and
//!   has an SSL for each client. What the step asks, `ssl_driver` and `ctx_driver` answer.
//! * `loader` knows the objects of the process and what their references are bound to: whose libssl is
//!   whose.
//! * `local_address` tells where a datagram was sent to, and sends from there; `socket_filter` keeps garbage
//!   out of a listening socket.
//! * `stats` counts what happened, and `probes` shows it to tracers: neither decides anything.
//! * `os`, `protected` and `map` are what everything stands on: locks that outlive a fork, memory for
//!   secrets, a table. `load` runs when the library is loaded.
//!
//! # What is true throughout
//!
//! * Only libssl writes libssl's state: the verified record is given to its own `DTLSv1_listen`
//!   through a read BIO that yields that record and nothing else (`openssl::handoff`).
//! * Whatever a peer sends is a [`Discard`](hello::error::Discard), and `DTLSv1_listen` returns 0; only our
//!   own side can fail, with a [`Fault`](hello::error::Fault) and -1. Each queues the reason that OpenSSL
//!   queues.
//! * A challenge costs no heap memory, and nothing of it is kept.
//! * No cookie or message callback of the application's runs while a BIO of ours stands in its SSL.
//!   The controls of its own BIO are passed on to it then, as the two that libssl asks.
//! * We are linked to no libssl. Each that calls is found at run time (`openssl::libssl`, one table of
//!   functions for each, by what the caller is bound to: `openssl::caller`), and every SSL, SSL_CTX and
//!   BIO carries its own. openssl-sys has types and constants, and functions for our own tests alone.
//!
//! The C functions are documented in `include/dtlsv1_listen.h` and dtlsv1_listen(3).
// The listener is the only one that uses them.
#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports))]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::type_complexity))]

#[allow(unsafe_code)]
pub mod abi;
mod after_drop;
mod ctx_driver;
mod datagram;
pub mod hello;
mod listen;
#[cfg(target_os = "linux")]
mod listener;
#[allow(unsafe_code)]
mod load;
#[allow(unsafe_code)]
mod loader;
#[allow(unsafe_code)]
#[cfg_attr(not(target_os = "linux"), path = "local_address/none.rs")]
mod local_address;
#[allow(unsafe_code)]
mod map;
#[allow(unsafe_code)]
mod openssl;
mod os;
mod panic_guard;
#[allow(unsafe_code)]
mod probes;
#[allow(unsafe_code)]
mod protected;
mod reply;
mod service;
#[allow(unsafe_code)]
#[cfg_attr(not(target_os = "linux"), path = "socket_filter/none.rs")]
mod socket_filter;
mod ssl_driver;
mod stats;

pub use service::secrets::FileKeys;

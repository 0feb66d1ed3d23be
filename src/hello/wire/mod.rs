//! DTLS on the wire: as much of RFC 6347 as the first contact needs, borrowed from the datagram.
//!
//! Reading never copies, allocates or panics; each field is read once, in wire order, and the
//! first check that fails names the [`Discard`](crate::hello::error::Discard).

mod client_hello;
mod cursor;
mod handshake;
mod hello_verify_request;
mod record;

pub use client_hello::{ClientHello, Method, Version};
pub use handshake::{Fragment, HANDSHAKE_HEADER_LEN};
pub use hello_verify_request::{COOKIE_ROOM, HelloVerifyRequest, MAX_COOKIE_LEN};
pub use record::{RECORD_HEADER_LEN, Record, RecordHeader};

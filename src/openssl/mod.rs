//! The only door to libssl and libcrypto.
//!
//! Everything here is either a safe view of an object that a caller of the C functions owns, or a
//! function that libssl calls back. The contract is OpenSSL's: an SSL belongs to one thread at a
//! time, an SSL_CTX may be shared, and both live as long as the call.

mod bio;
mod callbacks;
mod context;
mod ex_data;
mod fork;
mod handoff;
pub(crate) mod macro_world;
pub(crate) mod message;
mod message_style;
mod method;
mod once_bio;
mod queue;
pub(crate) mod real;
#[cfg(not(libressl))]
mod resequence_bio;
mod ssl;
mod ssl_state;
mod sys;

pub(crate) use bio::{Bio, Datagram, Read};
pub(crate) use callbacks::{GenerateCb, VerifyCb, is_right_for_peer, made_for_peer};
pub(crate) use context::Context;
pub(crate) use handoff::{Accepted, hand_off};
#[cfg(libressl)]
pub(crate) use macro_world::{behind, resequence};
pub(crate) use message::Listener;
pub(crate) use queue::{clear_errors, queue_discard, queue_fault};
pub(crate) use real::{libssl_version, same_libssl};
#[cfg(not(libressl))]
pub(crate) use resequence_bio::{behind, resequence};
pub(crate) use ssl::{Ssl, SslCtx};
pub(crate) use ssl_state::remember_verified;
pub(crate) use sys::{SSL, SSL_CTRL_SET_MSG_CALLBACK_ARG, SSL_CTX};

//! The only door to libssl and libcrypto.
//!
//! Everything here is either a safe view of an object that a caller of the C functions owns, or a
//! function that libssl calls back. The contract is OpenSSL's: an SSL belongs to one thread at a
//! time, an SSL_CTX may be shared, and both live as long as the call.

mod accepted;
pub(crate) mod app_callbacks;
mod batch_bio;
mod bio;
pub(crate) mod caller;
mod claimed;
#[cfg(target_os = "linux")]
pub(crate) mod client_bio;
mod context;
mod contexts;
mod ctx_method;
mod current;
mod dtls13;
mod ex_data;
pub(crate) mod front;
mod handoff;
mod libssl;
pub(crate) mod message;
mod message_style;
mod method;
mod owned;
mod peer;
mod policy;
mod probing;
mod queue;
mod ready_made;
mod recv_buffer;
mod resequence_bio;
mod socket_error;
mod ssl;
mod ssl_state;
mod stand_in;
mod sys;
mod timeval;
mod trampolines;
mod waiting;

pub(crate) use accepted::{any_accepted, is_waiting, note_accepted};
pub(crate) use batch_bio::{Batch, BatchedCall, batch_bio};
pub(crate) use bio::{Bio, Read};
pub(crate) use caller::Call;
pub(crate) use claimed::keep_claim;
pub(crate) use context::Context;
pub(crate) use current::Current;
pub(crate) use dtls13::speak_1_2_at_most;
pub(crate) use ex_data::{ExData, SslValue};
pub(crate) use front::{FrontOf, behind, resequence, send_from};
pub(crate) use handoff::{Manner, Sender, hand_off, note_would_block};
pub(crate) use libssl::{DTLS_CTRL_LISTEN, Libssl, Name};
pub(crate) use message::MessageObserver;
pub(crate) use owned::{OwnedCtx, OwnedSsl, TimedOut, free};
pub(crate) use peer::{PeerOfSsl, PeerRoom, forget_named_peer, name_peer, peer_of};
pub(crate) use queue::{
    Errors as KeptErrors, clear_errors, queue_discard, queue_fault, without_errors,
};
pub(crate) use ready_made::{is_right_for_peer, made_for_peer};
pub(crate) use recv_buffer::{CAPACITY, RecvBuffer};
pub(crate) use socket_error::{InARow, of_read as pending};
pub(crate) use ssl::{Ssl, SslCtx};
pub(crate) use ssl_state::{begin, remember_verified};
pub(crate) use stand_in::Controls;
pub(crate) use sys::{
    BIO, GenerateCb, MessageCb, SSL, SSL_CTRL_SET_MSG_CALLBACK_ARG, SSL_CTX, SSL_METHOD, VerifyCb,
};
pub(crate) use waiting::{Look, Waited};

//! Types and numbers: openssl-sys's, and those that it lacks. Functions are [`super::libssl`]'s.

use std::ffi::c_int;

pub(crate) use super::libssl::{GenerateCb, MessageCb, VerifyCb};
pub(crate) use openssl_sys::{BIO, BIO_METHOD, SSL, SSL_CTX, SSL_METHOD};
pub(super) use openssl_sys::{
    BIO_CTRL_FLUSH, BIO_FLAGS_READ, BIO_FLAGS_RWS, BIO_FLAGS_SHOULD_RETRY,
};

/// `BIO_set_retry_read`, a macro.
pub(super) const RETRY_READ: c_int = BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY;
/// `BIO_dgram_get_peer`: fills a sockaddr with the sender of what was read last.
pub(super) const BIO_CTRL_DGRAM_GET_PEER: c_int = 46;
/// `BIO_dgram_set_peer`: where the next write goes.
pub(super) const BIO_CTRL_DGRAM_SET_PEER: c_int = 44;
/// What is read stays to be read again.
pub(super) const BIO_CTRL_DGRAM_SET_PEEK_MODE: c_int = 71;
/// `BIO_get_fd`.
pub(super) const BIO_C_GET_FD: c_int = 105;
/// Source and sink, with a file descriptor.
pub(super) const BIO_TYPE_DGRAM: c_int = 0x0515;
pub(super) const BIO_TYPE_SOCKET: c_int = 0x0505;
/// The bit of those that have one.
pub(super) const BIO_TYPE_DESCRIPTOR: c_int = 0x0100;
pub(super) const BIO_TYPE_SOURCE_SINK: c_int = 0x0400;
pub(super) const ERR_LIB_SSL: c_int = 20;
pub(super) const ERR_LIB_SYS: c_int = 2;
/// A message callback's content type: a handshake message.
pub(super) const SSL3_RT_HANDSHAKE: c_int = 22;
/// A message callback's content type: not a message but the header of a record.
pub(super) const SSL3_RT_HEADER: c_int = 0x100;
/// LibreSSL's `SSL_clear_options`.
pub(super) const SSL_CTRL_CLEAR_OPTIONS: c_int = 77;
pub(super) const SSL_CTRL_GET_MAX_CERT_LIST: c_int = 50;
pub(crate) const SSL_CTRL_SET_MSG_CALLBACK_ARG: c_int = 16;
pub(super) const SSL_ERROR_SSL: c_int = 1;
pub(super) const SSL_NOTHING: c_int = 1;

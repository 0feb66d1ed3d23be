//! Built-in cookies: 32 bytes that only the client which asked can have received.
//!
//! One byte names a time slot; 31 bytes are a cut HMAC-SHA256 under that slot's key, over the
//! peer's address and port and the hello's version, random and session id. Slot keys come from the
//! secret and the slot's number alone, so that processes and hosts which share a secret and
//! roughly a clock accept each other's cookies with nothing to coordinate.
//!
//! A cookie that is refused is a dead handshake: the client drops the second HelloVerifyRequest as
//! a replay (its message_seq is 0 again) and repeats the refused cookie until it gives up. So every
//! change overlaps: the slots beside the current one count, and so does every secret in the ring.

mod binding;
mod keyring;
mod mac;
mod secret;
mod slot;

pub use binding::Binding;
pub use keyring::{Check, FilterKey, Keyring};
pub use secret::{MAX_HELD, MAX_SECRET_LEN, MAX_SECRETS, MIN_SECRET_LEN, Secret};
pub use slot::{Lifetime, SlotKey};

/// Bytes of a built-in cookie. Several clients hold no more (GnuTLS 3.7.9, Bouncy Castle 1.72,
/// wolfSSL 5.5.4), and 28 + 32 is less than the smallest hello that gets an answer, 61: the answer
/// is never larger than the question.
pub const COOKIE_LEN: usize = 32;

/// Bytes of a short cookie: for a client whose first fragment cannot hold 32 bytes of cookie (GnuTLS
/// with an MTU of 90). 16 bytes of MAC are enough: a forger gets one right in 2^128 tries, each of
/// them a datagram to us. It is bound to being one, so that no cookie that was cut is right.
pub const SHORT_COOKIE_LEN: usize = 17;

/// Bytes of the MAC that a cookie carries.
const TAG_LEN: usize = COOKIE_LEN - 1;

/// Bytes of the MAC that a short cookie carries.
const SHORT_TAG_LEN: usize = SHORT_COOKIE_LEN - 1;

/// A cookie as sent; of a short one the first [`SHORT_COOKIE_LEN`] bytes.
pub type Cookie = [u8; COOKIE_LEN];

/// Room to make a cookie in: the whole MAC is written behind the slot's byte, and its last byte is not
/// sent.
pub type CookieRoom = [u8; COOKIE_ROOM_LEN];

const COOKIE_ROOM_LEN: usize = 1 + mac::MAC_LEN;

const fn cookie_of([cookie @ .., _]: CookieRoom) -> Cookie {
    cookie
}

/// Derives the keys; cookies are made by [`mac`].
type Mac = hmac::Hmac<sha2::Sha256>;

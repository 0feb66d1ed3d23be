//! What an SSL_CTX has of ours, without OpenSSL: secrets, hellos in reassembly, settings, repairs and
//! the budget of a call.

pub(crate) mod budget;
pub(crate) mod reassembly;
pub(crate) mod repairs;
pub(crate) mod repeats;
pub(crate) mod secrets;
pub(crate) mod settings;

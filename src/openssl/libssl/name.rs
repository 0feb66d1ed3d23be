//! The names of libssl's that are ours in front of it.

use std::ffi::CStr;

/// libssl's functions that we export under their own names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Name {
    Listen,
    SslCtrl,
    CtxCtrl,
    SslNew,
    CtxNew,
    SetGenerate,
    SetVerify,
    SetMsg,
    CtxSetMsg,
    SetAccept,
    SetBio,
    GetWbio,
}

impl Name {
    pub(crate) const ALL: [(Self, &'static CStr); 12] = [
        (Self::Listen, c"DTLSv1_listen"),
        (Self::SslCtrl, c"SSL_ctrl"),
        (Self::CtxCtrl, c"SSL_CTX_ctrl"),
        (Self::SslNew, c"SSL_new"),
        (Self::CtxNew, c"SSL_CTX_new"),
        (Self::SetGenerate, c"SSL_CTX_set_cookie_generate_cb"),
        (Self::SetVerify, c"SSL_CTX_set_cookie_verify_cb"),
        (Self::SetMsg, c"SSL_set_msg_callback"),
        (Self::CtxSetMsg, c"SSL_CTX_set_msg_callback"),
        (Self::SetAccept, c"SSL_set_accept_state"),
        (Self::SetBio, c"SSL_set_bio"),
        (Self::GetWbio, c"SSL_get_wbio"),
    ];

    /// Is it one of them?
    pub(crate) fn is_any(name: &CStr) -> bool {
        Self::ALL.iter().any(|(_, known)| *known == name)
    }
}

//! Where there are no socket filters: they may be switched on, and nothing is filtered.

use libc::c_int;

pub(crate) struct Switch;

impl Switch {
    pub(crate) const fn new(_on: bool) -> Self {
        Self
    }

    #[allow(clippy::unused_self, reason = "as where there are filters")]
    pub(crate) const fn set(&self, _on: bool) {}

    #[allow(clippy::unused_self, reason = "as where there are filters")]
    pub(crate) const fn is_in_use(&self) -> bool {
        false
    }

    #[allow(clippy::unused_self, reason = "as where there are filters")]
    pub(crate) fn begin(&self, _socket: impl FnOnce() -> Option<c_int>) {}
}

pub(crate) const fn end(_socket: Option<c_int>) {}

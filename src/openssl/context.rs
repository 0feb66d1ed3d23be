//! What we remember of one SSL_CTX.

use super::app_callbacks::AppCallbacks;
use super::message::CtxMessages;
use crate::os::{Guarded, Lock};
use crate::service::budget::Budget;
use crate::service::reassembly::Shared;
use crate::service::repairs::Switches;
use crate::service::secrets::Keys;
use crate::service::settings::{Defaults, Policy};
use crate::socket_filter::Switch;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// An SSL_CTX's part of this library.
pub(crate) struct Context {
    pub(super) choice: Lock<Choice>,
    /// What the choice comes to: are cookies made here?
    pub(super) builtin: AtomicBool,
    /// Has `DTLSv1_listen` been called, and are the callbacks that it needs in libssl?
    pub(super) ready: AtomicBool,
    pub(crate) app: AppCallbacks,
    pub(crate) messages: CtxMessages,
    pub(crate) keys: Keys,
    pub(crate) reassembly: Shared,
    pub(crate) repairs: Switches,
    pub(crate) budget: Budget,
    /// On the sockets that are listened on.
    pub(crate) filter: Switch,
}

pub(super) struct Choice {
    /// None: the environment's.
    pub(super) policy: Option<Policy>,
    pub(super) listened: bool,
}

impl Guarded for Choice {
    /// What it comes to is not settled while [`Context::ready`] says so.
    fn left_behind(&mut self) {}
}

impl Context {
    pub(super) fn new() -> Self {
        Self {
            choice: Lock::new(Choice { policy: None, listened: false }),
            builtin: AtomicBool::new(false),
            ready: AtomicBool::new(false),
            app: AppCallbacks::new(),
            messages: CtxMessages::new(),
            keys: Keys::new(),
            reassembly: Shared::new(),
            repairs: Switches::new(Defaults::read().repairs),
            budget: Budget::new(Defaults::read().budget),
            filter: Switch::new(Defaults::read().filter),
        }
    }

    /// Are the cookies ours, or the application's?
    pub(crate) fn uses_builtin(&self) -> bool {
        self.builtin.load(Relaxed)
    }
}

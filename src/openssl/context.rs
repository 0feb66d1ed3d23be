//! What we remember of one SSL_CTX.

use super::app_callbacks::AppCallbacks;
use super::libssl::Libssl;
use super::message::CtxMessages;
use crate::hello::wire::Method;
use crate::os::{Guarded, Lock, Once};
use crate::service::budget::Budget;
use crate::service::reassembly::Shared;
use crate::service::repairs::Switches;
use crate::service::secrets::Keys;
use crate::service::settings::{Defaults, Policy};
use crate::socket_filter::Switch;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// An SSL_CTX's part of this library.
pub(crate) struct Context {
    /// Whose the SSL_CTX is.
    pub(super) libssl: &'static Libssl,
    pub(super) choice: Lock<Choice>,
    /// What the choice comes to: are cookies made here?
    pub(super) builtin: AtomicBool,
    /// Are datagrams judged without an SSL, with cookies that are made here?
    pub(super) without_ssl: AtomicBool,
    /// Has `DTLSv1_listen` been called, and are the callbacks that it needs in libssl?
    pub(super) ready: AtomicBool,
    pub(crate) app: AppCallbacks,
    pub(crate) messages: CtxMessages,
    pub(crate) keys: Keys,
    pub(crate) reassembly: Shared,
    pub(crate) repairs: Switches,
    pub(crate) budget: Budget,
    /// What its SSLs speak, where libssl has to make one to tell.
    pub(super) method: Once<Option<Method>>,
    /// On the sockets that are listened on.
    pub(crate) filter: Switch,
}

pub(super) struct Choice {
    /// None: the environment's.
    pub(super) policy: Option<Policy>,
    pub(super) listened: bool,
    /// Were datagrams to be judged without an SSL?
    pub(super) without_ssl: bool,
}

impl Guarded for Choice {
    /// What it comes to is not settled while [`Context::ready`] says so.
    fn left_behind(&mut self) {}
}

impl Context {
    pub(super) fn new(libssl: &'static Libssl) -> Self {
        Self {
            libssl,
            choice: Lock::new(Choice { policy: None, listened: false, without_ssl: false }),
            builtin: AtomicBool::new(false),
            without_ssl: AtomicBool::new(false),
            ready: AtomicBool::new(false),
            app: AppCallbacks::new(),
            messages: CtxMessages::new(),
            keys: Keys::new(),
            reassembly: Shared::new(),
            repairs: Switches::new(Defaults::read().repairs),
            budget: Budget::new(Defaults::read().budget),
            method: Once::new(),
            filter: Switch::new(Defaults::read().filter),
        }
    }

    /// Are the cookies ours, or the application's?
    pub(crate) fn uses_builtin(&self) -> bool {
        self.builtin.load(Relaxed)
    }
}

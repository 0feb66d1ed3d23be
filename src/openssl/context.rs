//! What we remember of one SSL_CTX.
//!
//! In a table of our own and not in the SSL_CTX's ex_data: setting that is not safe while another
//! thread reads any of it, and the first call to `DTLSv1_listen` may be made by several threads at
//! once. libcrypto tells us when an SSL_CTX is freed.

use super::callbacks::{self, AppCallbacks};
use super::fork;
use super::message::CtxMessages;
use super::ssl::SslCtx;
use super::sys;
use crate::abi::guard_value;
use crate::hello::error::Fault;
use crate::os::{lock, lock_until, try_box};
use crate::service::budget::Budget;
use crate::service::reassembly::Shared;
use crate::service::repairs::Switches;
use crate::service::secrets::Keys;
use crate::service::settings::{Defaults, Policy};
use std::cell::Cell;
use std::ffi::{c_int, c_long, c_void};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{
    AtomicBool, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

/// An SSL_CTX's part of this library.
pub(crate) struct Context {
    choice: Mutex<Choice>,
    /// What the choice comes to: are cookies made here?
    builtin: AtomicBool,
    /// Has `DTLSv1_listen` been called, and are the callbacks that it needs in libssl?
    ready: AtomicBool,
    pub(crate) app: AppCallbacks,
    pub(crate) messages: CtxMessages,
    pub(crate) keys: Keys,
    pub(crate) reassembly: Shared,
    pub(crate) repairs: Switches,
    pub(crate) budget: Budget,
}

pub(super) struct Choice {
    /// None: the environment's.
    policy: Option<Policy>,
    listened: bool,
}

/// SSL_CTX and what belongs to it; few enough that a search from the front is the quickest.
static TABLE: Mutex<Table> =
    Mutex::new(Table { registered: false, contexts: Vec::new(), held: fork::Held(Vec::new()) });

pub(super) struct Table {
    registered: bool,
    contexts: Vec<(SslCtxAddress, Box<[Context]>)>,
    /// Filled while a process forks.
    held: fork::Held,
}

/// For the time of a fork.
pub(super) fn lock_table(end: Instant) -> Option<MutexGuard<'static, Table>> {
    lock_until(&TABLE, end)
}

type SslCtxAddress = usize;

/// Counts what left the table. While it stands still, what a thread found before is still there.
static DEPARTURES: AtomicU64 = AtomicU64::new(0);

/// One that a thread looked up.
#[derive(Clone, Copy)]
struct Found {
    departures: u64,
    ctx: SslCtxAddress,
    context: *const Context,
}

impl Found {
    const NOTHING: Self = Self { departures: 0, ctx: 0, context: std::ptr::null() };
}

/// What a thread found last, so that it takes no lock for each call: a place for each of several
/// SSL_CTXs by their address, since a server may have a few and turn from one to the other.
const PLACES: usize = 16;

thread_local! {
    static LAST: [Cell<Found>; PLACES] =
        const { [const { Cell::new(Found::NOTHING) }; PLACES] };
}

/// Addresses of SSL_CTXs differ in the bits above malloc's alignment and their own size, 1 KiB.
fn place_of(address: SslCtxAddress) -> usize {
    (address >> 4 ^ address >> 10) % PLACES
}

impl Context {
    /// Finds or makes the context of an SSL_CTX.
    #[inline]
    pub(crate) fn of<'a>(ctx: SslCtx) -> Result<&'a Self, Fault> {
        let address = ctx.as_ptr().addr();
        let departures = DEPARTURES.load(Acquire);
        let last = LAST.with(|places| places.get(place_of(address)).map(Cell::get));
        if let Some(last) = last
            && last.ctx == address
            && last.departures == departures
        {
            // SAFETY: nothing has left the table since it was found there, and it stays while the
            // caller's SSL_CTX lives, which outlasts the call.
            return Ok(unsafe { &*last.context });
        }
        let context = Self::look_up(address, departures).ok_or(Fault::NoMemory)?;
        // SAFETY: boxed, so it does not move when the table grows; it stays as said above.
        Ok(unsafe { &*context })
    }

    #[cold]
    fn look_up(address: SslCtxAddress, departures: u64) -> Option<*const Self> {
        let mut table = lock(&TABLE);
        let context = match table.find(address) {
            Some(context) => context,
            None => table.add(address)?,
        };
        LAST.with(|places| {
            if let Some(place) = places.get(place_of(address)) {
                place.set(Found { departures, ctx: address, context });
            }
        });
        Some(context)
    }

    fn new() -> Self {
        Self {
            choice: Mutex::new(Choice { policy: None, listened: false }),
            builtin: AtomicBool::new(false),
            ready: AtomicBool::new(false),
            app: AppCallbacks::new(),
            messages: CtxMessages::new(),
            keys: Keys::new(),
            reassembly: Shared::new(),
            repairs: Switches::new(Defaults::read().repairs),
            budget: Budget::new(Defaults::read().budget),
        }
    }

    /// Chooses a policy, and puts into libssl the callbacks that it needs.
    pub(crate) fn set_policy(&self, ctx: SslCtx, policy: Policy) -> Result<(), Fault> {
        let mut choice = lock(&self.choice);
        choice.policy = Some(policy);
        self.settle(ctx, &choice)
    }

    /// Takes note of what the application set, by `change`.
    pub(crate) fn app_sets(
        &self,
        ctx: SslCtx,
        change: impl FnOnce(&AppCallbacks),
    ) -> Result<(), Fault> {
        let choice = lock(&self.choice);
        change(&self.app);
        self.settle(ctx, &choice)
    }

    /// From the first call to `DTLSv1_listen` on, an SSL_CTX without callbacks has ours.
    #[inline]
    pub(crate) fn listens(&self, ctx: SslCtx) -> Result<(), Fault> {
        if !self.ready.load(Acquire) {
            let mut choice = lock(&self.choice);
            choice.listened = true;
            self.settle(ctx, &choice)?;
            self.ready.store(true, Release);
        }
        Ok(())
    }

    /// Are the cookies ours, or the application's?
    pub(crate) fn uses_builtin(&self) -> bool {
        self.builtin.load(Relaxed)
    }

    /// Called with the choice locked, so that two threads cannot leave libssl with one's callbacks
    /// and us with the other's decision.
    fn settle(&self, ctx: SslCtx, choice: &Choice) -> Result<(), Fault> {
        let (generate, verify) = (self.app.has_generate(), self.app.has_verify());
        let builtin = match choice.policy.unwrap_or(Defaults::read().policy) {
            Policy::App => false,
            Policy::Builtin => true,
            Policy::Auto => !generate && !verify && choice.listened,
        };
        self.builtin.store(builtin, Relaxed);
        let installed = callbacks::install(ctx, generate || builtin, verify || builtin);
        if installed { Ok(()) } else { Err(Fault::Handoff) }
    }
}

impl Table {
    fn find(&self, address: SslCtxAddress) -> Option<*const Context> {
        let (_, context) = self.contexts.iter().find(|(at, _)| *at == address)?;
        Some(context.as_ptr())
    }

    fn add(&mut self, address: SslCtxAddress) -> Option<*const Context> {
        if !self.registered {
            // SAFETY: `forget` keeps to the contract of an ex_data callback.
            let index = unsafe {
                sys::CRYPTO_get_ex_new_index(
                    sys::CRYPTO_EX_INDEX_SSL_CTX,
                    0,
                    null_mut(),
                    None,
                    None,
                    Some(forget),
                )
            };
            self.registered = index >= 0;
            if !self.registered {
                return None;
            }
            fork::begin();
        }
        self.contexts.try_reserve(1).ok()?;
        let fork::Held(held) = &mut self.held; // empty
        held.try_reserve(self.contexts.len().saturating_add(1)).ok()?;
        self.contexts.push((address, try_box(Context::new())?));
        self.find(address)
    }

    /// Takes the locks of all contexts; some where it gives `None`.
    pub(super) fn take_all(&mut self, end: Instant) -> Option<()> {
        let fork::Held(held) = &mut self.held;
        for (_, context) in &self.contexts {
            // SAFETY: boxed, and it stays in the table until the table is unlocked, before which
            // what is held is given back.
            let context = unsafe { &*context.as_ptr() };
            let choice = lock_until(&context.choice, end)?;
            held.push((choice, context.keys.lock_until(end)?, context.reassembly.lock_until(end)?));
        }
        Some(())
    }

    pub(super) fn give_back(&mut self) {
        let fork::Held(held) = &mut self.held;
        held.clear();
    }
}

/// Called by `SSL_CTX_free` when the last reference is gone; nobody else refers to it then.
unsafe extern "C" fn forget(
    ctx: *mut c_void,
    _ptr: *mut c_void,
    _data: *mut c_void,
    _index: c_int,
    _argl: c_long,
    _argp: *mut c_void,
) {
    guard_value((), || {
        let mut table = lock(&TABLE);
        if let Some(at) = table.contexts.iter().position(|(a, _)| *a == ctx.addr()) {
            DEPARTURES.fetch_add(1, Release);
            let gone = table.contexts.swap_remove(at);
            drop(table); // the secrets are wiped outside the lock
            drop(gone);
        }
    });
}

impl SslCtx {
    /// The SSL_CTX at a pointer from C.
    ///
    /// # Safety
    ///
    /// Null, or a live SSL_CTX.
    pub(crate) unsafe fn from_c(ctx: *mut sys::SSL_CTX) -> Option<Self> {
        let ctx = NonNull::new(ctx)?;
        // SAFETY: by this function's contract.
        Some(unsafe { Self::new(ctx) })
    }
}

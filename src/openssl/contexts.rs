//! The contexts of all SSL_CTXs.
//!
//! In a table of our own and not in the SSL_CTX's ex_data: setting that is not safe while another
//! thread reads any of it, and the first call to `DTLSv1_listen` may be made by several threads at
//! once. libcrypto tells us when an SSL_CTX is freed.

use super::context::Context;
use super::ex_data::Index;
use super::libssl::{Class, Libssl};
use super::ssl::SslCtx;
use super::sys;
use crate::hello::error::Fault;
use crate::map::{Entry, Map};
use crate::os::{Guarded, Lock, uncancelled};
use crate::panic_guard::{guard, guard_value};
use crate::service::settings::Defaults;
use std::cell::Cell;
use std::ffi::{c_int, c_long, c_void};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Release};

/// By the addresses of the SSL_CTXs. 128 KiB, of which a page is taken when a list on it gets its first
/// context.
type Table = Map<Context, { 1 << 14 }>;
static TABLE: Lock<Table> = Lock::new(Table::new());

impl Guarded for Table {
    /// It is whole at every moment.
    fn left_behind(&mut self) {}
}

type SslCtxAddress = usize;

/// Counts what left the table. While it stands still, what a thread found before is still there.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// See [`GENERATION`].
#[inline]
pub(super) fn generation() -> u64 {
    GENERATION.load(Acquire)
}

/// One that a thread looked up.
#[derive(Clone, Copy)]
struct Found {
    generation: u64,
    ctx: SslCtxAddress,
    context: *const Context,
}

impl Found {
    const NOTHING: Self = Self { generation: 0, ctx: 0, context: std::ptr::null() };

    /// For this thread's next look-up.
    fn keep(self) {
        LAST.with(|places| {
            if let Some(place) = places.get(place_of(self.ctx)) {
                place.set(self);
            }
        });
    }
}

/// What a thread found last, so that it takes no lock for each call: a place for each of several
/// SSL_CTXs by their address, since a server may have a few and turn from one to the other. They come out of
/// every thread's stack.
const PLACES: usize = 4;

thread_local! {
    static LAST: [Cell<Found>; PLACES] =
        const { [const { Cell::new(Found::NOTHING) }; PLACES] };
}

/// Addresses of SSL_CTXs differ in the bits above malloc's alignment and their own size, 1 KiB.
fn place_of(address: SslCtxAddress) -> usize {
    ((address >> 4) ^ (address >> 10)) % PLACES
}

impl Context {
    /// Finds or makes the context of an SSL_CTX.
    #[inline(always)]
    pub(crate) fn of<'a>(ctx: SslCtx) -> Result<&'a Self, Fault> {
        let address = ctx.as_ptr().addr();
        let generation = generation();
        let last = LAST.with(|places| places.get(place_of(address)).map(Cell::get));
        let same = |last: &Found| last.ctx == address && last.generation == generation;
        if let Some(last) = last.filter(same) {
            // SAFETY: nothing has left the table since it was found there, and it stays while the
            // caller's SSL_CTX lives, which outlasts the call.
            return Ok(unsafe { &*last.context });
        }
        let look_up = || Self::look_up(ctx, generation).ok_or(Fault::NoMemory);
        let context = guard(|| uncancelled(look_up))?;
        // SAFETY: it does not move, and stays as said above.
        Ok(unsafe { &*context })
    }

    /// An SSL_CTX that has a context, and that: so it is known whose it is, without a question who
    /// calls.
    ///
    /// # Safety
    ///
    /// An SSL_CTX that lives for as long as what is given is used.
    #[inline(always)]
    pub(crate) unsafe fn known<'a>(ctx: NonNull<sys::SSL_CTX>) -> Option<(SslCtx, &'a Self)> {
        let address = ctx.as_ptr().addr();
        let generation = generation();
        let last = LAST.with(|places| places.get(place_of(address)).map(Cell::get));
        let last = last.filter(|last| last.ctx == address && last.generation == generation);
        let context = last.map_or_else(
            || find(address, generation),
            |last| NonNull::new(last.context.cast_mut()),
        );
        // SAFETY: as in `of`.
        let context = unsafe { context?.as_ref() };
        // SAFETY: by this function's contract; the table has no others at this address.
        Some((unsafe { SslCtx::from_c(ctx.as_ptr(), context.libssl) }?, context))
    }

    #[cold]
    fn look_up(ctx: SslCtx, generation: u64) -> Option<*const Self> {
        let address = ctx.as_ptr().addr();
        let found = TABLE.lock().find(address);
        let context = found.or_else(|| Self::add(ctx))?.as_ptr();
        Defaults::say_what_is_not_understood();
        Found { generation, ctx: address, context }.keep();
        Some(context)
    }

    /// What is asked of others is asked for without a lock on the table.
    fn add(ctx: SslCtx) -> Option<NonNull<Self>> {
        let address = ctx.as_ptr().addr();
        prepare(ctx.libssl())?;
        // To ask for randomness is a point where a thread ends.
        let entry = uncancelled(|| Entry::new(address, Self::new(ctx.libssl())))?;
        let mut table = TABLE.lock();
        match table.find(address) {
            Some(another_threads) => Some(another_threads),
            None => table.insert(entry),
        }
    }
}

/// Has libcrypto tell us when an SSL_CTX goes; `None` if it will not, for want of memory.
pub(super) fn prepare(libssl: &'static Libssl) -> Option<()> {
    static GONE: Index = Index::new();
    if GONE.get(libssl) < 0 {
        // SAFETY: `forget` keeps to the contract of an ex_data callback.
        let index = unsafe { GONE.ask(libssl, Class::SslCtx, None, Some(forget)) };
        if index < 0 {
            return None;
        }
    }
    Some(())
}

#[cold]
fn find(address: SslCtxAddress, generation: u64) -> Option<NonNull<Context>> {
    let found = guard_value(None, || uncancelled(|| TABLE.lock().find(address)))?;
    Found { generation, ctx: address, context: found.as_ptr() }.keep();
    Some(found)
}

/// Called by `SSL_CTX_free` when the last reference is gone; nobody else refers to it then.
unsafe extern "C-unwind" fn forget(
    ctx: *mut c_void,
    _ptr: *mut c_void,
    _data: *mut c_void,
    _index: c_int,
    _argl: c_long,
    _argp: *mut c_void,
) {
    guard_value((), || {
        let mut table = TABLE.lock();
        if table.find(ctx.addr()).is_none() {
            return;
        }
        GENERATION.fetch_add(1, Release);
        let gone = table.remove(ctx.addr());
        drop(table); // the secrets are wiped outside the lock
        drop(gone);
    });
}

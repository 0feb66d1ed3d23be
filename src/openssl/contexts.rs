//! The contexts of all SSL_CTXs, and their locks across fork(2).
//!
//! In a table of our own and not in the SSL_CTX's ex_data: setting that is not safe while another
//! thread reads any of it, and the first call to `DTLSv1_listen` may be made by several threads at
//! once. libcrypto tells us when an SSL_CTX is freed.
//!
//! A child has the forking thread and no other: a lock that another one held at that moment would
//! never be given back there, and what it guards be half changed. So the forking thread takes them
//! all first and gives them back behind it, on both sides. The list of locks has its room
//! beforehand: an allocator may have taken its own by then.
//!
//! What is done once, at the first call (variables read, indices registered), is left out: it is
//! over before a server forks, and libcrypto's own locks are taken in it.

use super::context::{Choice, Context};
use super::ex_data::Index;
use super::libssl::{Class, Libssl};
use super::ssl::SslCtx;
use crate::hello::error::Fault;
use crate::hello::reassembly::Reassembler;
use crate::os::{self, lock, lock_until, try_box};
use crate::panic_guard::{guard, guard_value};
use crate::service::secrets::{Files, State, lock_files};
use std::cell::Cell;
use std::ffi::{c_int, c_long, c_void};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Release};
use std::sync::{Mutex, MutexGuard, Once};
use std::time::{Duration, Instant};

/// SSL_CTX and what belongs to it; few enough that a search from the front is the quickest.
static TABLE: Mutex<Table> = Mutex::new(Table { contexts: Vec::new(), held: Held(Vec::new()) });

struct Table {
    contexts: Vec<(SslCtxAddress, Box<[Context]>)>,
    /// Filled while a process forks.
    held: Held,
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
        let generation = generation();
        let last = LAST.with(|places| places.get(place_of(address)).map(Cell::get));
        if let Some(last) = last
            && last.ctx == address
            && last.generation == generation
        {
            // SAFETY: nothing has left the table since it was found there, and it stays while the
            // caller's SSL_CTX lives, which outlasts the call.
            return Ok(unsafe { &*last.context });
        }
        let context = guard(|| Self::look_up(ctx, generation).ok_or(Fault::NoMemory))?;
        // SAFETY: boxed, so it does not move when the table grows, and it stays as said above.
        Ok(unsafe { &*context })
    }

    #[cold]
    fn look_up(ctx: SslCtx, generation: u64) -> Option<*const Self> {
        let address = ctx.as_ptr().addr();
        prepare(ctx.libssl())?;
        let mut table = lock(&TABLE);
        let context = match table.find(address) {
            Some(context) => context,
            None => table.add(address)?,
        };
        LAST.with(|places| {
            if let Some(place) = places.get(place_of(address)) {
                place.set(Found { generation, ctx: address, context });
            }
        });
        Some(context)
    }
}

impl Table {
    fn find(&self, address: SslCtxAddress) -> Option<*const Context> {
        let (_, context) = self.contexts.iter().find(|(at, _)| *at == address)?;
        Some(context.as_ptr())
    }

    fn add(&mut self, address: SslCtxAddress) -> Option<*const Context> {
        self.contexts.try_reserve(1).ok()?;
        let Held(held) = &mut self.held; // empty
        held.try_reserve(self.contexts.len().saturating_add(1)).ok()?;
        self.contexts.push((address, try_box(Context::new())?));
        self.find(address)
    }

    /// Takes the locks of all contexts; some where it gives `None`.
    fn take_all(&mut self, end: Instant) -> Option<()> {
        let Held(held) = &mut self.held;
        for (_, context) in &self.contexts {
            // SAFETY: boxed, and it stays in the table until the table is unlocked, before which
            // what is held is given back.
            let context = unsafe { &*context.as_ptr() };
            let choice = lock_until(&context.choice, end)?;
            held.push((choice, context.keys.lock_until(end)?, context.reassembly.lock_until(end)?));
        }
        Some(())
    }

    fn give_back(&mut self) {
        let Held(held) = &mut self.held;
        held.clear();
    }
}

/// Has libcrypto tell us when an SSL_CTX goes; `None` if it will not, for want of memory.
pub(super) fn prepare(libssl: &'static Libssl) -> Option<()> {
    static GONE: Index = Index::new();
    static FORKS: Once = Once::new();
    if GONE.get(libssl) < 0 {
        // SAFETY: `forget` keeps to the contract of an ex_data callback.
        let index = unsafe { GONE.ask(libssl, Class::SslCtx, None, Some(forget)) };
        if index < 0 {
            return None;
        }
        FORKS.call_once(|| os::around_fork(before, after));
    }
    Some(())
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
        let mut table = lock(&TABLE);
        if let Some(at) = table.contexts.iter().position(|(a, _)| *a == ctx.addr()) {
            GENERATION.fetch_add(1, Release);
            let gone = table.contexts.swap_remove(at);
            drop(table); // the secrets are wiped outside the lock
            drop(gone);
        }
    });
}

/// Where a lock is not to be had for so long, the process forks without: a file that takes its time
/// does not hold up the program, and a signal handler that forks does not wait for its own thread.
const PATIENCE: Duration = Duration::from_millis(100);

/// One context's locks, in the order that they are taken in elsewhere.
type Locks =
    (MutexGuard<'static, Choice>, MutexGuard<'static, State>, MutexGuard<'static, Reassembler>);

/// Where the locks of all contexts are kept meanwhile; it has room for each that the table has.
struct Held(Vec<Locks>);

// SAFETY: it is empty but for the time of a fork, when only the thread that holds the table's lock,
// and its copy in the child, gets at it.
unsafe impl Send for Held {}

type Fork = (MutexGuard<'static, Table>, MutexGuard<'static, Files>);

thread_local! {
    /// What this thread holds while it forks; not dropped with the thread.
    static FORK: Cell<Option<ManuallyDrop<Fork>>> = const { Cell::new(None) };
}

extern "C" fn before() {
    guard_value((), || os::uncancelled(|| FORK.set(lock_all().map(ManuallyDrop::new))));
}

/// In the parent and in the child.
extern "C" fn after() {
    guard_value((), || {
        if let Some(fork) = FORK.take() {
            let (mut table, files) = ManuallyDrop::into_inner(fork);
            drop(files);
            table.give_back();
        }
    });
}

fn lock_all() -> Option<Fork> {
    let end = os::monotonic().checked_add(PATIENCE)?;
    let mut table = lock_until(&TABLE, end)?;
    if let Some(files) = table.take_all(end).and_then(|()| lock_files(end)) {
        return Some((table, files));
    }
    table.give_back();
    None
}

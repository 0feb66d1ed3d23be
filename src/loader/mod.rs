//! The dynamic loader: in which object an address lies, and what a name means to that object.
//!
//! Nothing here knows of OpenSSL, holds a lock of ours, or keeps an object loaded unless it says so.

mod relocations;
mod unwind;

pub(crate) use relocations::bindings;
pub(crate) use unwind::caller;

use std::ffi::{CStr, c_char, c_int, c_ulonglong, c_void};
use std::mem::MaybeUninit;
use std::ptr::{NonNull, null, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// The public part of the loader's `struct link_map`.
#[repr(C)]
struct LinkMap {
    base: usize,
    path: *const c_char,
    dynamic: usize,
    _next: *mut Self,
    _prev: *mut Self,
}

/// An object that is loaded: a program or a shared library. The values stay what they are when the
/// object is unloaded; nothing is read through them by then, which is the care of whoever keeps one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    /// Where its first segment begins and its last one ends.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// What is added to the addresses in its file.
    base: usize,
    /// Its dynamic section.
    dynamic: usize,
    path: *const c_char,
}

impl Object {
    /// The object that an address lies in, if any: none for code that was generated at run time.
    pub(crate) fn at(address: usize) -> Option<Self> {
        match find_object() {
            // SAFETY: this is glibc's function of that name.
            Some(find) => unsafe { quick(find, address) },
            None => by_iteration(address),
        }
    }

    pub(crate) const fn contains(&self, address: usize) -> bool {
        address >= self.start && address < self.end
    }

    /// All that tells it from another one, for who keeps it in atomics.
    pub(crate) const WORDS: usize = 5;

    pub(crate) fn words(&self) -> [usize; Self::WORDS] {
        [self.start, self.end, self.base, self.dynamic, self.path.expose_provenance()]
    }

    /// From [`words`](Self::words), `None` for those of nothing. The object is one that is loaded.
    pub(crate) fn from_words(words: [usize; Self::WORDS]) -> Option<Self> {
        let [start, end, base, dynamic, path] = words;
        let path = std::ptr::with_exposed_provenance(path);
        if start == 0 { None } else { Some(Self { start, end, base, dynamic, path }) }
    }

    /// Its file, as the loader names it; empty for the program.
    pub(crate) fn path(&self) -> &CStr {
        if self.path.is_null() {
            return c"";
        }
        // SAFETY: the loader's string, there as long as the object.
        unsafe { CStr::from_ptr(self.path) }
    }

    /// Something to look names up with: in this object, then in those that it names as needed. While
    /// it lives the object stays loaded. `None` if it is being unloaded.
    pub(crate) fn handle(&self) -> Option<Handle> {
        self.open(libc::RTLD_LAZY | libc::RTLD_NOLOAD)
    }

    /// Keeps the object loaded for good, and those that it needs with it.
    pub(crate) fn pin(&self) {
        let pinned = self.open(libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE);
        drop(pinned); // the reference goes, the mark stays
    }

    fn open(&self, flags: c_int) -> Option<Handle> {
        let path = if self.path().is_empty() { null() } else { self.path };
        // SAFETY: NULL, for the program, or a C string. Nothing is loaded, so no constructor runs.
        let handle = Handle(NonNull::new(unsafe { libc::dlopen(path, flags) })?);
        // Another object of the same name may have come in its place.
        (handle.dynamic() == Some(self.dynamic)).then_some(handle)
    }
}

/// A reference to a loaded object.
pub(crate) struct Handle(NonNull<c_void>);

impl Handle {
    /// What `name` means in this object's own scope, in this version or in the default one.
    pub(crate) fn find(&self, name: &CStr, version: Option<&CStr>) -> Option<NonNull<c_void>> {
        symbol(self.0.as_ptr(), name, version)
    }

    fn dynamic(&self) -> Option<usize> {
        let mut map: *const LinkMap = null();
        let to = (&raw mut map).cast::<c_void>();
        // SAFETY: the handle is one of dlopen's, and `map` takes a pointer.
        let failed = unsafe { libc::dlinfo(self.0.as_ptr(), libc::RTLD_DI_LINKMAP, to) };
        if failed != 0 || map.is_null() {
            return None;
        }
        // SAFETY: the object is loaded as long as the handle is open.
        Some(unsafe { (*map).dynamic })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is one of dlopen's, and closed once.
        unsafe { libc::dlclose(self.0.as_ptr()) };
    }
}

/// Does the address lie in the object that this library is, or is a part of?
pub(crate) fn is_here(address: usize) -> bool {
    here().is_some_and(|here| here.contains(address))
}

/// The object that this library is, or is a part of.
pub(crate) fn here() -> Option<Object> {
    Object::at(here as *const () as usize)
}

/// Looks a name of ours up, for those who watch.
pub(crate) fn tell_of(name: &CStr) {
    symbol(libc::RTLD_DEFAULT, name, None);
}

/// To look names up as the program does: in itself and everything that was loaded with it, or later
/// for everybody.
pub(crate) fn program() -> Option<Handle> {
    // SAFETY: NULL means the program, which is there.
    NonNull::new(unsafe { libc::dlopen(null(), libc::RTLD_LAZY) }).map(Handle)
}

/// What `name` would mean there if this library were not.
pub(crate) fn behind_us(name: &CStr, version: Option<&CStr>) -> Option<NonNull<c_void>> {
    symbol(libc::RTLD_NEXT, name, version)
}

fn symbol(scope: *mut c_void, name: &CStr, version: Option<&CStr>) -> Option<NonNull<c_void>> {
    let at = match version {
        // SAFETY: both end in a NUL. RTLD_NEXT means "behind the object that calls", which this is:
        // the result is looked at below, so that the call cannot become a jump.
        Some(version) => unsafe { libc::dlvsym(scope, name.as_ptr(), version.as_ptr()) },
        // SAFETY: as above.
        None => unsafe { libc::dlsym(scope, name.as_ptr()) },
    };
    let at = NonNull::new(at);
    if at.is_none() {
        // The program's next dlerror() is not to tell of a look-up that it has not made.
        // SAFETY: gives a string of this thread's, which is not looked at.
        unsafe { libc::dlerror() };
    }
    at
}

/// Calls `each` for the loaded objects in their order, until it gives something. Nothing is loaded
/// or unloaded meanwhile, so `each` must not call the loader.
fn iterate<T>(each: impl FnMut(&libc::dl_phdr_info) -> Option<T>) -> Option<T> {
    struct Walk<T, F> {
        each: F,
        found: Option<T>,
    }
    unsafe extern "C" fn step<T, F: FnMut(&libc::dl_phdr_info) -> Option<T>>(
        info: *mut libc::dl_phdr_info,
        _size: usize,
        walk: *mut c_void,
    ) -> c_int {
        // SAFETY: the pointer that was given to dl_iterate_phdr.
        let Some(walk) = (unsafe { walk.cast::<Walk<T, F>>().as_mut() }) else { return 1 };
        // SAFETY: the loader passes what it knows of an object.
        let Some(info) = (unsafe { info.as_ref() }) else { return 1 };
        walk.found = (walk.each)(info);
        c_int::from(walk.found.is_some())
    }
    fn run<T, F: FnMut(&libc::dl_phdr_info) -> Option<T>>(mut walk: Walk<T, F>) -> Option<T> {
        // SAFETY: `step` takes what it is given here, and it lives until the call returns.
        unsafe { libc::dl_iterate_phdr(Some(step::<T, F>), (&raw mut walk).cast()) };
        walk.found
    }
    run(Walk { each, found: None })
}

fn by_iteration(address: usize) -> Option<Object> {
    iterate(|info| object_of(info).filter(|object| object.contains(address)))
}

/// Is there an object whose file's name begins so?
pub(crate) fn is_loaded(start: &[u8]) -> bool {
    let found = iterate(|info| {
        if info.dlpi_name.is_null() {
            return None;
        }
        // SAFETY: the loader's string.
        let path = unsafe { CStr::from_ptr(info.dlpi_name) }.to_bytes();
        let name = path.rsplit(|byte| *byte == b'/').next()?;
        name.starts_with(start).then_some(())
    });
    found.is_some()
}

/// The loaded objects from the nth on, the program being the first; for few and rare questions.
pub(crate) fn nth(n: usize) -> Option<Object> {
    let mut left = n;
    iterate(|info| match left.checked_sub(1) {
        Some(less) => {
            left = less;
            None
        }
        None => Some(object_of(info)),
    })?
}

fn object_of(info: &libc::dl_phdr_info) -> Option<Object> {
    let base = usize::try_from(info.dlpi_addr).ok()?;
    let mut object = Object { start: usize::MAX, end: 0, base, dynamic: 0, path: info.dlpi_name };
    for i in 0..usize::from(info.dlpi_phnum) {
        // SAFETY: the loader gives so many headers.
        let at = unsafe { info.dlpi_phdr.add(i) };
        // SAFETY: as above.
        let header = unsafe { &*at };
        let from = base.wrapping_add(usize::try_from(header.p_vaddr).ok()?);
        match header.p_type {
            libc::PT_LOAD => {
                object.start = object.start.min(from);
                let to = from.wrapping_add(usize::try_from(header.p_memsz).ok()?);
                object.end = object.end.max(to);
            }
            libc::PT_DYNAMIC => object.dynamic = from,
            _ => {}
        }
    }
    (object.start < object.end && object.dynamic != 0).then_some(object)
}

/// glibc's `struct dl_find_object`, and what later releases may add.
#[repr(C)]
struct DlFindObject {
    _flags: c_ulonglong,
    start: *mut c_void,
    end: *mut c_void,
    map: *const LinkMap,
    _rest: [c_ulonglong; 16],
}

type FindObject = unsafe extern "C" fn(*mut c_void, *mut DlFindObject) -> c_int;

/// From glibc 2.35 on: without a lock, and for signal handlers too.
static FIND_OBJECT: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// Looks for the quick way to find objects, once, while the program has one thread.
pub(crate) fn begin() {
    let find = program().and_then(|program| program.find(c"_dl_find_object", None));
    FIND_OBJECT.store(find.map_or(null_mut(), NonNull::as_ptr), Relaxed);
}

#[inline]
fn find_object() -> Option<FindObject> {
    let find = NonNull::new(FIND_OBJECT.load(Relaxed))?;
    // SAFETY: this is what glibc's function of that name is.
    Some(unsafe { std::mem::transmute::<*mut c_void, FindObject>(find.as_ptr()) })
}

/// # Safety
///
/// `find` is glibc's `_dl_find_object`.
#[inline]
unsafe fn quick(find: FindObject, address: usize) -> Option<Object> {
    let mut found = MaybeUninit::<DlFindObject>::uninit();
    // SAFETY: any address may be asked for, and there is room for what is found.
    if unsafe { find(std::ptr::without_provenance_mut(address), found.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: the first four members were written, and any bytes make the rest.
    let found = unsafe { found.assume_init() };
    // SAFETY: the object is there as long as the code of it that asks runs.
    let map = unsafe { found.map.as_ref() }?;
    Some(Object {
        start: found.start.addr(),
        end: found.end.addr(),
        base: map.base,
        dynamic: map.dynamic,
        path: map.path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(address: usize) -> [Option<Object>; 2] {
        begin();
        assert!(find_object().is_some(), "this glibc has the quick way");
        [Object::at(address), by_iteration(address)]
    }

    #[test]
    fn two_ways_to_find_an_object_agree() {
        for address in [both as *const () as usize, libc::getpid as *const () as usize] {
            let [Some(quick), Some(slow)] = both(address) else { panic!("{address:#x}") };
            assert_eq!((quick.base, quick.dynamic), (slow.base, slow.dynamic));
            assert_eq!(quick.path(), slow.path());
            assert!(quick.contains(address) && slow.contains(address));
        }
        let nowhere = Box::new(0_u8);
        assert_eq!(both((&raw const *nowhere).addr()), [None, None]);
    }

    #[test]
    fn names_are_found_in_the_object_that_is_asked() {
        let libc_so = Object::at(libc::getpid as *const () as usize).unwrap();
        assert!(libc_so.path().to_bytes().ends_with(b"libc.so.6"));
        let handle = libc_so.handle().unwrap();
        assert_eq!(
            handle.find(c"getpid", None).unwrap().as_ptr() as usize,
            libc::getpid as *const () as usize
        );
        assert_eq!(handle.find(c"SSL_new", None), None);
        assert_eq!(nth(0).unwrap().path(), c"");
        assert_eq!(nth(100_000), None);
    }

    #[test]
    fn an_object_that_has_gone_has_no_handle() {
        let mut gone = Object::at(libc::getpid as *const () as usize).unwrap();
        gone.dynamic = 1;
        assert!(gone.handle().is_none());
    }
}

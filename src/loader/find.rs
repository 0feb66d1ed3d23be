//! The object that an address lies in: without a lock, where glibc has `_dl_find_object`; else among
//! all, one after the other.

use super::object::Object;
use std::ffi::{CStr, c_char, c_int, c_ulonglong, c_void};
use std::mem::MaybeUninit;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

impl Object {
    /// The object that an address lies in, if any: none for code that was generated at run time.
    pub(crate) fn at(address: usize) -> Option<Self> {
        match find_object() {
            // SAFETY: this is glibc's function of that name.
            Some(find) => unsafe { quick(find, address) },
            None => by_iteration(address),
        }
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

/// The public part of the loader's `struct link_map`.
#[repr(C)]
pub(super) struct LinkMap {
    base: usize,
    path: *const c_char,
    pub(super) dynamic: usize,
    _next: *mut Self,
    _prev: *mut Self,
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

pub(super) fn by_iteration(address: usize) -> Option<Object> {
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

// The same in every ELF file.
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;

fn object_of(info: &libc::dl_phdr_info) -> Option<Object> {
    let base = usize::try_from(info.dlpi_addr).ok()?;
    let mut object = Object { start: usize::MAX, end: 0, base, dynamic: 0, path: info.dlpi_name };
    for i in 0..usize::from(info.dlpi_phnum) {
        // SAFETY: the loader gives so many headers.
        let at = unsafe { info.dlpi_phdr.add(i) };
        // SAFETY: the loader gives so many headers.
        let header = unsafe { &*at };
        let from = base.wrapping_add(usize::try_from(header.p_vaddr).ok()?);
        match header.p_type {
            PT_LOAD => {
                object.start = object.start.min(from);
                let to = from.wrapping_add(usize::try_from(header.p_memsz).ok()?);
                object.end = object.end.max(to);
            }
            PT_DYNAMIC => object.dynamic = from,
            _ => {}
        }
    }
    (object.start < object.end && object.dynamic != 0).then_some(object)
}

/// glibc's `struct dl_find_object`, and what later releases may add.
#[repr(C)]
pub(super) struct DlFindObject {
    _flags: c_ulonglong,
    start: *mut c_void,
    end: *mut c_void,
    map: *const LinkMap,
    _rest: [c_ulonglong; 16],
}

pub(super) type FindObject = unsafe extern "C" fn(*mut c_void, *mut DlFindObject) -> c_int;

/// From glibc 2.35 on: without a lock, and for signal handlers too.
static FIND_OBJECT: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// Has the quick way to find objects, if there is one, be used from now on.
pub(super) fn use_quick_way(find: Option<NonNull<c_void>>) {
    FIND_OBJECT.store(find.map_or(null_mut(), NonNull::as_ptr), Relaxed);
}

#[inline]
pub(super) fn find_object() -> Option<FindObject> {
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
    let object = Object {
        start: found.start.addr(),
        end: found.end.addr(),
        base: map.base,
        dynamic: map.dynamic,
        path: map.path,
    };
    if is_whole(&object) { Some(object) } else { by_iteration(address) }
}

/// From glibc 2.41 on it finds one segment alone of an object that has gaps between them, as programs
/// have on arm64, whose segments lie 64 KiB apart.
#[inline]
const fn is_whole(object: &Object) -> bool {
    object.contains(object.dynamic) && (object.base == 0 || object.contains(object.base))
}

//! What the auditor (src/auditor.c) asks.

use super::entry::looked_up;
use crate::openssl::caller::entry_number;
use crate::panic_guard::guard_value;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::NonNull;

/// For the auditor alone: what a program is to get that looks `name` up with dlsym(3) and has found
/// `definition`. Our entry, if that is a libssl's function; else `definition`.
///
/// The loader is in the middle of the program's call: nothing is asked of it, and no lock is taken.
///
/// # Safety
///
/// `name` is NULL or ends in a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dtlsv1_listen_symbind(
    name: *const c_char,
    definition: *mut c_void,
) -> *mut c_void {
    guard_value(definition, || {
        let Some(name) = NonNull::new(name.cast_mut()) else { return definition };
        // SAFETY: a C string by this function's contract.
        let name = unsafe { CStr::from_ptr(name.as_ptr()) }.to_bytes();
        let entries = looked_up().into_iter().find(|(known, _)| known.as_bytes() == name);
        let entry = entries.and_then(|(_, all)| all.get(entry_number(definition.addr())?).copied());
        entry.map_or(definition, <*const c_void>::cast_mut)
    })
}

//! Who called this library, found by walking up the stack: for the functions that are called once
//! and again, and where a call comes without its return address.

use super::Object;
use std::ffi::{c_int, c_void};

#[repr(C)]
struct Context {
    _opaque: [u8; 0],
}

type Step = unsafe extern "C" fn(*mut Context, *mut c_void) -> c_int;

// Of the unwinder, which Rust's standard library brings along.
unsafe extern "C" {
    fn _Unwind_Backtrace(step: Step, argument: *mut c_void) -> c_int;
    #[cfg(not(target_arch = "arm"))]
    fn _Unwind_GetIP(context: *mut Context) -> usize;
    #[cfg(target_arch = "arm")]
    fn _Unwind_VRS_Get(
        context: *mut Context,
        class: c_int,
        register: u32,
        kind: c_int,
        value: *mut c_void,
    ) -> c_int;
}

/// Where a function goes on, once what it called has returned.
#[cfg(not(target_arch = "arm"))]
fn address(context: *mut Context) -> usize {
    // SAFETY: the unwinder's own context, which it has just given to `step`.
    unsafe { _Unwind_GetIP(context) }
}

/// Likewise. On ARM of 32 bits that is a register (Exception Handling ABI for the Arm Architecture),
/// which C reads with an inline function; its lowest bit says that the function is Thumb code.
#[cfg(target_arch = "arm")]
fn address(context: *mut Context) -> usize {
    const CORE: c_int = 0;
    const PC: u32 = 15;
    const UINT32: c_int = 0;
    let mut value = 0_usize;
    let to = (&raw mut value).cast();
    // SAFETY: the unwinder's own context, which it has just given to `step`; `value` has 32 bits.
    unsafe { _Unwind_VRS_Get(context, CORE, PC, UINT32, to) };
    value & !1
}

/// `_URC_NO_REASON` goes on; anything else ends the walk.
const GO_ON: c_int = 0;
const ENOUGH: c_int = 4;

struct Walk {
    us: Object,
    caller: usize,
}

/// An address in the function that called into this library; 0 if that is not to be found.
#[cold]
pub(crate) fn caller() -> usize {
    let Some(us) = super::here() else { return 0 };
    let mut walk = Walk { us, caller: 0 };
    // SAFETY: `step` takes what it is given here, and it lives until the call returns.
    unsafe { _Unwind_Backtrace(step, (&raw mut walk).cast()) };
    walk.caller
}

unsafe extern "C" fn step(context: *mut Context, walk: *mut c_void) -> c_int {
    // SAFETY: the pointer that was given to the unwinder.
    let Some(walk) = (unsafe { walk.cast::<Walk>().as_mut() }) else { return ENOUGH };
    let ip = address(context);
    if walk.us.contains(ip) {
        return GO_ON;
    }
    walk.caller = ip;
    ENOUGH
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loader;

    /// In a test the program is "this library", and what calls it is the C library's `qsort`.
    #[test]
    fn the_caller_is_the_first_that_is_not_us() {
        unsafe extern "C" fn compare(_: *const c_void, _: *const c_void) -> c_int {
            let at = Object::at(caller()).unwrap();
            assert!(at.path().to_bytes().ends_with(b"libc.so.6"), "{:?}", at.path());
            0
        }
        loader::begin();
        let mut two = [1, 2];
        // SAFETY: two bytes, and `compare` compares any two.
        unsafe { libc::qsort(two.as_mut_ptr().cast(), 2, 1, Some(compare)) };
    }
}

//! What names mean: to an object, to the program, and behind this library.

#[cfg(target_env = "gnu")]
use super::find::LinkMap;
use super::object::Object;
#[cfg(not(target_env = "gnu"))]
use std::ffi::c_char;
use std::ffi::{CStr, c_int, c_void};
use std::ptr::{NonNull, null};

impl Object {
    /// Something to look names up with: in this object, then in those that it names as needed. While
    /// it lives the object stays loaded. `None` if it is being unloaded.
    pub(crate) fn handle(&self) -> Option<Handle> {
        self.open(libc::RTLD_LAZY | libc::RTLD_NOLOAD)
    }

    /// Keeps the object loaded for good, and those that it needs with it.
    pub(crate) fn pin(&self) {
        // The reference goes, the mark stays; where there is no such mark, the reference stays.
        #[cfg(target_os = "linux")]
        drop(self.open(libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE));
        #[cfg(not(target_os = "linux"))]
        std::mem::forget(self.handle());
    }

    fn open(&self, flags: c_int) -> Option<Handle> {
        let path = if self.path().is_empty() { null() } else { self.path };
        // SAFETY: NULL, for the program, or a C string. Nothing is loaded, so no constructor runs.
        let handle = Handle(NonNull::new(unsafe { libc::dlopen(path, flags) })?);
        // Another object of the same name may have come in its place.
        handle.is_of(self).then_some(handle)
    }
}

/// A reference to a loaded object.
pub(crate) struct Handle(NonNull<c_void>);

impl Handle {
    /// What `name` means in this object's own scope, in this version or in the default one.
    pub(crate) fn find(&self, name: &CStr, version: Option<&CStr>) -> Option<NonNull<c_void>> {
        symbol(self.0.as_ptr(), name, version)
    }

    #[cfg(target_env = "gnu")]
    fn is_of(&self, object: &Object) -> bool {
        self.dynamic() == Some(object.dynamic)
    }

    /// Loaders that tell nothing of a handle: the object is still there, so that nothing has come in
    /// its place.
    #[cfg(not(target_env = "gnu"))]
    fn is_of(&self, object: &Object) -> bool {
        Object::at(object.start).is_some_and(|found| found.dynamic == object.dynamic)
    }

    #[cfg(target_env = "gnu")]
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

/// What `name` means to this library: what it means to everybody, or, if a plugin brought it along,
/// to that plugin and its like.
pub(crate) fn everybodys(name: &CStr) -> Option<NonNull<c_void>> {
    symbol(libc::RTLD_DEFAULT, name, None)
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

#[cfg(target_env = "gnu")]
use libc::dlvsym;

/// musl knows no versions; FreeBSD alone among the others does, and its OpenSSL is found without them.
#[cfg(not(target_env = "gnu"))]
unsafe fn dlvsym(scope: *mut c_void, name: *const c_char, _version: *const c_char) -> *mut c_void {
    // SAFETY: by this function's contract: a name, and a scope of dlsym's.
    unsafe { libc::dlsym(scope, name) }
}

fn symbol(scope: *mut c_void, name: &CStr, version: Option<&CStr>) -> Option<NonNull<c_void>> {
    let at = match version {
        // SAFETY: both end in a NUL. RTLD_NEXT means "behind the object that calls", which this is:
        // the result is looked at below, so that the call cannot become a jump.
        Some(version) => unsafe { dlvsym(scope, name.as_ptr(), version.as_ptr()) },
        // SAFETY: both end in a NUL. RTLD_NEXT means "behind the object that calls", which this is:
        // the result is looked at below, so that the call cannot become a jump.
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

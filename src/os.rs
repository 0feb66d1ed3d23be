//! The operating system: environment, stderr, clock, locks, memory that may not be there.

mod clock;
mod keyed;
mod lock;
#[allow(unsafe_code)]
mod notice;
#[allow(unsafe_code)]
mod once;
#[allow(unsafe_code)]
mod unnoticed;

#[cfg(test)]
pub(crate) use clock::tests::BOOT_SECONDS;
pub(crate) use clock::{boot_seconds, coarse_seconds, monotonic, unix_seconds};
pub(crate) use keyed::Keyed;
pub(crate) use lock::{Guarded, Lock, Locked};
pub(crate) use notice::{notice, remember_stderr, status};
pub(crate) use once::Once;
pub(crate) use unnoticed::{Unnoticed, errno, set_errno};

use std::ffi::{CStr, c_int};
use std::fs::File;
use std::io::Error;
use std::os::fd::{AsRawFd as _, FromRawFd as _, IntoRawFd as _, OwnedFd};

/// A variable's bytes; none in a program that runs with more rights than its user (setuid, file
/// capabilities): its environment is not the administrator's.
#[allow(unsafe_code)]
pub(crate) fn environment(name: &CStr) -> Option<&'static [u8]> {
    if has_more_rights_than_its_user() {
        return None;
    }
    // SAFETY: `name` ends in a NUL.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    if value.is_null() {
        return None;
    }
    // SAFETY: getenv gives a NUL-terminated string. It is read once at the first call and not kept
    // beyond (Defaults copies what it means); a program that calls setenv at the same moment in
    // another thread races with every library that reads its environment.
    Some(unsafe { CStr::from_ptr(value) }.to_bytes())
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn has_more_rights_than_its_user() -> bool {
    // SAFETY: takes an entry's number, and gives 0 for one that is not there.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

#[cfg(not(target_os = "linux"))]
#[allow(unsafe_code)]
fn has_more_rights_than_its_user() -> bool {
    unsafe extern "C" {
        fn issetugid() -> c_int;
    }
    // SAFETY: asks the kernel about this process, and takes nothing.
    unsafe { issetugid() != 0 }
}

/// The names of all variables that begin so, in whatever case; none where [`environment`] gives none.
#[allow(unsafe_code)]
pub(crate) fn each_variable(start: &[u8], mut each: impl FnMut(&'static [u8])) {
    unsafe extern "C" {
        static environ: *const *const std::ffi::c_char;
    }
    if has_more_rights_than_its_user() {
        return;
    }
    // SAFETY: libc's own; who changes it meanwhile races as in `environment`.
    let mut at = unsafe { environ };
    while !at.is_null() {
        // SAFETY: within the list, which ends with a null pointer.
        let variable = unsafe { at.read() };
        if variable.is_null() {
            return;
        }
        // SAFETY: a NUL-terminated string.
        let variable = unsafe { CStr::from_ptr(variable) }.to_bytes();
        let name = variable.split(|&b| b == b'=').next().unwrap_or_default();
        if name.get(..start.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(start)) {
            each(name);
        }
        // SAFETY: the list goes on, as this was not its end.
        at = unsafe { at.add(1) };
    }
}

/// Longest path, with the zero that ends it.
pub(crate) const PATH_LEN: usize = 4096;

/// Opens a file to read from it; a path that is a pipe's or a terminal's does not hold us up. Or
/// the error's number. In place of the standard library's, which copies long paths to the heap.
#[allow(unsafe_code)]
pub(crate) fn open(path: &CStr) -> Result<File, i32> {
    let flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;
    // SAFETY: `path` ends in a NUL.
    let fd = unsafe { libc::open(path.as_ptr(), flags) };
    if fd < 0 {
        return Err(Error::last_os_error().raw_os_error().unwrap_or(0));
    }
    // SAFETY: just opened, and nobody else's.
    Ok(unsafe { File::from_raw_fd(fd) })
}

/// Writes the working directory's path, and gives its length.
#[allow(unsafe_code)]
pub(crate) fn working_directory(path: &mut [u8]) -> Option<usize> {
    // SAFETY: writable for that many bytes.
    let at = unsafe { libc::getcwd(path.as_mut_ptr().cast(), path.len()) };
    if at.is_null() { None } else { path.iter().position(|&b| b == 0) }
}

/// The address, with zeros behind it, that a socket is connected to. (OpenBSD's sockaddr_storage has
/// 256 bytes, which none of its addresses needs.)
#[allow(unsafe_code)]
pub(crate) fn connected_to(fd: c_int) -> Option<[u8; 128]> {
    const ROOM: usize = 128;
    let mut address = [0; ROOM];
    let mut len = ROOM as libc::socklen_t;
    // SAFETY: writable for as many bytes as `len` says.
    let failed = unsafe { libc::getpeername(fd, address.as_mut_ptr().cast(), &raw mut len) } != 0;
    (!failed).then_some(address)
}

/// Whose rights the process has when it opens a file.
#[allow(unsafe_code)]
pub(crate) fn effective_user() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

/// Takes a new descriptor; none for -1. One that got the number of stdin, stdout or stderr, which
/// the program has closed, goes elsewhere: another thread may be about to write there.
#[allow(unsafe_code)]
pub(crate) fn out_of_the_way(fd: c_int) -> Option<OwnedFd> {
    if fd < 0 {
        return None;
    }
    // SAFETY: just opened, and nobody else's.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    if fd.as_raw_fd() > libc::STDERR_FILENO {
        return Some(fd);
    }
    fd.try_clone().ok() // 3 or higher, as the standard library has it
}

/// The same for a file.
pub(crate) fn moved_out_of_the_way(file: File) -> Result<File, Error> {
    out_of_the_way(file.into_raw_fd()).map(File::from).ok_or_else(Error::last_os_error)
}

/// Calls `each` with the names in a directory, if it can be read. In place of the standard
/// library's, which ends the process where there is no memory.
#[allow(unsafe_code)]
pub(crate) fn each_name(directory: &CStr, mut each: impl FnMut(&[u8])) {
    // SAFETY: a C string.
    let opened = unsafe { libc::opendir(directory.as_ptr()) };
    if opened.is_null() {
        return;
    }
    loop {
        // SAFETY: open, and only here.
        let entry = unsafe { libc::readdir(opened) };
        if entry.is_null() {
            break;
        }
        // SAFETY: an entry, until the next one is read. No reference to all of it: it is as long as
        // its name.
        let name = unsafe { &raw const (*entry).d_name };
        // SAFETY: ends in a NUL.
        each(unsafe { CStr::from_ptr(name.cast()) }.to_bytes());
    }
    // SAFETY: closed once.
    unsafe { libc::closedir(opened) };
}

/// Is there a process of this number? As far as this one can see.
#[allow(unsafe_code)]
pub(crate) fn is_running(pid: u32) -> bool {
    let Ok(pid) = libc::pid_t::try_from(pid) else { return false };
    // SAFETY: sends nothing, and only looks.
    let failed = unsafe { libc::kill(pid, 0) } != 0;
    pid > 0 && !(failed && errno() == libc::ESRCH)
}

/// Fills a short buffer with random bytes, if the system has any without waiting for them.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub(crate) fn random_at_once(bytes: &mut [u8]) -> bool {
    let (at, len) = (bytes.as_mut_ptr().cast(), bytes.len());
    // SAFETY: writable for that many bytes.
    let got = unsafe { libc::getrandom(at, len, libc::GRND_NONBLOCK) };
    usize::try_from(got) == Ok(len)
}

#[cfg(not(target_os = "linux"))]
#[allow(unsafe_code)]
pub(crate) fn random_at_once(bytes: &mut [u8]) -> bool {
    // SAFETY: writable for that many bytes.
    unsafe { arc4random_buf(bytes.as_mut_ptr().cast(), bytes.len()) };
    true
}

// BSD's: never waits, never fails.
#[cfg(not(target_os = "linux"))]
#[allow(unsafe_code)]
unsafe extern "C" {
    fn arc4random_buf(to: *mut std::ffi::c_void, len: usize);
}

/// Runs `what` at exit, or when the library is unloaded.
#[allow(unsafe_code)]
pub(crate) fn at_exit(what: extern "C" fn()) {
    // SAFETY: a function that takes nothing and lives as long as the library.
    let _ = unsafe { libc::atexit(what) };
}

/// Runs `what` in each process that is forked off, before fork(2) returns there; not after vfork.
#[allow(unsafe_code)]
pub(crate) fn in_child(what: extern "C" fn()) {
    // SAFETY: a function that takes nothing; glibc forgets it when the library is unloaded.
    let _ = unsafe { libc::pthread_atfork(None, None, Some(what)) };
}

/// Was this socket shut down for reading (shutdown(2))? Tells it from a datagram of no bytes.
#[allow(unsafe_code)]
pub(crate) fn is_shut_for_reading(fd: c_int) -> bool {
    #[cfg(any(target_os = "linux", target_os = "freebsd"))]
    const RDHUP: libc::c_short = libc::POLLRDHUP;
    // The others tell by POLLHUP alone.
    #[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
    const RDHUP: libc::c_short = 0;
    let mut asked = libc::pollfd { fd, events: RDHUP, revents: 0 };
    // SAFETY: one pollfd, ours, and no time to wait.
    let answered = uncancelled(|| unsafe { libc::poll(&raw mut asked, 1, 0) });
    answered > 0 && asked.revents & (RDHUP | libc::POLLHUP | libc::POLLNVAL) != 0
}

/// Reads a datagram that waits, for nobody: its length, where the system tells that of one that is cut.
#[allow(unsafe_code)]
pub(crate) fn drop_one_datagram(socket: c_int) -> Option<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
    // SAFETY: of no bytes, so nothing is written to.
    let receive = || unsafe { libc::recv(socket, std::ptr::null_mut(), 0, flags) };
    usize::try_from(uncancelled(receive)).ok()
}

/// Runs work of ours that the thread is not cancelled in (pthread_cancel(3)): what it holds, counts
/// and has open is whole at its end only. It calls nothing of the program's, and the standard library
/// ends the process when a thread ends in it.
pub(crate) fn uncancelled<T>(work: impl FnOnce() -> T) -> T {
    let _until_the_end = unnoticed::Uncancelled::begin();
    work()
}

/// A box, or the value back where memory is short: an allocation that fails must not end the
/// process that we are a guest in, as `Box::new` would.
pub(crate) fn try_box<T>(value: T) -> Option<Box<[T]>> {
    let mut one = Vec::new();
    one.try_reserve_exact(1).ok()?;
    one.push(value);
    Some(one.into_boxed_slice())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs::File;
    use std::os::fd::FromRawFd as _;

    /// The end to read from, and the one to write to.
    #[allow(unsafe_code)]
    pub(super) fn pipe() -> (File, File) {
        let mut ends = [0; 2];
        // SAFETY: room for two descriptors.
        assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
        // SAFETY: just opened, and nobody else's.
        let [reader, writer] = ends.map(|fd| unsafe { File::from_raw_fd(fd) });
        (reader, writer)
    }

    #[test]
    fn random_bytes_differ() {
        let (mut a, mut b) = ([0; 32], [0; 32]);
        assert!(super::random_at_once(&mut a) && super::random_at_once(&mut b));
        assert_ne!(a, b);
    }
}

//! Lines for whoever runs the program: on its stderr, else in the system's log.
//!
//! A notice is never the program's trouble: it does not wait, sends no signal and leaves errno alone.
//! And it goes to no file that is not meant for it. A program may close descriptor 2, and the next
//! file that it opens, a database perhaps, has that number. So stderr is what was there when the
//! library was loaded; where something else stands now, even another log, or /dev/null, the line
//! goes to the system's log.

use super::unnoticed::Unnoticed;
// Where off_t has 32 bits, stat(2)'s own fails for a log of 2 GiB.
#[cfg(not(target_os = "linux"))]
use libc::{fstat, stat};
#[cfg(target_os = "linux")]
use libc::{fstat64 as fstat, stat64 as stat};
use std::ffi::c_int;
use std::fmt::Arguments;
use std::io::Write as _;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Longer lines are cut.
const LINE: usize = 1024;
const NAME: &[u8] = b"dtlsv1_listen: ";

/// Says one line, in one write so that lines of several processes do not mix.
#[cold]
pub(crate) fn notice(text: Arguments<'_>) {
    let _unnoticed = Unnoticed::begin();
    let mut line = [0; LINE];
    let len = compose(&mut line, text);
    let line = line.get(..len).unwrap_or_default();
    if !to_stderr(line) {
        to_system_log(line.strip_prefix(NAME).unwrap_or(line).trim_ascii_end());
    }
}

/// Gives the length.
fn compose(line: &mut [u8; LINE], text: Arguments<'_>) -> usize {
    let Some((end, room)) = line.split_last_mut() else { return 0 };
    let mut rest = &mut room[..];
    let _ = rest.write_all(NAME);
    let _ = rest.write_fmt(text); // cut, where it does not fit
    let left = rest.len();
    match rest.first_mut() {
        Some(byte) => *byte = b'\n',
        None => *end = b'\n',
    }
    LINE.saturating_sub(left)
}

/// Device and inode of what was descriptor 2 when the library was loaded.
static STDERR: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
static STDERR_OPEN: AtomicBool = AtomicBool::new(false);

/// To be called when the library is loaded.
pub(crate) fn remember_stderr() {
    if let Some(found) = status(libc::STDERR_FILENO) {
        for (to, from) in STDERR.iter().zip(identity(&found)) {
            to.store(from, Relaxed);
        }
        STDERR_OPEN.store(true, Relaxed);
    }
}

/// False if it did not go there.
fn to_stderr(line: &[u8]) -> bool {
    let Some(now) = status(libc::STDERR_FILENO) else { return false };
    let then = STDERR.each_ref().map(|part| part.load(Relaxed));
    if !STDERR_OPEN.load(Relaxed) || identity(&now) != then {
        return false;
    }
    let written = match now.st_mode & libc::S_IFMT {
        libc::S_IFSOCK if !is_local(libc::STDERR_FILENO) => return false, // a client, under inetd
        libc::S_IFSOCK => send(libc::STDERR_FILENO, line),
        libc::S_IFCHR if is_null_device(&now) => return false,
        _ if takes_some(libc::STDERR_FILENO) => write(libc::STDERR_FILENO, line),
        _ => return false,
    };
    usize::try_from(written) == Ok(line.len())
}

/// What fstat(2) says of a descriptor, if it is open.
pub(crate) fn status(fd: c_int) -> Option<stat> {
    let mut status = MaybeUninit::uninit();
    // SAFETY: writable for what the call fills in; the descriptor may be closed.
    let failed = unsafe { fstat(fd, status.as_mut_ptr()) };
    // SAFETY: filled in, as it did not fail.
    (failed == 0).then(|| unsafe { status.assume_init() })
}

#[allow(clippy::unnecessary_cast, reason = "of several widths")]
fn identity(status: &stat) -> [u64; 2] {
    [status.st_dev as u64, status.st_ino as u64]
}

fn is_null_device(status: &stat) -> bool {
    let mut null = MaybeUninit::<stat>::uninit();
    // SAFETY: a C string, and writable for what the call fills in.
    if unsafe { stat(c"/dev/null".as_ptr(), null.as_mut_ptr()) } != 0 {
        return false;
    }
    // SAFETY: filled in, as it did not fail.
    status.st_rdev == unsafe { null.assume_init() }.st_rdev
}

/// Is the socket one of this host's own, as systemd's for the journal is?
fn is_local(fd: c_int) -> bool {
    let mut address = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    // SAFETY: writable for as many bytes as `len` says.
    if unsafe { libc::getsockname(fd, address.as_mut_ptr().cast(), &raw mut len) } != 0 {
        return false;
    }
    // SAFETY: zeros are an address, and so is what the call has put there.
    c_int::from(unsafe { address.assume_init() }.ss_family) == libc::AF_UNIX
}

/// Would a write be taken now? Not where a pipe is full, or its reader gone.
fn takes_some(fd: c_int) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one descriptor; it does not wait.
    let ready = unsafe { libc::poll(&raw mut poll, 1, 0) };
    ready == 1 && poll.revents == libc::POLLOUT
}

fn write(fd: c_int, bytes: &[u8]) -> isize {
    // SAFETY: readable for as many bytes.
    unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) }
}

const AT_ONCE: c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;

fn send(fd: c_int, bytes: &[u8]) -> isize {
    // SAFETY: readable for as many bytes.
    unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), AT_ONCE) }
}

/// One datagram to the system's log, as syslog(3) sends them; in place of openlog(3) and syslog(3),
/// whose name, facility and socket are the program's. Where nobody takes it the line is lost.
fn to_system_log(text: &[u8]) {
    /// Daemon, warning: 3 * 8 + 4. The receiver puts the time.
    const HEAD: &str = "<28>dtlsv1_listen";
    let mut datagram = [0; LINE];
    let mut rest = &mut datagram[..];
    let _ = write!(rest, "{HEAD}[{}]: ", std::process::id());
    let left = rest.len().min(text.len());
    let _ = rest.write_all(text.get(..left).unwrap_or_default());
    let len = LINE.saturating_sub(rest.len());

    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: takes numbers.
    let Some(fd) = super::out_of_the_way(unsafe { libc::socket(libc::AF_UNIX, kind, 0) }) else {
        return;
    };
    // SAFETY: zeros are an address without a path.
    let mut log: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    log.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (to, from) in log.sun_path.iter_mut().zip(b"/dev/log") {
        *to = *from as libc::c_char;
    }
    // SAFETY: readable for `len` bytes, and an address of its whole length.
    unsafe {
        libc::sendto(
            fd.as_raw_fd(),
            datagram.as_ptr().cast(),
            len,
            AT_ONCE,
            (&raw const log).cast(),
            size_of::<libc::sockaddr_un>() as libc::socklen_t,
        )
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_however_long_it_is() {
        let mut line = [0; LINE];
        let len = compose(&mut line, format_args!("{} {}", 1, "two"));
        assert_eq!(&line[..len], b"dtlsv1_listen: 1 two\n");
        for room in [LINE - NAME.len() - 2, LINE - NAME.len() - 1, LINE - NAME.len(), 2 * LINE] {
            let mut line = [0; LINE];
            let len = compose(&mut line, format_args!("{}", "x".repeat(room)));
            assert_eq!(len, LINE.min(NAME.len() + room + 1), "{room}");
            assert!(line[..len].ends_with(b"x\n"));
        }
    }

    #[test]
    fn a_log_of_more_than_two_gigabytes_is_told_from_others() {
        let path = std::env::temp_dir().join(format!("dtlsv1_listen-log-{}", std::process::id()));
        let log = std::fs::File::create(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        log.set_len(3 << 30).unwrap();
        let found = status(log.as_raw_fd()).map(|log| identity(&log));
        assert!(found.is_some_and(|found| found != [0, 0]));
    }

    #[test]
    fn a_full_pipe_and_one_without_a_reader_take_nothing() {
        let (reader, writer) = crate::os::tests::pipe();
        assert!(takes_some(writer.as_raw_fd()));
        while takes_some(writer.as_raw_fd()) {
            assert_eq!(write(writer.as_raw_fd(), &[0; 4096]), 4096);
        }
        let (other, widowed) = crate::os::tests::pipe();
        drop(other);
        assert!(!takes_some(widowed.as_raw_fd()));
        drop(reader);
    }

    #[test]
    fn sockets_of_this_host() {
        let (one, _other) = std::os::unix::net::UnixDatagram::pair().unwrap();
        assert!(is_local(one.as_raw_fd()));
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(!is_local(udp.as_raw_fd()));
        assert!(!is_local(-1));
    }
}

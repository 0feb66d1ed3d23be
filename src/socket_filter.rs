//! A filter on a listening socket: nothing but ClientHellos of a first contact comes through.
//!
//! Classic BPF, which needs no rights. What it drops costs no wake-up, no system call and no room in
//! the socket's buffer, so that garbage does not crowd honest hellos out. It takes whatever the gate
//! takes, later fragments included, and reads only what a hello has in front of its body.

use crate::os::{errno, set_errno};
use libc::{c_int, c_uint, c_void, sock_filter};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// The kernel runs it with the UDP header in front.
const UDP: u32 = 8;
const LEN: usize = 12;

/// Reads past the end drop the datagram, too.
const PROGRAM: [sock_filter; LEN] = [
    load(libc::BPF_B, UDP), // content type
    jump(libc::BPF_JEQ, 22, 0, 9),
    load(libc::BPF_B, UDP + 1), // major version
    jump(libc::BPF_JEQ, 0xFE, 0, 7),
    load(libc::BPF_H, UDP + 3), // epoch
    jump(libc::BPF_JEQ, 0, 0, 5),
    load(libc::BPF_B, UDP + 13), // handshake type
    jump(libc::BPF_JEQ, 1, 0, 3),
    load(libc::BPF_H, UDP + 17), // message_seq
    jump(libc::BPF_JGT, 1, 1, 0),
    ret(u32::MAX),
    ret(0),
];

const fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: code as u16, jt, jf, k }
}

const fn load(size: u32, at: u32) -> sock_filter {
    instruction(libc::BPF_LD | size | libc::BPF_ABS, at, 0, 0)
}

const fn jump(condition: u32, with: u32, then: u8, otherwise: u8) -> sock_filter {
    instruction(libc::BPF_JMP | condition | libc::BPF_K, with, then, otherwise)
}

const fn ret(bytes: u32) -> sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, bytes, 0, 0)
}

/// Whether an SSL_CTX's listening sockets have it, which any thread may change and read.
pub(crate) struct Switch(AtomicU8);

const NEVER: u8 = 0;
const ON: u8 = 1;
/// It was on: sockets may still have it.
const OFF: u8 = 2;

impl Switch {
    pub(crate) const fn new(on: bool) -> Self {
        Self(AtomicU8::new(if on { ON } else { NEVER }))
    }

    pub(crate) fn set(&self, on: bool) {
        let before = self.0.load(Relaxed);
        self.0.store(
            if on {
                ON
            } else if before == NEVER {
                NEVER
            } else {
                OFF
            },
            Relaxed,
        );
    }

    /// May a socket have it?
    #[inline]
    pub(crate) fn is_in_use(&self) -> bool {
        self.0.load(Relaxed) != NEVER
    }

    /// Before a socket is read from; `socket` is asked only where there is something to do.
    #[inline]
    pub(crate) fn begin(&self, socket: impl FnOnce() -> Option<c_int>) {
        if !self.is_in_use() {
            return;
        }
        match socket() {
            Some(socket) if self.0.load(Relaxed) == ON => put_on(socket),
            Some(socket) => take_off(socket),
            None => {}
        }
    }
}

/// A client was accepted: what it sends from now on may come to this socket.
#[cold]
pub(crate) fn end(socket: Option<c_int>) {
    if let Some(socket) = socket {
        take_off(socket);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    None,
    Ours,
    /// The application's, or one that cannot be asked for.
    Another,
}

/// Errors change nothing: the socket is what it was, and errno too.
fn put_on(socket: c_int) {
    let _errno = Errno::keep();
    if held(socket) != Held::None || !is_udp(socket) || is_connected(socket) {
        return;
    }
    let mut program = PROGRAM;
    let filter = libc::sock_fprog { len: LEN as u16, filter: program.as_mut_ptr() };
    // SAFETY: the filter is of that many instructions and lives until this returns.
    unsafe {
        libc::setsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const filter).cast(),
            size_of::<libc::sock_fprog>() as c_uint,
        )
    };
}

fn take_off(socket: c_int) {
    let _errno = Errno::keep();
    if held(socket) != Held::Ours {
        return;
    }
    let unused: c_int = 0;
    // SAFETY: reads one int at most.
    unsafe {
        libc::setsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_DETACH_FILTER,
            (&raw const unused).cast(),
            size_of::<c_int>() as c_uint,
        )
    };
}

fn held(socket: c_int) -> Held {
    let mut program = [ret(0); LEN];
    // Here the length is one of instructions, and what is longer than the room is refused.
    let mut len = LEN as c_uint;
    // SAFETY: there is room for so many instructions.
    let status = unsafe {
        libc::getsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_GET_FILTER,
            program.as_mut_ptr().cast::<c_void>(),
            &raw mut len,
        )
    };
    match (status, len as usize) {
        (0, 0) => Held::None,
        (0, LEN) => {
            let is_ours = program.iter().zip(PROGRAM).all(|(got, ours)| {
                (got.code, got.jt, got.jf, got.k) == (ours.code, ours.jt, ours.jf, ours.k)
            });
            if is_ours { Held::Ours } else { Held::Another }
        }
        _ => Held::Another,
    }
}

/// A Unix socket's datagrams have no UDP header in front.
fn is_udp(socket: c_int) -> bool {
    let mut protocol: c_int = 0;
    let mut len = size_of::<c_int>() as c_uint;
    // SAFETY: writable for an int.
    let status = unsafe {
        libc::getsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_PROTOCOL,
            (&raw mut protocol).cast(),
            &raw mut len,
        )
    };
    status == 0 && protocol == libc::IPPROTO_UDP
}

fn is_connected(socket: c_int) -> bool {
    let mut address = MaybeUninit::<libc::sockaddr_storage>::uninit();
    let mut len = size_of::<libc::sockaddr_storage>() as c_uint;
    // SAFETY: writable for any address.
    unsafe { libc::getpeername(socket, address.as_mut_ptr().cast(), &raw mut len) == 0 }
}

/// Puts errno back at the end.
struct Errno(c_int);

impl Errno {
    fn keep() -> Self {
        Self(errno())
    }
}

impl Drop for Errno {
    fn drop(&mut self) {
        set_errno(self.0);
    }
}

#[cfg(test)]
mod tests;

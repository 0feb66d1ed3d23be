//! A listener on loopback: any datagrams from four ports, clients that shake hands as far as the input
//! says, and the C functions in any order. Nothing that comes is ever the listener's failure, each SSL
//! is told of as new once, and none is left when all are freed.
#![no_main]

use dtlsv1_listen::abi::listener::*;
use dtlsv1_listen::abi::listener_client::*;
use dtlsv1_listen::abi::listener_make::*;
use dtlsv1_listen::abi::listener_options::ListenerOptions;
use dtlsv1_listen::abi::stats::{Stats, dtlsv1_listen_get_stats};
use libfuzzer_sys::fuzz_target;
use std::cell::OnceCell;
use std::ffi::{c_char, c_int, c_ulong, c_void};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::ptr::null_mut;

type Ptr = *mut c_void;

unsafe extern "C" {
    fn BIO_new_dgram(fd: c_int, close: c_int) -> Ptr;
    fn DTLS_client_method() -> Ptr;
    fn DTLS_server_method() -> Ptr;
    fn ERR_clear_error();
    fn ERR_peek_error() -> c_ulong;
    fn SSL_CTX_new(method: Ptr) -> Ptr;
    fn SSL_CTX_set_cipher_list(ctx: Ptr, ciphers: *const c_char) -> c_int;
    fn SSL_accept(ssl: Ptr) -> c_int;
    fn SSL_do_handshake(ssl: Ptr) -> c_int;
    fn SSL_free(ssl: Ptr);
    fn SSL_new(ctx: Ptr) -> Ptr;
    fn SSL_read(ssl: Ptr, to: *mut u8, len: c_int) -> c_int;
    fn SSL_set_bio(ssl: Ptr, rbio: Ptr, wbio: Ptr);
    fn SSL_set_connect_state(ssl: Ptr);
    fn SSL_shutdown(ssl: Ptr) -> c_int;
    fn SSL_write(ssl: Ptr, from: *const u8, len: c_int) -> c_int;
    fn fcntl(fd: c_int, command: c_int, argument: c_int) -> c_int;
}

const F_SETFL: c_int = 4;
const O_NONBLOCK: c_int = 2048;

struct Contexts {
    server: Ptr,
    client: Ptr,
}

thread_local! {
    static CONTEXTS: OnceCell<Contexts> = const { OnceCell::new() };
}

/// Without certificates: as many handshakes as can be.
fn contexts() -> Contexts {
    let make = |method| unsafe {
        let ctx = SSL_CTX_new(method);
        assert_eq!(SSL_CTX_set_cipher_list(ctx, c"aNULL:@SECLEVEL=0".as_ptr()), 1);
        ctx
    };
    unsafe { Contexts { server: make(DTLS_server_method()), client: make(DTLS_client_method()) } }
}

struct Peer {
    socket: UdpSocket,
    ssl: Ptr,
}

impl Peer {
    fn new(ctx: Ptr, port: u16) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(("127.0.0.1", port)).unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut peer = Self { socket, ssl: null_mut() };
        peer.begin(ctx);
        peer
    }
    fn begin(&mut self, ctx: Ptr) {
        unsafe {
            SSL_free(self.ssl);
            self.ssl = SSL_new(ctx);
            let bio = BIO_new_dgram(self.socket.as_raw_fd(), 0);
            SSL_set_bio(self.ssl, bio, bio);
            SSL_set_connect_state(self.ssl);
        }
    }
}

fn open_ssls() -> u64 {
    let mut stats = std::mem::MaybeUninit::<Stats>::zeroed();
    let taken = unsafe { dtlsv1_listen_get_stats(stats.as_mut_ptr(), size_of::<Stats>()) };
    assert_eq!(taken, 1);
    let stats = unsafe { stats.assume_init() };
    stats.listener_accepted - stats.listener_closed
}

struct Run<'a> {
    contexts: &'a Contexts,
    listener: *mut ListenerHandle,
    peers: Vec<Peer>,
    ssls: Vec<Ptr>,
}

impl Run<'_> {
    fn next(&mut self, only_new: bool) {
        if self.listener.is_null() {
            return;
        }
        let mut news = DTLSV1_NEWS_ACCEPTED;
        let ssl: Ptr = unsafe {
            if only_new {
                dtlsv1_listener_accept(self.listener, 0).cast()
            } else {
                dtlsv1_listener_next(self.listener, &mut news).cast()
            }
        };
        if !ssl.is_null() {
            let new = news & DTLSV1_NEWS_ACCEPTED != 0;
            assert_eq!(new, !self.ssls.contains(&ssl), "told of as new once, and before all else");
            if new {
                self.ssls.push(ssl);
            }
        }
    }

    fn act(&mut self, what: u8, which: u8, bytes: &[u8]) {
        let peer = usize::from(which) % self.peers.len();
        let ssl = self.ssls.get(usize::from(which) % self.ssls.len().max(1)).copied();
        let mut room = [0; 512];
        unsafe {
            match (what % 14, ssl) {
                (0, _) => drop(self.peers[peer].socket.send(bytes)),
                (1 | 2, _) => drop(SSL_do_handshake(self.peers[peer].ssl)),
                (3, _) => self.peers[peer].begin(self.contexts.client),
                (4 | 5, _) if !self.listener.is_null() => {
                    ERR_clear_error();
                    assert!(dtlsv1_listener_run(self.listener, 0) >= 0);
                    assert_eq!(ERR_peek_error(), 0);
                }
                (6, _) => self.next(false),
                (7, _) => self.next(true),
                (8, Some(ssl)) => drop(SSL_accept(ssl)),
                (9, Some(ssl)) => drop(SSL_read(ssl, room.as_mut_ptr(), 512)),
                (10, Some(ssl)) => drop(SSL_write(ssl, bytes.as_ptr(), bytes.len() as c_int)),
                (11, Some(ssl)) => {
                    SSL_free(ssl);
                    self.ssls.retain(|other| *other != ssl);
                }
                (12, Some(ssl)) => {
                    let fd = dtlsv1_listener_detach(ssl.cast());
                    assert!(fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
                }
                (13, Some(ssl)) if which & 0x80 != 0 => drop(SSL_shutdown(ssl)),
                (13, _) if which == 0x7F => {
                    dtlsv1_listener_free(self.listener);
                    self.listener = null_mut();
                }
                _ => {}
            }
            ERR_clear_error();
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&limits, mut rest)) = input.split_first() else { return };
    CONTEXTS.with(|cell| {
        let contexts = cell.get_or_init(contexts);
        let options = ListenerOptions {
            size: size_of::<ListenerOptions>(),
            max_clients: u32::from(limits & 3),
            max_per_address: u32::from(limits >> 2 & 3),
            queue: u32::from(limits >> 4 & 3),
            handshake_seconds: 0,
            mtu: 0,
            max_datagram: 0,
            flags: u32::from(limits >> 6 & 1),
        };
        let mut at: [u8; 16] = [2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut len = 16;
        let listener = unsafe {
            dtlsv1_listener_bind(contexts.server.cast(), at.as_ptr().cast(), 16, &options)
        };
        assert!(!listener.is_null());
        let told = unsafe { dtlsv1_listener_address(listener, at.as_mut_ptr().cast(), &mut len) };
        assert_eq!((told, len), (1, 16));
        let port = u16::from_be_bytes([at[2], at[3]]);
        let peers = (0..4).map(|_| Peer::new(contexts.client, port)).collect();
        let mut run = Run { contexts, listener, peers, ssls: Vec::new() };
        while let [what, which, len, more @ ..] = rest {
            let (bytes, behind) = more.split_at(more.len().min(usize::from(*len)));
            run.act(*what, *which, if *what % 14 == 0 || *what % 14 == 10 { bytes } else { &[] });
            rest = if *what % 14 == 0 || *what % 14 == 10 { behind } else { more };
        }
        unsafe {
            if limits & 0x80 != 0 {
                dtlsv1_listener_free(run.listener);
                run.listener = null_mut();
            }
            run.ssls.iter().for_each(|ssl| SSL_free(*ssl));
            dtlsv1_listener_free(run.listener);
            run.peers.iter().for_each(|peer| SSL_free(peer.ssl));
            ERR_clear_error();
        }
        assert_eq!(open_ssls(), 0);
    });
});

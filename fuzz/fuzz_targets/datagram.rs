//! The C functions without a socket: datagrams of one peer's, one after the other, with any room for
//! the answer. What is written fits, is never longer than the datagram, and is what the verdict says;
//! an SSL takes what was admitted; and nothing is left in the error queue.
#![no_main]

use dtlsv1_listen::abi::datagram::{
    DTLSV1_LISTEN_ADMIT, DTLSV1_LISTEN_ANSWER, DTLSV1_LISTEN_DROP, DTLSV1_LISTEN_KEPT,
    DTLSV1_LISTEN_OUT_MAX, dtlsv1_listen_adopt, dtlsv1_listen_datagram,
};
use libfuzzer_sys::fuzz_target;
use std::cell::OnceCell;
use std::ffi::{c_int, c_uint, c_ulong, c_void};

type Ptr = *mut c_void;

unsafe extern "C" {
    fn BIO_new(method: Ptr) -> Ptr;
    fn BIO_s_mem() -> Ptr;
    fn DTLS_server_method() -> Ptr;
    fn ERR_clear_error();
    fn ERR_peek_error() -> c_ulong;
    fn SSL_CTX_new(method: Ptr) -> Ptr;
    fn SSL_new(ctx: Ptr) -> Ptr;
    fn SSL_set_bio(ssl: Ptr, rbio: Ptr, wbio: Ptr);
}

const AF_INET: u16 = 2;
const COOKIE_LEN: usize = 32;
/// Where the session id's length stands in a hello.
const SESSION_ID: usize = 59;

struct Server {
    ctx: Ptr,
    ssl: Ptr,
}

thread_local! {
    static SERVER: OnceCell<Server> = const { OnceCell::new() };
}

fn server() -> Server {
    unsafe {
        let ctx = SSL_CTX_new(DTLS_server_method());
        let ssl = SSL_new(ctx);
        SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        Server { ctx, ssl }
    }
}

/// Puts the cookie that was given last where a hello has one of that length: nobody guesses it.
fn with_cookie(datagram: &mut [u8], cookie: &[u8; COOKIE_LEN]) {
    let Some(&session_id) = datagram.get(SESSION_ID) else { return };
    let at = SESSION_ID + 1 + usize::from(session_id);
    if datagram.get(at) != Some(&(COOKIE_LEN as u8)) {
        return;
    }
    if let Some(room) = datagram.get_mut(at + 1..at + 1 + COOKIE_LEN) {
        room.copy_from_slice(cookie);
    }
}

fn judge(server: &Server, peer: &[u8], datagram: &[u8], room: usize) -> (c_int, Vec<u8>) {
    let mut out = vec![0xA5; DTLSV1_LISTEN_OUT_MAX];
    let mut len = room;
    let verdict = unsafe {
        dtlsv1_listen_datagram(
            server.ctx.cast(),
            datagram.as_ptr(),
            datagram.len(),
            peer.as_ptr().cast(),
            peer.len() as c_uint,
            out.as_mut_ptr(),
            &mut len,
        )
    };
    let written = if verdict < 0 { 0 } else { len };
    assert!(written <= room);
    assert!(out[written..].iter().all(|&byte| byte == 0xA5), "written behind what was said");
    out.truncate(written);
    assert_eq!(verdict < 0, unsafe { ERR_peek_error() } != 0);
    unsafe { ERR_clear_error() };
    (verdict, out)
}

fn adopts(server: &Server, peer: &[u8], hello: &[u8]) -> c_int {
    let (at, len) = (hello.as_ptr(), hello.len());
    let peer_len = peer.len() as c_uint;
    let adopted =
        unsafe { dtlsv1_listen_adopt(server.ssl.cast(), at, len, peer.as_ptr().cast(), peer_len) };
    unsafe { ERR_clear_error() };
    adopted
}

fn run(server: &Server, input: &[u8]) {
    let Some((&choice, mut rest)) = input.split_first() else { return };
    let mut peer = [0; 16];
    peer[..2].copy_from_slice(&AF_INET.to_ne_bytes());
    peer[2..8].copy_from_slice(&[0x11, 0x51, 127, 0, 0, choice]);
    let mut cookie = [0; COOKIE_LEN];
    while let Some((&[high, low, short], behind)) = rest.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes([high, low])).min(behind.len());
        let (datagram, behind) = behind.split_at(len);
        rest = behind;
        let mut datagram = datagram.to_vec();
        with_cookie(&mut datagram, &cookie);
        // Mostly enough.
        let room = if short < 0xC0 { DTLSV1_LISTEN_OUT_MAX } else { usize::from(short & 0x3F) };
        let (verdict, out) = judge(server, &peer, &datagram, room);
        match verdict {
            DTLSV1_LISTEN_ANSWER => {
                assert!(out.len() <= datagram.len(), "the answer is larger than the question");
                assert_eq!(out[3..11], datagram[3..11]);
                if let Some(made) = out.get(28..).and_then(|cookie| cookie.try_into().ok()) {
                    cookie = made;
                }
            }
            DTLSV1_LISTEN_ADMIT => {
                let length = u16::from_be_bytes([out[11], out[12]]);
                assert_eq!(out.len(), 13 + usize::from(length));
                assert_ne!(adopts(server, &peer, &out), 0, "it was right a moment ago");
            }
            DTLSV1_LISTEN_DROP | DTLSV1_LISTEN_KEPT => assert!(out.is_empty()),
            _ => assert!(room < DTLSV1_LISTEN_OUT_MAX, "nothing was wrong on this side"),
        }
        if verdict != DTLSV1_LISTEN_ADMIT {
            // A first fragment whose cookie is right is kept and would be adopted.
            assert!(
                verdict == DTLSV1_LISTEN_KEPT
                    || verdict < 0
                    || adopts(server, &peer, &datagram) == 0
            );
        }
    }
}

fuzz_target!(|input: &[u8]| SERVER.with(|cell| run(cell.get_or_init(server), input)));

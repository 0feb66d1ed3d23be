//! One SSL of ours and one of libssl's, each on memory BIOs, kept from input to input.

use std::ffi::{CStr, c_char, c_int, c_uint, c_ulong, c_void};
use std::mem::transmute;
use std::ptr::null_mut;

type Ptr = *mut c_void;
type Listen = unsafe extern "C" fn(Ptr, Ptr) -> c_int;
type Callback = unsafe extern "C" fn(Ptr, *mut u8, *mut c_uint) -> c_int;
type Verify = unsafe extern "C" fn(Ptr, *const u8, c_uint) -> c_int;

/// Links the library's C functions into the fuzzer.
use dtlsv1_listen as _;

unsafe extern "C" {
    // Ours: the library is linked in, and libssl is a shared object behind it.
    fn DTLSv1_listen(ssl: Ptr, peer: Ptr) -> c_int;
    fn SSL_CTX_set_cookie_generate_cb(ctx: Ptr, callback: Ptr);
    fn SSL_CTX_set_cookie_verify_cb(ctx: Ptr, callback: Ptr);
    fn SSL_new(ctx: Ptr) -> Ptr;
    fn BIO_new(method: Ptr) -> Ptr;
    fn BIO_s_mem() -> Ptr;
    fn BIO_write(bio: Ptr, from: *const u8, len: c_int) -> c_int;
    fn BIO_ctrl(bio: Ptr, command: c_int, larg: std::ffi::c_long, parg: Ptr) -> std::ffi::c_long;
    fn DTLS_server_method() -> Ptr;
    fn DTLSv1_2_server_method() -> Ptr;
    fn ERR_get_error() -> c_ulong;
    fn SSL_CTX_new(method: Ptr) -> Ptr;
    fn SSL_set_bio(ssl: Ptr, rbio: Ptr, wbio: Ptr);
    fn dlopen(path: *const c_char, flags: c_int) -> Ptr;
    fn dlsym(handle: Ptr, name: *const c_char) -> Ptr;
    fn dladdr(at: Ptr, info: *mut [Ptr; 4]) -> c_int;
}

const RTLD_NOW: c_int = 2;
const BIO_CTRL_RESET: c_int = 1;
const BIO_CTRL_INFO: c_int = 3;
const BIO_C_SET_BUF_MEM_EOF_RETURN: c_int = 130;

/// A cookie that can be right: the fuzzer finds it in the dictionary of its comparisons.
const COOKIE: [u8; 4] = *b"gate";

unsafe extern "C" fn generate(_: Ptr, cookie: *mut u8, len: *mut c_uint) -> c_int {
    unsafe {
        cookie.copy_from_nonoverlapping(COOKIE.as_ptr(), COOKIE.len());
        len.write(COOKIE.len() as c_uint);
    }
    1
}

unsafe extern "C" fn verify(_: Ptr, cookie: *const u8, len: c_uint) -> c_int {
    c_int::from(unsafe { std::slice::from_raw_parts(cookie, len as usize) } == COOKIE)
}

struct Side {
    listen: Listen,
    /// Any version, and DTLS 1.2 alone.
    ssls: [(Ptr, Ptr, Ptr); 2],
}

pub struct Both {
    ours: Side,
    libssl: Side,
}

#[derive(Debug, PartialEq)]
struct Outcome {
    returned: c_int,
    queue: Vec<(c_ulong, c_ulong)>,
    sent: Vec<u8>,
}

impl Side {
    unsafe fn new(listen: Ptr, set_generate: Ptr, set_verify: Ptr, new_ssl: Ptr) -> Self {
        unsafe {
            let set_generate: unsafe extern "C" fn(Ptr, Callback) = transmute(set_generate);
            let set_verify: unsafe extern "C" fn(Ptr, Verify) = transmute(set_verify);
            let new_ssl: unsafe extern "C" fn(Ptr) -> Ptr = transmute(new_ssl);
            let ssls = [DTLS_server_method(), DTLSv1_2_server_method()].map(|method| {
                let ctx = SSL_CTX_new(method);
                set_generate(ctx, generate);
                set_verify(ctx, verify);
                let ssl = new_ssl(ctx);
                let (rbio, wbio) = (BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
                BIO_ctrl(rbio, BIO_C_SET_BUF_MEM_EOF_RETURN, -1, null_mut());
                SSL_set_bio(ssl, rbio, wbio);
                (ssl, rbio, wbio)
            });
            Self { listen: transmute::<Ptr, Listen>(listen), ssls }
        }
    }

    fn ask(&self, choice: u8, datagram: &[u8]) -> Outcome {
        let (ssl, rbio, wbio) = self.ssls[usize::from(choice & 1)];
        let mut address = [0u64; 16];
        unsafe {
            BIO_ctrl(rbio, BIO_CTRL_RESET, 0, null_mut());
            BIO_ctrl(wbio, BIO_CTRL_RESET, 0, null_mut());
            BIO_write(rbio, datagram.as_ptr(), datagram.len() as c_int);
            let returned = (self.listen)(ssl, address.as_mut_ptr().cast());
            let queue = std::iter::from_fn(|| match ERR_get_error() {
                0 => None,
                error => Some((error >> 23 & 0xFF, error & 0x7F_FFFF)),
            });
            let queue = queue.collect();
            let mut at: *mut u8 = null_mut();
            let len = BIO_ctrl(wbio, BIO_CTRL_INFO, 0, (&raw mut at).cast());
            let sent = if len > 0 {
                std::slice::from_raw_parts(at, len as usize).to_vec()
            } else {
                Vec::new()
            };
            Outcome { returned, queue, sent }
        }
    }
}

impl Both {
    fn new() -> Self {
        unsafe {
            // libssl itself, by the object that holds a function which we do not export.
            let mut info = [null_mut(); 4];
            assert_ne!(dladdr(SSL_CTX_new as *mut c_void, &mut info), 0);
            let libssl = dlopen(info[0].cast(), RTLD_NOW);
            let own = |name: &CStr| {
                let at = dlsym(libssl, name.as_ptr());
                assert!(!at.is_null(), "libssl has no {name:?}");
                at
            };
            let ours = Side::new(
                DTLSv1_listen as *mut c_void,
                SSL_CTX_set_cookie_generate_cb as *mut c_void,
                SSL_CTX_set_cookie_verify_cb as *mut c_void,
                SSL_new as *mut c_void,
            );
            let listen = own(c"DTLSv1_listen");
            assert_ne!(listen, DTLSv1_listen as *mut c_void, "both are ours");
            let libssl = Side::new(
                listen,
                own(c"SSL_CTX_set_cookie_generate_cb"),
                own(c"SSL_CTX_set_cookie_verify_cb"),
                own(c"SSL_new"),
            );
            Self { ours, libssl }
        }
    }

    pub fn compare(&self, choice: u8, datagram: &[u8]) {
        // Over 16397 bytes a memory BIO yields a second piece, which is no datagram.
        if datagram.is_empty() || datagram.len() > 16_397 {
            return;
        }
        let libssl = self.libssl.ask(choice, datagram);
        let ours = self.ours.ask(choice, datagram);
        // Deliberate: message_seq 2 is refused on every libssl, not only from 3.5 on.
        if datagram.get(17..19) == Some(&[0, 2]) && ours != libssl {
            assert_eq!(ours.queue, [(20, 402)]);
            return;
        }
        // Deliberate: a first fragment of a message that no libssl puts together is dropped as one.
        if claims_too_much(datagram) && ours != libssl {
            assert_eq!((ours.returned, ours.queue), (0, vec![(20, 401)]));
            return;
        }
        assert_eq!(ours, libssl, "choice {}, ours first", choice & 1);
    }
}

/// More than 100 KiB, and the first fragment.
fn claims_too_much(datagram: &[u8]) -> bool {
    let (length, offset) = (datagram.get(14..17), datagram.get(19..22));
    offset == Some(&[0; 3]) && length.is_some_and(|length| length > &[0x01, 0x90, 0x00][..])
}

pub fn with_both(body: impl FnOnce(&Both)) {
    thread_local!(static BOTH: Both = Both::new());
    BOTH.with(body);
}

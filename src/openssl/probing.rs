//! An SSL of our own on which libssl is watched at work: what it does with one hello.

use super::bio::Address;
use super::libssl::Libssl;
use super::queue::clear_errors;
use super::ssl::{Ssl, SslCtx};
use super::sys;
use std::ffi::{c_int, c_uint, c_void};
use std::ptr::NonNull;

/// The smallest hello there is, without a cookie: record version 0xFEFD to tell it from the answer's
/// 0xFEFF.
const HELLO: [u8; 61] = [
    22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 48, // record
    1, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 36, 0xFE, 0xFD, // header, client_version
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, // random
    0, 0, // session_id, cookie
];

/// Has libssl's own `DTLSv1_listen` answer one hello on an SSL of ours, whose message callback is
/// `watch` with `arg`. False if it could not be done, for want of memory.
///
/// # Safety
///
/// `arg` is what `watch` takes for one.
pub(super) unsafe fn answer_one_hello(
    libssl: &'static Libssl,
    watch: sys::MessageCb,
    arg: *mut c_void,
) -> bool {
    // SAFETY: by this function's contract.
    unsafe { answer(libssl, watch, arg) }.unwrap_or(false)
}

/// # Safety
///
/// As above.
unsafe fn answer(libssl: &'static Libssl, watch: sys::MessageCb, arg: *mut c_void) -> Option<bool> {
    // SAFETY: gives the address of a constant.
    let method = unsafe { libssl.ssl.DTLS_server_method() };
    // SAFETY: the method is one for DTLS.
    let ctx = NonNull::new(unsafe { libssl.ssl.SSL_CTX_new(method) })?;
    // SAFETY: the SSL_CTX is new and ours.
    let ssl = NonNull::new(unsafe { libssl.ssl.SSL_new(ctx.as_ptr()) });
    // SAFETY: the SSL, if there is one, holds a reference of its own.
    unsafe { libssl.ssl.SSL_CTX_free(ctx.as_ptr()) };
    let ssl = ssl?;
    // SAFETY: new, and this thread's.
    let view = unsafe { Ssl::new(ssl, libssl) };
    if let Some(ctx) = view.ctx() {
        install_constant_cookie(ctx);
    }
    // SAFETY: gives the address of a constant.
    let memory = unsafe { libssl.crypto.BIO_s_mem() };
    // SAFETY: the method lives for ever.
    let rbio = unsafe { libssl.crypto.BIO_new(memory) };
    // SAFETY: the method lives for ever.
    let wbio = unsafe { libssl.crypto.BIO_new(memory) };
    // SAFETY: the SSL takes both over, and does not mind null.
    unsafe { libssl.ssl.SSL_set_bio(ssl.as_ptr(), rbio, wbio) };
    let mut ready = !rbio.is_null() && !wbio.is_null();
    if ready {
        // SAFETY: a memory BIO that is not null, and 61 readable bytes.
        ready = unsafe { libssl.crypto.BIO_write(rbio, HELLO.as_ptr().cast(), 61) } == 61;
    }
    if ready {
        view.set_msg_callback(Some(watch));
        // SAFETY: `arg` is the callback's, by this function's contract.
        unsafe {
            libssl.ssl.SSL_ctrl(ssl.as_ptr(), sys::SSL_CTRL_SET_MSG_CALLBACK_ARG, 0, arg);
        };
        let mut address = Address::untouched();
        // SAFETY: the SSL is ours and the address has room for any.
        unsafe { libssl.ssl.listen(ssl.as_ptr(), address.as_mut_ptr().cast()) };
    }
    // SAFETY: ours, and not used after.
    unsafe { libssl.ssl.SSL_free(ssl.as_ptr()) };
    clear_errors(libssl);
    Some(ready)
}

/// A cookie of one byte, for an SSL_CTX of our own on which libssl is watched at work.
fn install_constant_cookie(ctx: SslCtx) {
    unsafe extern "C-unwind" fn constant(
        _: *mut sys::SSL,
        cookie: *mut u8,
        len: *mut c_uint,
    ) -> c_int {
        // SAFETY: libssl passes room for 255 bytes.
        unsafe { cookie.write(0) };
        // SAFETY: libssl passes a place for the length.
        unsafe { len.write(1) };
        1
    }
    // SAFETY: the SSL_CTX lives, and the callback is of this setter's kind.
    unsafe {
        ctx.libssl().ssl.SSL_CTX_set_cookie_generate_cb(ctx.as_ptr(), Some(constant));
    };
}

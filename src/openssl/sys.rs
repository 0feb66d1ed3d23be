//! Declarations: openssl-sys's types, and the public functions of libssl and libcrypto.
//!
//! All are "C-unwind": a thread that is cancelled or exits, or a C++ exception, passes through them
//! from a callback of the program's or from a system call below. openssl-sys declares them as
//! functions that end the process then.
//!
//! The functions that we export ourselves must not be named here: inside this library those names
//! are ours, and the real ones are reached through [`super::real`].

use std::ffi::{c_char, c_int, c_long, c_uint, c_ulong, c_void};

pub(crate) use openssl_sys::{BIO, BIO_METHOD, SSL, SSL_CTX, SSL_METHOD};
pub(super) use openssl_sys::{
    BIO_CTRL_FLUSH, BIO_FLAGS_READ, BIO_FLAGS_RWS, BIO_FLAGS_SHOULD_RETRY,
};

/// `BIO_dgram_get_peer`: fills a sockaddr with the sender of what was read last.
pub(super) const BIO_CTRL_DGRAM_GET_PEER: c_int = 46;
/// `BIO_dgram_set_peer`: where the next write goes.
pub(super) const BIO_CTRL_DGRAM_SET_PEER: c_int = 44;
/// Source and sink, with a file descriptor.
pub(super) const BIO_TYPE_DGRAM: c_int = 0x0515;
pub(super) const BIO_TYPE_SOURCE_SINK: c_int = 0x0400;
/// LibreSSL counts as OpenSSL did before 1.1.0, which had BIOs first.
pub(super) const CRYPTO_EX_INDEX_SSL: c_int = if cfg!(libressl) { 1 } else { 0 };
pub(super) const CRYPTO_EX_INDEX_SSL_CTX: c_int = CRYPTO_EX_INDEX_SSL + 1;
/// The command of `SSL_ctrl` that means `DTLSv1_listen`: a macro in LibreSSL, and in OpenSSL before
/// 1.1.0.
pub(crate) const DTLS_CTRL_LISTEN: c_int = 75;
pub(super) const ERR_LIB_SSL: c_int = 20;
/// A message callback's content type: a handshake message.
pub(super) const SSL3_RT_HANDSHAKE: c_int = 22;
/// A message callback's content type: not a message but the header of a record.
pub(super) const SSL3_RT_HEADER: c_int = 0x100;
pub(super) const SSL_CTRL_GET_MAX_CERT_LIST: c_int = 50;
pub(crate) const SSL_CTRL_SET_MSG_CALLBACK_ARG: c_int = 16;
pub(super) const SSL_ERROR_SSL: c_int = 1;
#[cfg(libressl)]
pub(super) const SSL_ST_BEFORE: c_int = 0x4000;
pub(super) const SSL_NOTHING: c_int = 1;

/// Called when the object that the data hangs on is freed. `ptr` is null where nothing was set.
pub(super) type ExFree =
    unsafe extern "C-unwind" fn(*mut c_void, *mut c_void, *mut c_void, c_int, c_long, *mut c_void);
/// Called when an SSL is duplicated; the last pointer is to the pointer that the copy gets.
pub(super) type ExDup = unsafe extern "C-unwind" fn(
    *mut c_void,
    *const c_void,
    *mut *mut c_void,
    c_int,
    c_long,
    *mut c_void,
) -> c_int;

/// libssl's `DTLSv1_listen`; BIO_ADDR is a union of sockaddrs.
pub(super) type Listen = unsafe extern "C-unwind" fn(*mut SSL, *mut c_void) -> c_int;

/// `SSL_ctrl`.
pub(crate) type Ctrl = unsafe extern "C-unwind" fn(*mut SSL, c_int, c_long, *mut c_void) -> c_long;

/// OpenSSL's `app_gen_cookie_cb`.
pub(crate) type GenerateCb =
    unsafe extern "C-unwind" fn(ssl: *mut SSL, cookie: *mut u8, cookie_len: *mut c_uint) -> c_int;

/// OpenSSL's `app_verify_cookie_cb`.
pub(crate) type VerifyCb =
    unsafe extern "C-unwind" fn(ssl: *mut SSL, cookie: *const u8, cookie_len: c_uint) -> c_int;

/// OpenSSL's message callback: direction, version, content type, bytes, their number, SSL, argument.
pub(crate) type MessageCb = unsafe extern "C-unwind" fn(
    write_p: c_int,
    version: c_int,
    content_type: c_int,
    buf: *const c_void,
    len: usize,
    ssl: *mut SSL,
    arg: *mut c_void,
);

/// A callback that is looked at and not called: of any type.
pub(super) type AnyFunction = Option<unsafe extern "C-unwind" fn()>;

pub(super) type BioRead = unsafe extern "C-unwind" fn(*mut BIO, *mut c_char, c_int) -> c_int;
pub(super) type BioWrite = unsafe extern "C-unwind" fn(*mut BIO, *const c_char, c_int) -> c_int;
pub(super) type BioCtrl =
    unsafe extern "C-unwind" fn(*mut BIO, c_int, c_long, *mut c_void) -> c_long;
pub(super) type BioDestroy = unsafe extern "C-unwind" fn(*mut BIO) -> c_int;

/// `BIO_set_retry_read`, a macro.
pub(super) const RETRY_READ: c_int = BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY;

unsafe extern "C-unwind" {
    pub(super) fn BIO_clear_flags(bio: *mut BIO, flags: c_int);
    pub(super) fn BIO_ctrl(bio: *mut BIO, cmd: c_int, larg: c_long, parg: *mut c_void) -> c_long;
    pub(super) fn BIO_free_all(bio: *mut BIO);
    #[cfg(not(libressl))]
    pub(super) fn BIO_get_callback_ex(bio: *const BIO) -> AnyFunction;
    pub(super) fn BIO_get_data(bio: *mut BIO) -> *mut c_void;
    pub(super) fn BIO_get_new_index() -> c_int;
    pub(super) fn BIO_meth_new(kind: c_int, name: *const c_char) -> *mut BIO_METHOD;
    pub(super) fn BIO_meth_set_ctrl(method: *mut BIO_METHOD, ctrl: Option<BioCtrl>) -> c_int;
    pub(super) fn BIO_meth_set_destroy(
        method: *mut BIO_METHOD,
        destroy: Option<BioDestroy>,
    ) -> c_int;
    pub(super) fn BIO_meth_set_read(method: *mut BIO_METHOD, read: Option<BioRead>) -> c_int;
    pub(super) fn BIO_meth_set_write(method: *mut BIO_METHOD, write: Option<BioWrite>) -> c_int;
    pub(super) fn BIO_method_name(bio: *const BIO) -> *const c_char;
    pub(super) fn BIO_method_type(bio: *const BIO) -> c_int;
    pub(super) fn BIO_new(method: *const BIO_METHOD) -> *mut BIO;
    pub(super) fn BIO_read(bio: *mut BIO, to: *mut c_void, len: c_int) -> c_int;
    pub(super) fn BIO_s_mem() -> *const BIO_METHOD;
    pub(super) fn BIO_set_data(bio: *mut BIO, data: *mut c_void);
    pub(super) fn BIO_set_flags(bio: *mut BIO, flags: c_int);
    pub(super) fn BIO_set_init(bio: *mut BIO, init: c_int);
    pub(super) fn BIO_test_flags(bio: *const BIO, flags: c_int) -> c_int;
    pub(super) fn BIO_up_ref(bio: *mut BIO) -> c_int;
    pub(super) fn BIO_write(bio: *mut BIO, from: *const c_void, len: c_int) -> c_int;
    pub(super) fn CRYPTO_get_ex_data(ex_data: *const c_void, index: c_int) -> *mut c_void;
    pub(super) fn CRYPTO_get_ex_new_index(
        class_index: c_int,
        argl: c_long,
        argp: *mut c_void,
        new_func: Option<ExFree>,
        dup_func: Option<ExDup>,
        free_func: Option<ExFree>,
    ) -> c_int;
    pub(super) fn DTLS_client_method() -> *const SSL_METHOD;
    pub(super) fn DTLS_method() -> *const SSL_METHOD;
    pub(super) fn DTLS_server_method() -> *const SSL_METHOD;
    pub(super) fn ERR_clear_error();
    pub(super) fn ERR_get_error() -> c_ulong;
    #[cfg(not(any(openssl1, libressl)))]
    pub(super) fn ERR_new();
    pub(super) fn ERR_peek_error() -> c_ulong;
    #[cfg(any(openssl1, libressl))]
    pub(super) fn ERR_put_error(
        lib: c_int,
        func: c_int,
        reason: c_int,
        file: *const c_char,
        line: c_int,
    );
    #[cfg(not(any(openssl1, libressl)))]
    pub(super) fn ERR_set_debug(file: *const c_char, line: c_int, func: *const c_char);
    #[cfg(not(any(openssl1, libressl)))]
    pub(super) fn ERR_set_error(lib: c_int, reason: c_int, format: *const c_char, ...);
    #[cfg(any(openssl1, libressl))]
    pub(super) fn ERR_set_error_data(text: *mut c_char, flags: c_int);
    pub(super) fn OpenSSL_version_num() -> c_ulong;
    pub(super) fn SSL_CTX_free(ctx: *mut SSL_CTX);
    pub(super) fn SSL_CTX_new(method: *const SSL_METHOD) -> *mut SSL_CTX;
    pub(super) fn SSL_clear(ssl: *mut SSL) -> c_int;
    pub(super) fn SSL_free(ssl: *mut SSL);
    pub(super) fn SSL_get_SSL_CTX(ssl: *const SSL) -> *mut SSL_CTX;
    pub(super) fn SSL_get_error(ssl: *const SSL, ret: c_int) -> c_int;
    pub(super) fn SSL_get_ex_data(ssl: *const SSL, index: c_int) -> *mut c_void;
    pub(super) fn SSL_get_rbio(ssl: *const SSL) -> *mut BIO;
    pub(super) fn SSL_get_shutdown(ssl: *const SSL) -> c_int;
    pub(super) fn SSL_get_ssl_method(ssl: *const SSL) -> *const SSL_METHOD;
    pub(super) fn SSL_get_wbio(ssl: *const SSL) -> *mut BIO;
    #[cfg(not(libressl))]
    pub(super) fn SSL_in_before(ssl: *const SSL) -> c_int;
    pub(super) fn SSL_is_server(ssl: *const SSL) -> c_int;
    pub(super) fn SSL_set0_rbio(ssl: *mut SSL, rbio: *mut BIO);
    pub(super) fn SSL_set0_wbio(ssl: *mut SSL, wbio: *mut BIO);
    pub(super) fn SSL_set_accept_state(ssl: *mut SSL);
    pub(super) fn SSL_set_bio(ssl: *mut SSL, rbio: *mut BIO, wbio: *mut BIO);
    pub(super) fn SSL_set_ex_data(ssl: *mut SSL, index: c_int, data: *mut c_void) -> c_int;
    #[cfg(libressl)]
    pub(super) fn SSL_state(ssl: *const SSL) -> c_int;
    pub(super) fn SSL_version(ssl: *const SSL) -> c_int;
    pub(super) fn SSL_want(ssl: *const SSL) -> c_int;
}

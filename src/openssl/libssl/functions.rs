//! The functions of libssl and libcrypto that are called here, as one libssl in the process has them.
//!
//! The prototypes are OpenSSL's. `C-unwind`: some of them call the application back, which may throw
//! an exception or end its thread.

use openssl_sys::{BIO, BIO_METHOD, SSL, SSL_CTX, SSL_METHOD};
use std::ffi::{CStr, c_char, c_int, c_long, c_uint, c_ulong, c_void};
use std::mem::transmute;
use std::ptr::NonNull;

/// A BIO method's reader and writer.
pub(crate) type BioRead = unsafe extern "C-unwind" fn(*mut BIO, *mut c_char, c_int) -> c_int;
pub(crate) type BioWrite = unsafe extern "C-unwind" fn(*mut BIO, *const c_char, c_int) -> c_int;
pub(crate) type BioCtrl =
    unsafe extern "C-unwind" fn(*mut BIO, c_int, c_long, *mut c_void) -> c_long;
pub(crate) type BioDestroy = unsafe extern "C-unwind" fn(*mut BIO) -> c_int;

/// Called when the object that the data hangs on is freed. `ptr` is null where nothing was set.
pub(crate) type ExFree =
    unsafe extern "C-unwind" fn(*mut c_void, *mut c_void, *mut c_void, c_int, c_long, *mut c_void);
/// Called when an SSL is duplicated; the last pointer but one is to the pointer that the copy gets.
pub(crate) type ExDup = unsafe extern "C-unwind" fn(
    *mut c_void,
    *const c_void,
    *mut *mut c_void,
    c_int,
    c_long,
    *mut c_void,
) -> c_int;

/// OpenSSL's `app_gen_cookie_cb`: a cookie of at most 255 bytes, their number.
pub(crate) type GenerateCb = unsafe extern "C-unwind" fn(*mut SSL, *mut u8, *mut c_uint) -> c_int;
/// OpenSSL's `app_verify_cookie_cb`.
pub(crate) type VerifyCb = unsafe extern "C-unwind" fn(*mut SSL, *const u8, c_uint) -> c_int;
/// OpenSSL's message callback: direction, version, content type, bytes, their number, SSL, argument.
pub(crate) type MessageCb =
    unsafe extern "C-unwind" fn(c_int, c_int, c_int, *const c_void, usize, *mut SSL, *mut c_void);

/// A callback that is looked at and not called: of any type.
pub(crate) type AnyFunction = Option<unsafe extern "C" fn()>;

/// Finds a function by its name.
pub(super) trait Find {
    fn find(&self, name: &CStr) -> Option<NonNull<c_void>>;
}

/// A struct with a pointer for each function, what finds them, and a method to call each.
macro_rules! functions {
    (
        $(#[$doc:meta])* $table:ident
        needed { $($needed:ident($($n_arg:ident: $n_type:ty),*) $(-> $n_result:ty)?;)* }
        if_there { $($other:ident($($o_arg:ident: $o_type:ty),*) $(-> $o_result:ty)?;)* }
    ) => {
        $(#[$doc])*
        #[allow(non_snake_case)]
        pub(crate) struct $table {
            $($needed: unsafe extern "C-unwind" fn($($n_type),*) $(-> $n_result)?,)*
            $(pub(crate) $other: Option<unsafe extern "C-unwind" fn($($o_type),*) $(-> $o_result)?>,)*
        }

        impl $table {
            /// `None` if one is missing that is needed.
            pub(super) fn find(from: &impl Find) -> Option<Self> {
                Some(Self {
                    $($needed: {
                        let at = from.find(name(concat!(stringify!($needed), "\0")))?;
                        // SAFETY: this is what the function of that name is in every release.
                        unsafe {
                            transmute::<
                                *mut c_void,
                                unsafe extern "C-unwind" fn($($n_type),*) $(-> $n_result)?,
                            >(at.as_ptr())
                        }
                    },)*
                    $($other: {
                        let at = from.find(name(concat!(stringify!($other), "\0")));
                        // SAFETY: this is what the function of that name is where it is there.
                        at.map(|at| unsafe {
                            transmute::<
                                *mut c_void,
                                unsafe extern "C-unwind" fn($($o_type),*) $(-> $o_result)?,
                            >(at.as_ptr())
                        })
                    },)*
                })
            }

            $(
                /// # Safety
                ///
                /// OpenSSL's own contract for the function of that name.
                #[allow(non_snake_case)]
                #[inline(always)]
                pub(crate) unsafe fn $needed(&self, $($n_arg: $n_type),*) $(-> $n_result)? {
                    // SAFETY: by this function's contract.
                    unsafe { (self.$needed)($($n_arg),*) }
                }
            )*
        }
    };
}

const fn name(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(name) => name,
        Err(_) => c"",
    }
}

functions! {
    /// libcrypto's.
    CryptoFunctions
    needed {
        BIO_clear_flags(bio: *mut BIO, flags: c_int);
        BIO_ctrl(bio: *mut BIO, command: c_int, larg: c_long, parg: *mut c_void) -> c_long;
        BIO_find_type(bio: *mut BIO, kind: c_int) -> *mut BIO;
        BIO_free_all(bio: *mut BIO);
        BIO_get_data(bio: *mut BIO) -> *mut c_void;
        BIO_get_new_index() -> c_int;
        BIO_meth_new(kind: c_int, name: *const c_char) -> *mut BIO_METHOD;
        BIO_meth_set_ctrl(method: *mut BIO_METHOD, ctrl: Option<BioCtrl>) -> c_int;
        BIO_meth_set_destroy(method: *mut BIO_METHOD, destroy: Option<BioDestroy>) -> c_int;
        BIO_meth_set_read(method: *mut BIO_METHOD, read: Option<BioRead>) -> c_int;
        BIO_meth_set_write(method: *mut BIO_METHOD, write: Option<BioWrite>) -> c_int;
        BIO_method_name(bio: *const BIO) -> *const c_char;
        BIO_method_type(bio: *const BIO) -> c_int;
        BIO_new(method: *const BIO_METHOD) -> *mut BIO;
        BIO_new_dgram(fd: c_int, close: c_int) -> *mut BIO;
        BIO_read(bio: *mut BIO, to: *mut c_void, room: c_int) -> c_int;
        BIO_s_mem() -> *const BIO_METHOD;
        BIO_set_data(bio: *mut BIO, data: *mut c_void);
        BIO_set_flags(bio: *mut BIO, flags: c_int);
        BIO_set_init(bio: *mut BIO, init: c_int);
        BIO_test_flags(bio: *const BIO, flags: c_int) -> c_int;
        BIO_up_ref(bio: *mut BIO) -> c_int;
        BIO_write(bio: *mut BIO, from: *const c_void, len: c_int) -> c_int;
        CRYPTO_get_ex_data(ex_data: *const c_void, index: c_int) -> *mut c_void;
        CRYPTO_get_ex_new_index(
            class: c_int,
            argl: c_long,
            argp: *mut c_void,
            new: Option<ExFree>,
            dup: Option<ExDup>,
            free: Option<ExFree>
        ) -> c_int;
        ERR_clear_error();
        ERR_get_error() -> c_ulong;
        ERR_peek_error() -> c_ulong;
        OpenSSL_version(what: c_int) -> *const c_char;
        OpenSSL_version_num() -> c_ulong;
    }
    if_there {
        BIO_get_callback(bio: *const BIO) -> AnyFunction;
        BIO_get_callback_ex(bio: *const BIO) -> AnyFunction;
        ERR_new();
        ERR_put_error(library: c_int, function: c_int, reason: c_int, file: *const c_char, line: c_int);
        ERR_set_debug(file: *const c_char, line: c_int, function: *const c_char);
        ERR_set_error_data(data: *mut c_char, flags: c_int);
    }
}

/// `ERR_set_error`: library, reason, and a printf(3) format or null.
pub(super) type SetError = unsafe extern "C-unwind" fn(c_int, c_int, *const c_char, ...);

functions! {
    /// libssl's.
    SslFunctions
    needed {
        DTLS_client_method() -> *const SSL_METHOD;
        DTLS_method() -> *const SSL_METHOD;
        DTLS_server_method() -> *const SSL_METHOD;
        SSL_clear(ssl: *mut SSL) -> c_int;
        SSL_CTX_ctrl(ctx: *mut SSL_CTX, command: c_int, larg: c_long, parg: *mut c_void) -> c_long;
        SSL_CTX_free(ctx: *mut SSL_CTX);
        SSL_CTX_new(method: *const SSL_METHOD) -> *mut SSL_CTX;
        SSL_CTX_set_cookie_generate_cb(ctx: *mut SSL_CTX, callback: Option<GenerateCb>);
        SSL_CTX_up_ref(ctx: *mut SSL_CTX) -> c_int;
        SSL_CTX_set_cookie_verify_cb(ctx: *mut SSL_CTX, callback: Option<VerifyCb>);
        SSL_ctrl(ssl: *mut SSL, command: c_int, larg: c_long, parg: *mut c_void) -> c_long;
        SSL_free(ssl: *mut SSL);
        SSL_get_error(ssl: *const SSL, result: c_int) -> c_int;
        SSL_get_ex_data(ssl: *const SSL, index: c_int) -> *mut c_void;
        SSL_get_peer_finished(ssl: *const SSL, to: *mut c_void, room: usize) -> usize;
        SSL_get_rbio(ssl: *const SSL) -> *mut BIO;
        SSL_get_shutdown(ssl: *const SSL) -> c_int;
        SSL_get_SSL_CTX(ssl: *const SSL) -> *mut SSL_CTX;
        SSL_get_ssl_method(ssl: *const SSL) -> *const SSL_METHOD;
        SSL_get_wbio(ssl: *const SSL) -> *mut BIO;
        SSL_is_server(ssl: *const SSL) -> c_int;
        SSL_new(ctx: *mut SSL_CTX) -> *mut SSL;
        SSL_set0_rbio(ssl: *mut SSL, rbio: *mut BIO);
        SSL_set_accept_state(ssl: *mut SSL);
        SSL_set_bio(ssl: *mut SSL, rbio: *mut BIO, wbio: *mut BIO);
        SSL_set_ex_data(ssl: *mut SSL, index: c_int, data: *mut c_void) -> c_int;
        SSL_set_read_ahead(ssl: *mut SSL, yes: c_int);
        SSL_set_msg_callback(ssl: *mut SSL, callback: Option<MessageCb>);
        SSL_version(ssl: *const SSL) -> c_int;
        SSL_want(ssl: *const SSL) -> c_int;
    }
    if_there {
        DTLSv1_2_method() -> *const SSL_METHOD;
        DTLSv1_2_server_method() -> *const SSL_METHOD;
        DTLSv1_listen(ssl: *mut SSL, peer: *mut c_void) -> c_int;
        DTLSv1_method() -> *const SSL_METHOD;
        DTLSv1_server_method() -> *const SSL_METHOD;
        SSL_clear_options(ssl: *mut SSL, options: u64) -> u64;
        SSL_CTX_get_ssl_method(ctx: *const SSL_CTX) -> *const SSL_METHOD;
        SSL_CTX_get_ex_new_index(
            argl: c_long,
            argp: *mut c_void,
            new: Option<ExFree>,
            dup: Option<ExDup>,
            free: Option<ExFree>
        ) -> c_int;
        SSL_get_ex_new_index(
            argl: c_long,
            argp: *mut c_void,
            new: Option<ExFree>,
            dup: Option<ExDup>,
            free: Option<ExFree>
        ) -> c_int;
        SSL_get0_listener(ssl: *mut SSL) -> *mut SSL;
        SSL_get_state(ssl: *const SSL) -> c_int;
        SSL_in_before(ssl: *const SSL) -> c_int;
        SSL_is_dtls(ssl: *const SSL) -> c_int;
        SSL_is_init_finished(ssl: *const SSL) -> c_int;
        SSL_set0_wbio(ssl: *mut SSL, wbio: *mut BIO);
        SSL_state(ssl: *const SSL) -> c_int;
    }
}

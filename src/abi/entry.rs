//! The entries under libssl's names: a few instructions each, which pass on the caller's return
//! address and the version of its reference as two more arguments, and jump. So the function behind
//! an entry knows whose call it is (`openssl::Call`), and one that has nothing to do with it can jump
//! on to libssl's own as if it had never been here.
//!
//! `NAME` is what a reference without a version reaches, and one to this library. `NAME.VERSION`
//! becomes libssl's `NAME@VERSION` when the shared object is linked (tools/mk/link.mk). `NAME.looked_up.N`
//! is given to who looks the name up with dlsym(3), for the Nth libssl (`symbind`). The numbers are
//! those of `openssl::Call`.

#[cfg(target_os = "linux")]
use super::bio_new;
use super::{bios, cookies, interpose, listen};
use std::ffi::c_void;

#[cfg_attr(target_arch = "x86_64", path = "entry/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "entry/aarch64.rs")]
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), path = "entry/other.rs")]
#[macro_use]
mod machine;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[macro_use]
mod asm;

/// The entries of each name, for one libssl's each.
pub(super) type LookedUp = (&'static str, [*const c_void; 8]);

/// A name's address in the archive.
macro_rules! address {
    ($name:literal $version:literal) => {{
        unsafe extern "C-unwind" {
            #[link_name = concat!($name, $version)]
            fn entry();
        }
        entry as *const c_void
    }};
}

/// Libssl's names: without a version, with each that it has in a release, and for who looks it up.
macro_rules! entries {
    ($($name:literal, $arguments:tt, $function:path;)*) => {
        $(
            entry!(pub $name "", 0, $arguments, $function);
            entry!(pub $name ".OPENSSL_1_1_0", 1, $arguments, $function);
            entry!(pub $name ".OPENSSL_3.0.0", 2, $arguments, $function);
            entry!(pub $name ".OPENSSL_4.0.0", 3, $arguments, $function);
            entry!(hidden $name ".looked_up.0", 16, $arguments, $function);
            entry!(hidden $name ".looked_up.1", 17, $arguments, $function);
            entry!(hidden $name ".looked_up.2", 18, $arguments, $function);
            entry!(hidden $name ".looked_up.3", 19, $arguments, $function);
            entry!(hidden $name ".looked_up.4", 20, $arguments, $function);
            entry!(hidden $name ".looked_up.5", 21, $arguments, $function);
            entry!(hidden $name ".looked_up.6", 22, $arguments, $function);
            entry!(hidden $name ".looked_up.7", 23, $arguments, $function);
        )*

        pub(super) fn looked_up() -> [LookedUp; 11] {
            [$(($name, [
                address!($name ".looked_up.0"),
                address!($name ".looked_up.1"),
                address!($name ".looked_up.2"),
                address!($name ".looked_up.3"),
                address!($name ".looked_up.4"),
                address!($name ".looked_up.5"),
                address!($name ".looked_up.6"),
                address!($name ".looked_up.7"),
            ])),*]
        }
    };
}

entries! {
    "DTLSv1_listen", 2, listen::listen;
    "SSL_CTX_ctrl", 4, interpose::ctx_ctrl;
    "SSL_CTX_set_cookie_generate_cb", 2, interpose::set_generate;
    "SSL_CTX_set_cookie_verify_cb", 2, interpose::set_verify;
    "SSL_CTX_set_msg_callback", 2, interpose::ctx_set_msg;
    "SSL_ctrl", 4, interpose::ctrl;
    "SSL_get_wbio", 1, bios::get_wbio;
    "SSL_new", 1, interpose::new;
    "SSL_set_accept_state", 1, interpose::set_accept_state;
    "SSL_set_bio", 3, bios::set_bio;
    "SSL_set_msg_callback", 2, interpose::set_msg;
}

// For references without a version alone, LibreSSL's: see exports.map.
entry!(pub "SSL_CTX_new" ".DTLSV1_LISTEN_1", 0, 1, interpose::ctx_new);

// Functions of our own that are called for each datagram, or by libssl.
entry!(pub "dtlsv1_listen" "", 0, 2, listen::listen);
entry!(pub "dtlsv1_listen_peer" "", 0, 3, listen::listen_peer);
#[cfg(target_os = "linux")]
entry!(pub "dtlsv1_listen_bio_new" "", 0, 1, bio_new::bio_new);
entry!(pub "dtlsv1_listen_cookie_generate" "", 0, 3, cookies::generate);
entry!(pub "dtlsv1_listen_cookie_verify" "", 0, 3, cookies::verify);

//! The entries under libssl's names: a few instructions each, which pass on the caller's return
//! address and the version of its reference as two more arguments, and jump. So the function behind
//! an entry knows whose call it is (`openssl::Call`), and one that has nothing to do with it can jump
//! on to libssl's own as if it had never been here.
//!
//! `NAME` is what a reference without a version reaches, and one to this library. `NAME.VERSION`
//! becomes libssl's `NAME@VERSION` when the shared object is linked (mk/link.mk). The numbers are
//! those of `openssl::VERSIONS`.

use super::{cookies, interpose, listen};
use std::arch::global_asm;

/// One name, without a version and with each that it has in a release.
macro_rules! entry {
    ($name:literal, $arguments:tt, $function:path) => {
        stub!($name, "", 0, $arguments, $function);
        stub!($name, ".OPENSSL_1_1_0", 1, $arguments, $function);
        stub!($name, ".OPENSSL_3.0.0", 2, $arguments, $function);
        stub!($name, ".OPENSSL_4.0.0", 3, $arguments, $function);
    };
}

/// The registers of the two arguments behind so many.
#[cfg(target_arch = "x86_64")]
macro_rules! from_register {
    (1) => {
        "rsi"
    };
    (2) => {
        "rdx"
    };
    (3) => {
        "rcx"
    };
    (4) => {
        "r8"
    };
}
#[cfg(target_arch = "x86_64")]
macro_rules! version_register {
    (1) => {
        "edx"
    };
    (2) => {
        "ecx"
    };
    (3) => {
        "r8d"
    };
    (4) => {
        "r9d"
    };
}
#[cfg(target_arch = "x86_64")]
macro_rules! stub {
    ($name:literal, $version:literal, $number:literal, $arguments:tt, $function:path) => {
        global_asm!(
            concat!(".pushsection .text.", $name, $version, ",\"ax\",@progbits"),
            ".p2align 4",
            concat!(".globl ", $name, $version),
            concat!(".type ", $name, $version, ", @function"),
            concat!($name, $version, ":"),
            ".cfi_startproc",
            "endbr64",
            concat!("mov ", from_register!($arguments), ", [rsp]"),
            concat!("mov ", version_register!($arguments), ", ", $number),
            "jmp {function}",
            ".cfi_endproc",
            concat!(".size ", $name, $version, ", . - ", $name, $version),
            ".popsection",
            function = sym $function,
        );
    };
}

#[cfg(target_arch = "aarch64")]
macro_rules! from_register {
    (1) => {
        "x1"
    };
    (2) => {
        "x2"
    };
    (3) => {
        "x3"
    };
    (4) => {
        "x4"
    };
}
#[cfg(target_arch = "aarch64")]
macro_rules! version_register {
    (1) => {
        "w2"
    };
    (2) => {
        "w3"
    };
    (3) => {
        "w4"
    };
    (4) => {
        "w5"
    };
}
#[cfg(target_arch = "aarch64")]
macro_rules! stub {
    ($name:literal, $version:literal, $number:literal, $arguments:tt, $function:path) => {
        global_asm!(
            concat!(".pushsection .text.", $name, $version, ",\"ax\",%progbits"),
            ".p2align 4",
            concat!(".globl ", $name, $version),
            concat!(".type ", $name, $version, ", %function"),
            concat!($name, $version, ":"),
            ".cfi_startproc",
            "hint #34", // bti c
            concat!("mov ", from_register!($arguments), ", x30"),
            concat!("mov ", version_register!($arguments), ", #", $number),
            "b {function}",
            ".cfi_endproc",
            concat!(".size ", $name, $version, ", . - ", $name, $version),
            ".popsection",
            function = sym $function,
        );
    };
}

entry!("DTLSv1_listen", 2, listen::listen);
entry!("SSL_CTX_ctrl", 4, interpose::ctx_ctrl);
entry!("SSL_CTX_set_cookie_generate_cb", 2, interpose::set_generate);
entry!("SSL_CTX_set_cookie_verify_cb", 2, interpose::set_verify);
entry!("SSL_CTX_set_msg_callback", 2, interpose::ctx_set_msg);
entry!("SSL_ctrl", 4, interpose::ctrl);
entry!("SSL_new", 1, interpose::new);
entry!("SSL_set_msg_callback", 2, interpose::set_msg);

// For references without a version alone, LibreSSL's: see exports.map.
stub!("SSL_CTX_new", ".DTLSV1_LISTEN_1", 0, 1, interpose::ctx_new);

// Functions of our own that are called for each datagram, or by libssl.
stub!("dtlsv1_listen", "", 0, 2, listen::listen);
stub!("dtlsv1_listen_peer", "", 0, 3, listen::listen_peer);
stub!("dtlsv1_listen_cookie_generate", "", 0, 3, cookies::generate);
stub!("dtlsv1_listen_cookie_verify", "", 0, 3, cookies::verify);

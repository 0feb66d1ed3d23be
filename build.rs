//! Names the shared object, generates the C header into OUT_DIR, and says which libssl we build for.
//!
//! The header in `include/` is a committed copy; `tests/header.rs` fails when it drifts.

#![allow(clippy::expect_used, reason = "a build script reports by failing")]

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=cbindgen.toml");
    println!("cargo:rerun-if-changed=src");
    // The major number of our own ABI, not of libssl's.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libdtlsv1_listen.so.1");

    println!("cargo:rustc-check-cfg=cfg(libressl)");
    println!("cargo:rustc-check-cfg=cfg(openssl1)");
    // From openssl-sys's build script, which looked at the headers.
    if env::var_os("DEP_OPENSSL_LIBRESSL_VERSION_NUMBER").is_some() {
        println!("cargo:rustc-cfg=libressl");
    } else if env::var("DEP_OPENSSL_VERSION_NUMBER").is_ok_and(|v| v.starts_with('1')) {
        println!("cargo:rustc-cfg=openssl1");
    }

    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    let abi = root.join("src/abi");
    let rooms = [
        "listen.rs",
        "settings.rs",
        "repairs.rs",
        "secrets.rs",
        "cookies.rs",
        "budget.rs",
        "stats.rs",
    ];
    rooms
        .iter()
        .fold(cbindgen::Builder::new(), |builder, room| builder.with_src(abi.join(room)))
        .with_config(config)
        .generate()
        .expect("the C header from src/abi")
        .write_to_file(out.join("dtlsv1_listen.h"));
}

//! Generates the C header into OUT_DIR.
//!
//! The header in `include/` is a committed copy; `tests/header.rs` fails when it drifts.

#![allow(clippy::expect_used, reason = "a build script reports by failing")]

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=cbindgen.toml");
    println!("cargo:rerun-if-changed=src");
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
        "peer.rs",
        "budget.rs",
        "bio_new.rs",
        "socket_filter.rs",
        "stats.rs",
        "listener_options.rs",
        "listener_make.rs",
        "listener.rs",
        "listener_client.rs",
        "datagram.rs",
    ];
    rooms
        .iter()
        .fold(cbindgen::Builder::new(), |builder, room| builder.with_src(abi.join(room)))
        .with_config(config)
        .generate()
        .expect("the C header from src/abi")
        .write_to_file(out.join("dtlsv1_listen.h"));
}

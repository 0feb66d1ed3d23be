#![allow(clippy::print_stdout, clippy::print_stderr, reason = "how a build script speaks")]
//! Compiles the BPF program with clang; `CLANG` names another one.

use std::env;
use std::path::Path;
use std::process::{Command, exit};

fn main() {
    println!("cargo:rerun-if-changed=bpf");
    println!("cargo:rerun-if-env-changed=CLANG");
    let clang = env::var("CLANG").unwrap_or_else(|_| "clang".into());
    let out = env::var("OUT_DIR").unwrap_or_default();
    let mut command = Command::new(&clang);
    command.args(["-std=gnu11", "-O2", "-g", "-target", "bpf", "-mcpu=v3", "-Wall", "-Wextra"]);
    // A program and its subprogram have 512 bytes of stack together, each rounded up to 32 before
    // Linux 6.8: 192 are cookie_mac's.
    command.args(["-Werror", "-Wframe-larger-than=320"]);
    command.args(["-fno-stack-protector", "-c", "bpf/listen.bpf.c", "-o"]);
    command.arg(Path::new(&out).join("listen.bpf.o"));
    // <asm/types.h> is the machine's, and clang's target is none.
    let machine = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    command.arg(format!("-I/usr/include/{machine}-linux-gnu"));
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(_) => fail("clang could not compile bpf/listen.bpf.c: see above"),
        Err(error) => fail(&format!("{clang}: {error}: install clang, or name it in CLANG")),
    }
}

fn fail(why: &str) -> ! {
    eprintln!("{why}");
    exit(1)
}

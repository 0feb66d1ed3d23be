//! The committed C header is what `src/abi` says. `DTLSV1_LISTEN_BLESS=1` (make headers) renews it.

use std::path::Path;

#[test]
fn committed_header_is_current() {
    let generated = include_str!(concat!(env!("OUT_DIR"), "/dtlsv1_listen.h"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/dtlsv1_listen.h");
    if std::env::var_os("DTLSV1_LISTEN_BLESS").is_some() {
        std::fs::write(&path, generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "include/dtlsv1_listen.h is not what src/abi says: run `make headers` and commit it"
    );
}

/// What the library exports under its own names, but the auditor's part of it, is declared.
#[test]
fn every_exported_function_is_declared() {
    let header = include_str!("../include/dtlsv1_listen.h");
    // Comments name functions, too.
    let declarations = header.lines().filter(|line| line.starts_with(char::is_alphabetic));
    let exported = include_str!("../ctests/symbols.txt");
    let names = exported.lines().filter_map(|line| line.split('@').next());
    let ours = names.filter(|name| {
        name.starts_with("dtlsv1_listen")
            && !matches!(*name, "dtlsv1_listen" | "dtlsv1_listen_symbind")
    });
    let declared: Vec<&str> =
        declarations.filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next()).collect();
    let undeclared: Vec<&str> = ours.filter(|name| !declared.contains(name)).collect();
    assert_eq!(undeclared, Vec::<&str>::new());
}

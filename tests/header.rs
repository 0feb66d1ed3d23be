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

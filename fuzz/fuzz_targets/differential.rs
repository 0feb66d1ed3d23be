//! Our `DTLSv1_listen` and libssl's on the same datagram: the same return value, the same reason,
//! the same bytes sent. `make differential` compares everything else; this one follows coverage.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../both.rs"]
mod both;

fuzz_target!(|input: &[u8]| {
    let Some((&choice, datagram)) = input.split_first() else { return };
    both::with_both(|both| both.compare(choice, datagram));
});

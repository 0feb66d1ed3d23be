//! Cookies: what was made is right for the same client and for no other, whatever comes back is
//! judged without a panic.
#![no_main]

use dtlsv1_listen::hello::cookie::{Binding, Check, Keyring, Secret};
use dtlsv1_listen::hello::peer::{MAX_ADDRESS_LEN, Peer};
use dtlsv1_listen::hello::wire::{ClientHello, Method};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&slot, rest)) = input.split_first_chunk::<8>() else { return };
    let Some((&address, rest)) = rest.split_first_chunk::<32>() else { return };
    let slot = u64::from_be_bytes(slot);
    let mut bytes = [0; MAX_ADDRESS_LEN];
    bytes[..32].copy_from_slice(&address);
    let peer = Peer::new(bytes);
    bytes[4] ^= 1;
    let other = Peer::new(bytes);

    let ring = Keyring::new();
    ring.renew([&Secret::new(&[7; 32]).unwrap()], slot);
    let binding = Binding::peer(&peer);
    assert!(!matches!(ring.check(rest, &binding), Some(Check::Right { .. })) || rest.len() == 32);

    let Ok(hello) = ClientHello::parse(rest, Method::Any) else { return };
    let binding = Binding::hello(&peer, &hello);
    let cookie = ring.make(&binding).unwrap();
    let right = Check::Right { previous_secret: false };
    assert_eq!(ring.check(&cookie, &binding), Some(right));
    if peer.endpoint() != other.endpoint() {
        assert_eq!(ring.check(&cookie, &Binding::hello(&other, &hello)), Some(Check::Forged));
    }
});

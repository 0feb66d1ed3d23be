//! Cookies: what was made is right for the same client and for no other, whatever comes back is
//! judged without a panic.
#![no_main]

use dtlsv1_listen::cookie::{Binding, Check, Keyring};
use dtlsv1_listen::peer::{MAX_ADDRESS_LEN, Peer};
use dtlsv1_listen::wire::{ClientHello, Method};
use libfuzzer_sys::fuzz_target;
use zeroize::Zeroizing;

fuzz_target!(|input: &[u8]| {
    let Some((&slot, rest)) = input.split_first_chunk::<8>() else { return };
    let Some((&address, rest)) = rest.split_first_chunk::<32>() else { return };
    let slot = u64::from_be_bytes(slot);
    let mut bytes = [0; MAX_ADDRESS_LEN];
    bytes[..32].copy_from_slice(&address);
    let peer = Peer::new(bytes);
    bytes[4] ^= 1;
    let other = Peer::new(bytes);

    let ring = Keyring::new(&[Zeroizing::new(vec![7; 32])], slot).unwrap();
    let binding = Binding::peer(Some(&peer));
    assert!(!matches!(ring.check(rest, &binding), Check::Right { .. }) || rest.len() == 32);

    let Ok(hello) = ClientHello::parse(rest, Method::Any) else { return };
    let binding = Binding::hello(Some(&peer), &hello);
    let cookie = ring.make(&binding).unwrap();
    assert_eq!(ring.check(&cookie, &binding), Check::Right { previous_secret: false });
    if peer.endpoint() != other.endpoint() {
        assert_eq!(ring.check(&cookie, &Binding::hello(Some(&other), &hello)), Check::Forged);
    }
});

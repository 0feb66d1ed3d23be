use super::*;
use hmac::{Hmac, KeyInit as _, Mac as _};

fn right(key: &[u8; 32], message: &[u8]) -> [u8; MAC_LEN] {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[test]
fn is_the_hmac_crates_for_every_length_and_however_it_is_put() {
    let key: [u8; 32] = std::array::from_fn(|i| (i * 7) as u8);
    let keyed = Keyed::new(&key);
    let message: Vec<u8> = (0..450).map(|i| (i % 251) as u8).collect();
    for len in 0..=message.len() {
        let message = &message[..len];
        let tag = keyed.tag(|m| m.put(message));
        assert_eq!(tag.0, right(&key, message), "{len} bytes");
        for cut in [0, 1, 31, 63, 64, 65, len / 2].into_iter().filter(|&cut| cut <= len) {
            let tag = keyed.tag(|m| {
                m.put(&message[..cut]);
                m.put(&message[cut..]);
            });
            assert_eq!(tag.0, right(&key, message), "{len} bytes in two at {cut}");
        }
    }
}

#[test]
fn is_the_hmac_crates_in_many_pieces() {
    let key = [3; 32];
    let message: Vec<u8> = (0..450).map(|i| (i % 251) as u8).collect();
    for size in 1..=150 {
        for from in 0..size {
            let (first, rest) = message.split_at(from);
            let tag = Keyed::new(&key).tag(|m| {
                m.put(first);
                rest.chunks(size).for_each(|piece| m.put(piece));
            });
            assert_eq!(tag.0, right(&key, &message), "{from} bytes, then {size} by {size}");
        }
    }
}

#[test]
fn the_part_is_all_but_the_last_byte() {
    let tag = Keyed::new(&[1; 32]).tag(|m| m.put(b"x"));
    let part: &[u8; TAG_LEN] = tag.0.first_chunk().unwrap();
    assert!(tag.begins(part));
    for at in 0..TAG_LEN {
        let mut wrong = *part;
        wrong[at] ^= 1;
        assert!(!tag.begins(&wrong));
    }
    let short: &[u8; SHORT_TAG_LEN] = part.first_chunk().unwrap();
    assert!(tag.begins(short));
    for at in 0..SHORT_TAG_LEN {
        let mut wrong = *short;
        wrong[at] ^= 1;
        assert!(!tag.begins(&wrong));
    }
}

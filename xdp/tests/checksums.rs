//! What is damaged is never answered, and what is answered is not damaged.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by failing")]

mod common;

use common::frame::{Frame, hello, l2, record, sum, udp, udp_checksum};
use common::*;
use dtlsv1_listen_xdp::program::Place;

#[test]
fn no_damaged_hello_is_answered() {
    for place in PLACES {
        let mut program = program(place, &SETTINGS, &keys());
        for (from, to) in [(CLIENT4, SERVER4), (CLIENT6, SERVER6)] {
            let good = Frame::new(from, to, first_hello()).bytes();
            for bit in 0..good.len() * 8 {
                let mut frame = good.clone();
                frame[bit / 8] ^= 1 << (bit % 8);
                let got = run(&mut program, place, &frame);
                // No checksum covers the source's MAC, nor an IPv6 header's class, label and hops.
                let uncovered = (6..12).contains(&(bit / 8))
                    || (to == SERVER6 && matches!(bit / 8, 14..18 | 21));
                assert!(uncovered || !is_answer(&got), "{place:?} {from} bit {bit}");
            }
            // One byte short, and that byte was 0: the checksum would be the same.
            let mut body = hello(1, &[2; 32], b"", 100);
            *body.last_mut().unwrap() = 0;
            let whole = Frame::new(from, to, record(&body)).bytes();
            assert!(is_answer(&run(&mut program, place, &whole)));
            for short in 1..whole.len() - 62 {
                let frame = &whole[..whole.len() - short];
                assert_eq!(run(&mut program, place, frame), Outcome::Drop, "{short}");
            }
        }
    }
}

#[test]
fn a_checksum_that_is_not_there_is_right_with_ipv4_alone() {
    for place in PLACES {
        let mut program = program(place, &SETTINGS, &keys());
        for (from, to, answered) in [(CLIENT4, SERVER4, true), (CLIENT6, SERVER6, false)] {
            let mut frame = Frame::new(from, to, first_hello()).bytes();
            let (udp, _) = udp(&frame).unwrap();
            frame[udp + 6..udp + 8].fill(0);
            assert_eq!(is_answer(&run(&mut program, place, &frame)), answered);
        }
    }
}

/// A frame of this host's own, or of a guest's: the device fills the checksum in, and would do so
/// in the answer too, unless a driver makes a frame of it.
#[test]
fn a_checksum_left_to_the_device_is_left_to_it() {
    for (place, left) in [(Place::Native, false), (Place::Generic, true), (Place::Tc, true)] {
        let mut program = program(place, &SETTINGS, &keys());
        for (from, to) in [(CLIENT4, SERVER4), (CLIENT6, SERVER6)] {
            let mut frame = Frame::new(from, to, first_hello()).bytes();
            let (at, _) = udp(&frame).unwrap();
            let (_, pseudo) = udp_checksum(&frame).unwrap();
            frame[at + 6..at + 8].copy_from_slice(&pseudo.to_be_bytes());
            let Outcome::Answer(answer) = run(&mut program, place, &frame) else {
                panic!("{place:?}")
            };
            let (at, _) = udp(&answer).unwrap();
            let (whole, pseudo) = udp_checksum(&answer).unwrap();
            let given = u16::from_be_bytes([answer[at + 6], answer[at + 7]]);
            assert_eq!(given, if left { pseudo } else { whole }, "{place:?}");
        }
    }
}

#[test]
fn sums_of_the_test_are_sums() {
    // RFC 1071 section 3.
    assert_eq!(sum(&[&[0, 1, 0xF2, 3, 0xF4, 0xF5, 0xF6, 0xF7]]), 0xDDF2);
    assert_eq!(l2(&Frame::new(CLIENT4, SERVER4, vec![]).bytes()), 14);
}

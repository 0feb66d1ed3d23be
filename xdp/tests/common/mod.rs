//! Frames, the library's word on what is in them, and the program's.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test uses a part of it")]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by failing")]

pub mod frame;
pub mod model;

use dtlsv1_listen::hello::cookie::{Keyring, Secret};
use dtlsv1_listen_xdp::library;
use dtlsv1_listen_xdp::program::{Place, Program, Settings, Strangers};
use dtlsv1_listen_xdp::shared::{Endpoint, Ring};
use dtlsv1_listen_xdp::test_run;
use std::net::SocketAddr;

pub const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
pub const SERVER4: &str = "203.0.113.5:4433";
pub const SERVER6: &str = "[2001:db8::5]:4433";
pub const CLIENT4: &str = "192.0.2.1:50000";
pub const CLIENT6: &str = "[2001:db8:1::7]:50000";

pub const SETTINGS: Settings = Settings {
    strangers: Strangers::Pass,
    not_dtls_passes: false,
    answers_per_second: 0,
    loopback: false,
};

#[derive(Debug, PartialEq, Eq, Clone)]
pub enum Outcome {
    Pass,
    Drop,
    Answer(Vec<u8>),
}

pub fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub fn ring_of(keys: &Keyring) -> Ring {
    let mut ring = Ring { valid_until: u64::MAX, ..Ring::NONE };
    keys.show(|key| library::put(&mut ring, &key));
    ring
}

pub fn keyring(secrets: &[&[u8]], slot: u64) -> Keyring {
    let secrets: Vec<_> = secrets.iter().map(|s| Secret::new(s).unwrap()).collect();
    let keys = Keyring::new();
    keys.renew(&secrets, slot);
    keys
}

/// A program that is loaded, has keys and listens at both servers' addresses. bpf(2) is needed:
/// there is no way around it, and a test that is left out would say nothing.
pub fn program(place: Place, settings: &Settings, keys: &Keyring) -> Program {
    let mut program = Program::load(place, settings).unwrap_or_else(|why| panic!("{why}"));
    program.listen(&[SERVER4, SERVER6].map(|a| Endpoint::from(address(a)))).unwrap();
    program.set_mac(MAC).unwrap();
    program.publish(&ring_of(keys)).unwrap();
    program
}

pub fn run(program: &mut Program, place: Place, frame: &[u8]) -> Outcome {
    let mut out = [0; 4096];
    let run = test_run::run(program.fd().unwrap(), frame, 1, &mut out).unwrap();
    let (pass, drop, answer) = if place == Place::Tc { (u32::MAX, 2, 7) } else { (2, 1, 3) };
    match run.verdict {
        verdict if verdict == pass => {
            assert_eq!(run.frame, frame, "what passes is as it was");
            Outcome::Pass
        }
        verdict if verdict == drop => Outcome::Drop,
        verdict if verdict == answer => Outcome::Answer(run.frame.to_vec()),
        verdict => panic!("verdict {verdict}"),
    }
}

/// xorshift64*: the same numbers for the same seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() >> 33) as usize % n
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

pub const PLACES: [Place; 2] = [Place::Native, Place::Tc];

/// Those of one secret and slot.
pub fn keys() -> Keyring {
    keyring(&[&[1; 32]], 1000)
}

pub fn first_hello() -> Vec<u8> {
    frame::record(&frame::hello(1, &[2; 32], b"", 100))
}

pub fn is_answer(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Answer(_))
}

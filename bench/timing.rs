//! Does the time that a check takes tell where a forged cookie is wrong? `make timing` prints t.
//!
//! The method of dudect (Reparaz, Balasch, Verbauwhede, 2017): two classes of input in random
//! order, each check timed on its own, and Welch's t between the classes' times, over all of them
//! and over those below some percentiles (the slow ones are interrupts). Below 4.5 nothing is seen;
//! above 10 there is a leak, and this fails. The last rows are checks that do leak, or the method
//! would prove nothing: below 10 there it fails as well. No length of time is asserted. Which class
//! a measurement belongs to is drawn at random, so a busy machine makes both slower alike: where
//! nothing leaks, t is above 10 less than once in 10^20 runs, whatever else the machine does.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement, not the library"
)]

use dtlsv1_listen::hello::cookie::{Binding, COOKIE_LEN, Check, Cookie, Keyring, Secret};
use dtlsv1_listen::hello::peer::{MAX_ADDRESS_LEN, Peer};
use dtlsv1_listen::hello::wire::{ClientHello, Method};
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

const MEASUREMENTS: usize = 1_000_000;
const BATCH: usize = 10_000;
const LEAK: f64 = 10.0;

fn main() -> ExitCode {
    let mut random = Random::new();
    let secret = Secret::new(&random.bytes::<32>()).unwrap();
    let ring = Keyring::new();
    ring.renew([&secret], 1000);
    let mut address = [0; MAX_ADDRESS_LEN];
    address[..8].copy_from_slice(&[2, 0, 0x11, 0x51, 192, 0, 2, 1]);
    let peer = Peer::new(address);
    let mut body = vec![0xFE, 0xFD];
    body.extend(random.bytes::<32>());
    body.extend([0, 0]);
    let hello = ClientHello::parse(&body, Method::Any).unwrap();
    let binding = Binding::hello(&peer, &hello);
    let right = ring.make(&binding).unwrap();

    let check = |cookie: &Cookie| ring.check(cookie, &binding) == Some(Check::Forged);
    // What a check would be if it stopped at the first byte that differs.
    let leaky = |cookie: &Cookie| {
        let made = ring.make(&binding).unwrap();
        made.iter().zip(cookie).any(|(a, b)| black_box(a) != black_box(b))
    };
    let flipped = |at: usize| {
        let mut cookie = right;
        cookie[at] ^= 0x55;
        move |_: &mut Random| cookie
    };
    let garbage = |random: &mut Random| with_name(right[0], random.bytes());
    let half = |random: &mut Random| {
        let mut cookie: Cookie = with_name(right[0], random.bytes());
        cookie[..COOKIE_LEN / 2].copy_from_slice(&right[..COOKIE_LEN / 2]);
        cookie
    };

    println!("{:58} {:>8} {:>8}   largest |t|", "the classes", "ns", "ns");
    let checked = [
        row(
            "the check: first byte of the tag wrong / last",
            &mut random,
            flipped(1),
            flipped(31),
            check,
        ),
        row(
            "the check: first byte of the tag wrong / the middle",
            &mut random,
            flipped(1),
            flipped(16),
            check,
        ),
        row(
            "the check: a tag of garbage / its first half right",
            &mut random,
            garbage,
            half,
            check,
        ),
        row(
            "the check: a tag of garbage / its last byte wrong",
            &mut random,
            garbage,
            flipped(31),
            check,
        ),
        row(
            "the check: garbage / garbage (nothing to be seen)",
            &mut random,
            garbage,
            garbage,
            check,
        ),
    ];
    let leaks = [
        row(
            "a comparison that leaks: first byte wrong / last",
            &mut random,
            flipped(1),
            flipped(31),
            leaky,
        ),
        row(
            "a comparison that leaks: garbage / first half right",
            &mut random,
            garbage,
            half,
            leaky,
        ),
    ];
    let tight = checked.iter().filter(|t| **t < LEAK).count();
    let seen = leaks.iter().filter(|t| **t >= LEAK).count();
    if tight < checked.len() {
        println!("timing: the time of a check tells where a cookie is wrong");
    }
    if seen < leaks.len() {
        println!(
            "timing: a comparison that leaks went unnoticed: nothing is proved on this machine"
        );
    }
    let (passed, all) = (tight + seen, checked.len() + leaks.len());
    println!("{passed} passed, {} failed", all - passed);
    if passed == all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn with_name(name: u8, mut cookie: Cookie) -> Cookie {
    cookie[0] = name;
    cookie
}

fn row(
    name: &str,
    random: &mut Random,
    a: impl Fn(&mut Random) -> Cookie,
    b: impl Fn(&mut Random) -> Cookie,
    check: impl Fn(&Cookie) -> bool,
) -> f64 {
    let mut times = [Vec::with_capacity(MEASUREMENTS), Vec::with_capacity(MEASUREMENTS)];
    for batch in 0..=MEASUREMENTS / BATCH {
        // Made ahead: how a cookie came to its place must not be timed with the check.
        let cookies: Vec<(usize, Cookie)> = (0..BATCH)
            .map(|_| match random.next() & 1 {
                0 => (0, a(random)),
                _ => (1, b(random)),
            })
            .collect();
        for (class, cookie) in &cookies {
            let start = Instant::now();
            black_box(check(black_box(cookie)));
            let time = start.elapsed().as_nanos() as f64;
            if batch > 0 {
                times[*class].push(time); // the first batch is for the caches
            }
        }
    }
    let mut all: Vec<f64> = times.concat();
    all.sort_by(f64::total_cmp);
    let t = [100, 99, 95, 90, 75, 50]
        .map(|percent| {
            let limit = all[(all.len() * percent / 100).min(all.len() - 1)];
            welch(&times[0], &times[1], limit).abs()
        })
        .into_iter()
        .fold(0.0, f64::max);
    let says = match t {
        _ if t < 4.5 => "nothing seen",
        _ if t < LEAK => "perhaps",
        _ => "a leak",
    };
    let [a, b] = [&times[0], &times[1]].map(|times| median(times));
    println!("{name:58} {a:8.0} {b:8.0} {t:8.1}   {says}");
    t
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Welch's t of the times up to a limit.
fn welch(a: &[f64], b: &[f64], limit: f64) -> f64 {
    let of = |times: &[f64]| {
        let times: Vec<f64> = times.iter().copied().filter(|t| *t <= limit).collect();
        let n = times.len() as f64;
        let mean = times.iter().sum::<f64>() / n;
        let variance = times.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (mean, variance / n)
    };
    let ((mean_a, error_a), (mean_b, error_b)) = (of(a), of(b));
    (mean_a - mean_b) / (error_a + error_b).sqrt()
}

/// xorshift64*: what is random here is the order, and it is quick.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).unwrap();
        Self(u64::from_ne_bytes(seed) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }
}

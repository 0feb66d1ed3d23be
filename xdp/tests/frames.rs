//! The program against the library: frames that are right, wrong, and anything in between.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test")]

mod common;

use common::frame::{self, Frame, fix_checksums, fragment, hello, record};
use common::model::Model;
use common::*;
use dtlsv1_listen::hello::cookie::{Binding, Keyring};
use dtlsv1_listen::hello::wire::{ClientHello, Method};
use dtlsv1_listen_xdp::program::{Place, Strangers};

const SECRETS: [&[u8]; 3] = [&[1; 32], &[2; 40], &[3; 64]];
const SLOT: u64 = 0x1_0000_00FF; // the next one's name is 0

fn model() -> Model {
    Model {
        listening: vec![address(SERVER4), address(SERVER6)],
        keys: keyring(&SECRETS, SLOT),
        proved: Default::default(),
        strangers_pass: true,
        not_dtls_passes: false,
    }
}

/// A hello from there with the cookie that the keys make for it.
fn verified(keys: &Keyring, from: &str, random: u8, session_id: &[u8], extra: usize) -> Vec<u8> {
    let cookie = cookie(keys, from, &hello(random, session_id, b"", extra), usize::MAX);
    hello(random, session_id, &cookie, extra)
}

/// The cookie for a client that has so much room for one.
fn cookie(keys: &Keyring, from: &str, body: &[u8], room: usize) -> Vec<u8> {
    let mut parsed = ClientHello::parse(body, Method::Any).unwrap();
    parsed.room = room;
    let peer = model::peer(address(from));
    let binding = Binding::hello(&peer, &parsed);
    keys.make(&binding).unwrap()[..binding.cookie_len()].to_vec()
}

/// The first datagrams of real clients, as the library's own tests have them.
fn real() -> Vec<Vec<u8>> {
    let text = include_str!("../../ctests/corpus/clienthellos.txt");
    let hex = text.lines().filter_map(|line| line.strip_prefix("> "));
    let real: Vec<Vec<u8>> = hex
        .map(|hex| {
            let pairs = (0..hex.len()).step_by(2).map(|at| hex.get(at..at + 2).unwrap());
            pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
        })
        .collect();
    assert!(real.len() > 20, "{}", real.len());
    real
}

/// A real client's second hello: the first one with the right cookie. Nothing of a fragment.
fn returned(keys: &Keyring, from: &str, datagram: &[u8]) -> Option<Vec<u8>> {
    let body = datagram.get(25..)?;
    let at = 35 + usize::from(*body.get(34)?);
    (datagram[14..17] == datagram[22..25] && body.get(at) == Some(&0)).then(|| {
        let cookie = cookie(keys, from, body, usize::MAX);
        let body = [&body[..at], &[cookie.len() as u8], &cookie, &body[at + 1..]].concat();
        record(&body)
    })
}

/// One of everything that comes to a DTLS port.
fn corpus() -> Vec<Frame> {
    let mut frames = Vec::new();
    for (from, to) in [(CLIENT4, SERVER4), (CLIENT6, SERVER6)] {
        let mut payloads =
            vec![vec![], vec![0; 12], vec![0xAB; 200], b"GET / HTTP/1.0\r\n\r\n".to_vec()];
        let keys = keyring(&SECRETS, SLOT);
        for first in real() {
            payloads.extend(returned(&keys, from, &first));
            payloads.push(first);
        }
        for session_id in [&[][..], &[7], &[8; 31], &[9; 32], &[9; 33]] {
            for extra in [0, 1, 2, 3, 133] {
                payloads.push(record(&hello(1, session_id, b"", extra)));
                payloads.push(record(&hello(1, session_id, &[5; 32], extra)));
                payloads.push(record(&hello(1, session_id, &[5; 20], extra)));
            }
            for (i, slot) in [SLOT, SLOT - 1, SLOT + 1, SLOT - 2, SLOT + 2].into_iter().enumerate()
            {
                let keys = keyring(&SECRETS[i % 3..], slot);
                payloads.push(record(&verified(&keys, from, i as u8, session_id, 10 * i)));
            }
            // In fragments, the first with and without a right cookie.
            for body in [
                hello(1, session_id, b"", 50),
                verified(&keyring(&SECRETS, SLOT), from, 4, session_id, 50),
            ] {
                payloads.push(fragment(&body[..body.len() - 50], 1, body.len(), 0));
                payloads.push(fragment(&body[body.len() - 50..], 1, body.len(), body.len() - 50));
            }
        }
        // A client that has no room for a long cookie, and one that just has.
        for session_id in [&[][..], &[7; 8]] {
            for room in [0, 16, 17, 31, 32, 33] {
                let body = hello(6, session_id, b"", 60);
                let first = 36 + session_id.len() + room;
                payloads.push(fragment(&body[..first], 0, body.len(), 0));
            }
            for slot in [SLOT, SLOT - 1, SLOT + 1, SLOT + 2] {
                let short =
                    cookie(&keyring(&SECRETS[1..], slot), from, &hello(6, session_id, b"", 0), 0);
                for cookie in [&short[..], &[5; 17], &short[..16]] {
                    let body = hello(6, session_id, cookie, 60);
                    payloads.push(record(&body));
                    for cut in [17, 31, 32] {
                        payloads.push(fragment(
                            &body[..36 + session_id.len() + cut],
                            1,
                            body.len(),
                            0,
                        ));
                    }
                }
            }
        }
        // Of sessions and handshakes: alert, application data, CCS, ClientKeyExchange, DTLS 1.3, a connection id.
        for start in [
            &[21, 0xFE, 0xFD, 0, 0][..],
            &[23, 0xFE, 0xFD, 0, 1],
            &[20, 0xFE, 0xFD, 0, 0],
            &[0x2F, 0, 0, 0, 0],
        ] {
            payloads.push([start, &[0, 0, 0, 0, 0, 1, 0, 4, 1, 2, 3, 4]].concat());
        }
        payloads.push([&[25, 0xFE, 0xFD][..], &[9; 60]].concat());
        let mut exchange = fragment(&[1; 66], 2, 66, 0);
        exchange[13] = 16;
        payloads.push(exchange);
        // A second record behind the hello.
        payloads.push([record(&hello(1, b"", b"", 9)), vec![23, 0xFE, 0xFD, 0, 0]].concat());
        payloads.push(record(&hello(1, b"", b"", 2100)));
        frames.extend(payloads.into_iter().map(|payload| Frame::new(from, to, payload)));
    }
    frames
}

#[test]
fn everything_that_comes_is_judged_as_the_library_judges_it() {
    for place in [Place::Native, Place::Tc] {
        for vlans in 0..3 {
            let mut model = model();
            let mut program = program(place, &SETTINGS, &model.keys);
            let (mut answers, mut passes, mut drops, mut sent) = (0, 0, 0, 0);
            for mut frame in corpus() {
                frame.vlans = vlans;
                let bytes = frame.bytes();
                let expected = model.judge(&bytes);
                match &expected {
                    Outcome::Answer(answer) => {
                        let (udp, _) = frame::udp(answer).unwrap();
                        (answers, sent) = (answers + 1, sent + (answer.len() - udp - 8) as u64);
                    }
                    Outcome::Pass => passes += 1,
                    Outcome::Drop => drops += 1,
                }
                assert_eq!(
                    run(&mut program, place, &bytes),
                    expected,
                    "{place:?} {vlans} {:02x?}",
                    frame.payload
                );
            }
            assert!(answers > 100 && passes > 50 && drops > 40, "{answers} {passes} {drops}");
            let counts = program.counts().unwrap();
            assert_eq!(counts.challenges, answers);
            assert_eq!(counts.sent_bytes, sent);
            assert_eq!(counts.datagrams, answers + passes + drops);
            assert!(counts.right > 10 && counts.previous_secret > 1 && counts.wrong > 50);
        }
    }
}

/// `FRAMES` changes how many; 100,000 of a seed that is printed by default.
#[test]
fn a_million_spoilt_frames_are_judged_as_the_library_judges_them() {
    let frames: usize = std::env::var("FRAMES").map_or(100_000, |n| n.parse().unwrap());
    let seed = std::env::var("SEED").map_or(0x9E37_79B9_7F4A_7C15, |n| n.parse().unwrap());
    eprintln!("FRAMES={frames} SEED={seed}");
    let mut random = Random(seed);
    let corpus: Vec<_> = corpus()
        .into_iter()
        .flat_map(|frame| [0, 1].map(|vlans| Frame { vlans, ..frame.clone() }.bytes()))
        .collect();
    let places = [Place::Native, Place::Tc];
    let mut models = [model(), model()];
    for (not_dtls_passes, strangers) in [(false, Strangers::Pass), (true, Strangers::Proved)] {
        for (place, model) in places.into_iter().zip(&mut models) {
            model.not_dtls_passes = not_dtls_passes;
            model.strangers_pass = strangers == Strangers::Pass;
            model.proved.clear();
            let settings =
                dtlsv1_listen_xdp::program::Settings { not_dtls_passes, strangers, ..SETTINGS };
            let mut program = program(place, &settings, &model.keys);
            let mut answers = 0;
            for _ in 0..frames / 4 {
                let mut frame = corpus[random.below(corpus.len())].clone();
                // A test run on an skb wants its IP header in it.
                let shortest = if place == Place::Tc { 62 } else { 14 };
                spoil(&mut frame, &mut random, shortest);
                let expected = model.judge(&frame);
                answers += usize::from(matches!(expected, Outcome::Answer(_)));
                let got = run(&mut program, place, &frame);
                assert_eq!(got, expected, "{place:?} {strangers:?} {frame:02x?}");
            }
            assert!(answers > frames / 40, "{answers}");
        }
    }
}

fn spoil(frame: &mut Vec<u8>, random: &mut Random, shortest: usize) {
    let fix = random.one_in(2);
    for _ in 0..random.below(4) {
        // Where it hurts: most of a frame is extensions.
        let near = frame.len().min(if random.one_in(4) { 2000 } else { 150 });
        let at = random.below(near);
        match random.below(5) {
            0 => frame[at] = random.next() as u8,
            1 => frame[at] ^= 1 << random.below(8),
            2 => frame[at] = frame[at].wrapping_add(1),
            3 => frame[at] = frame[at].wrapping_sub(1),
            _ => frame[at] = [0, 1, 22, 32, 0xFE, 0xFF][random.below(6)],
        }
    }
    match random.below(8) {
        0 => frame.truncate(shortest.max(random.below(frame.len()))),
        1 => frame.extend(vec![random.next() as u8; random.below(30)]),
        _ => {}
    }
    if fix {
        fix_checksums(frame);
    }
}

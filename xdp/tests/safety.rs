//! What is never answered, what always passes, and when.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::type_complexity, reason = "a test")]

mod common;

use common::frame::{Frame, fix_checksums};
use common::*;
use dtlsv1_listen_xdp::program::{Place, Settings, Strangers};
use dtlsv1_listen_xdp::shared::{Endpoint, Ring};
use dtlsv1_listen_xdp::test_run;
use std::net::UdpSocket;

#[test]
fn no_answer_goes_where_none_may_go() {
    let rows = [
        (CLIENT4, true),
        ("10.0.0.1:1", true),
        ("223.255.255.255:65535", true),
        ("192.0.2.1:0", false),
        ("0.0.0.0:5000", false),
        ("0.1.2.3:5000", false),
        ("127.0.0.1:5000", false),
        ("127.255.255.254:5000", false),
        ("224.0.0.1:5000", false),
        ("240.0.0.1:5000", false),
        ("255.255.255.255:5000", false),
        ("203.0.113.5:5000", false), // the address that it is for
        ("203.0.113.5:4433", false),
        ("203.0.113.77:5000", false),  // another of this host's
        ("203.0.113.255:5000", false), // its network's broadcast
        (CLIENT6, true),
        ("[fe80::1]:5000", true),
        ("[2001:db8:1::7]:0", false),
        ("[::]:5000", false),
        ("[::1]:5000", false),
        ("[::ffff:192.0.2.1]:5000", false),
        ("[::192.0.2.1]:5000", false),
        ("[ff02::1]:5000", false),
        ("[2001:db8::5]:5000", false),
        ("[2001:db8::77]:5000", false),
    ];
    for place in PLACES {
        let mut program = program(place, &SETTINGS, &keys());
        let own = ["203.0.113.77:0", "203.0.113.255:0", "[2001:db8::77]:0"];
        program.never_answer(&own.map(|a| Endpoint::from(address(a))).into()).unwrap();
        for (from, answered) in rows {
            let to = if from.starts_with('[') { SERVER6 } else { SERVER4 };
            let got = run(&mut program, place, &Frame::new(from, to, first_hello()).bytes());
            assert_eq!(is_answer(&got), answered, "{place:?} {from}: {got:?}");
            assert!(answered || got == Outcome::Drop, "{from}");
        }
        // Addresses come and go.
        program.never_answer(&[Endpoint::from(address("192.0.2.1:0"))].into()).unwrap();
        let now = |program: &mut _, from| {
            run(program, place, &Frame::new(from, SERVER4, first_hello()).bytes())
        };
        assert_eq!(now(&mut program, CLIENT4), Outcome::Drop);
        assert!(is_answer(&now(&mut program, "203.0.113.77:5000")));
    }
}

#[test]
fn what_is_not_plainly_for_this_server_passes() {
    let v4 = Frame::new(CLIENT4, SERVER4, first_hello()).bytes();
    let v6 = Frame::new(CLIENT6, SERVER6, first_hello()).bytes();
    let change = |of: &[u8], how: &dyn Fn(&mut Vec<u8>)| {
        let mut frame = of.to_vec();
        how(&mut frame);
        fix_checksums(&mut frame);
        frame
    };
    let options = |f: &mut Vec<u8>| {
        f[14] = 0x46;
        f.splice(34..34, [1, 1, 1, 1]);
        let total = (f.len() - 14) as u16;
        f[16..18].copy_from_slice(&total.to_be_bytes());
    };
    let rows: [(&str, Vec<u8>, Outcome); 18] = [
        ("another MAC", change(&v4, &|f| f[5] ^= 1), Outcome::Pass),
        ("broadcast", change(&v4, &|f| f[..6].fill(0xFF)), Outcome::Pass),
        (
            "multicast",
            change(&v4, &|f| f[..6].copy_from_slice(&[1, 0, 0x5E, 0, 0, 1])),
            Outcome::Pass,
        ),
        ("from a multicast MAC", change(&v4, &|f| f[6] |= 1), Outcome::Drop),
        ("a first fragment", change(&v4, &|f| f[20] = 0x20), Outcome::Pass),
        ("a later fragment", change(&v4, &|f| f[21] = 8), Outcome::Pass),
        ("options", change(&v4, &options), Outcome::Drop),
        ("TCP", change(&v4, &|f| f[23] = 6), Outcome::Pass),
        ("another address", change(&v4, &|f| f[33] ^= 1), Outcome::Pass),
        ("another port", change(&v4, &|f| f[37] ^= 1), Outcome::Pass),
        ("ARP", change(&v4, &|f| f[13] = 6), Outcome::Pass),
        ("IPv6 fragment header", change(&v6, &|f| f[20] = 44), Outcome::Pass),
        ("IPv6 hop-by-hop header", change(&v6, &|f| f[20] = 0), Outcome::Pass),
        ("IPv6 to another", change(&v6, &|f| f[53] ^= 1), Outcome::Pass),
        (
            "IPv6 to a mapped address",
            {
                let to = [[0; 10].as_slice(), &[0xFF, 0xFF, 203, 0, 113, 5]].concat();
                change(&v6, &|f| f[38..54].copy_from_slice(&to))
            },
            Outcome::Pass,
        ),
        ("longer than its frame", change(&v4, &|f| f[17] = f[17].wrapping_add(1)), Outcome::Drop),
        ("UDP longer than IP", change(&v4, &|f| f[39] += 1), Outcome::Drop),
        (
            "UDP shorter than its header",
            change(&v4, &|f| f[38..40].copy_from_slice(&[0, 7])),
            Outcome::Drop,
        ),
    ];
    for place in PLACES {
        let mut program = program(place, &SETTINGS, &keys());
        assert!(
            is_answer(&run(&mut program, place, &v4)) && is_answer(&run(&mut program, place, &v6))
        );
        for (name, frame, expected) in &rows {
            assert_eq!(run(&mut program, place, frame), *expected, "{place:?} {name}");
        }
        let counts = program.counts().unwrap();
        assert_eq!((counts.drop_options, counts.drop_source, counts.drop_malformed), (1, 1, 3));
        assert_eq!(counts.pass_not_ours, 3);
    }
}

#[test]
fn datagrams_that_the_host_put_together_go_to_the_server() {
    // Of struct __sk_buff, up to its last field but one.
    let (mut context, gso_segs) = ([0; 180], 164);
    let mut program = program(Place::Tc, &SETTINGS, &keys());
    let frame = Frame::new(CLIENT4, SERVER4, first_hello()).bytes();
    for (segments, verdict) in [(0, 7), (1, 7), (2, u32::MAX)] {
        context[gso_segs] = segments;
        let mut out = [0; 2048];
        let fd = program.fd().unwrap();
        assert_eq!(test_run::run_in(fd, &frame, &context, 1, &mut out).unwrap().verdict, verdict);
    }
    assert_eq!(program.counts().unwrap().pass_offloaded, 1);
}

#[test]
fn without_fresh_keys_everything_passes() {
    let frames: Vec<_> = [first_hello(), vec![7; 50], vec![]]
        .into_iter()
        .flat_map(|p| {
            [(CLIENT4, SERVER4), (CLIENT6, SERVER6), ("127.0.0.1:5", SERVER4)]
                .map(|(a, b)| Frame::new(a, b, p.clone()).bytes())
        })
        .collect();
    let good = ring_of(&keys());
    for place in PLACES {
        let mut program = program(place, &SETTINGS, &keys());
        assert!(is_answer(&run(&mut program, place, &frames[0])));
        for stale in [Ring { valid_until: 1, ..good }, Ring { secrets: 0, ..good }] {
            program.publish(&stale).unwrap();
            for frame in &frames {
                assert_eq!(run(&mut program, place, frame), Outcome::Pass);
            }
        }
        assert_eq!(program.counts().unwrap().pass_stale, 2 * frames.len() as u64);
        program.publish(&good).unwrap();
        assert!(is_answer(&run(&mut program, place, &frames[0])));
    }
}

#[test]
fn a_loopback_device_has_loopback_addresses() {
    let settings = Settings { loopback: true, ..SETTINGS };
    let mut program = program(Place::Tc, &settings, &keys());
    program.listen(&["127.0.0.1:4433", "[::1]:4433"].map(|a| Endpoint::from(address(a)))).unwrap();
    for (from, to) in [("127.0.0.1:5000", "127.0.0.1:4433"), ("[::1]:5000", "[::1]:4433")] {
        assert!(is_answer(&run(
            &mut program,
            Place::Tc,
            &Frame::new(from, to, first_hello()).bytes()
        )));
    }
    let odd = Frame::new("0.0.0.1:5000", "127.0.0.1:4433", first_hello()).bytes();
    assert_eq!(run(&mut program, Place::Tc, &odd), Outcome::Drop);
}

#[test]
fn so_many_answers_a_second_go_to_one_destination() {
    let settings = Settings { answers_per_second: 5, ..SETTINGS };
    for place in PLACES {
        let mut program = program(place, &settings, &keys());
        let mut answers = |froms: &[&str], to| {
            let all = froms.iter().cycle().take(60);
            all.filter(|from| {
                is_answer(&run(&mut program, place, &Frame::new(from, to, first_hello()).bytes()))
            })
            .count()
        };
        // A second may end in between: 10 are one destination's, too. Four of them had 20.
        let ports = [CLIENT4, "192.0.2.1:50001", "192.0.2.1:50002", "192.0.2.1:50003"];
        let one = answers(&ports, SERVER4);
        assert!(one == 5 || one == 10, "{one}");
        let low = ["[2001:db8:1::7]:50000", "[2001:db8:1::8]:50000"];
        let high = ["[2001:db8:1:0:ffff::9]:50000", "[2001:db8:1:0:1::a]:50000"];
        let same_network = answers(&[low, high].concat(), SERVER6);
        assert!(same_network == 5 || same_network == 10, "{same_network}");
        let many: Vec<_> = (1..61).map(|i| format!("198.51.100.{i}:9")).collect();
        assert_eq!(answers(&many.iter().map(String::as_str).collect::<Vec<_>>(), SERVER4), 60);
    }
}

#[test]
fn strangers_are_those_without_a_connected_socket() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = server.local_addr().unwrap().to_string();
    let from = client.local_addr().unwrap().to_string();
    let settings = Settings { loopback: true, strangers: Strangers::Connected, ..SETTINGS };
    let data = [&[23, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 1, 0, 4][..], &[1, 2, 3, 4]].concat();
    for place in PLACES {
        let server = server.try_clone().unwrap();
        let mut program = program(place, &settings, &keys());
        program.listen(&[Endpoint::from(address(&to))]).unwrap();
        let mut ask =
            |from: &str| run(&mut program, place, &Frame::new(from, &to, data.clone()).bytes());
        if place == Place::Native {
            assert_eq!(ask(&from), Outcome::Drop);
        }
        server.connect(&from).unwrap();
        assert_eq!(ask(&from), Outcome::Pass);
        assert_eq!(ask("127.0.0.9:9"), Outcome::Drop);
    }
}

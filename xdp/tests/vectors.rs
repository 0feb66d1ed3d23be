//! The program makes the cookies that `ctests/vectors/cookies.json` says.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by failing")]

mod common;

use common::frame::{Frame, fragment};
use common::*;
use dtlsv1_listen_xdp::program::Place;
use serde_json::Value;

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name}: no text in {value}"))
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn cookies_are_those_of_the_vectors() {
    let file: Value =
        serde_json::from_str(include_str!("../../ctests/vectors/cookies.json")).unwrap();
    let mut programs = [Place::Native, Place::Tc]
        .map(|place| (place, program(place, &SETTINGS, &keyring(&[&[1; 32]], 1))));
    let (mut v4, mut v6, mut passed_over) = (0, 0, Vec::new());
    for vector in file["cookies"].as_array().unwrap() {
        let (name, peer, hello) = (text(vector, "name"), &vector["peer"], &vector["hello"]);
        let family = peer["family"].as_str().unwrap_or("none");
        let session_id = hello["session_id"].as_str().map(hex).unwrap_or_default();
        // What no frame can have, or is left to the server.
        if hello.is_null() || !family.starts_with("inet") || session_id.len() > 32 {
            passed_over.push(name);
            continue;
        }
        let port = peer["port"].as_u64().unwrap();
        let is_v6 = family == "inet6";
        let from = if is_v6 {
            format!("[{}]:{port}", text(peer, "address"))
        } else {
            format!("{}:{port}", text(peer, "address"))
        };
        let to = if is_v6 { SERVER6 } else { SERVER4 };
        if model::is_no_source(address(&from), address(to)) {
            passed_over.push(name);
            continue;
        }
        let mut body = hex(text(hello, "version"));
        body.extend(hex(text(hello, "random")));
        body.push(session_id.len() as u8);
        body.extend(session_id);
        body.push(0);
        let cookie = hex(text(vector, "cookie"));
        // What has no room for a long cookie is a fragment with little behind the length of its own.
        let whole = body.len() + if cookie.len() == 32 { 6 } else { 60 };
        body.extend([0, 2, 0xC0, 0x2B, 1, 0]);
        let payload = fragment(&body, 1, whole, 0);
        let keys = keyring(&[&hex(text(vector, "secret"))], text(vector, "slot").parse().unwrap());
        for (place, program) in &mut programs {
            program.publish(&ring_of(&keys)).unwrap();
            let got = run(program, *place, &Frame::new(&from, to, payload.clone()).bytes());
            let Outcome::Answer(answer) = got else { panic!("{name}: {got:?}") };
            assert_eq!(answer[answer.len() - cookie.len()..], cookie, "{name}");
        }
        *if is_v6 { &mut v6 } else { &mut v4 } += 1;
    }
    assert!(v4 > 12 && v6 > 3, "{v4} {v6} {passed_over:?}");
}

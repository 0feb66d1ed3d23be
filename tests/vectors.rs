//! The library makes the cookies that `ctests/vectors/cookies.json` says, and accepts them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by failing")]

use dtlsv1_listen::hello::cookie::{Binding, Check, Keyring, Lifetime, Secret, SlotKey};
use dtlsv1_listen::hello::peer::{MAX_ADDRESS_LEN, Peer};
use dtlsv1_listen::hello::wire::{ClientHello, Method};
use serde_json::Value;
use std::net::{Ipv4Addr, Ipv6Addr};

fn file() -> Value {
    serde_json::from_str(include_str!("../ctests/vectors/cookies.json")).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name}: no text in {value}"))
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("{name}: no number in {value}"))
}

fn hex(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes().chunks(2).map(|digits| std::str::from_utf8(digits).unwrap());
    bytes.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect()
}

/// The `struct sockaddr` that a BIO would give.
fn peer(of: &Value) -> Peer {
    let mut bytes = Vec::new();
    let family = |family: i32| u16::try_from(family).unwrap().to_ne_bytes();
    let port = || u16::try_from(number(of, "port")).unwrap().to_be_bytes();
    match text(of, "family") {
        "inet" => {
            bytes.extend(family(libc::AF_INET));
            bytes.extend(port());
            bytes.extend(text(of, "address").parse::<Ipv4Addr>().unwrap().octets());
        }
        "inet6" => {
            bytes.extend(family(libc::AF_INET6));
            bytes.extend(port());
            bytes.extend([1, 2, 3, 4]); // the flow label is no part of a cookie
            bytes.extend(text(of, "address").parse::<Ipv6Addr>().unwrap().octets());
            bytes.extend(u32::try_from(of["scope"].as_u64().unwrap_or(0)).unwrap().to_ne_bytes());
        }
        "unix" => {
            bytes.extend(family(libc::AF_UNIX));
            bytes.extend(hex(text(of, "path")));
        }
        other => panic!("no such family: {other}"),
    }
    bytes.resize(MAX_ADDRESS_LEN, 0);
    Peer::new(bytes.try_into().unwrap())
}

fn body(hello: &Value) -> Vec<u8> {
    let mut body = hex(text(hello, "version"));
    body.extend(hex(text(hello, "random")));
    let session_id = hex(text(hello, "session_id"));
    body.push(u8::try_from(session_id.len()).unwrap());
    body.extend(session_id);
    body.extend([3, b'a', b'n', b'y']); // nor is the cookie that the client shows
    body
}

#[test]
fn cookies_are_those_of_the_vectors() {
    let file = file();
    let vectors = file["cookies"].as_array().unwrap();
    assert!(vectors.len() > 20);
    for vector in vectors {
        let name = text(vector, "name");
        let secret = Secret::new(&hex(text(vector, "secret"))).unwrap();
        let slot: u64 = text(vector, "slot").parse().unwrap();
        let peer = peer(&vector["peer"]);
        let body = (!vector["hello"].is_null()).then(|| body(&vector["hello"]));
        let hello = body.as_ref().map(|body| {
            let hello = ClientHello::parse(body, Method::Any).unwrap();
            let room = if text(vector, "kind") == "short" { 31 } else { hello.room };
            ClientHello { room, ..hello }
        });
        let binding = hello
            .as_ref()
            .map_or_else(|| Binding::peer(&peer), |hello| Binding::hello(&peer, hello));

        let cookie = hex(text(vector, "cookie"));
        let made = SlotKey::derive(secret.key(), slot).make(&binding);
        assert_eq!(made[..binding.cookie_len()], cookie, "{name}");
        let ring = Keyring::new();
        ring.renew([&secret], slot);
        assert_eq!(ring.make(&binding), Some(made), "{name}");
        let right = Check::Right { previous_secret: false };
        assert_eq!(ring.check(&cookie, &binding), Some(right), "{name}");
    }
}

#[test]
fn slots_are_those_of_the_vectors() {
    let file = file();
    let rows = file["slots"].as_array().unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        let lifetime = u32::try_from(number(row, "lifetime")).unwrap();
        let slot = Lifetime::from_seconds(lifetime).unwrap().slot(number(row, "unix_seconds"));
        assert_eq!(slot.to_string(), text(row, "slot"), "{row}");
    }
}

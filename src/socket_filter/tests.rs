use super::*;
use crate::hello::cookie::{Binding, Keyring, Secret};
use crate::hello::error::Fault;
use crate::hello::gate::{Admitted, COOKIE_ROOM, Cookies, Observer};
use crate::hello::peer::{MAX_ADDRESS_LEN, Peer};
use crate::hello::reassembly::Outcome;
use crate::hello::step::{Driver, Fragments, Step, step};
use crate::hello::wire::{ClientHello, Fragment, HelloVerifyRequest, Method};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

/// Classic BPF as far as the program needs it; what it reads past the end ends it with 0.
fn takes(datagram: &[u8]) -> bool {
    let packet = [&[0; UDP as usize], datagram].concat();
    let (mut at, mut a) = (0, 0);
    loop {
        let i = PROGRAM[at];
        let (code, k) = (u32::from(i.code), i.k as usize);
        at += 1;
        match code & 7 {
            libc::BPF_LD => {
                let size = if code & 0x18 == libc::BPF_B { 1 } else { 2 };
                let Some(bytes) = packet.get(k..k + size) else { return false };
                a = bytes.iter().fold(0, |a, &b| (a << 8) | u32::from(b));
            }
            libc::BPF_JMP => {
                let holds = if code & 0xF0 == libc::BPF_JEQ { a == i.k } else { a > i.k };
                at += usize::from(if holds { i.jt } else { i.jf });
            }
            _ => return i.k != 0,
        }
    }
}

/// Makes real cookies, accepts one, and keeps every fragment.
struct FakeDriver(Keyring);

impl Observer for FakeDriver {}

impl Cookies for FakeDriver {
    fn check(&mut self, hello: &ClientHello<'_>) -> Result<bool, Fault> {
        Ok(hello.cookie == b"right")
    }
    fn make(
        &mut self,
        _: &ClientHello<'_>,
        cookie: &mut [u8; COOKIE_ROOM],
    ) -> Result<usize, Fault> {
        let made =
            self.0.make(&Binding::peer(&Peer::new([2; MAX_ADDRESS_LEN]))).ok_or(Fault::NoSecret)?;
        cookie[..made.len()].copy_from_slice(&made);
        Ok(made.len())
    }
}

impl Fragments for FakeDriver {
    fn first(&mut self, _: &Admitted<'_>, _: &[u8]) -> Outcome {
        Outcome::Kept
    }
    fn rest(&mut self, _: &Fragment<'_>, _: &[u8]) -> Outcome {
        Outcome::Kept
    }
    fn longest(&mut self) -> u32 {
        u32::MAX
    }
}

impl<'p> Driver<'p> for FakeDriver {
    fn peer(&self) -> Option<&'p Peer> {
        None
    }
}

fn hello(cookie: &[u8]) -> Vec<u8> {
    let mut body = vec![0xFE, 0xFD];
    body.extend([7; 32]);
    body.extend([0, cookie.len() as u8]);
    body.extend(cookie);
    body.extend([0, 2, 0xC0, 0x2B, 1, 0]);
    let len = body.len() as u8;
    let mut all = vec![22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 5, 0, len + 12];
    all.extend([1, 0, 0, len, 0, 1, 0, 0, 0, 0, 0, len]);
    all.extend(body);
    all
}

#[test]
fn nothing_that_the_gate_takes_is_dropped() {
    let ring = Keyring::new();
    ring.renew(&[Secret::new(&[1; 32]).unwrap()], 5);
    let mut driver = FakeDriver(ring);
    let (mut taken, mut dropped) = (0, 0);
    for base in [hello(b""), hello(b"right"), hello(b"wrong")] {
        for at in 0..base.len() {
            for value in 0..=255 {
                let mut datagram = base.clone();
                datagram[at] = value;
                let mut answer = HelloVerifyRequest::blank();
                let step = step(&datagram, Method::Any, &mut driver, &mut answer).unwrap();
                let hopeless = match step {
                    Step::Drop(reason) => Some(reason),
                    _ => None,
                };
                match (takes(&datagram), hopeless) {
                    (true, _) => taken += 1,
                    (false, Some(_)) => dropped += 1,
                    (false, None) => panic!("byte {at} = {value}"),
                }
            }
            assert!(!takes(&base[..at]) || at >= 19);
        }
    }
    assert!(taken > 10_000 && dropped > 2_000, "{taken} {dropped}");
}

#[test]
fn what_belongs_to_no_first_contact_is_dropped() {
    let with = |at: usize, value| {
        let mut datagram = hello(b"");
        datagram[at] = value;
        takes(&datagram)
    };
    assert!(takes(&hello(b"")) && with(18, 0) && with(21, 9)); // a later fragment, too
    for (at, value) in [(0, 23), (0, 0x2F), (1, 3), (3, 1), (4, 1), (13, 16), (17, 1), (18, 2)] {
        assert!(!with(at, value), "byte {at} = {value}");
    }
    assert!(!takes(b"") && !takes(&[0xAB; 200]));
}

fn pair(on: &str) -> (UdpSocket, UdpSocket, SocketAddr) {
    let server = UdpSocket::bind(on).unwrap();
    server.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let to = server.local_addr().unwrap();
    (server, UdpSocket::bind(on).unwrap(), to)
}

/// The lengths of what comes out.
fn received(server: &UdpSocket) -> Vec<usize> {
    let mut room = [0; 2000];
    std::iter::from_fn(|| server.recv(&mut room).ok()).collect()
}

#[test]
fn a_listening_socket_has_it_until_a_client_is_accepted() {
    for on in ["127.0.0.1:0", "[::1]:0"] {
        let (server, client, to) = pair(on);
        let socket = || Some(server.as_raw_fd());
        let hello = hello(b"");
        let send = || {
            for datagram in [&hello[..], &[0xAB; 100], b"", &hello] {
                client.send_to(datagram, to).unwrap();
            }
        };
        let switch = Switch::new(false);
        switch.begin(socket);
        send();
        assert_eq!(received(&server), [hello.len(), 100, 0, hello.len()]);
        switch.set(true);
        switch.begin(socket);
        assert_eq!(held(server.as_raw_fd()), Held::Ours);
        switch.begin(socket);
        send();
        assert_eq!(received(&server), [hello.len(); 2]);
        assert!(switch.is_in_use());
        end(socket());
        assert_eq!(held(server.as_raw_fd()), Held::None);
        send();
        assert_eq!(received(&server).len(), 4);
        // Switched off, it goes at the next call.
        switch.begin(socket);
        switch.set(false);
        switch.begin(socket);
        assert_eq!(held(server.as_raw_fd()), Held::None);
    }
}

#[test]
fn a_connected_socket_and_one_with_another_filter_are_left_alone() {
    let (server, client, _) = pair("127.0.0.1:0");
    server.connect(client.local_addr().unwrap()).unwrap();
    put_on(server.as_raw_fd());
    assert_eq!(held(server.as_raw_fd()), Held::None);

    let (unix, _other) = std::os::unix::net::UnixDatagram::pair().unwrap();
    put_on(unix.as_raw_fd());
    assert_eq!(held(unix.as_raw_fd()), Held::None);

    let (server, ..) = pair("127.0.0.1:0");
    let mut all = [ret(u32::MAX)];
    let filter = libc::sock_fprog { len: 1, filter: all.as_mut_ptr() };
    // SAFETY: a filter of one instruction.
    let status = unsafe {
        libc::setsockopt(
            server.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const filter).cast(),
            size_of::<libc::sock_fprog>() as c_uint,
        )
    };
    assert_eq!(status, 0);
    put_on(server.as_raw_fd());
    assert_eq!(held(server.as_raw_fd()), Held::Another);
    take_off(server.as_raw_fd());
    assert_eq!(held(server.as_raw_fd()), Held::Another);
}

#[test]
fn errno_stays_what_it_was() {
    set_errno(77);
    put_on(-1);
    take_off(-1);
    assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(77));
}

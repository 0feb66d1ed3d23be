use super::super::{Inbox, Outbox, Poll, Sending, Unusable, send_now};
use super::*;
use crate::listener::address::{Flow, Ip, Local};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

const LOCALHOST: [u8; 4] = [127, 0, 0, 1];

fn address(ip: Ip) -> Address {
    Address { ip, scope: 0, port: 0 }
}

fn port(doors: &Doors) -> u16 {
    doors.get(0).unwrap().local().unwrap().port
}

fn hello(cookie: &[u8]) -> Vec<u8> {
    let mut hello = vec![22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100];
    hello.extend([1, 0, 0, 88, 0, 0, 0, 0, 0, 0, 0, 88, 0xFE, 0xFD]);
    hello.extend([7; 32]);
    hello.extend([0, cookie.len() as u8]);
    hello.extend(cookie);
    hello.resize(113, 0);
    hello
}

fn data() -> Vec<u8> {
    let mut data = vec![23, 0xFE, 0xFD, 0, 1];
    data.resize(40, 9);
    data
}

/// What each door brings: the first byte and the length of each datagram, who sent it, and where to.
fn read(inbox: &mut Inbox, socket: &Socket) -> Vec<(usize, Address, Local)> {
    let n = inbox.receive(socket, BATCH).unwrap();
    let got = (0..n).map(|n| inbox.get(n).unwrap());
    got.map(|got| got.ok().unwrap()).map(|got| (got.bytes.len(), got.peer, got.local)).collect()
}

fn counts(doors: &Doors) -> Vec<usize> {
    let mut inbox = Inbox::new(2048).unwrap();
    (0..3).filter_map(|n| doors.get(n)).map(|socket| read(&mut inbox, socket).len()).collect()
}

#[test]
fn the_kernel_sorts_datagrams_as_the_rule_does() {
    for ip in [Ip::v4(LOCALHOST), Ip(Ipv6Addr::LOCALHOST.octets()), Ip::UNSPECIFIED] {
        let doors = open(&address(ip), 1, true).unwrap().pop().unwrap();
        assert!(doors.are_apart());
        let to: IpAddr =
            if ip.as_v4().is_some() { LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        let client = UdpSocket::bind(SocketAddr::new(to, 0)).unwrap();
        let send = |bytes: &[u8]| client.send_to(bytes, (to, port(&doors))).unwrap();
        for datagram in [&hello(b"")[..], b"", b"junk", &hello(b"c"), &hello(b"d"), &data()] {
            send(datagram);
        }
        assert_eq!(counts(&doors), [3, 2, 1], "{ip:?}");
    }
}

#[test]
fn without_doors_one_socket_hears_everything() {
    let doors = open(&address(Ip::v4(LOCALHOST)), 1, false).unwrap().pop().unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    for datagram in [&hello(b"")[..], &hello(b"c"), &data()] {
        client.send_to(datagram, ("127.0.0.1", port(&doors))).unwrap();
    }
    assert_eq!(counts(&doors), [3]);
}

#[test]
fn a_port_that_somebody_has_is_refused() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let address = Address { port, ..address(Ip::v4(LOCALHOST)) };
    assert_eq!(open(&address, 1, true).unwrap_err(), libc::EADDRINUSE);
    drop(taken);
    let doors = open(&address, 1, true).unwrap();
    assert_eq!(open(&address, 1, true).unwrap_err(), libc::EADDRINUSE, "another listener's");
    drop(doors);
    assert!(open(&address, 1, false).is_ok());
}

#[test]
fn a_client_comes_to_the_same_shard_with_all_it_sends() {
    for ip in [Ip::v4(LOCALHOST), Ip(Ipv6Addr::LOCALHOST.octets())] {
        let shards = open(&address(ip), 3, true).unwrap();
        assert_eq!(shards.len(), 3);
        let to: IpAddr =
            if ip.as_v4().is_some() { LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        for _ in 0..12 {
            let client = UdpSocket::bind(SocketAddr::new(to, 0)).unwrap();
            for datagram in [&hello(b"")[..], &hello(b"c"), &data(), &data()] {
                client.send_to(datagram, (to, port(&shards[0]))).unwrap();
            }
            let shard = usize::from(client.local_addr().unwrap().port() % 3);
            for (n, doors) in shards.iter().enumerate() {
                let expected = if n == shard { [1, 1, 2] } else { [0; 3] };
                assert_eq!(counts(doors), expected);
            }
        }
    }
}

#[test]
fn an_answer_leaves_from_where_the_question_came_to() {
    let doors = open(&address(Ip::UNSPECIFIED), 1, true).unwrap().pop().unwrap();
    let (mut inbox, mut outbox) = (Inbox::new(2048).unwrap(), Outbox::new().unwrap());
    for (bind, to) in
        [("127.0.0.1:0", "127.0.0.1"), ("127.0.0.1:0", "127.0.0.5"), ("[::1]:0", "::1")]
    {
        let client = UdpSocket::bind(bind).unwrap();
        client.connect((to, port(&doors))).unwrap(); // hears nobody else
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        client.send(&hello(b"")).unwrap();
        let socket = doors.through(Door::Strangers).unwrap();
        let (_, peer, local) = read(&mut inbox, socket)[0];
        let flow = Flow { peer, local };
        assert!(outbox.push(socket, &flow, 113, b"answer"));
        let mut told = Vec::new();
        outbox.flush(socket, |told_of| {
            assert_eq!(Address::from_sockaddr(told_of.to.as_bytes()), Some(peer));
            told.push((told_of.sending, told_of.question, told_of.answer));
        });
        assert_eq!(told, [(Sending::Out, 113, 6)]);
        let mut room = [0; 16];
        assert_eq!(client.recv(&mut room).unwrap(), 6, "{to}");
        assert_eq!(send_now(doors.through(Door::Clients).unwrap(), &flow, b"data"), Sending::Out);
        assert_eq!(client.recv(&mut room).unwrap(), 4, "{to}");
    }
}

#[test]
fn a_batch_is_read_and_answered_at_once_and_one_bad_peer_harms_none() {
    let doors = open(&address(Ip::v4([0; 4])), 1, true).unwrap().pop().unwrap();
    let socket = doors.through(Door::Strangers).unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    for _ in 0..70 {
        client.send_to(&hello(b""), ("127.0.0.1", port(&doors))).unwrap();
    }
    let (mut inbox, mut outbox) = (Inbox::new(2048).unwrap(), Outbox::new().unwrap());
    let got = read(&mut inbox, socket);
    assert_eq!(got.len(), BATCH);
    for (n, (_, peer, local)) in got.iter().enumerate() {
        // Port 0 cannot be sent to; a foreign local address neither; what is too long is not taken.
        let mut flow = Flow { peer: *peer, local: *local };
        match n {
            0 | 20 | 63 => flow.peer.port = 0,
            30 => flow.local.ip = Ip::v4([192, 0, 2, 77]),
            _ => {}
        }
        assert!(outbox.push(socket, &flow, 1, &[n as u8]));
    }
    assert!(outbox.is_full());
    assert!(!outbox.push(socket, &Flow { peer: got[0].1, local: got[0].2 }, 1, b"x"));
    let mut outcomes = Vec::new();
    outbox.flush(socket, |answered| outcomes.push(answered.sending));
    let lost: Vec<_> = (0..BATCH).filter(|n| outcomes[*n] == Sending::Lost).collect();
    assert_eq!((outcomes.len(), lost), (BATCH, vec![0, 20, 30, 63]));
    let mut room = [0; 4];
    let answers: Vec<u8> = (0..60).map(|_| (client.recv(&mut room).unwrap(), room[0]).1).collect();
    let expected: Vec<u8> = (0..64).filter(|n| ![0, 20, 30, 63].contains(n)).collect();
    assert_eq!(answers, expected);
    assert_eq!(read(&mut inbox, socket).len(), 6);
    outbox.flush(socket, |_| panic!("nothing is left"));
}

#[test]
fn what_is_too_long_is_found_out() {
    let doors = open(&address(Ip::v4(LOCALHOST)), 1, false).unwrap().pop().unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    for len in [100, 101, 0] {
        client.send_to(&vec![0; len], ("127.0.0.1", port(&doors))).unwrap();
    }
    let mut inbox = Inbox::new(100).unwrap();
    assert_eq!(inbox.receive(doors.get(0).unwrap(), 9), Ok(3));
    assert_eq!(inbox.get(0).unwrap().ok().unwrap().bytes.len(), 100);
    assert_eq!(inbox.get(1).unwrap().err(), Some(Unusable::TooLong));
    assert_eq!(inbox.get(2).unwrap().ok().unwrap().bytes.len(), 0);
    assert_eq!(inbox.receive(doors.get(0).unwrap(), 9), Ok(0));
}

#[test]
fn a_callers_socket_gets_doors_if_it_shares_its_port_and_is_alone() {
    let plain = UdpSocket::bind("127.0.0.1:0").unwrap();
    let doors = Doors::beside(plain.as_raw_fd(), true).unwrap();
    assert!(!doors.are_apart());
    drop(doors);
    assert!(plain.local_addr().is_ok(), "it stays the caller's");

    let shared = open(&address(Ip::v4(LOCALHOST)), 2, false).unwrap();
    let first = shared[0].get(0).unwrap();
    assert!(!Doors::beside(first.fd(), true).unwrap().are_apart(), "others are in the group");

    let mut mine = Socket::new(Family::V6).unwrap();
    mine.set(libc::SOL_SOCKET, libc::SO_REUSEPORT, 1).unwrap();
    let to = address(Ip(Ipv6Addr::LOCALHOST.octets())).to_sockaddr(Family::V6).unwrap();
    mine.bind(&to).unwrap();
    assert!(!Doors::beside(mine.fd(), false).unwrap().are_apart(), "not asked for");
    let doors = Doors::beside(mine.fd(), true).unwrap();
    assert!(doors.are_apart());
    let client = UdpSocket::bind("[::1]:0").unwrap();
    for datagram in [&hello(b"")[..], &hello(b"c"), &data()] {
        client.send_to(datagram, ("::1", port(&doors))).unwrap();
    }
    assert_eq!(counts(&doors), [1, 1, 1]);
}

#[test]
fn what_is_no_bound_udp_socket_is_refused() {
    let refused = |fd| Doors::beside(fd, true).unwrap_err();
    assert_eq!(refused(-1), libc::EBADF);
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(refused(tcp.as_raw_fd()), libc::EPROTOTYPE);
    let unix = std::os::unix::net::UnixDatagram::unbound().unwrap();
    assert_eq!(refused(unix.as_raw_fd()), libc::EAFNOSUPPORT);
    assert_eq!(refused(Socket::new(Family::V4).unwrap().fd()), libc::EDESTADDRREQ);
    let connected = UdpSocket::bind("127.0.0.1:0").unwrap();
    connected.connect("127.0.0.1:9").unwrap();
    assert_eq!(refused(connected.as_raw_fd()), libc::EISCONN);
}

#[test]
fn one_descriptor_is_ready_for_each_socket_and_for_the_timer() {
    let doors = open(&address(Ip::v4(LOCALHOST)), 1, true).unwrap().pop().unwrap();
    let mut poll = Poll::new().unwrap();
    for (n, socket) in doors.all() {
        poll.add(socket, n).unwrap();
    }
    assert_eq!(poll.wait(0), Ok(Default::default()));
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    for (n, datagram) in [hello(b""), hello(b"c"), data()].iter().enumerate() {
        client.send_to(datagram, ("127.0.0.1", port(&doors))).unwrap();
        let ready = poll.wait(60_000).unwrap();
        assert_eq!((ready.readable, ready.timer, ready.writable), (1 << n, false, 0));
        assert_eq!(counts(&doors).iter().sum::<usize>(), 1);
    }
    poll.watch_writable(doors.get(2).unwrap(), 2, true).unwrap();
    assert_eq!(poll.wait(0).unwrap().writable, 4);
    poll.watch_writable(doors.get(2).unwrap(), 2, false).unwrap();
    assert_eq!(poll.wait(0), Ok(Default::default()));

    let now = Instant::now();
    poll.wake_by(now + Duration::from_millis(30), now);
    poll.wake_by(now + Duration::from_secs(3600), now); // later: the timer stays
    assert!(poll.wait(60_000).unwrap().timer);
    assert!(now.elapsed() >= Duration::from_millis(30), "{:?}", now.elapsed());
    poll.rearm(None, Instant::now());
    assert_eq!(poll.wait(0), Ok(Default::default()));
    let now = Instant::now();
    poll.wake_by(now, now);
    assert!(poll.wait(60_000).unwrap().timer);
    poll.rearm(Some(now), Instant::now());
    assert!(poll.wait(60_000).unwrap().timer, "what is due stays so until it is done");
}

#[test]
fn errors_of_a_callers_socket_neither_stop_nor_wake_for_ever() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let doors = Doors::beside(server.as_raw_fd(), true).unwrap();
    let socket = doors.get(0).unwrap();
    socket.set(libc::IPPROTO_IP, libc::IP_RECVERR, 1).unwrap();
    let gone = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let to = Address { port: gone, ..address(Ip::v4(LOCALHOST)) };
    let flow = Flow { peer: to, local: Local { ip: Ip::UNSPECIFIED, interface: 0 } };
    assert_eq!(send_now(socket, &flow, b"x"), Sending::Out);
    let poll = Poll::new().unwrap();
    poll.add(socket, 0).unwrap();
    assert_eq!(poll.wait(60_000).unwrap().errors, 1);
    // The error of that one comes in place of another's datagram; it is passed over.
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.send_to(b"hello", ("127.0.0.1", port(&doors))).unwrap();
    assert_eq!(counts(&doors), [1]);
    // Nor is what is sent to another lost.
    assert_eq!(send_now(socket, &flow, b"x"), Sending::Out);
    assert_eq!(poll.wait(60_000).unwrap().errors, 1);
    let peer = Address { port: client.local_addr().unwrap().port(), ..to };
    assert_eq!(send_now(socket, &Flow { peer, ..flow }, b"y"), Sending::Out);
    client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert_eq!(client.recv(&mut [0; 4]).unwrap(), 1);
    // Nor the first of many.
    assert_eq!(send_now(socket, &flow, b"x"), Sending::Out);
    assert_eq!(poll.wait(60_000).unwrap().errors, 1);
    let mut outbox = Outbox::new().unwrap();
    for peer in [peer, to, peer] {
        assert!(outbox.push(socket, &Flow { peer, ..flow }, 1, b"z"));
    }
    let mut outcomes = Vec::new();
    outbox.flush(socket, |answered| outcomes.push(answered.sending));
    assert_eq!(outcomes, [Sending::Out; 3]);
    assert_eq!((client.recv(&mut [0; 4]).unwrap(), client.recv(&mut [0; 4]).unwrap()), (1, 1));
    socket.drop_errors();
    assert_eq!(poll.wait(0), Ok(Default::default()));
}

use super::*;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

const ANSWER: &[u8] = &[22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 7, 0, 15, 3, 0];

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

fn to(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().unwrap()
}

fn next(batch: &mut BatchSocket) -> Option<Vec<u8>> {
    let mut room = [MaybeUninit::new(0xA5_u8); 64];
    let n = batch.next(&mut room)?;
    // SAFETY: all of it was written above.
    Some(room[..n].iter().map(|byte| unsafe { byte.assume_init() }).collect())
}

#[test]
fn many_are_read_at_once_and_answered_at_the_next_reading() {
    let (server, client) = (socket(), socket());
    let mut batch = BatchSocket::new(server.as_raw_fd()).unwrap();
    assert_eq!(next(&mut batch), None);
    for n in 0..3 {
        client.send_to(&[n; 9], to(&server)).unwrap();
    }
    assert_eq!(batch.waiting(), None);
    for n in 0..3 {
        assert_eq!(next(&mut batch).unwrap(), [n; 9]);
        assert_eq!(batch.waiting(), (n < 2).then_some(9));
        assert_eq!(batch.peer()[2..4], to(&client).port().to_be_bytes());
        assert!(batch.answer(ANSWER));
    }
    client.set_nonblocking(true).unwrap();
    assert!(client.recv(&mut [0; 99]).is_err(), "sent before the batch ended");
    assert_eq!(next(&mut batch), None);
    client.set_nonblocking(false).unwrap();
    for _ in 0..3 {
        let mut answer = [0; 99];
        let n = client.recv(&mut answer).unwrap();
        assert_eq!(&answer[..n], ANSWER);
    }
}

#[test]
fn all_but_a_hello_verify_request_is_left_to_others() {
    let (server, client) = (socket(), socket());
    let mut batch = BatchSocket::new(server.as_raw_fd()).unwrap();
    assert!(!batch.answer(ANSWER), "to nobody");
    client.send_to(b"x", to(&server)).unwrap();
    assert_eq!(next(&mut batch).unwrap(), b"x");
    for at in [0, 1, 3, 4, 13] {
        let mut other = ANSWER.to_vec();
        other[at] ^= 1;
        assert!(!batch.answer(&other), "{at}");
    }
    assert!(!batch.answer(&ANSWER[..13]));
    assert!(batch.answer(ANSWER));
}

#[test]
fn what_is_too_long_is_passed_over_and_what_has_no_room_is_cut() {
    let (server, client) = (socket(), socket());
    let mut batch = BatchSocket::new(server.as_raw_fd()).unwrap();
    client.send_to(&[1; LONGEST + 1], to(&server)).unwrap();
    client.send_to(&[2; 65], to(&server)).unwrap();
    client.send_to(&[], to(&server)).unwrap();
    assert_eq!(next(&mut batch).unwrap(), [2; 64]);
    assert_eq!(batch.waiting(), Some(0));
    assert_eq!(next(&mut batch).unwrap(), b"");
    assert_eq!(next(&mut batch), None);
}

#[test]
fn only_for_a_bound_udp_socket_that_is_not_connected_and_it_stays_as_it_blocks() {
    let connected = socket();
    connected.connect(to(&socket())).unwrap();
    let refused = |fd| BatchSocket::new(fd).err();
    assert_eq!(refused(connected.as_raw_fd()), Some(Fault::System(libc::EISCONN)));
    let tcp = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    assert_eq!(refused(tcp.as_raw_fd()), Some(Fault::System(libc::EPROTOTYPE)));
    assert_eq!(refused(-1), Some(Fault::System(libc::EBADF)));
    let server = socket();
    let batch = BatchSocket::new(server.as_raw_fd());
    // SAFETY: takes numbers.
    let flags = unsafe { libc::fcntl(server.as_raw_fd(), libc::F_GETFL) };
    assert!(batch.is_ok() && flags & libc::O_NONBLOCK == 0);
}

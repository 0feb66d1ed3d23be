use super::super::{Door, Doors, Inbox, open};
use super::*;
use crate::listener::address::Local;
use std::net::UdpSocket;
use std::time::Instant;

const LOCALHOST: [u8; 4] = [127, 0, 0, 1];

fn doors(ip: [u8; 4], apart: bool) -> Doors {
    let address = Address { ip: Ip::v4(ip), scope: 0, port: 0 };
    open(&address, 1, apart).unwrap().pop().unwrap()
}

fn port(doors: &Doors) -> u16 {
    doors.get(0).unwrap().local().unwrap().port
}

fn client(port: u16) -> (UdpSocket, Flow) {
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(("127.0.0.1", port)).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let peer =
        Address { ip: Ip::v4(LOCALHOST), scope: 0, port: client.local_addr().unwrap().port() };
    (client, Flow { peer, local: Local { ip: Ip::v4(LOCALHOST), interface: 0 } })
}

fn heard(doors: &Doors) -> usize {
    let mut inbox = Inbox::new(100).unwrap();
    doors.all().map(|(_, socket)| inbox.receive(socket, BATCH).unwrap()).sum()
}

fn read(connected: &Connected, within: Option<Duration>) -> Heard {
    connected.read(&mut [MaybeUninit::uninit(); 100], within)
}

#[test]
fn a_client_is_heard_by_its_own_socket_and_nobody_else_is() {
    for (ip, apart) in [(LOCALHOST, true), (LOCALHOST, false), ([0; 4], true), ([0; 4], false)] {
        let doors = doors(ip, apart);
        let beside = doors.through(Door::Clients).unwrap();
        let mut all = Vec::new();
        for n in 0..20 {
            let (client, flow) = client(port(&doors));
            let connected = bind(beside, &flow).unwrap().connect().unwrap();
            client.send(&[n; 30]).unwrap();
            assert_eq!(read(&connected, None), Heard::Datagram(30), "{ip:?} {apart} {n}");
            connected.send(b"back").unwrap();
            assert_eq!(client.recv(&mut [0; 9]).unwrap(), 4);
            all.push((client, connected));
            // Strangers still come to the listener, whatever became of the group.
            for _ in 0..5 {
                let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
                stranger.send_to(&[22; 20], ("127.0.0.1", port(&doors))).unwrap();
            }
            assert_eq!(heard(&doors), 5, "{ip:?} {apart} {n}");
        }
        for (client, connected) in &all {
            assert_eq!(read(connected, None), Heard::Nothing);
            client.send(b"again").unwrap();
            assert_eq!(read(connected, None), Heard::Datagram(5));
        }
        assert_eq!(heard(&doors), 0);
    }
}

#[test]
fn it_outlives_the_listener_and_its_port_is_refused_to_others() {
    let doors = doors(LOCALHOST, true);
    let (client, flow) = client(port(&doors));
    let connected = bind(doors.get(0).unwrap(), &flow).unwrap().connect().unwrap();
    drop(doors);
    client.send(b"later").unwrap();
    assert_eq!(read(&connected, None), Heard::Datagram(5));
    assert!(UdpSocket::bind(("127.0.0.1", flow_port(&client))).is_err());
}

fn flow_port(client: &UdpSocket) -> u16 {
    client.peer_addr().unwrap().port()
}

#[test]
fn a_socket_that_blocks_waits_as_long_as_it_may() {
    let doors = doors(LOCALHOST, true);
    let (client, flow) = client(port(&doors));
    let connected = bind(doors.get(0).unwrap(), &flow).unwrap().connect().unwrap();
    let start = Instant::now();
    assert_eq!(read(&connected, Some(Duration::from_secs(60))), Heard::Nothing);
    assert!(start.elapsed() < Duration::from_secs(60), "it does not block yet");
    connected.block().unwrap();
    let start = Instant::now();
    assert_eq!(read(&connected, Some(Duration::from_millis(40))), Heard::Nothing);
    assert!(start.elapsed() >= Duration::from_millis(40));
    let later = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(40));
        client.send(b"hello").unwrap();
        client
    });
    assert_eq!(read(&connected, None), Heard::Datagram(5));
    let client = later.join().unwrap();
    client.send(b"hello").unwrap();
    assert_eq!(read(&connected, Some(Duration::from_secs(5))), Heard::Datagram(5));
}

#[test]
fn what_others_sent_before_it_was_connected_is_not_the_clients() {
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut socket = Socket::new(Family::V4).unwrap();
    let any = Address { ip: Ip::v4(LOCALHOST), scope: 0, port: 0 };
    socket.bind(&any.to_sockaddr(Family::V4).unwrap()).unwrap();
    let port = socket.local().unwrap().port;
    stranger.send_to(b"stranger's", ("127.0.0.1", port)).unwrap();
    let (client, flow) = client(port);
    client.send(b"first").unwrap();
    socket.connect(&flow.peer.to_sockaddr(Family::V4).unwrap()).unwrap();
    let connected = Connected { socket, peer: flow.peer };
    stranger.send_to(b"refused", ("127.0.0.1", port)).unwrap_or(0);
    assert_eq!(read(&connected, None), Heard::Datagram(5));
    assert_eq!(read(&connected, None), Heard::Nothing);
}

/// So many moves while fifty strangers send: datagrams that came to the new sockets, before and after
/// they were drained, and those of which a stranger was told that nobody has the port.
fn moved_beside_strangers(doors: &Doors, moves: usize) -> (usize, usize, usize) {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
    let beside = doors.through(Door::Clients).unwrap();
    let (port, done, refused) = (port(doors), AtomicBool::new(false), AtomicUsize::new(0));
    let (mut astray, mut late) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let strangers: Vec<_> = (0..50).map(|_| client(port).0).collect();
            while !done.load(Relaxed) {
                for stranger in &strangers {
                    let sent = stranger.send(&[22; 20]).map_err(|error| error.kind());
                    if sent == Err(std::io::ErrorKind::ConnectionRefused) {
                        refused.fetch_add(1, Relaxed);
                    }
                }
            }
        });
        let mut inbox = Inbox::new(100).unwrap();
        let mut all = Vec::new();
        for _ in 0..moves {
            let (client, flow) = client(port);
            let connected = bind(beside, &flow).unwrap().connect().unwrap();
            astray += drained(&mut inbox, &connected);
            heard(doors);
            astray += drained(&mut inbox, &connected);
            all.push((connected, client));
            if all.len() == 200 {
                late += all_of(&mut inbox, &all);
                all.clear();
            }
        }
        late += all_of(&mut inbox, &all);
        done.store(true, Relaxed);
    });
    (astray, late, refused.into_inner())
}

fn drained(inbox: &mut Inbox, connected: &Connected) -> usize {
    let receive = || inbox.receive(connected.socket(), BATCH).unwrap();
    std::iter::repeat_with(receive).take_while(|n| *n > 0).sum()
}

fn all_of(inbox: &mut Inbox, all: &[(Connected, UdpSocket)]) -> usize {
    all.iter().map(|(connected, _)| drained(inbox, connected)).sum()
}

#[test]
fn strangers_never_come_to_a_socket_that_is_being_made_in_a_group_of_its_address() {
    let (astray, late, refused) = moved_beside_strangers(&doors(LOCALHOST, true), 400);
    // The kernel chose one before connect(2) and put it there behind it: rare, hence the drain (3 of 400
    // were seen where no processor was free).
    assert!(astray + late <= 20, "{astray} astray, {late} late of 400");
    assert_eq!(refused, 0);
}

#[test]
fn nobody_is_told_that_the_port_is_closed_while_a_socket_is_being_made() {
    // One in some thousand, where connect(2) moves the new socket from list to list.
    let (_, late, refused) = moved_beside_strangers(&doors([0; 4], true), 6_000);
    assert_eq!(refused, 0);
    assert!(late <= 5, "{late} late");
}

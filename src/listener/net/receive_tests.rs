use super::super::{Door, Doors, Sending, open, send_now};
use super::*;
use crate::listener::address::Flow;
use std::net::{IpAddr, Ipv6Addr, UdpSocket};
use std::time::Duration;

fn address(ip: Ip) -> Address {
    Address { ip, scope: 0, port: 0 }
}

fn port(doors: &Doors) -> u16 {
    doors.get(0).unwrap().local().unwrap().port
}

#[test]
fn what_many_get_is_found_out() {
    let doors = open(&address(Ip::v4([0; 4])), 1, false).unwrap().pop().unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_broadcast(true).unwrap();
    client.send_to(b"all", ("127.255.255.255", port(&doors))).unwrap();
    client.send_to(b"one", ("127.0.0.9", port(&doors))).unwrap();
    let mut inbox = Inbox::new(100).unwrap();
    assert_eq!(inbox.receive(doors.get(0).unwrap(), 9), Ok(2));
    assert_eq!(inbox.get(0).unwrap().err(), Some(Unusable::ToMany));
    assert_eq!(inbox.get(1).unwrap().ok().unwrap().local.ip, Ip::v4([127, 0, 0, 9]));
    // Nobody who is bound to an address of many is taken for bound to one of ours.
    let doors = open(&address(Ip::v4([127, 255, 255, 255])), 1, false).unwrap().pop().unwrap();
    client.send_to(b"all", ("127.255.255.255", port(&doors))).unwrap();
    assert_eq!(inbox.receive(doors.get(0).unwrap(), 9), Ok(1));
    assert_eq!(inbox.get(0).unwrap().err(), Some(Unusable::ToMany));
}

#[test]
fn a_socket_that_is_bound_to_one_address_needs_not_be_told() {
    for ip in [Ip::v4([127, 0, 0, 9]), Ip(Ipv6Addr::LOCALHOST.octets())] {
        let doors = open(&address(ip), 1, true).unwrap().pop().unwrap();
        let client = UdpSocket::bind(if ip.as_v4().is_some() { "127.0.0.1:0" } else { "[::1]:0" });
        let client = client.unwrap();
        let to = doors.get(0).unwrap().local().unwrap();
        let to: IpAddr = to.ip.as_v4().map_or(Ipv6Addr::LOCALHOST.into(), IpAddr::from);
        client.connect((to, port(&doors))).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        client.send(b"").unwrap();
        let socket = doors.through(Door::Strangers).unwrap();
        let mut inbox = Inbox::new(200).unwrap();
        assert_eq!(inbox.receive(socket, 9), Ok(1));
        let Received { peer, local, .. } = inbox.get(0).unwrap().ok().unwrap();
        assert_eq!(local, Local { ip, interface: 0 });
        assert_eq!(send_now(socket, &Flow { peer, local }, b"data"), Sending::Out);
        assert_eq!(client.recv(&mut [0; 9]).unwrap(), 4, "from the address that it is bound to");
    }
}

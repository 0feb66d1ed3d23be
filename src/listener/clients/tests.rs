use super::*;
use crate::listener::address::{Address, Local};
use crate::listener::list::List;
use crate::listener::seen::Seen;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

fn flow(host: u8, port: u16) -> Flow {
    Flow {
        peer: Address { ip: Ip::v4([192, 0, 2, host]), scope: 0, port },
        local: Local { ip: Ip::v4([127, 0, 0, 1]), interface: 0 },
    }
}

fn flow6(network: u8, host: u8, port: u16) -> Flow {
    let mut ip = [0x20; 16];
    (ip[7], ip[15]) = (network, host);
    let peer = Address { ip: Ip(ip), scope: 0, port };
    Flow { peer, ..flow(0, 0) }
}

fn hello() -> HelloId {
    Seen::new(1).id(&flow(0, 0), &[0; 32], b"")
}

fn clients(clients: u32, per_address: u32) -> Clients<u32> {
    Clients::new(Limits { clients, per_address, queue: 3 })
}

fn insert(clients: &mut Clients<u32>, flow: Flow, handle: u32) -> ClientId {
    clients.insert(flow, hello(), handle).unwrap()
}

fn pop(clients: &mut Clients<u32>, id: ClientId) -> Option<usize> {
    clients.pop(id, &mut [MaybeUninit::uninit(); 9])
}

fn news(clients: &mut Clients<u32>) -> Vec<(u32, u8)> {
    std::iter::from_fn(|| clients.next(None).map(|(handle, news)| (handle, news.bits()))).collect()
}

#[test]
fn found_by_peer_and_local_address() {
    let mut clients = clients(0, 0);
    let one = insert(&mut clients, flow(1, 10), 1);
    let other_local = Local { ip: Ip::v4([127, 0, 0, 5]), interface: 0 };
    let two = insert(&mut clients, Flow { local: other_local, ..flow(1, 10) }, 2);
    assert_eq!(clients.of_flow(&flow(1, 10)), Some(one));
    assert_eq!(clients.of_flow(&Flow { local: other_local, ..flow(1, 10) }), Some(two));
    assert_eq!(clients.of_flow(&flow(1, 11)), None);
    assert_eq!(clients.of_flow(&flow(2, 10)), None);
    assert_eq!(clients.remove(one).map(|client| client.handle), Some(1));
    assert_eq!(clients.of_flow(&flow(1, 10)), None);
    assert_eq!(clients.len(), 1);
}

#[test]
fn one_that_is_gone_is_nobody_though_its_place_is_used_again() {
    let mut clients = clients(0, 0);
    let gone = insert(&mut clients, flow(1, 10), 1);
    clients.set_timer(gone, Timer::Handshake, Some(Instant::now()));
    clients.push(gone, b"late");
    clients.remove(gone);
    assert!(clients.remove(gone).is_none());
    let new = insert(&mut clients, flow(2, 20), 2);
    assert_eq!(gone.place, new.place);
    assert!(clients.get(gone).is_none());
    assert_eq!(clients.push(gone, b"x"), Queued::Overflow);
    clients.set_timer(gone, Timer::Retransmit, Some(Instant::now()));
    assert_eq!(clients.next_timer(), None);
    clients.tell(gone, News::OVERDUE);
    assert_eq!(news(&mut clients), [(2, News::ACCEPTED.bits())]);
    assert_eq!(pop(&mut clients, new), None);
}

#[test]
fn news_come_once_until_there_is_more() {
    let mut clients = clients(0, 0);
    let one = insert(&mut clients, flow(1, 1), 1);
    let two = insert(&mut clients, flow(2, 2), 2);
    clients.push(one, b"a");
    assert!(clients.has_news());
    assert_eq!(news(&mut clients), [(1, 1 | 2), (2, 1)]);
    assert!(!clients.has_news() && news(&mut clients).is_empty());
    for _ in 0..3 {
        clients.push(two, b"b");
    }
    clients.tell(one, News::OVERDUE);
    assert_eq!(news(&mut clients), [(2, 2), (1, 8)]);
}

#[test]
fn new_clients_can_be_had_alone() {
    let mut clients = clients(0, 0);
    let one = insert(&mut clients, flow(1, 1), 1);
    assert_eq!(clients.next(Some(List::New)), Some((1, News::ACCEPTED)));
    clients.push(one, b"a");
    insert(&mut clients, flow(2, 2), 2);
    assert_eq!(clients.next(Some(List::New)), Some((2, News::ACCEPTED)));
    assert_eq!(clients.next(Some(List::New)), None);
    assert_eq!(news(&mut clients), [(1, 2)]);
}

#[test]
fn a_queue_is_bounded_and_the_newest_is_lost() {
    let mut clients = clients(0, 0);
    let id = insert(&mut clients, flow(1, 1), 1);
    for n in 0..3 {
        assert_eq!(clients.push(id, &[n]), Queued::Taken);
    }
    assert_eq!(clients.push(id, &[3]), Queued::Overflow);
    for _ in 0..3 {
        assert_eq!(pop(&mut clients, id), Some(1));
    }
    assert_eq!(pop(&mut clients, id), None);
    assert_eq!(clients.push(id, &[4]), Queued::Taken);
}

#[test]
fn who_begins_anew_takes_the_place_of_the_old_one() {
    let mut clients = clients(0, 0);
    let old = insert(&mut clients, flow(1, 1), 1);
    clients.push(old, b"old");
    clients.set_timer(old, Timer::Retransmit, Some(Instant::now()));
    assert_eq!(news(&mut clients).len(), 1);
    let new = insert(&mut clients, flow(1, 1), 2);
    assert!(clients.is_replaced(old) && !clients.is_replaced(new));
    assert_eq!(clients.of_flow(&flow(1, 1)), Some(new));
    assert_eq!(pop(&mut clients, old), None);
    assert_eq!(clients.next_timer(), None);
    assert_eq!(news(&mut clients), [(2, 1), (1, 4)]);
    clients.remove(old);
    assert_eq!(clients.of_flow(&flow(1, 1)), Some(new), "the new one's flow stays");
    assert_eq!(clients.len(), 1);
}

#[test]
fn as_many_as_there_may_be() {
    let mut clients = clients(2, 0);
    let one = insert(&mut clients, flow(1, 1), 1);
    insert(&mut clients, flow(2, 2), 2);
    assert_eq!(clients.make_room(&flow(3, 3)), Err(Refusal::Full));
    assert!(clients.insert(flow(3, 3), hello(), 3).is_none());
    // Beginning anew needs no more room, and cannot be done for ever.
    insert(&mut clients, flow(1, 1), 4);
    insert(&mut clients, flow(1, 1), 5);
    assert_eq!(clients.make_room(&flow(1, 1)), Err(Refusal::Full));
    assert_eq!(clients.len(), 4);
    clients.remove(one);
    assert_eq!(clients.make_room(&flow(1, 1)), Ok(()));
    assert_eq!(clients.make_room(&flow(3, 3)), Err(Refusal::Full));
    let two = clients.of_flow(&flow(2, 2)).unwrap();
    clients.remove(two);
    assert_eq!(clients.make_room(&flow(3, 3)), Ok(()));
}

#[test]
fn as_many_as_there_may_be_from_one_address() {
    let mut clients = clients(0, 2);
    let one = insert(&mut clients, flow(1, 1), 1);
    insert(&mut clients, flow(1, 2), 2);
    assert_eq!(clients.make_room(&flow(1, 3)), Err(Refusal::SiteFull));
    assert_eq!(clients.make_room(&flow(2, 3)), Ok(()));
    insert(&mut clients, flow(1, 1), 3); // anew
    assert_eq!(clients.make_room(&flow(1, 3)), Err(Refusal::SiteFull));
    clients.remove(one); // replaced before: it counted no more
    assert_eq!(clients.make_room(&flow(1, 3)), Err(Refusal::SiteFull));
    let two = clients.of_flow(&flow(1, 2)).unwrap();
    clients.remove(two);
    assert_eq!(clients.make_room(&flow(1, 3)), Ok(()));
    // A /64 is one, two are two.
    insert(&mut clients, flow6(1, 1, 1), 4);
    insert(&mut clients, flow6(1, 2, 1), 5);
    assert_eq!(clients.make_room(&flow6(1, 3, 1)), Err(Refusal::SiteFull));
    assert_eq!(clients.make_room(&flow6(2, 3, 1)), Ok(()));
    let all: Vec<ClientId> = clients.all().map(|(id, _)| id).collect();
    for id in all {
        clients.remove(id);
    }
    assert!(clients.sites.is_empty() && clients.flows.is_empty());
}

#[test]
fn two_timers_a_client() {
    let mut clients = clients(0, 0);
    let start = Instant::now();
    let after = |ms| Some(start + Duration::from_millis(ms));
    let one = insert(&mut clients, flow(1, 1), 1);
    let two = insert(&mut clients, flow(2, 2), 2);
    clients.set_timer(one, Timer::Handshake, after(60));
    clients.set_timer(one, Timer::Retransmit, after(20));
    clients.set_timer(two, Timer::Retransmit, after(10));
    assert_eq!(clients.next_timer(), after(10));
    let now = after(30).unwrap();
    assert_eq!(clients.due(now), Some((two, Timer::Retransmit)));
    assert_eq!(clients.due(now), Some((one, Timer::Retransmit)));
    assert_eq!(clients.due(now), None);
    clients.remove(one);
    assert_eq!(clients.next_timer(), None);
}

#[test]
fn ten_thousand_come_and_go() {
    let mut clients = clients(0, 0);
    let mut ids: Vec<ClientId> = Vec::new();
    for n in 0..30_000_u32 {
        let host = (n % 200) as u8;
        ids.push(insert(&mut clients, flow(host, (n / 200) as u16), n));
        if n >= 10_000 {
            let gone = ids[n as usize - 10_000];
            assert_eq!(clients.remove(gone).unwrap().handle, n - 10_000);
        }
    }
    assert_eq!((clients.len(), clients.places.len()), (10_000, 10_001));
    assert!(size_of::<Place<usize>>() <= 112, "{}", size_of::<Place<usize>>());
    assert_eq!(news(&mut clients).len(), 10_000);
}

#[test]
fn who_could_not_write_is_told_once() {
    let mut clients = clients(0, 0);
    let one = insert(&mut clients, flow(1, 1), 1);
    let two = insert(&mut clients, flow(2, 2), 2);
    let gone = insert(&mut clients, flow(3, 3), 3);
    for id in [one, gone] {
        clients.set_blocked(id);
    }
    clients.remove(gone);
    insert(&mut clients, flow(4, 4), 4);
    assert_eq!(news(&mut clients).len(), 3);
    clients.tell_blocked(News::READABLE);
    assert_eq!(news(&mut clients), [(1, 2)]);
    clients.tell_blocked(News::READABLE);
    assert!(news(&mut clients).is_empty());
    assert!(clients.unread(two) == 0);
    clients.push(two, b"x");
    assert!(clients.unread(two) > 0);
}

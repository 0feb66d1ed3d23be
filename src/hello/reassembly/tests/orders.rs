//! Pieces of honest hellos, in every order, lost, twice, and of several peers at once.

use super::*;

/// Every order of 0..n.
fn orders(n: usize) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for _ in 0..n {
        all = all
            .iter()
            .flat_map(|some| {
                (0..n).filter(|i| !some.contains(i)).map(|i| [&some[..], &[i]].concat())
            })
            .collect();
    }
    all
}

/// Gives the pieces in an order. Those before the first are strange; once all have come behind it
/// the hello is accepted; if some came too early, then when they come again.
fn give_in_order(
    server: &mut Server,
    from: &Peer,
    body: &[u8],
    pieces: &[Vec<u8>],
    order: &[usize],
) {
    let mut early = vec![];
    let mut begun = false;
    for (nth, &i) in order.iter().enumerate() {
        begun |= i == 0;
        let seen = server.give(from, &pieces[i]);
        if !begun {
            early.push(i);
            assert_eq!(seen, STRANGE, "{order:?}: piece {i}");
        } else if nth + 1 < order.len() || !early.is_empty() {
            assert_eq!(seen, Nothing, "{order:?}: piece {i}");
        } else {
            assert_eq!(seen, whole(body), "{order:?}: piece {i}");
        }
    }
    for (nth, &i) in early.iter().enumerate() {
        let expected = if nth + 1 < early.len() { Nothing } else { whole(body) };
        assert_eq!(server.give(from, &pieces[i]), expected, "{order:?}: piece {i} again");
    }
    assert!(server.reassembler.is_empty());
}

#[test]
fn two_pieces_cut_anywhere() {
    let (mut server, from, body) = (Server::new(), peer(1, 1), hello(90));
    for at in 0..body.len() {
        let pieces = [cut(&body, 0..at), cut(&body, at..body.len())];
        if at < COOKIE_END {
            assert_eq!(server.give(&from, &pieces[0]), Dropped(Discard::HelloLength));
            // Cut at 0, the second piece is all of it.
            let expected = if at == 0 { whole(&body) } else { STRANGE };
            assert_eq!(server.give(&from, &pieces[1]), expected, "cut at {at}");
            continue;
        }
        give_in_order(&mut server, &from, &body, &pieces, &[0, 1]);
        give_in_order(&mut server, &from, &body, &pieces, &[1, 0]);
    }
}

#[test]
fn every_order_of_up_to_five_pieces() {
    let (mut server, mut dice, from) = (Server::new(), Dice(1), peer(1, 1));
    for count in 2..=5 {
        for round in 0..10 {
            let body = hello(COOKIE_END + count + round * 40);
            let pieces = dice.pieces(&body, count);
            for order in orders(count) {
                give_in_order(&mut server, &from, &body, &pieces, &order);
            }
        }
    }
}

#[test]
fn some_orders_of_six_to_eight_pieces() {
    let (mut server, mut dice, from) = (Server::new(), Dice(2), peer(1, 1));
    for count in 6..=8 {
        for round in 0..200 {
            let body = hello(COOKIE_END + count + round * 7);
            let pieces = dice.pieces(&body, count);
            let mut order: Vec<_> = (0..count).collect();
            dice.shuffle(&mut order);
            give_in_order(&mut server, &from, &body, &pieces, &order);
        }
    }
}

#[test]
fn a_lost_piece_is_waited_for() {
    let (mut dice, from, body) = (Dice(3), peer(1, 1), hello(300));
    for count in 2..=8 {
        let mut pieces = dice.pieces(&body, count);
        for (number, piece) in (SEQUENCE..).zip(&mut pieces) {
            piece[10] = number;
        }
        for lost in 0..count {
            let without = || {
                let mut server = Server::new();
                for (i, piece) in pieces.iter().enumerate().filter(|(i, _)| *i != lost) {
                    let expected = if lost == 0 { STRANGE } else { Nothing };
                    assert_eq!(server.give(&from, piece), expected, "{i} without {lost}");
                }
                server
            };
            // Late, or lost and the client repeats its hello in records of new numbers.
            let expected = if lost == 0 { Nothing } else { whole(&body) };
            assert_eq!(without().give(&from, &pieces[lost]), expected);
            let mut server = without();
            let last = if lost == 0 { count - 1 } else { lost };
            for (i, piece) in pieces[..=last].iter().enumerate() {
                let mut again = piece.clone();
                again[10] += 10;
                let all = Accepted(record(SEQUENCE + 10, body.len(), 0, &body));
                let expected = if i == last { all } else { Nothing };
                assert_eq!(server.give(&from, &again), expected, "{i}, {lost} was lost");
            }
            assert!(server.reassembler.is_empty());
        }
    }
}

#[test]
fn a_piece_that_comes_twice_counts_once() {
    let (mut dice, from, body) = (Dice(4), peer(1, 1), hello(300));
    for count in 2..=8 {
        let pieces = dice.pieces(&body, count);
        for twice in 0..count - 1 {
            for behind in twice..count - 1 {
                let mut server = Server::new();
                for (i, piece) in pieces.iter().enumerate() {
                    let expected = if i + 1 == count { whole(&body) } else { Nothing };
                    assert_eq!(server.give(&from, piece), expected);
                    if i == behind {
                        assert_eq!(server.give(&from, &pieces[twice]), Nothing);
                    }
                }
                // One that comes when the hello is through belongs to none.
                assert_eq!(server.give(&from, &pieces[count - 1]), STRANGE);
            }
        }
    }
}

#[test]
fn pieces_may_overlap() {
    let (mut server, mut dice, from, body) = (Server::new(), Dice(5), peer(1, 1), hello(300));
    for _ in 0..300 {
        let mut come = COOKIE_END + dice.below(100);
        let mut has = vec![false; body.len()];
        has[..come].fill(true);
        assert_eq!(server.give(&from, &cut(&body, 0..come)), Nothing);
        while come < body.len() {
            let start = 1 + dice.below(body.len() - 1);
            let end = start + dice.below(body.len() - start + 1);
            has[start..end].fill(true);
            come = has.iter().filter(|has| **has).count();
            let expected = if come == body.len() { whole(&body) } else { Nothing };
            assert_eq!(server.give(&from, &cut(&body, start..end)), expected);
        }
    }
}

#[test]
fn several_peers_at_once_do_not_mix() {
    let mut dice = Dice(6);
    for round in 0..100 {
        let mut server = Server::new();
        // The same address with two ports, the same port at two addresses; lengths differ or not.
        let peers = [peer(1, 1), peer(1, 2), peer(2, 1)];
        let bodies = [200, 200, 200 + round].map(hello);
        let mut bodies = bodies.map(|mut body| {
            body[5] = dice.below(256) as u8;
            body
        });
        bodies[1][COOKIE_END..].reverse();
        let mut queue = vec![];
        for (who, body) in bodies.iter().enumerate() {
            let count = 2 + dice.below(4);
            let mut pieces = dice.pieces(body, count);
            assert_eq!(server.give(&peers[who], &pieces.remove(0)), Nothing);
            queue.extend(pieces.into_iter().map(|piece| (who, piece)));
        }
        dice.shuffle(&mut queue);
        let mut left = [0, 1, 2].map(|who| queue.iter().filter(|(w, _)| *w == who).count());
        for (who, piece) in queue {
            left[who] -= 1;
            let expected = if left[who] == 0 { whole(&bodies[who]) } else { Nothing };
            assert_eq!(server.give(&peers[who], &piece), expected);
        }
    }
}

#[test]
fn several_records_in_a_datagram() {
    let (mut dice, from, body) = (Dice(7), peer(1, 1), hello(300));
    for count in 2..=8 {
        let pieces = dice.pieces(&body, count);
        for datagrams in 1..=count {
            let mut server = Server::new();
            let mut seen = Nothing;
            for some in pieces.chunks(datagrams) {
                assert_eq!(seen, Nothing);
                seen = server.give(&from, &some.concat());
            }
            assert_eq!(seen, whole(&body));
        }
    }
    // Up to the first record that is something else.
    let (first, second) = (cut(&body, 0..100), cut(&body, 100..300));
    for junk in [&[21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0][..], &[0; 13], b"?"] {
        let mut server = Server::new();
        assert_eq!(server.give(&from, &[&first, junk, &second].concat()), Nothing);
        assert_eq!(server.give(&from, &[&second, junk].concat()), whole(&body));
    }
}

//! A client whose fragments get lost sends its hello again, in records of new numbers.

use super::*;

/// The pieces as the client's nth flight sends them.
fn flight(pieces: &[Vec<u8>], nth: usize) -> Vec<Vec<u8>> {
    let number = |i| 1 + nth * pieces.len() + i;
    let resequenced = pieces.iter().enumerate().map(|(i, piece)| {
        let mut piece = piece.clone();
        piece[9..11].copy_from_slice(&(number(i) as u16).to_be_bytes());
        piece
    });
    resequenced.collect()
}

fn in_three(body: &[u8]) -> [Vec<Vec<u8>>; 3] {
    let third = body.len() / 3;
    let pieces =
        [cut(body, 0..third), cut(body, third..2 * third), cut(body, 2 * third..body.len())];
    [0, 1, 2].map(|nth| flight(&pieces, nth))
}

/// The hello, its first fragment in a record of this number.
fn whole_of(first: &[u8], body: &[u8]) -> Seen {
    let mut all = cut(body, 0..body.len());
    all[9..11].copy_from_slice(&first[9..11]);
    Accepted(all)
}

#[test]
fn what_came_in_an_earlier_flight_counts() {
    let (mut server, from, body) = (Server::new(), peer(1, 1), hello(300));
    let [one, two, three] = in_three(&body);
    assert_eq!(server.give(&from, &one[0]), Nothing);
    assert_eq!(server.give(&from, &one[2]), Nothing);
    assert_eq!(server.give(&from, &two[0]), Nothing);
    assert_eq!(server.give(&from, &two[1]), whole_of(&two[0], &body));
    // The first of the second flight lost: those behind it fill what is missing all the same.
    assert_eq!(server.give(&from, &one[0]), Nothing);
    assert_eq!(server.give(&from, &two[1]), Nothing);
    assert_eq!(server.give(&from, &three[2]), whole_of(&one[0], &body));
    // Fragments of an older flight that come late.
    assert_eq!(server.give(&from, &three[0]), Nothing);
    assert_eq!(server.give(&from, &one[0]), Nothing);
    assert_eq!(server.give(&from, &two[2]), Nothing);
    assert_eq!(server.give(&from, &one[1]), whole_of(&three[0], &body));
    assert!(server.reassembler.is_empty());
}

#[test]
fn a_new_flights_bytes_replace_the_old() {
    let (mut server, from, body) = (Server::new(), peer(1, 1), hello(300));
    let [one, two, _] = in_three(&body);
    let spoofed = record(3, 300, 200, &[99; 100]);
    assert_eq!(server.give(&from, &one[0]), Nothing);
    assert_eq!(server.give(&from, &spoofed), Nothing);
    assert_eq!(server.give(&from, &two[0]), Nothing);
    assert_eq!(server.give(&from, &two[2]), Nothing);
    assert_eq!(server.give(&from, &two[1]), whole_of(&two[0], &body));
}

#[test]
fn fragments_that_contradict_each_other_count_in_their_flight_only() {
    for spoofed_first in [true, false] {
        let (mut server, from, body) = (Server::new(), peer(1, 1), hello(300));
        let [one, two, three] = in_three(&body);
        let spoofed = record(3, 300, 200, &[99; 100]);
        let (a, b) = if spoofed_first { (&spoofed, &one[2]) } else { (&one[2], &spoofed) };
        for datagram in [&one[0], a, b, &two[0], &two[1], &three[0], &three[2]] {
            assert_eq!(server.give(&from, datagram), Nothing);
        }
        assert_eq!(server.give(&from, &three[1]), whole_of(&three[0], &body));
    }
    // Noticed late, when others may have been spoofed as well.
    let (mut server, from, body) = (Server::new(), peer(1, 1), hello(300));
    let [one, two, three] = in_three(&body);
    assert_eq!(server.give(&from, &one[0]), Nothing);
    assert_eq!(server.give(&from, &record(3, 300, 150, &[99; 150])), Nothing);
    for datagram in [&two[0], &two[2], &three[0], &three[1]] {
        assert_eq!(server.give(&from, datagram), Nothing);
    }
    assert_eq!(server.give(&from, &three[2]), whole_of(&three[0], &body));
}

#[test]
fn a_late_fragment_replaces_nothing() {
    let (mut server, from, body) = (Server::new(), peer(1, 1), hello(300));
    let [one, two, _] = in_three(&body);
    for datagram in [&one[0], &one[2], &two[0]] {
        assert_eq!(server.give(&from, datagram), Nothing);
    }
    // Of the first flight by its number: with what is known now, either may be the client's.
    assert_eq!(server.give(&from, &record(3, 300, 200, &[99; 100])), Nothing);
    assert_eq!(server.give(&from, &two[1]), Nothing);
    assert_eq!(server.give(&from, &two[2]), whole_of(&two[0], &body));
}

#[test]
fn nothing_contradicts_the_first_fragment() {
    let (mut server, from, body) = (Server::new(), peer(1, 1), hello(300));
    let [one, two, _] = in_three(&body);
    assert_eq!(server.give(&from, &one[0]), Nothing);
    assert_eq!(server.give(&from, &one[2]), Nothing);
    for at in [0, 1, 99] {
        // Takes no part of the hello with it, and nobody for a liar.
        assert_eq!(server.give(&from, &record(3, 300, at.max(1), &[0xAB; 150])), Nothing);
    }
    assert_eq!(server.give(&from, &two[1]), whole_of(&one[0], &body));
}

#[test]
fn a_flight_may_be_cut_at_other_places() {
    // A client takes its path for narrower after some losses, or for wider again.
    let (from, body) = (peer(1, 1), hello(400));
    for (wide, narrow) in [(200, 100), (120, 60), (399, 60)] {
        let cut_at = |each: usize, number: usize| -> Vec<Vec<u8>> {
            let starts = (0..body.len()).step_by(each).enumerate();
            let piece = |(i, at): (usize, usize)| {
                let end = body.len().min(at + each);
                record((number + i) as u8, body.len(), at, &body[at..end])
            };
            starts.map(piece).collect()
        };
        for (before, behind) in [(wide, narrow), (narrow, wide)] {
            let mut server = Server::new();
            let (one, two) = (cut_at(before, 1), cut_at(behind, 50));
            for piece in &one[..one.len() - 1] {
                assert_eq!(server.give(&from, piece), Nothing);
            }
            let mut seen = vec![];
            for piece in &two {
                seen.push(server.give(&from, piece));
                if seen.last() != Some(&Nothing) {
                    break;
                }
            }
            assert_eq!(seen.pop(), Some(whole_of(&two[0], &body)), "{before} {behind}");
        }
    }
}

/// What libssl does with the fragments that come to one socket: `DTLSv1_listen` drops them until a
/// first one with its cookie comes; from then on `dtls1_reassemble_fragment` keeps each byte.
struct Libssl {
    begun: bool,
    has: Vec<bool>,
}

impl Libssl {
    fn give(&mut self, first: bool, part: Range<usize>) -> bool {
        self.begun |= first;
        if self.begun {
            self.has[part].fill(true);
        }
        self.has.iter().all(|has| *has)
    }
}

#[test]
fn never_later_than_libssl() {
    let (mut dice, body) = (Dice(9), hello(150));
    let each = |count: usize, i: usize| {
        let at = |i| COOKIE_END + (body.len() - COOKIE_END) * i / count;
        if i == 0 { 0..at(1) } else { at(i)..at(i + 1) }
    };
    for count in 2..=12 {
        for loss in [5, 10, 20, 30] {
            let mut rounds_with_loss = 0;
            for _ in 0..100 {
                let (mut server, from) = (Server::new(), peer(1, 1));
                let mut libssl = Libssl { begun: false, has: vec![false; body.len()] };
                let pieces: Vec<_> = (0..count).map(|i| cut(&body, each(count, i))).collect();
                let begin = server.now;
                let mut done = false;
                // After 0, 1, 3, 7 ... 63 seconds and then each minute.
                for (nth, after) in (0_u32..).zip([0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303]) {
                    server.now = begin + std::time::Duration::from_secs(after);
                    let mut arrive: Vec<_> =
                        flight(&pieces, nth as usize).into_iter().enumerate().collect();
                    arrive.retain(|_| dice.below(100) >= loss);
                    rounds_with_loss += usize::from(nth == 0 && arrive.len() < count);
                    if dice.below(4) == 0 {
                        dice.shuffle(&mut arrive);
                    }
                    for (i, datagram) in arrive {
                        let expected = libssl.give(i == 0, each(count, i));
                        let seen = server.give(&from, &datagram);
                        let accepted = matches!(seen, Accepted(_));
                        assert_eq!(accepted, expected, "{count} fragments, {loss} %: {seen:?}");
                        done |= accepted;
                        if done {
                            break;
                        }
                    }
                    if done {
                        break;
                    }
                }
                assert!(done, "{count} fragments, {loss} %");
            }
            assert!(rounds_with_loss > 0);
        }
    }
}

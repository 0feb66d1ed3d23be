#!/usr/bin/env python3
"""Does the path lose what it is told to lose, and does the report say what was measured?"""

import re
import unittest
from xml.dom import minidom

import loss
import plan
import report
from handshake import OURS, PORT
from path import (
    HELLO,
    HELLO_VERIFY_REQUEST,
    HELLO_WITH_COOKIE,
    TO_CLIENT,
    TO_SERVER,
    Path,
    Weather,
    kind,
    label,
)


def handshake_record(message, message_seq=0, offset=0, epoch=0):
    body = bytes([message]) + bytes(3) + message_seq.to_bytes(2, "big") + offset.to_bytes(3, "big")
    body += bytes(3) + b"body"
    return b"\x16\xfe\xff" + epoch.to_bytes(2, "big") + bytes(6) + len(body).to_bytes(2, "big") + body


FIRST, SECOND, ANSWER = handshake_record(1), handshake_record(1, 1), handshake_record(3)


def carried(path, *datagrams):
    for direction, datagram in datagrams:
        path.send(direction, datagram, 0.0)
    return [datagram for _, datagram in path.arrived(1000.0)]


class Kinds(unittest.TestCase):
    def test_named(self):
        self.assertEqual(kind(FIRST), HELLO)
        self.assertEqual(kind(SECOND), HELLO_WITH_COOKIE)
        self.assertEqual(kind(ANSWER), HELLO_VERIFY_REQUEST)

    def test_nameless(self):
        for other in (
            b"",
            FIRST[:24],
            handshake_record(2),
            handshake_record(1, epoch=1),
            handshake_record(1, offset=9),
            b"\x17" + FIRST[1:],
        ):
            self.assertIsNone(kind(other), other)

    def test_fragments_of_the_second_hello(self):
        path = Path(Weather(loss=1.0), 1)
        second = [handshake_record(1, 1, offset) for offset in (0, 9, 18)]
        for datagram in (FIRST, ANSWER, *second, second[1], handshake_record(2, 1), b""):
            path.send(TO_SERVER, datagram, 0.0)
        self.assertEqual(len(path.hello_fragments), 3)

    def test_the_same_again(self):
        again = FIRST[:10] + b"\x07" + FIRST[11:]  # under another record number
        self.assertEqual(label(FIRST), label(again))
        others = FIRST, SECOND, ANSWER, handshake_record(1, offset=9), handshake_record(1, epoch=1)
        self.assertEqual(len({label(each) for each in others}), len(others))
        encrypted = [handshake_record(n, epoch=1) for n in (1, 2)]
        self.assertEqual(*map(label, encrypted))


class Rules(unittest.TestCase):
    def test_the_first_of_its_kind_and_no_other(self):
        both = Path(Weather(lost=(HELLO, HELLO_VERIFY_REQUEST)), 1)
        way = [(TO_SERVER, FIRST), (TO_SERVER, FIRST), (TO_CLIENT, ANSWER), (TO_CLIENT, ANSWER)]
        self.assertEqual(carried(both, *way, (TO_SERVER, SECOND)), [FIRST, ANSWER, SECOND])
        self.assertEqual(both.lost, 2)
        second = Path(Weather(lost=(HELLO_WITH_COOKIE,)), 1)
        self.assertEqual(carried(second, (TO_SERVER, FIRST), (TO_SERVER, SECOND)), [FIRST])

    def test_fair_weather(self):
        datagrams = [(TO_SERVER, bytes([n])) for n in range(100)]
        self.assertEqual(carried(Path(Weather(), 1), *datagrams), [d for _, d in datagrams])


class Chances(unittest.TestCase):
    def numbered(self, weather, seed, count=4000):
        path = Path(weather, seed)
        return path, carried(path, *((TO_SERVER, n.to_bytes(2, "big")) for n in range(count)))

    def test_as_often_as_it_says(self):
        for chance in 0.05, 0.1, 0.2:
            path, arrived = self.numbered(Weather(loss=chance), 1)
            self.assertAlmostEqual(path.lost / 4000, chance, delta=0.02)
            self.assertEqual(len(arrived), 4000 - path.lost)
        _, twice = self.numbered(Weather(duplication=0.1), 1)
        self.assertAlmostEqual(len(twice) / 4000, 1.1, delta=0.02)

    def test_late_is_behind(self):
        _, arrived = self.numbered(Weather(delay=0.2), 1)
        self.assertEqual(len(arrived), 4000)
        late = [b for a, b in zip(arrived, arrived[1:]) if b < a]
        self.assertTrue(late, "all in order")
        path = Path(Weather(delay=1.0, delay_seconds=0.5), 1)
        path.send(TO_SERVER, FIRST, 10.0)
        self.assertEqual(path.next_due(), 10.5)
        self.assertEqual(list(path.arrived(10.4)), [])
        self.assertEqual(list(path.arrived(10.5)), [(TO_SERVER, FIRST)])

    def test_a_seed_is_a_fate(self):
        fates = [self.numbered(Weather(loss=0.1), seed)[1] for seed in (1, 1, 2)]
        self.assertEqual(fates[0], fates[1])
        self.assertNotEqual(fates[0], fates[2])
        # Nothing else that is carried has a part in it.
        path = Path(Weather(loss=0.1), 1)
        for n in range(4000):
            path.send(TO_CLIENT, b"", 0.0)
            path.send(TO_SERVER, FIRST, 0.0)
            path.send(TO_SERVER, n.to_bytes(2, "big"), 0.0)
        there = [d for way, d in path.arrived(0.0) if way is TO_SERVER and d != FIRST]
        self.assertEqual(there, fates[0])


class Words(unittest.TestCase):
    def test_ports(self):
        self.assertEqual(PORT.search(b"ACCEPT 127.0.0.1:4711\n")[1], b"4711")
        self.assertEqual(PORT.search(b"listening on 127.0.0.1:80\n")[1], b"80")
        self.assertIsNone(PORT.search(b"ACCEPT 127.0.0.1:47"))

    def test_ours(self):
        line = b"x\ndtlsv1_listen: 0.1.0 serving DTLSv1_listen (pid 12, OpenSSL 3.2.1, cookies app)\n"
        self.assertEqual(OURS.search(line)[1], b"12")


class Report(unittest.TestCase):
    about = report.About(
        releases=[("one", "1.1.1w"), ("two", "4.0.3")],
        clients=[("s_client", "<OpenSSL>")],
        rows=[("rule", False), ("chance", True)],
        seed=1,
        limit=60,
        by_chance=2,
        by_rule=3,
    )

    def results(self):
        for release in "one", "two":
            for which, seconds in ("plain", [1, 2, 30]), ("ours", [1, 1, None]):
                for s in seconds:
                    yield {"client": "s_client", "row": "rule", "release": release, "which": which, "seconds": s}
            yield {"client": "s_client", "row": "chance", "release": release, "which": "plain", "seconds": 2}
            yield {"client": "s_client", "row": "chance", "release": release, "which": "plain", "seconds": 4}
            yield {"client": "s_client", "row": "chance", "release": release, "which": "ours", "seconds": None}

    def test_middle_mean_and_never(self):
        text = report.text(self.about, list(self.results()))
        self.assertTrue(re.search(r"^rule +2\.00 / 1\.00 \(1 never\)", text, re.M), text)
        self.assertTrue(re.search(r"^chance +3\.00 / never", text, re.M), text)

    def test_nine_of_ten(self):
        times = report.Times([float(n) for n in range(1, 11)], 60)
        self.assertEqual((times.most(0.5), times.most(0.9), times.most(1.0)), (5, 9, 10))

    def test_the_picture_is_xml_with_every_bar(self):
        picture = minidom.parseString(report.svg(self.about, list(self.results())))
        self.assertEqual(len(picture.getElementsByTagName("rect")), 3 + 2 * 2 * 2)


class Verdict(unittest.TestCase):
    def test_never_finished_without_a_chance_against_it(self):
        def result(row, which, seconds):
            return {"row": row.name, "which": which, "seconds": seconds}

        def stuck(*results):
            return [(r["row"], r["which"]) for r in loss.unfinished(results)]

        for row in plan.ROWS:
            never = result(row, plan.OURS, None)
            self.assertEqual(stuck(result(row, plan.PLAIN, None), result(row, plan.OURS, 1.0)), [])
            self.assertEqual(stuck(never), [] if row.by_chance() else [(row.name, plan.OURS)])
        self.assertTrue(any(row.by_chance() for row in plan.ROWS))


if __name__ == "__main__":
    unittest.main()

"""A path between a client and a server, and what it does to datagrams."""

import heapq
import random
from collections import Counter
from dataclasses import dataclass

TO_SERVER, TO_CLIENT = "to server", "to client"

# Datagrams that a rule can name.
HELLO, HELLO_VERIFY_REQUEST, HELLO_WITH_COOKIE = "ClientHello", "HelloVerifyRequest", "second ClientHello"

HANDSHAKE = 22
CLIENT_HELLO, HELLO_VERIFY = 1, 3
MESSAGE_TYPE_AT, MESSAGE_SEQ_AT, FRAGMENT_OFFSET_AT, HEADERS = 13, 17, 19, 25


def kind(datagram):
    """What a rule may call this datagram, or None."""
    if len(datagram) < HEADERS or datagram[0] != HANDSHAKE or datagram[3:5] != b"\0\0":
        return None
    if datagram[FRAGMENT_OFFSET_AT : FRAGMENT_OFFSET_AT + 3] != b"\0\0\0":
        return None
    message = datagram[MESSAGE_TYPE_AT]
    if message == HELLO_VERIFY:
        return HELLO_VERIFY_REQUEST
    if message == CLIENT_HELLO:
        # RFC 6347 section 4.2.2: message 0, and 1 once it has a cookie.
        again = datagram[MESSAGE_SEQ_AT : MESSAGE_SEQ_AT + 2] != b"\0\0"
        return HELLO_WITH_COOKIE if again else HELLO
    return None


def is_second_hello(datagram):
    """Any fragment of it."""
    return (
        len(datagram) >= HEADERS
        and datagram[0] == HANDSHAKE
        and datagram[3:5] == b"\0\0"
        and datagram[MESSAGE_TYPE_AT] == CLIENT_HELLO
        and datagram[MESSAGE_SEQ_AT : MESSAGE_SEQ_AT + 2] != b"\0\0"
    )


@dataclass(frozen=True)
class Weather:
    """What goes wrong: the first datagram of each kind in `lost`, and each one by chance."""

    lost: tuple = ()
    loss: float = 0.0
    duplication: float = 0.0
    delay: float = 0.0  # the chance of it; a datagram that is late comes behind later ones
    delay_seconds: float = 0.05

    def is_fair(self):
        return self == Weather()

    def is_random(self):
        return bool(self.loss or self.duplication or self.delay)


def label(datagram):
    """What is the same in every transmission of a message: its first record's type and epoch and,
    unless that is encrypted, message type, message_seq and fragment offset."""
    if len(datagram) < HEADERS:
        return ""
    plain = datagram[0] == HANDSHAKE and datagram[3:5] == b"\0\0"
    message = datagram[MESSAGE_TYPE_AT : MESSAGE_TYPE_AT + 1] + datagram[MESSAGE_SEQ_AT : MESSAGE_SEQ_AT + 5]
    return (datagram[:1] + datagram[3:5] + (message if plain else b"")).hex()


class Path:
    """Carries datagrams both ways. The fate of each hangs on the seed, on what it is, and on how
    often that has been sent before: what is sent by a server alone and by the same one with our
    library meets the same fate, until one of them sends something once more."""

    def __init__(self, weather, seed):
        self.weather = weather
        self.seed = seed
        self.sent = {TO_SERVER: 0, TO_CLIENT: 0}
        self._sent_before = Counter()
        self.hello_fragments = set()  # offsets, of the hello with a cookie
        self.still_to_lose = set(weather.lost)
        self.lost = 0
        self._under_way = []
        self._order = 0

    def send(self, direction, datagram, now):
        self.sent[direction] += 1
        same = direction, label(datagram)
        number = self._sent_before[same]
        self._sent_before[same] += 1
        what = kind(datagram)
        if is_second_hello(datagram):
            self.hello_fragments.add(datagram[FRAGMENT_OFFSET_AT : FRAGMENT_OFFSET_AT + 3])
        if what in self.still_to_lose:
            self.still_to_lose.remove(what)
            self.lost += 1
            return
        # One generator a datagram, three draws each: no fate depends on another's.
        chance = random.Random("/".join((str(self.seed), *same, str(number))))
        loses, doubles, delays = (chance.random() for _ in range(3))
        if loses < self.weather.loss:
            self.lost += 1
            return
        due = now + (self.weather.delay_seconds if delays < self.weather.delay else 0)
        for _ in range(2 if doubles < self.weather.duplication else 1):
            heapq.heappush(self._under_way, (due, self._order, direction, datagram))
            self._order += 1

    def arrived(self, now):
        """Takes out what is due: (direction, datagram) in order."""
        while self._under_way and self._under_way[0][0] <= now:
            _, _, direction, datagram = heapq.heappop(self._under_way)
            yield direction, datagram

    def next_due(self):
        return self._under_way[0][0] if self._under_way else None

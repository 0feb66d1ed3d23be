"""A UDP balancer: each ClientHello goes to any server, a flow stays with the one that accepted it.

It keeps the source of a client the same towards all servers (one socket a client), as balancers at
layer 4 and anycast do, and it watches: a HelloVerifyRequest that answers a hello with a cookie means
that an honest client's cookie was refused.
"""

import random
import selectors
import socket
import threading
import time
from collections import Counter

IDLE = 30  # seconds after which a flow is forgotten; a server's socket for it is gone by then


def client_hello(datagram):
    """(record sequence, has it a cookie?) of a ClientHello's first fragment, else None."""
    if len(datagram) < 61 or datagram[0] != 22 or datagram[3:5] != b"\0\0" or datagram[13] != 1:
        return None
    cookie_at = 60 + datagram[59]
    return datagram[5:11], cookie_at < len(datagram) and datagram[cookie_at] > 0


def is_challenge(datagram):
    return len(datagram) >= 28 and datagram[0] == 22 and datagram[3:5] == b"\0\0" and datagram[13] == 3


class Flow:
    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.pinned = None
        self.maker = None  # who made the cookie that the client has
        self.shown = set()  # sequences of the hellos with a cookie
        self.used = time.monotonic()


class Balancer(threading.Thread):
    """`servers`: address -> seconds that its clock is ahead. Counts are in `seen`."""

    def __init__(self, servers, lifetime):
        super().__init__(daemon=True)
        self.servers, self.lifetime = servers, lifetime
        self.addresses = list(servers)
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.front.bind(("127.0.0.1", 0))
        self.front.setblocking(False)
        self.port = self.front.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.front, selectors.EVENT_READ, None)
        self.flows, self.seen, self.stopping = {}, Counter(), False

    def run(self):
        swept = time.monotonic()
        while not self.stopping:
            for key, _ in self.selector.select(0.5):
                if key.data is None:
                    self.from_clients()
                else:
                    self.from_servers(*key.data)
            if time.monotonic() - swept > 1:
                swept = time.monotonic()
                self.sweep(swept)
        for client in list(self.flows):
            self.forget(client)
        self.front.close()

    def stop(self):
        self.stopping = True
        self.join()

    def from_clients(self):
        try:
            datagram, client = self.front.recvfrom(65536)
        except (BlockingIOError, ConnectionError):
            return
        hello = client_hello(datagram)
        flow = self.flows.get(client)
        if flow is not None and flow.pinned is not None and hello is not None and not hello[1]:
            self.forget(client)  # a new client with an old one's port
            flow = None
        if flow is None:
            flow = self.flows[client] = Flow()
            self.selector.register(flow.socket, selectors.EVENT_READ, (client, flow))
        flow.used = time.monotonic()
        server = flow.pinned or random.choice(self.addresses)
        if hello is not None and hello[1] and flow.pinned is None:
            flow.shown.add(hello[0])
            self.seen["cookies shown"] += 1
            self.seen["cookies shown to another server than made them"] += server != flow.maker
        self.send(flow.socket, datagram, server)

    def from_servers(self, client, flow):
        try:
            datagram, server = flow.socket.recvfrom(65536)
        except (BlockingIOError, ConnectionError):
            return
        if is_challenge(datagram):
            self.challenge(datagram, server, flow)
        elif flow.pinned is None:
            flow.pinned = server
            self.seen["flows accepted"] += 1
        if flow.pinned in (None, server):
            self.send(self.front, datagram, client)

    def challenge(self, datagram, server, flow):
        self.seen["challenges"] += 1
        self.seen["cookies refused"] += datagram[5:11] in flow.shown
        flow.maker = server
        # A cookie's first byte is its slot's last, so the server's clock shows.
        now = time.time() + self.servers.get(server, 0)
        near = {int(at // self.lifetime) & 255 for at in (now - 2, now, now + 2)}
        self.seen["challenges not by the server's clock"] += datagram[28] not in near
        self.seen["challenges of another slot than this clock's"] += (
            datagram[28] != int(time.time() // self.lifetime) & 255
        )

    @staticmethod
    def send(where, datagram, to):
        try:
            where.sendto(datagram, to)
        except OSError:
            pass  # lost, as on any network; the client sends it again

    def forget(self, client):
        flow = self.flows.pop(client)
        self.selector.unregister(flow.socket)
        flow.socket.close()

    def sweep(self, now):
        for client, flow in list(self.flows.items()):
            if now - flow.used > IDLE:
                self.forget(client)

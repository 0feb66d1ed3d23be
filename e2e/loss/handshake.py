"""One handshake through a path: starts a server and a client, carries their datagrams, takes the
time, and ends both."""

import os
import re
import selectors
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass

from path import TO_CLIENT, TO_SERVER, Path

PORT = re.compile(rb"(?:ACCEPT|listening on) \S*?:(\d+)\n")
OURS = re.compile(rb"^dtlsv1_listen: .* serving DTLSv1_listen \(pid (\d+),", re.M)
START_LIMIT = 30.0
STOP_LIMIT = 10.0
DATAGRAM = 65536


@dataclass(frozen=True)
class Server:
    """A command that prints where it listens, and the library that is preloaded, if one is."""

    command: tuple
    environment: tuple = ()
    preload: str = ""

    def start(self, err):
        env = {**os.environ, **dict(self.environment)}
        env.pop("LD_PRELOAD", None)
        env["DTLSV1_LISTEN_TRACE"] = "1"  # ours says that it runs
        if self.preload:
            env["LD_PRELOAD"] = self.preload
        return _start(self.command, env, err)


@dataclass(frozen=True)
class Client:
    """A command, {port} in it, and what it prints when its handshake is complete."""

    name: str
    command: tuple
    complete: str

    def start(self, port):
        command = [word.format(port=port) for word in self.command]
        return _start(command, dict(os.environ), subprocess.STDOUT)


@dataclass
class Outcome:
    """Seconds from the client's first datagram to its word; None when the limit came first."""

    seconds: float | None
    path: Path


class Broken(Exception):
    """Something that has nothing to do with the path: no measurement is made of it."""


def handshake(server, client, weather, seed, limit):
    with tempfile.TemporaryFile() as server_err:
        processes, sockets = [], []
        try:
            serving = server.start(server_err)
            processes.append(serving)
            front, back = _sockets(_port(serving, server_err))
            sockets += [front, back]
            calling = client.start(front.getsockname()[1])
            processes.append(calling)
            outcome = _carry(front, back, calling, client, Path(weather, seed), limit)
        finally:
            for process in processes:
                _stop(process)
            for each in sockets:
                each.close()
        _prove(server, serving.pid, _text(server_err))
        return outcome


def _start(command, env, err):
    # Its standard input stays open and empty: an end of it would end the connection, and a line in
    # it would have s_server begin without listening.
    return subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err)


def _stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def _port(serving, err):
    """The port that the server says it listens on."""
    seen = b""
    with selectors.DefaultSelector() as ready:
        ready.register(serving.stdout, selectors.EVENT_READ)
        limit = time.monotonic() + START_LIMIT
        while (left := limit - time.monotonic()) > 0:
            if not ready.select(left):
                break
            more = os.read(serving.stdout.fileno(), 4096)
            if not more:
                break
            seen += more
            if port := PORT.search(seen):
                return int(port[1])
    raise Broken(f"the server never said where it listens; it said {seen!r} {_text(err)!r}")


def _sockets(port):
    front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    front.bind(("127.0.0.1", 0))
    back.bind(("127.0.0.1", 0))
    back.connect(("127.0.0.1", port))
    for each in front, back:
        each.setblocking(False)
    return front, back


def _carry(front, back, calling, client, path, limit):
    """Carries datagrams until the client says that it is done, or the limit comes."""
    complete = re.compile(client.complete.encode())
    said, peer, begin = b"", None, None
    end = time.monotonic() + START_LIMIT
    with selectors.DefaultSelector() as ready:
        for each in front, back, calling.stdout:
            ready.register(each, selectors.EVENT_READ)
        while (now := time.monotonic()) < end:
            for direction, datagram in path.arrived(now):
                _deliver(front, back, peer, direction, datagram)
            due = path.next_due()
            wait = min(end, due if due is not None else end) - time.monotonic()
            for key, _ in ready.select(max(wait, 0)):
                now = time.monotonic()
                if key.fileobj is calling.stdout:
                    more = os.read(calling.stdout.fileno(), 65536)
                    said += more
                    if begin is not None and complete.search(said):
                        return Outcome(now - begin, path)
                    if not more:
                        return Outcome(None, path)  # it gave up
                elif key.fileobj is front:
                    for datagram, peer in _waiting(front):  # noqa: B007 (whom answers go to)
                        if begin is None:
                            begin, end = now, now + limit
                        path.send(TO_SERVER, datagram, now)
                else:
                    for datagram, _ in _waiting(back):
                        path.send(TO_CLIENT, datagram, now)
    if begin is None:
        raise Broken(f"the client sent nothing; it said {said!r}")
    return Outcome(None, path)


def _waiting(sock):
    """All that has come: what was sent in one go is carried in one go."""
    while True:
        try:
            yield sock.recvfrom(DATAGRAM)
        except OSError:
            return  # no more, or the other end's port is closed by now


def _deliver(front, back, peer, direction, datagram):
    try:
        if direction is TO_SERVER:
            back.send(datagram)
        else:
            front.sendto(datagram, peer)
    except OSError:
        pass  # the other end's port is closed by now


def _text(err):
    err.seek(0)
    return err.read()


def _prove(server, pid, said):
    """Whose DTLSv1_listen ran? A measurement of the wrong one is worse than none."""
    ran = OURS.search(said)
    if server.preload and (ran is None or int(ran[1]) != pid):
        raise Broken(f"our library did not run in {server.command[0]}: {said!r}")
    if not server.preload and ran is not None:
        raise Broken(f"our library ran where libssl alone was wanted: {said!r}")

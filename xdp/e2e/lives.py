"""From start to crash: secrets that change, loaders that die, devices that come and go."""

import os
import signal
import threading
import time

import net
from cases import ONE, TWO, challenges, server, shake_hands, test
from net import (
    DEVICE,
    V4,
    Failure,
    at_server,
    connect,
    counters,
    echo,
    is_attached,
    loader,
    must_connect,
    secret,
    settled,
    started,
)


class Load:
    """Clients that come and go meanwhile: each finishes its handshake, after however many repeats."""

    def __init__(self, number=3):
        self.took, self.lost, self.over = [], 0, threading.Event()
        self.threads = [threading.Thread(target=self.clients) for _ in range(number)]

    def clients(self):
        while not self.over.is_set():
            took = connect(seconds=15)
            if took is None:
                self.lost += 1
            else:
                self.took.append(took)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        done = len(self.took)
        if self.lost or (kind is None and done < 20):
            # Whose cookies were refused, and by whom?
            raise Failure(f"{self.lost} of {done + self.lost} lost: {counters('xdp')} {counters('server')}")
        print(f"    {done} handshakes, 0 lost, the slowest took {max(self.took):.1f} s")


@test
def rotation_under_load():
    """Secrets rolled as docs/operations.md says, four times, while clients come and go.

    None returns: the server accepts one for two lifetimes after it was replaced."""
    old = ONE
    secret(old)
    one = started("--lifetime", "2")
    with Load():
        for new in (f"{n}{n}" * 32 for n in range(2, 6)):
            secret(old, new)
            time.sleep(2)
            secret(new, old)
            time.sleep(2)
            secret(new)
            time.sleep(1)
            old = new
    one.stop()


@test
def rotation_that_the_loader_sleeps_through():
    """Its keys become stale, the server answers itself, and nobody is lost when it wakes up."""
    secret(ONE)
    one = started("--lifetime", "4")
    with Load():
        time.sleep(1)
        one.process.send_signal(signal.SIGSTOP)
        try:
            secret(ONE, TWO)
            time.sleep(2)
            secret(TWO, ONE)
            time.sleep(2)
            secret(TWO)
            # Keys hold for 5 s, or 2 behind their slot's end; the server writes its counters once a second.
            time.sleep(3.5)
            if not server("challenges"):
                raise Failure(f"the keys hold for longer than 5 s: {counters('server')}")
        finally:
            one.process.send_signal(signal.SIGCONT)
        before = challenges()
        time.sleep(3)
    if challenges() <= before:
        raise Failure("it did not wake up")
    one.stop()


@test
def a_killed_loader_leaves_the_server_alone():
    for mode in ("native", "tc"):
        secret(ONE)
        one = started("--mode", mode)
        shake_hands(V4, ("s_client",))
        children = net.sh(f"pgrep -P {one.process.pid}").split()
        one.process.kill()
        one.process.wait()
        if is_attached():
            raise Failure("still attached")
        before = server("challenges")
        must_connect()
        settled(lambda before=before: server("challenges") > before, lambda: "the server did not challenge")
        for pid in children:
            os.kill(int(pid), signal.SIGTERM)
        time.sleep(0.2)


@test
def the_program_ends_with_the_loader_and_the_loader_with_the_server():
    secret(ONE)
    one = started()
    children = net.sh(f"pgrep -P {one.process.pid}").split()
    one.process.send_signal(signal.SIGTERM)
    one.ends(128 + 15)
    if is_attached() or any(os.path.exists(f"/proc/{pid}/exe") for pid in children):
        raise Failure("something is left")
    one = loader(program=["sh", "-c", "sleep 1; exit 7"]).ends(7)
    if is_attached():
        raise Failure("still attached")


@test
def a_second_one_is_refused():
    secret(ONE)
    one = started()
    for mode in ("native", "tc"):
        loader("--mode", mode, program=echo()).ends(1).wait_for("another dtlsv1-listen-xdp")
    one.stop()


@test
def down_and_up():
    secret(ONE)
    one = started()
    shake_hands(V4, ("s_client",))
    at_server(f"ip link set {DEVICE} down")
    time.sleep(1.2)
    at_server(f"ip link set {DEVICE} address 02:00:00:00:00:77")
    at_server(f"ip link set {DEVICE} up")
    time.sleep(1.5)
    shake_hands(V4, ("s_client",))
    one.stop()


@test
def a_device_that_goes_leaves_the_server():
    secret(ONE)
    one = started()
    at_server(f"ip link del {DEVICE}")
    one.wait_for("is gone; the server goes on alone")
    net.wire()
    must_connect()
    one.stop()

"""From start to crash: secrets that change, loaders that die, devices that come and go."""

import os
import signal
import threading
import time

import net
from cases import ONE, TWO, server, shake_hands, test
from net import (
    DEVICE,
    V4,
    Failure,
    at_server,
    connect,
    echo,
    is_attached,
    loader,
    must_connect,
    secret,
    settled,
    started,
)


@test
def rotation_under_load():
    """Secrets rolled as docs/operations.md says, four times, while clients come and go."""
    secret(ONE)
    one = started("--lifetime", "2")
    lost, done, stop = [], [], threading.Event()

    def clients():
        while not stop.is_set():
            (done if connect(seconds=6) is not None else lost).append(1)

    threads = [threading.Thread(target=clients) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(4):
        new, old = (TWO, ONE) if i % 2 == 0 else (ONE, TWO)
        secret(old, new)
        time.sleep(2)
        secret(new, old)
        time.sleep(2)
        secret(new)
        time.sleep(1)
    stop.set()
    for thread in threads:
        thread.join()
    one.stop()
    if lost or len(done) < 20:
        raise Failure(f"{len(lost)} of {len(lost) + len(done)} lost")
    print(f"    {len(done)} handshakes, 0 lost")


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

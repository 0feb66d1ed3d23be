#!/usr/bin/env python3
"""Stock clients and a server behind the program, from start to crash.

  xdp/e2e/run.py [NAME...]     these tests only
"""

import os
import signal
import subprocess
import sys
import threading
import time

import net
from net import (
    C4,
    DEVICE,
    FAR,
    PORT,
    SERVER,
    V4,
    V6,
    WORK,
    Failure,
    Process,
    at_client,
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

ONE, TWO = "11" * 32, "22" * 32
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def challenges():
    return counters("xdp").get("dtlsv1_listen_xdp_challenges_total", 0)


def server(name):
    return counters("server").get(f"dtlsv1_listen_{name}_total", 0)


def shake_hands(address, clients=("s_client", "gnutls-cli", "ncat")):
    """Each client gets in, the program challenges it and the server never does."""
    before = challenges(), server("accepted"), server("challenges")
    for client in clients:
        must_connect(client, address)
    n = len(clients)
    settled(lambda: challenges() >= before[0] + n and server("accepted") >= before[1] + n,
            lambda: f"{challenges()} challenges, {server('accepted')} accepted, before {before}")
    if server("challenges") != before[2]:
        raise Failure(f"the server made {server('challenges') - before[2]} challenges itself")


def mode_test(mode, address):
    def run():
        secret(ONE)
        one = started("--mode", mode, address=address)
        if f"({mode})" not in one.said():
            raise Failure(one.said())
        shake_hands(address)
        one.stop()
        if is_attached():
            raise Failure("still attached")
    run.__name__ = f"{mode}_{'IPv6' if ':' in address else 'IPv4'}"
    test(run)


for each in ("native", "generic", "tc"):
    for to in (V4, V6):
        mode_test(each, to)


@test
def auto_is_tc_on_a_veth():
    """Nobody can see here whether its far end takes what XDP sends."""
    secret(ONE)
    started().wait_for("far end").wait_for("(tc)").stop()


@test
def loopback():
    secret(ONE)
    refused = loader("--mode", "native", program=echo("127.0.0.1"), address="127.0.0.1", device="lo")
    refused.ends(1).wait_for("does not take XDP")
    for mode in ("generic", "tc"):
        one = started("--mode", mode, address="127.0.0.1", device="lo")
        before = challenges()
        must_connect(address="127.0.0.1", namespace=SERVER)
        settled(lambda before=before: challenges() > before, lambda mode=mode: f"{mode}: no challenge")
        one.stop()


@test
def vlan():
    """A tagged hello is answered under its tag, whoever took it off on the way."""
    secret(ONE)
    for mode in ("native", "generic", "tc"):
        one = started("--mode", mode)
        answer = subprocess.run(
            net.inside(net.CLIENT) + [sys.executable, f"{os.path.dirname(__file__)}/vlan.py", FAR, C4,
                                      V4, str(PORT), mac(at_client, FAR), mac(at_server, DEVICE)],
            check=False, capture_output=True, text=True, timeout=10)
        if answer.stdout != "vlan 7, 102 bytes, HelloVerifyRequest\n":
            raise Failure(f"{mode}: {answer.stdout}{answer.stderr}")
        one.stop()


def mac(run, device):
    return run(f"cat /sys/class/net/{device}/address").strip()


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


@test
def it_leaves_a_server_that_disagrees():
    """The server has another secret, by its program: clients are stuck until the loader sees it."""
    secret(ONE)
    other = secret(TWO, name="other")
    stats = f"{WORK}/server-1.prom"
    behind = Process(echo(), {"LD_PRELOAD": net.LIB, "DTLSV1_LISTEN_SECRET_FILE": other,
                              "DTLSV1_LISTEN_COOKIES": "builtin", "DTLSV1_LISTEN_STATS": stats})
    net.wait_until_bound()
    must_connect()
    settled(lambda: os.path.exists(stats), lambda: "no counters")
    refused = Process([net.XDP, "--dev", DEVICE, "--listen", f"{V4}:{PORT}", "--secret-file",
                       f"{WORK}/secrets"])
    refused.ends(1).wait_for("which is another file than")
    # A server that takes its secret by a call of the library has nothing in its environment.
    behind.stop()
    behind = Process(["sh", "-c", f"LD_PRELOAD={net.LIB}; export LD_PRELOAD; exec \"$@\"", "-",
                      *echo()], {"DTLSV1_LISTEN_STATS": stats})
    net.wait_until_bound()
    must_connect()
    settled(lambda: os.path.exists(stats), lambda: "no counters")
    command = [net.XDP, "--dev", DEVICE, "--listen", f"{V4}:{PORT}", "--secret-file",
               f"{WORK}/secrets"]
    Process(command).ends(1).wait_for("is seen to use")
    one = Process([*command, "--server-stats", stats]).wait_for("answering on")
    begin = time.time()
    while one.process.poll() is None and time.time() < begin + 40:
        connect(seconds=4)
    one.ends(1).wait_for("the server refuses the cookies")
    print(f"    detached after {time.time() - begin:.0f} s")
    must_connect()
    behind.stop()


@test
def a_server_that_runs_already():
    secret(ONE)
    stats = f"{WORK}/server-1.prom"
    environment = {"LD_PRELOAD": net.LIB, "DTLSV1_LISTEN_SECRET_FILE": f"{WORK}/secrets",
                   "DTLSV1_LISTEN_COOKIES": "builtin", "DTLSV1_LISTEN_STATS": stats}
    behind = Process(echo(), environment)
    net.wait_until_bound()
    must_connect()
    one = loader().wait_for("answering on")
    for _ in range(2):
        # What it did alone has to be in its file, which it writes at most once a second.
        time.sleep(1.1)
        must_connect()
    time.sleep(1.1)
    shake_hands(V4, ("s_client",))
    one.process.send_signal(signal.SIGINT)
    one.ends(0)
    loader("--lifetime", "30").ends(1).wait_for("live for 60 s")
    behind.stop()
    behind = Process(echo(), dict(environment, DTLSV1_LISTEN_COOKIES="app"))
    net.wait_until_bound()
    loader().ends(1).wait_for("would be stuck")
    behind.stop()


@test
def refusals():
    secret(ONE)
    rows = [
        ({"DTLSV1_LISTEN_COOKIES": "app"}, [], "would be stuck"),
        ({"DTLSV1_LISTEN_COOKIE_LIFETIME": "30"}, [], "live for 30 s"),
        ({"DTLSV1_LISTEN_SECRET_FILE": "/etc/hostname"}, [], "another file"),
        ({}, ["--dev", "none0"], "no device none0"),
        ({}, ["--secret-file", "/nonexistent"], "No such file"),
    ]
    for environment, more, reason in rows:
        loader(*more, program=echo(), environment=environment).ends(1).wait_for(reason)
    loader("--library", "/nonexistent/lib.so", program=["sleep", "100"]).ends(1).wait_for("does not have")
    loader(program=["/nonexistent/server"]).ends(1).wait_for("No such file")
    open(f"{WORK}/secrets", "w").write("short\n")
    loader(program=echo()).ends(1).wait_for("no secrets, no cookies")
    secret(ONE)
    command = [net.XDP, "--dev", DEVICE, "--listen", f"{V4}:{PORT}", "--secret-file", f"{WORK}/secrets"]
    Process(["setpriv", "--bounding-set", "-bpf,-sys_admin", *command]).ends(1).wait_for("CAP_BPF missing")
    # Somebody else's program is left where it is.
    at_server(f"ip link set dev {DEVICE} xdp obj {WORK}/pass.o sec xdp")
    loader("--mode", "native", program=echo()).ends(1).wait_for("has another XDP program")
    if not is_attached():
        raise Failure("the other program is gone")
    at_server(f"ip link set dev {DEVICE} xdp off")


@test
def what_has_no_cookie_is_dropped_and_counted():
    secret(ONE)
    one = started("--strangers", "connected")
    script = (
        "import socket\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        f"to = ('{V4}', {PORT})\n"
        "for i in range(50):\n"
        "    s.sendto(b'x' * 100, to)\n"
        "    s.sendto(bytes([23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 1, 0, 4, 1, 2, 3, 4]), to)\n")
    subprocess.run(net.inside(net.CLIENT) + ["python3", "-c", script], check=True)

    def dropped(reason):
        return counters("xdp").get(f'dtlsv1_listen_xdp_dropped_total{{reason="{reason}"}}', 0)
    settled(lambda: dropped("not_dtls") == 50 and dropped("stranger") == 50,
            lambda: f"{counters('xdp')}")
    # A client with a socket of its own is no stranger: its data comes through.
    client = subprocess.Popen(
        net.inside(net.CLIENT) + ["openssl", "s_client", "-quiet", "-connect", f"{V4}:{PORT}", "-dtls1_2"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    time.sleep(1)
    client.stdin.write(b"is anybody there\n")
    client.stdin.flush()
    line = client.stdout.readline()
    client.kill()
    if line != b"is anybody there\n":
        raise Failure(f"the echo was {line!r}")
    one.stop()


def main():
    names = sys.argv[1:]
    unknown = set(names) - {t.__name__ for t in TESTS}
    if unknown:
        sys.exit(f"no such test: {' '.join(sorted(unknown))}; there are {' '.join(t.__name__ for t in TESTS)}")
    for needed in (net.XDP, net.LIB, net.ECHO):
        if not os.path.exists(needed):
            sys.exit(f"{needed} is not there: run it by 'make xdp-check'")
    net.build()
    failed = 0
    for one in TESTS:
        if names and one.__name__ not in names:
            continue
        begin = time.time()
        try:
            one()
            print(f"ok    {one.__name__} ({time.time() - begin:.1f} s)", flush=True)
        except (Failure, OSError, subprocess.SubprocessError) as why:
            failed += 1
            print(f"FAIL  {one.__name__}: {why}", flush=True)
            for process in net.processes:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            for pid in net.sh(f"ip netns pids {SERVER}", check=False).split():
                os.kill(int(pid), signal.SIGKILL)
    sys.exit(1 if failed else 0)


main()

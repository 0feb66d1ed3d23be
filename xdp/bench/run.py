#!/usr/bin/env python3
"""`make bench ONLY=xdp`: what an answer costs in the kernel and in user space, and honest clients under floods.

    xdp/bench/run.py [--quick] OUTPUT.md

CPU time is that of the sender, the server and ksoftirqd, less what the sender costs alone (into an
ifb device, which drops what no one redirected there): what is left is the receive path, the answer, and its way back.
"""

import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import net
from net import (
    CLIENT,
    DEVICE,
    FAR,
    LIB,
    PORT,
    SERVER,
    V4,
    WORK,
    Failure,
    Process,
    at_client,
    at_server,
    connect,
    secret,
    sh,
    wait_until_bound,
)

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 2
# So that user space, whose socket's buffer is small, loses next to nothing.
SLOW = 20000
NOWHERE = "ifb9"


def build():
    net.build()
    include = f"-I/usr/include/{platform.machine()}-linux-gnu"
    sh(f"cc -std=gnu11 -O2 -Wall -Wextra -o {WORK}/flood {HERE}/flood.c")
    sh(f"clang -O2 -g -target bpf {include} -c {HERE}/drop.bpf.c -o {WORK}/drop.o")
    at_client(f"ip link add {NOWHERE} type ifb")
    at_client(f"ip link set {NOWHERE} up")
    at_server("ip route add 10.9.0.0/16 via 192.0.2.2")
    at_server("sysctl -qw net.core.rmem_default=8388608", check=False)
    # The answers' way ends at the far device: nothing there has these addresses.
    for name in ("rp_filter",):
        at_server(f"sysctl -qw net.ipv4.conf.all.{name}=0", check=False)
    at_server(f"ip neigh replace 192.0.2.2 lladdr {mac(at_client, FAR)} dev {DEVICE}")


def mac(run, device):
    return run(f"cat /sys/class/net/{device}/address").strip()


def far(program):
    at_client(f"ip link set dev {FAR} xdp off")
    at_client(f"ip link set dev {FAR} xdp obj {WORK}/{program}.o sec xdp")


def runtime(pid):
    """Seconds on a processor, of all its threads."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def ksoftirqd():
    pids = [pid for pid in os.listdir("/proc") if pid.isdigit()]
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/comm", encoding="ascii") as file:
                if file.read().startswith("ksoftirqd"):
                    total += runtime(pid)
        except OSError:
            pass
    return total


def flood_command(kind, rate, seconds, device=FAR):
    return net.inside(CLIENT) + [
        "taskset",
        "-c",
        "1",
        f"{WORK}/flood",
        device,
        kind,
        str(rate),
        str(seconds),
        mac(at_client, device),
        mac(at_server, DEVICE),
        V4,
        str(PORT),
    ]


def flood(kind, rate, device=FAR, server=None, seconds=SECONDS):
    """CPU nanoseconds a frame, all told, and frames."""
    before = ksoftirqd(), runtime(server) if server else 0
    done = subprocess.run(flood_command(kind, rate, seconds, device), capture_output=True, text=True, check=True)
    sent = json.loads(done.stdout)
    time.sleep(0.2)
    cpu = sent["cpu"] + ksoftirqd() - before[0] + (runtime(server) - before[1] if server else 0)
    return cpu / sent["frames"] * 1e9, sent["frames"]


def delivered():
    lines = [line.split() for line in at_server("cat /proc/net/snmp").splitlines() if line.startswith("Udp:")]
    return int(lines[1][1])


def s_server(preload):
    environment = {"DTLSV1_LISTEN_COOKIES": "builtin"}
    if preload:
        environment["LD_PRELOAD"] = LIB
    one = Process(
        [
            "nice",
            "-n",
            "-15",
            "taskset",
            "-c",
            "0",
            "openssl",
            "s_server",
            "-dtls",
            "-listen",
            "-accept",
            f"{V4}:{PORT}",
            "-cert",
            f"{WORK}/cert.pem",
            "-key",
            f"{WORK}/key.pem",
            "-quiet",
        ],
        environment,
        stdin=subprocess.PIPE,
    )  # at its end it would begin to accept without listening
    wait_until_bound()
    return one


def start_loader(mode):
    secret("11" * 32)
    return net.started("--mode", mode)


def costs(quick):
    """{name: [ns an answer]}, and the sender's own."""
    rounds = 2 if quick else 5
    kinds = ["hello", "forged", "garbage", "epoch1"]
    rows = {}
    # What comes back ends where it comes in: the clients' costs are not measured.
    far("drop")

    def note(name, kind, value):
        rows.setdefault((name, kind), []).append(value)

    for _ in range(rounds):
        alone = {kind: flood(kind, 0, NOWHERE)[0] for kind in kinds}
        slow = flood("hello", SLOW, NOWHERE)[0]
        at_server(f"ip link set dev {DEVICE} xdp obj {WORK}/drop.o sec xdp")
        for kind in kinds:
            note("XDP that drops", kind, flood(kind, 0)[0] - alone[kind])
        at_server(f"ip link set dev {DEVICE} xdp off")
        at_server(f"ip link set dev {DEVICE} xdp obj {WORK}/drop.o sec xdp/back")
        note("XDP that reflects", "hello", flood("hello", 0)[0] - alone["hello"])
        at_server(f"ip link set dev {DEVICE} xdp off")
        for mode in ("native", "tc"):
            one = start_loader(mode)
            for kind in kinds:
                if kind == "epoch1":
                    continue
                note({"native": "XDP", "tc": "tc"}[mode], kind, flood(kind, 0)[0] - alone[kind])
            one.stop()
        one = net.started("--mode", "native", "--strangers", "connected")
        note("XDP", "epoch1", flood("epoch1", 0)[0] - alone["epoch1"])
        one.stop()
        for name, start in (
            ("library", lambda: s_server(True)),
            ("libssl", lambda: s_server(False)),
            (
                "recvfrom and sendto",
                lambda: Process(
                    ["nice", "-n", "-15", "taskset", "-c", "0", f"{WORK}/flood", "answer", V4, str(PORT), "100"]
                ),
            ),
        ):
            one = start()
            wait_until_bound()
            pid = one.process.pid
            before = delivered()
            total, frames = flood("hello", SLOW, server=pid)
            got = delivered() - before
            if got < 0.9 * frames:
                raise Failure(f"{name}: {got} of {frames} arrived")
            note(name, "hello", total - slow)
            one.stop(signal.SIGKILL)
    far("pass")
    return {name: statistics.median(values) for name, values in rows.items()}


def honest(kind, mode, quick):
    """Handshakes one after another while it floods: how many, how many at the first try, and the
    frames a second that the flood made."""
    secret("11" * 32)
    if mode:
        server = net.started("--mode", mode, "--strangers", "connected")
    else:
        server = Process(net.echo(), {"LD_PRELOAD": LIB, "DTLSV1_LISTEN_COOKIES": "builtin"})
        wait_until_bound()
    seconds = 6 if quick else 15
    sender = subprocess.Popen(flood_command(kind, 0, seconds + 1), stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    end, tries, first = time.time() + seconds, 0, 0
    while time.time() < end:
        took = connect(seconds=4)
        tries += 1
        # A client that missed an answer asks again after a second.
        first += took is not None and took < 0.95
    sent = json.loads(sender.communicate()[0])
    server.stop()
    for pid in sh(f"ip netns pids {SERVER}", check=False).split():
        os.kill(int(pid), signal.SIGKILL)
    return tries, first, sent["frames"] / sent["seconds"]


def main():
    quick = "--quick" in sys.argv
    out = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    build()
    lines = [
        "# Answered in the kernel",
        "",
        f"`make bench ONLY=xdp` on {platform.machine()}, Linux {platform.release()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {time.strftime('%Y-%m-%d')}. Two network namespaces with a veth between, "
        "frames of 242 bytes from 59,000 forged addresses. Medians.",
        "",
        "CPU time for one frame: receive path, answer, and its way back; not the sender's. The goals: XDP at most a "
        "fifth of the library's, garbage within 1.2 of a bare drop.",
        "",
        "| who answers | hello, ns | of the library's | forged cookie | garbage | epoch 1 |",
        "|---|---|---|---|---|---|",
    ]
    found = costs(quick)
    library = found[("library", "hello")]
    for name in ("XDP", "tc", "library", "libssl", "recvfrom and sendto", "XDP that reflects", "XDP that drops"):
        cells = [found.get((name, kind)) for kind in ("hello", "forged", "garbage", "epoch1")]
        shown = ["" if cell is None else f"{cell:,.0f}" for cell in cells]
        lines.append(f"| {name} | {shown[0]} | {cells[0] / library:.2f} | {' | '.join(shown[1:])} |")
    lines += [
        "",
        "Clients that shake hands one after another (`s_client`, each a new process) while the flood comes as fast as "
        "one core makes it:",
        "",
        "| flood | answered by | frames a second | handshakes | at the first try |",
        "|---|---|---|---|---|",
    ]
    for kind in ("hello", "forged", "garbage", "epoch1"):
        for name, mode in (("XDP", "native"), ("tc", "tc"), ("library", None)):
            tries, first, rate = honest(kind, mode, quick)
            lines.append(f"| {kind} | {name} | {rate:,.0f} | {tries} | {100 * first / tries:.0f} % |")
            print(lines[-1], file=sys.stderr, flush=True)
    text = "\n".join(lines) + "\n"
    print(text)
    if out:
        with open(out[0], "w", encoding="utf-8") as file:
            file.write(text)


main()

#!/usr/bin/env python3
"""`make bench ONLY=listener`: many clients on one port, beside a connected socket for each, and beside the kernel alone.

bench/listener.py [--quick] DIRECTORY      where listener.md and its picture go
"""

import argparse
import os
import pathlib
import signal
import subprocess
import time

import listener_report
import machine
from flood import flood_once
from measure import START, Server, interleave, last_json, pin, say, spread

from releases import LIBRARY, ROOT, prepare, run

# The challenge path. name: kind, sources
FLOODS = {
    "hellos, one source": ("hello", 1),
    "hellos, 60,000 sources": ("hello", 60_000),
    "forged cookies, 60,000 sources": ("forged", 60_000),
    "garbage, 60,000 sources": ("garbage", 60_000),
}
SERVERS = ("bare", "batch", "libssl", "ours", "listener")
SIZE = 200
# name: how, callbacks, ours preloaded
WAYS = {
    "listener": ("listener", "none", True),
    "connected sockets, our DTLSv1_listen": ("connected", "none", True),
    "connected sockets, libssl's": ("connected", "usual", False),
}
SPOOFED = 2000
# Of a flood, and of the time before it in which nothing comes; so often for each server.
SECONDS, FLOODINGS = 2, 3


class Many(Server):
    """many_server, which tells its figures when it is asked."""

    def __init__(self, release, way, counting=False):
        how, callbacks, ours = WAYS[way]
        preload = ([LIBRARY] if ours else []) + ([release.program("count_malloc.so")] if counting else [])
        super().__init__([release.program("many_server"), how, callbacks], release.env(preload))

    def ask(self):
        self.process.send_signal(signal.SIGUSR1)
        return last_json(self.process.stdout.readline())


def challenge_once(release, server, flood, seconds):
    """CPU time of a server's for one datagram."""
    kind, sources = FLOODS[flood]
    if server != "listener":
        return flood_once(release, server, (kind, 4, SIZE), seconds, sources=sources)["cpu_us"]
    with Many(release, "listener") as victim:
        sent = last_json(
            run([release.program("flood"), kind, 4, victim.port, SIZE, seconds, 0, sources], preexec_fn=pin(1))
        )["sent"]
        ended = victim.stop()
    return ended["cpu"] / (sent - ended["dropped"]) * 1e6


def challenges(release, quick):
    keys = [(flood, server) for flood in FLOODS for server in SERVERS]
    seconds = 0.2 if quick else 0.4
    return interleave(
        keys, 2 if quick else 5, lambda key: challenge_once(release, key[1], key[0], seconds), "challenges"
    )


def growth(release, quick):
    """Of the heap, and of allocations, while strangers come from everywhere."""
    sources, seconds = (100_000, 1) if quick else (10_000_000, 60)
    with Many(release, "listener", counting=True) as victim:
        command = [release.program("flood"), "hello", 4, victim.port, SIZE]
        run([*command, 0.1, 0, 1000], preexec_fn=pin(1))
        before = victim.ask()
        sent = last_json(run([*command, seconds, 0, sources], preexec_fn=pin(1)))["sent"]
        after = victim.ask()
        victim.stop()
    answered = sent - (after["dropped"] - before["dropped"])
    return {
        "sources": min(sources, sent),
        "answered": answered,
        "heap": after["heap"] - before["heap"],
        "peak_kb": after["peak_kb"] - before["peak_kb"],
        "allocations": after["allocations"] - before["allocations"],
    }


def spoofed_once(release, server):
    """CPU time of a spoofed hello, above what the clients who are there take in that time."""
    before = server.ask()
    time.sleep(SECONDS)
    idle = server.ask()
    # Whether the first of them is answered in time is not asked here.
    command = [release.program("flood"), "hello", 4, server.port, SIZE, SECONDS, SPOOFED, 60_000]
    flood = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, preexec_fn=pin(1))
    sent, flooded = last_json(flood.stdout)["sent"], server.ask()
    spent = (flooded["cpu"] - idle["cpu"]) - (idle["cpu"] - before["cpu"])
    return max(0.0, spent) / sent * 1e6


def clients_once(release, way, count):
    """So many clients at once, who then stay: what the server spent on them."""
    with Many(release, way) as server:
        alone = server.ask()
        began = time.monotonic()
        clients = subprocess.Popen(  # pylint: disable=consider-using-with
            [
                release.program("many_clients"),
                "127.0.0.1",
                server.port,
                str(count),
                f"stay={FLOODINGS * 2 * SECONDS + 3}",
                "patience=120",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            preexec_fn=pin(1),
        )
        clients.stdout.readline()
        took, there = time.monotonic() - began, server.ask()
        spoofed = [spoofed_once(release, server) for _ in range(FLOODINGS)]
        ended = last_json(clients.communicate(timeout=400)[0])
        server.stop()
    return {
        "dead": ended["dead"],
        "per_second": ended["handshakes"] / took,
        "handshake_us": (there["cpu"] - alone["cpu"]) / max(ended["handshakes"], 1) * 1e6,
        "heap": (there["heap"] - alone["heap"]) / max(there["clients"], 1),
        "spoofed_us": spread(spoofed)["median"],
    }


def paced(release, quick):
    """What the kernel alone takes for a hello at the spoofed ones' rate: there, a server sleeps before each."""
    rounds, options = 1 if quick else 9, {"sources": 60_000, "rate": SPOOFED}
    return interleave(
        ["bare", "batch"],
        rounds,
        lambda server: flood_once(release, server, ("hello", 4, SIZE), SECONDS, **options)["cpu_us"],
        "hellos at the spoofed ones' rate",
    )


def clients(release, quick):
    rows = []
    # 10,000 connected sockets take minutes, and beside a flood hardly answer.
    for count, ways in ((200, list(WAYS)),) if quick else ((1000, list(WAYS)), (10_000, ["listener"])):
        samples = interleave(
            ways,
            1 if quick else 2 if len(ways) > 1 else 3,
            lambda way, count=count: clients_once(release, way, count),
            f"{count} clients",
        )
        for way, values in samples.items():
            row = {key: spread([value[key] for value in values])["median"] for key in values[0]}
            rows.append({"way": way, "clients": count, **row})
    return rows


def main():
    parser = argparse.ArgumentParser(description="measure the listener, and write listener.md")
    parser.add_argument("--quick", action="store_true", help="a look, in less than a minute")
    parser.add_argument("out", type=pathlib.Path, help="a directory")
    options = parser.parse_args()
    described = machine.describe(ROOT)
    release = prepare(True, say)[0]
    data = {
        "machine": described,
        "quick": options.quick,
        "date": time.strftime("%Y-%m-%d"),
        "version": release.version,
        "challenges": challenges(release, options.quick),
        "growth": growth(release, options.quick),
        "clients": clients(release, options.quick),
        "paced": paced(release, options.quick),
    }
    described["load_after"] = os.getloadavg()[0]
    data["seconds"] = round(time.monotonic() - START)
    options.out.mkdir(parents=True, exist_ok=True)
    listener_report.write(data, options.out)
    say(f"done in {data['seconds']} s: {options.out}/listener.md")


main()

#!/usr/bin/env python3
"""Many hosts behind one address, clocks apart, secrets rolled while clients come.

    fleet.py SERVER        SERVER: examples/echo_server, linked with the library

First 2,000 handshakes, on a slow machine as many as it can begin, with 16 servers that share their secrets: none
may fail and no cookie may be refused. The secrets are rolled three times meanwhile, host by host, as docs/operations.md says.
Then a few with the same servers and a secret of each one's own: most must fail, or the first part
proves nothing. Everything on loopback; it ends by itself within three minutes.
"""

import concurrent.futures
import pathlib
import random
import resource
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter

from balancer import Balancer
from clients import COMMANDS, handshake
from hosts import Host

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOSTS = 16
HANDSHAKES = 2000
LIFETIME = 60  # the default
CLOCKS = 29  # seconds ahead or behind, at most: less than half a lifetime
SECONDS = 140  # over which the handshakes are spread: the last step of the drill is a while off
LIMIT = 165  # what has not begun by then does not begin: a slow machine
FEWEST = 500  # that prove something
AT_ONCE = 12
WITHOUT = 48  # handshakes with secrets that are not shared


class Drill(threading.Thread):
    """docs/operations.md, "Rotation drill", three times over."""

    def __init__(self, hosts, start):
        super().__init__(daemon=True)
        self.hosts, self.start_time, self.done = hosts, start, []
        self.over = threading.Event()
        self.now = [secrets.token_hex(32)]
        for host in hosts:
            host.secrets(self.now)

    def run(self):
        steps = []
        for roll in range(3):
            new, at = secrets.token_hex(32), 2 + 6 * roll
            steps.append((at, f"{roll + 1}: the new secret is accepted", lambda n=new: self.add(n)))
            steps.append((at + 3, f"{roll + 1}: the new secret makes cookies", lambda n=new: self.first(n)))
            last = at + 3 + 1.5 + 2 * LIFETIME
            steps.append((last, f"{roll + 1}: the old secret is gone", self.drop))
        for at, what, step in sorted(steps, key=lambda step: step[0]):
            if self.over.wait(max(0, self.start_time + at - time.monotonic())):
                return
            step()
            self.roll_out()
            self.done.append(f"{at:5.1f} s  roll {what}")

    def stop(self):
        """The last step may come a moment after the last client; more than that is not waited for."""
        self.join(5)
        self.over.set()
        self.join()

    def add(self, new):
        self.now = self.now[:1] + [new] + self.now[1:]

    def first(self, new):
        self.now = [new] + [secret for secret in self.now if secret != new]

    def drop(self):
        self.now = self.now[:-1]

    def roll_out(self):
        """Not everywhere at once: for a second the hosts have different files."""
        for host in random.sample(self.hosts, len(self.hosts)):
            host.secrets(self.now)
            time.sleep(1 / len(self.hosts))


def serve_all(port, count, seconds, limit, patience):
    """The failures, and how many of each kind of client were well."""
    kinds = [kind for kind, share in zip(COMMANDS, (3, 1)) for _ in range(share)]
    start = time.monotonic()
    failures, well = [], Counter()

    def one(number):
        time.sleep(max(0, start + number * seconds / count - time.monotonic()))
        if time.monotonic() - start > limit:
            return number, "", None  # not begun: the machine is slow, which nobody is to blame for
        kind = kinds[number % len(kinds)]
        return number, kind, handshake(kind, port, number, patience)

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for number, kind, failure in pool.map(one, range(count)):
            if failure is None:
                well.update([kind] if kind else [])
            else:
                failures.append(f"{number}: {failure}")
    return failures, well


def run(server, place, shared, count, seconds, limit, patience):
    place.mkdir()
    spread = [round(-CLOCKS + 2 * CLOCKS * i / (HOSTS - 1)) for i in range(HOSTS)]
    hosts = [Host(i, clock, place) for i, clock in enumerate(random.sample(spread, HOSTS))]
    drill = Drill(hosts, time.monotonic()) if shared else None
    certificate, key = place.parent / "certificate", place.parent / "key"
    balancer = None
    try:
        for host in hosts:
            host.start(server, certificate, key, LIFETIME, shared)
        balancer = Balancer({(host.address, host.port): host.clock for host in hosts}, LIFETIME)
        balancer.start()
        if drill is not None:
            drill.start_time = time.monotonic()
            drill.start()
        failures, well = serve_all(balancer.port, count, seconds, limit, patience)
        if drill is not None:
            drill.stop()
        time.sleep(1.1)  # so that every server may write its counters anew
        counted = sum((host.counted() for host in hosts), Counter())
    finally:
        if balancer is not None:
            balancer.stop()
        for host in hosts:
            if hasattr(host, "process"):
                host.stop()
    problems = []
    for host in hosts:
        complaints, ran = host.complaints()
        problems += [f"{host.name} says: {line}" for line in complaints]
        if not ran:
            problems.append(f"{host.name}: its DTLSv1_listen is not ours")
    return failures, well, balancer.seen, counted, drill.done if drill else [], problems


def report(failures, well, seen, counted):
    print(
        f"  handshakes: {sum(well.values())} well ({', '.join(f'{n} {k}' for k, n in well.items())}), "
        f"{len(failures)} failed"
    )
    for what in (
        "challenges",
        "challenges of another slot than this clock's",
        "cookies shown",
        "cookies shown to another server than made them",
        "cookies refused",
    ):
        print(f"  {what}: {seen[what]}")
    print(
        "  cookies by the servers' own counters: "
        + ", ".join(
            f"{counted[of]} {what}"
            for what, of in (
                ("right", "cookies right"),
                ("of them by a secret that makes no more", "cookies_previous_secret"),
                ("forged", "cookies forged"),
                ("expired", "cookies expired"),
            )
        )
    )


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    server = pathlib.Path(sys.argv[1]).resolve()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a socket for each flow
    sys.stdout.reconfigure(line_buffering=True)
    wrong = []
    with tempfile.TemporaryDirectory() as directory:
        scratch = pathlib.Path(directory)
        certificate = ROOT / "tools/certificate.sh"
        subprocess.run([certificate, scratch / "certificate", scratch / "key", "fleet"], check=True)
        print(
            f"fleet: {HOSTS} servers that share their secrets, clocks up to {2 * CLOCKS} s apart, "
            f"{HANDSHAKES} handshakes in {SECONDS} s"
        )
        failures, well, seen, counted, done, problems = run(
            server, scratch / "shared", True, HANDSHAKES, SECONDS, LIMIT, 15
        )
        for step in done:
            print(f"  {step}")
        report(failures, well, seen, counted)
        for line in (failures + problems)[:20]:
            print(f"  {line}")
        wrong += [f"{len(failures)} handshakes failed"] if failures else []
        wrong += problems
        begun = sum(well.values()) + len(failures)
        if begun < HANDSHAKES:
            print(f"  not begun after {LIMIT} s, for the machine is slow: {HANDSHAKES - begun}")
        if begun < FEWEST:
            wrong.append(f"{begun} handshakes begun in {LIMIT} s, fewer than {FEWEST}: the machine is too slow")
        if len(done) != 9:
            wrong.append(f"{len(done)} steps of the drill done, not 9")
        if seen["cookies refused"] != 0:
            wrong.append(f"{seen['cookies refused']} honest cookies refused")
        if counted["cookies forged"] or counted["cookies expired"]:
            wrong.append("the servers counted honest cookies as forged or expired")
        if counted["cookies right"] < sum(well.values()):
            wrong.append(f"the servers counted {counted['cookies right']} right cookies, fewer than handshakes")
        if seen["challenges not by the server's clock"] != 0:
            wrong.append("cookies that are not of their server's slot: does its clock differ as it should?")
        # 15 of 16 clients come back to another server, and the clocks are apart: else nothing was tested.
        if seen["cookies shown to another server than made them"] < begun * 3 // 4:
            wrong.append("the balancer did not spread the clients")
        if not 0 < seen["challenges of another slot than this clock's"] < seen["challenges"]:
            wrong.append("the clocks were not apart")

        print(f"fleet: the same servers with a secret of each one's own, {WITHOUT} handshakes")
        failures, well, seen, counted, _, _ = run(server, scratch / "own", False, WITHOUT, 0, LIMIT, 2.5)
        report(failures, well, seen, counted)
        if len(failures) < WITHOUT // 2 or seen["cookies refused"] < WITHOUT // 2:
            wrong.append("secrets that are not shared went unnoticed: this test sees nothing")
    for line in wrong[:20]:
        print(f"fleet: FAILED: {line}")
    print("1 passed, 0 failed" if not wrong else "0 passed, 1 failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

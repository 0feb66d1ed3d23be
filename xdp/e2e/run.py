#!/usr/bin/env python3
"""Stock clients and a server behind the program, from start to crash.

xdp/e2e/run.py [NAME...]     these tests only
"""

import importlib
import os
import signal
import subprocess
import sys
import time

import net
from cases import TESTS
from net import SERVER, Failure

# Each adds its tests to the list, in this order.
for topic in ("modes", "lives", "servers", "refusals"):
    importlib.import_module(topic)


def main():
    names = sys.argv[1:]
    unknown = set(names) - {t.__name__ for t in TESTS}
    if unknown:
        sys.exit(f"no such test: {' '.join(sorted(unknown))}; there are {' '.join(t.__name__ for t in TESTS)}")
    for needed in (net.XDP, net.LIB, net.ECHO):
        if not os.path.exists(needed):
            sys.exit(f"{needed} is not there: run it by 'make xdp-check'")
    # The namespaces go when this ends, by a signal too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
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

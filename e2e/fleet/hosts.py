"""The hosts of the fleet: a server each, with its own address, clock and secret file."""

import glob
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter


def faketime_library():
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1") + glob.glob("/usr/lib/faketime/libfaketime.so.1")
    if not found:
        sys.exit("fleet: no libfaketime.so.1: run tools/setup.sh fleet")
    return found[0]


class Host:
    def __init__(self, number, clock, place):
        self.name = f"host{number:02}"
        self.address = f"127.0.1.{number + 1}"
        self.clock = clock
        self.place = pathlib.Path(place) / self.name
        self.place.mkdir()
        # Every other host has its secrets mounted as Kubernetes does it.
        self.mounted = number % 2 == 1
        self.version = 0
        self.file = self.place / "cookie"

    def secrets(self, secrets):
        """Puts these in the file, at once."""
        text = "# made by e2e/fleet/fleet.py\n" + "".join(secret + "\n" for secret in secrets)
        if not self.mounted:
            new = self.place / "cookie.new"
            new.touch(0o600)
            new.write_text(text)
            new.rename(self.file)
            return
        self.version += 1
        data = self.place / f"..{self.version}"
        data.mkdir()
        (data / "cookie").touch(0o440)
        (data / "cookie").write_text(text)
        if self.version == 1:
            self.file.symlink_to("..data/cookie")
        (self.place / "..data_tmp").symlink_to(data.name)
        (self.place / "..data_tmp").rename(self.place / "..data")

    def start(self, server, certificate, key, lifetime, shared):
        env = {
            **os.environ,
            "LD_PRELOAD": faketime_library(),
            "FAKETIME": f"{self.clock:+d}s",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "DTLSV1_LISTEN_TRACE": "1",
            "DTLSV1_LISTEN_STATS": str(self.place / "stats.prom"),
            "DTLSV1_LISTEN_COOKIE_LIFETIME": str(lifetime),
        }
        env.pop("DTLSV1_LISTEN_SECRET_FILE", None)
        if shared:
            env["DTLSV1_LISTEN_SECRET_FILE"] = str(self.file)
        self.out, self.err = self.place / "out", self.place / "err"
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                [server, self.address, "0", certificate, key],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        for _ in range(500):
            found = re.search(r"listening on [\d.]+:(\d+)", self.out.read_text())
            if found:
                self.port = int(found[1])
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        sys.exit(f"fleet: {self.name} did not start: {self.err.read_text()}")

    def counted(self):
        """The server's own counters. They are written when it listens, once a second at most."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as poke:
            for _ in range(2):
                poke.sendto(b"not a hello", (self.address, self.port))
        time.sleep(0.1)
        counts = Counter()
        for line in (self.place / "stats.prom").read_text().splitlines():
            found = re.fullmatch(r"dtlsv1_listen_(\w+)_total\{([^}]*)\} (\d+)", line)
            if found:
                label = re.search(r'(?:result|reason)="(\w+)"', found[2])
                counts[f"{found[1]} {label[1]}" if label else found[1]] = int(found[3])
        return counts

    def stop(self):
        """Ends the server and the processes that it has for its clients: a session of their own."""
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        self.process.wait()

    def complaints(self):
        """What the library said, but for what shows that it ran; and whether it did."""
        lines = [line for line in self.err.read_text().splitlines() if "dtlsv1_listen" in line]
        traced = ("serving DTLSv1_listen", "dtlsv1_listen: cookies ")
        others = [line for line in lines if not any(text in line for text in traced)]
        return others, len(lines) > len(others)

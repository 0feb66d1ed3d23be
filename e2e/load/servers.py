"""The programs on each release, and a listening server with its figures."""

import dataclasses
import os
import pathlib
import re
import shlex
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "target/load"
HERE = pathlib.Path(__file__).resolve().parent
LIBRARY = pathlib.Path(os.environ.get("LIB_SO", ROOT / "target/release/libdtlsv1_listen.so")).resolve()
LIST = ROOT / "releases/releases.sh"
STRICT = "-std=c11 -O2 -Wall -Wextra -Wpedantic -Werror".split()
SERVER = "listener_server"


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(
            f"load: this failed with status {done.returncode}:\n"
            f"  {' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
        )
    return done.stdout


@dataclasses.dataclass(frozen=True)
class Release:
    """One libssl, with the server and the clients linked to it."""

    name: str
    version: str
    programs: pathlib.Path

    def program(self, name):
        return str(self.programs / name)


def releases(wanted):
    """Those of these names that are built; all, if none is named."""
    all_of_them = [line.split(maxsplit=2) for line in run(LIST, "list").splitlines()]
    names = [name for name, _, _ in all_of_them]
    for name in wanted:
        if name not in names:
            raise SystemExit(f"load: no built release is called {name}, only: {' '.join(names)}")
    return [_build(*line) for line in all_of_them if not wanted or line[0] in wanted]


def _build(name, version, prefix):
    place = BUILD / name
    place.mkdir(parents=True, exist_ok=True)
    compiler = [*shlex.split(os.environ.get("CC", "cc")), *STRICT]
    at, rpath = [], f"-Wl,-rpath,{LIBRARY.parent}"
    if name != "system":
        at = ["-isystem", f"{prefix}/include", f"-L{prefix}/lib"]
        rpath += f":{prefix}/lib"
    ours = [f"-I{ROOT}/include", f"-L{LIBRARY.parent}", "-ldtlsv1_listen"]
    run(*compiler, "-o", place / SERVER, ROOT / f"examples/{SERVER}.c", *at, *ours, rpath, "-lssl", "-lcrypto")
    run(
        *compiler,
        "-o",
        place / "clients",
        *(HERE / f"{part}.c" for part in ("clients", "path", "options")),
        *at,
        rpath,
        "-lssl",
        "-lcrypto",
    )
    run(*compiler, "-o", BUILD / "flood", HERE / "flood.c")
    return Release(name, version, place)


def make_certificate():
    BUILD.mkdir(parents=True, exist_ok=True)
    run(ROOT / "tools/certificate.sh", BUILD / "cert.pem", BUILD / "key.pem", "load")
    # LibreSSL before DTLS 1.2 takes no handshake with a key of another kind.
    files = ["-out", BUILD / "rsa-cert.pem", "-keyout", BUILD / "rsa-key.pem"]
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=load", *files)


class Server:
    """examples/listener_server.c on a port of the kernel's."""

    def __init__(self, release, address):
        rsa = "rsa-" if release.name.startswith("libressl") else ""
        command = [release.program(SERVER), address, "0", BUILD / f"{rsa}cert.pem", BUILD / f"{rsa}key.pem"]
        env = {k: v for k, v in os.environ.items() if not k.startswith(("DTLSV1_LISTEN_", "LD_"))}
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            list(map(str, command)),
            env={**env, "DTLSV1_LISTEN_TRACE": "1"},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        said = re.search(r"port (\d+)", self.process.stdout.readline())
        if said is None:
            raise SystemExit(f"load: the server did not start: {self.process.communicate()[1]}")
        self.port = said.group(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def cpu(self):
        """Seconds that it was on a processor."""
        text = pathlib.Path(f"/proc/{self.process.pid}/schedstat").read_text(encoding="ascii")
        return int(text.split()[0]) / 1e9

    def memory(self):
        """KiB that are resident."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", text).group(1))

    def failure(self):
        """What is wrong with it, or nothing; it ends with this."""
        if self.process.poll() is not None:
            return f"the server ended with status {self.process.returncode}"
        self.process.terminate()
        err = self.process.communicate()[1]
        if f"serving DTLSv1_listen (pid {self.process.pid}," not in err:
            return "the server was not ours"
        if self.process.returncode != 0:
            return f"the server ended with status {self.process.returncode}"
        return ""

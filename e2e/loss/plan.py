"""What is measured: the rows, the clients, the servers of each OpenSSL release."""

import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path as File

from handshake import Client, Server
from path import HELLO, HELLO_VERIFY_REQUEST, HELLO_WITH_COOKIE, Weather

ROOT = File(__file__).resolve().parent.parent.parent
SCRATCH = ROOT / "target" / "loss"
# Made by `make lib`, wherever that puts it: one for all releases.
LIBRARY = File(os.environ.get("LIB_SO", ROOT / "target" / "release" / "libdtlsv1_listen.so"))

PLAIN, OURS = "plain", "ours"


@dataclass(frozen=True)
class Row:
    name: str
    weather: Weather
    fragmented: bool = False  # hello in fragments, server with a new socket for each client
    fragments: int = 0  # hello in so many, server that goes on with its socket

    def by_chance(self):
        """Is it chance that decides? In fragments, whether the second finds the new socket."""
        return self.weather.is_random() or self.fragmented

    def handshakes(self, by_chance, by_rule):
        """How many. Few in fragments: plain, some clients wait for ever."""
        if self.fragmented:
            return min(by_chance, 10)
        if self.fragments:
            return min(by_chance, 20)
        return by_chance if self.weather.is_random() else by_rule


ROWS = (
    Row("nothing lost", Weather()),
    Row("first ClientHello lost", Weather(lost=(HELLO,))),
    Row("first HelloVerifyRequest lost", Weather(lost=(HELLO_VERIFY_REQUEST,))),
    Row("first of both lost", Weather(lost=(HELLO, HELLO_VERIFY_REQUEST))),
    Row("second ClientHello lost", Weather(lost=(HELLO_WITH_COOKIE,))),
    Row("5 % lost", Weather(loss=0.05)),
    Row("10 % lost", Weather(loss=0.10)),
    Row("20 % lost", Weather(loss=0.20)),
    Row("10 % duplicated, 20 % delayed", Weather(duplication=0.10, delay=0.20)),
    Row("fragmented hello, connected socket", Weather(), fragmented=True),
)

# By what TABLE may say. libssl alone, on one socket, is what ours has to be as good as.
TABLES = {
    "loss": ROWS,
    "fragments": tuple(
        Row(f"{fragments} fragments, {percent} % lost", Weather(loss=percent / 100), fragments=fragments)
        for fragments in (2, 3, 5, 8, 12)
        for percent in (5, 10, 20, 30)
    ),
}

# Long enough that the hello of any client does not fit 256 bytes.
NAME = "a" * 60 + "." + "b" * 60 + ".example"
S_CLIENT = ("openssl", "s_client", "-dtls", "-connect", "127.0.0.1:{port}")
GNUTLS_CLI = ("gnutls-cli", "--udp", "--insecure", "--port", "{port}", "127.0.0.1")
# s_client says '(NONE)' where there is no cipher.
S_CLIENT_DONE = r"Cipher is (?!\(NONE\))"
GNUTLS_DONE = r"Handshake was completed"
NCAT = ("ncat", "--udp", "--ssl", "-v", "127.0.0.1", "{port}")
NCAT_DONE = r"SSL connection to"

# Each with a hello in one piece, and with one in fragments. ncat cuts every hello, and sends nothing
# once more, so that a loss is the end.
CLIENTS = {
    "s_client": (
        Client("s_client", S_CLIENT, S_CLIENT_DONE),
        Client("s_client", (*S_CLIENT, "-mtu", "256", "-servername", NAME), S_CLIENT_DONE),
    ),
    "gnutls-cli": (
        Client("gnutls-cli", GNUTLS_CLI, GNUTLS_DONE),
        Client("gnutls-cli", (*GNUTLS_CLI, "--mtu", "256", "--sni-hostname", NAME), GNUTLS_DONE),
    ),
    "ncat": (None, Client("ncat", NCAT, NCAT_DONE)),
}


# Of a hello cut at an MTU of 256: what a fragment holds, and what s_client's has without names in ALPN
# and with a cookie.
FRAGMENT, HELLO_LEN = 203, 230


def client_for(name, row):
    if row.fragments:
        return _s_client(row.fragments) if name == "s_client" else None
    return CLIENTS[name][row.fragmented]


def _s_client(fragments):
    """Its hello in so many fragments: names in ALPN, of 99 bytes each, up to the middle of the last."""
    names = (fragments * FRAGMENT - FRAGMENT // 2 - HELLO_LEN) // 100
    command = (*S_CLIENT, "-mtu", "256", "-servername", NAME if not names else "a.example")
    if names:
        command += ("-alpn", ",".join(["p" * 99] * names))
    return Client("s_client", command, S_CLIENT_DONE)


@dataclass(frozen=True)
class Release:
    """An OpenSSL release and its programs."""

    name: str
    version: str
    openssl: str
    environment: tuple
    connecting: str

    def server(self, which, row):
        certificate, key = str(SCRATCH / "cert.pem"), str(SCRATCH / "key.pem")
        if row.fragmented:
            command = (self.connecting, certificate, key)
        else:
            command = (self.openssl, "s_server", "-dtls", "-listen", "-naccept", "1")
            command += ("-accept", "127.0.0.1:0", "-cert", certificate, "-key", key)
        return Server(command, self.environment, str(LIBRARY) if which == OURS else "")


def releases(wanted):
    """The releases by name; each has to be built, and our library.
    LibreSSL's s_server has no -listen to measure."""
    names = wanted or [n for n in _output("releases/releases.sh", "names").split() if not n.startswith("libressl")]
    return [_release(name) for name in names]


def _release(name):
    said = _output("bash", "-c", 'eval "$(releases/releases.sh env "$1")" && env -0', "-", name)
    env = dict(line.split("=", 1) for line in said.split("\0") if "=" in line)
    if not LIBRARY.exists():
        raise SystemExit(f"loss: {LIBRARY} is not there: make loss builds it, e2e/loss/loss.py does not")
    needs = {"LD_LIBRARY_PATH": env.get("LD_LIBRARY_PATH", ""), "OPENSSL_CONF": "/dev/null"}
    return Release(
        name,
        env["RELEASE_VERSION"],
        env["OPENSSL"],
        tuple(needs.items()),
        _compile(name, env.get("RELEASE_INCLUDE"), env.get("RELEASE_LIBDIR")),
    )


def _compile(name, include, libdir):
    """connecting_server, linked with this release's libssl and nothing of ours."""
    program = SCRATCH / name / "connecting_server"
    program.parent.mkdir(parents=True, exist_ok=True)
    command = shlex.split(os.environ.get("CC", "cc"))
    # HMAC() is deprecated from 3.0 on, and what programs of all releases call.
    command += ["-std=c11", "-Wall", "-Wextra", "-Werror", "-DOPENSSL_SUPPRESS_DEPRECATED"]
    if libdir:
        command += ["-isystem", include, f"-L{libdir}", f"-Wl,-rpath,{libdir}"]
    command += ["-o", program, ROOT / "e2e/loss" / "connecting_server.c", "-lssl", "-lcrypto"]
    subprocess.run(command, check=True)
    return str(program)


def make_certificate():
    SCRATCH.mkdir(parents=True, exist_ok=True)
    subprocess.run([ROOT / "tools/certificate.sh", SCRATCH / "cert.pem", SCRATCH / "key.pem"], check=True)


def client_version(name):
    ask = ("openssl", "version") if name == "s_client" else (name, "--version")
    # ncat says it on standard error.
    said = subprocess.run(ask, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    return re.search(r"\d+\.\S+", said)[0]


def _output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout

"""The OpenSSL releases to measure on, and the C programs for each."""

import dataclasses
import os
import pathlib
import shlex
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "target/bench"
# Made by `make lib`, wherever that puts it: one for all releases.
LIBRARY = pathlib.Path(os.environ.get("LIB_SO", ROOT / "target/release/libdtlsv1_listen.so"))
PEM = BUILD / "server.pem"  # what the servers show: certificate and key
COMPILER = shlex.split(os.environ.get("CC", "cc"))
CFLAGS = "-std=c11 -Wall -Wextra -Wpedantic -Werror -O2 -g -pthread".split()
SSL_LIBS = ["-lssl", "-lcrypto", "-ldl"]
# program: sources, does it need OpenSSL (or which libraries), is it for every release
PROGRAMS = {
    "challenge": (["challenge.c", "hello.c", "callbacks.c", "mark.c", "memory.c", "wire_bio.c"], True, True),
    "flood_server": (["flood_server.c", "bare.c", "callbacks.c", "memory.c"], True, True),
    "legit_server": (["legit_server.c", "callbacks.c"], True, False),
    "legit_client": (["legit_client.c"], True, False),
    "flood": (["flood.c", "hello.c"], False, True),
    "many_server": (["many_server.c", "many_listener.c", "many_connected.c", "callbacks.c", "memory.c"], True, False),
    "many_clients": ([f"../e2e/load/{part}.c" for part in ("clients", "path", "options")], True, False),
    "peer_gnutls": (["peer.c", "peer_gnutls.c", "hello.c", "mark.c"], ["-lgnutls"], False),
    "peer_mbedtls": (
        ["peer.c", "peer_mbedtls.c", "hello.c", "mark.c"],
        ["-lmbedtls", "-lmbedx509", "-lmbedcrypto"],
        False,
    ),
    "peer_wolfssl": (["peer.c", "peer_wolfssl.c", "hello.c", "mark.c"], ["-lwolfssl"], False),
    "flood_gnutls": (
        ["-DPEER", "flood_server.c", "bare.c", "callbacks.c", "memory.c", "peer_serve.c", "peer_gnutls.c"],
        [*SSL_LIBS, "-lgnutls"],
        False,
    ),
    "verdict": (["verdict.c", "hello.c", "mark.c"], True, False),
}
# Preloaded before challenge.
PRELOADED = ("count_malloc", "least")


@dataclasses.dataclass(frozen=True)
class Release:
    """One libssl: where it is, and the programs linked to it."""

    name: str
    version: str
    prefix: pathlib.Path

    def has_function(self):
        """LibreSSL's DTLSv1_listen is a macro."""
        return not self.name.startswith("libressl")

    def program(self, name):
        return str(BUILD / self.name / name)

    def env(self, preload=()):
        env = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith("DTLSV1_LISTEN_") and k not in ("LD_PRELOAD", "LD_LIBRARY_PATH")
        }
        if self.name != "system":
            env["LD_LIBRARY_PATH"] = str(self.prefix / "lib")
        if preload:
            env["LD_PRELOAD"] = ":".join(map(str, preload))
        env["BENCH_PEM"] = str(PEM)
        return env


def run(command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise SystemExit(
            f"bench: this failed with status {done.returncode}:\n"
            f"  {' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
        )
    return done.stdout


def build_programs(release):
    place = BUILD / release.name
    place.mkdir(parents=True, exist_ok=True)
    at = []
    if release.name != "system":
        at = [f"-I{release.prefix}/include", f"-L{release.prefix}/lib"]
    if not release.has_function():
        at.append("-DHELLO_VERSION=0xFEFF")
    for name, (sources, ssl, everywhere) in PROGRAMS.items():
        if release.name != "system" and not everywhere:
            continue
        run(
            [
                *COMPILER,
                *CFLAGS,
                *at,
                "-o",
                place / name,
                *sources,
                *(ssl if isinstance(ssl, list) else SSL_LIBS if ssl else []),
            ],
            cwd=ROOT / "bench",
        )
    for name in PRELOADED:
        if name != "least" or release.has_function():
            run(
                [*COMPILER, *CFLAGS, *at, "-fPIC", "-shared", "-o", place / f"{name}.so", f"{name}.c"],
                cwd=ROOT / "bench",
            )


def make_certificate():
    BUILD.mkdir(parents=True, exist_ok=True)
    parts = [BUILD / "cert.pem", BUILD / "key.pem"]
    run([ROOT / "tools/certificate.sh", *parts, "bench"])
    PEM.write_text("".join(part.read_text(encoding="ascii") for part in parts), encoding="ascii")


def prepare(only_system, say):
    """Every built release, system first, with all that is needed on it."""
    make_certificate()
    releases = []
    for line in run([ROOT / "releases/releases.sh", "list"]).splitlines():
        name, version, prefix = line.split(maxsplit=2)
        if only_system and name != "system":
            continue
        say(f"building for {name} ({version})")
        release = Release(name, version, pathlib.Path(prefix))
        build_programs(release)
        releases.append(release)
    return releases

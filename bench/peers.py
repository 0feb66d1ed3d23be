"""Other stacks' first contact, and libssl with callbacks that are better than the usual one, beside ours."""

import platform
import re

import flood
from cpu import command, few, instructions, preload
from measure import interleave, last_json, pin, ratios, say, spread

from releases import run

# name, in the tables: the program's, or what cpu.py calls it (who, callbacks, shape).
STACKS = {
    "GnuTLS": "peer_gnutls",
    "Mbed TLS": "peer_mbedtls",
    "wolfSSL": "peer_wolfssl",
}
LISTENS = {
    f"{who}, {words}, {calls}": (side, callbacks, shape)
    for who, words, side, callbacks in (
        ("ours", "built-in", "ours", "none"),
        ("libssl", "competent", "libssl", "competent"),
        ("libssl", "cached EVP_MAC", "libssl", "evp_mac"),
        ("libssl", "usual", "libssl", "usual"),
    )
    for calls, shape in (("many in one call", "looped"), ("one a call", "single"))
}
PACKAGES = {"GnuTLS": "gnutls", "Mbed TLS": "mbedtls", "wolfSSL": "wolfssl"}


def version_of(name):
    """From its headers: not all have a pkg-config file."""
    header, pattern = {
        "GnuTLS": ("gnutls/gnutls.h", r'GNUTLS_VERSION "([^"]+)"'),
        "Mbed TLS": ("mbedtls/version.h", r'MBEDTLS_VERSION_STRING +"([^"]+)"'),
        "wolfSSL": ("wolfssl/version.h", r'LIBWOLFSSL_VERSION_STRING "([^"]+)"'),
    }[name]
    with open(f"/usr/include/{header}", encoding="utf-8") as text:
        found = re.search(pattern, text.read())
    return found.group(1) if found else "unknown"


def stepped(release, program, count):
    """Instructions of a hello, without the program's own; `None` where none can be counted."""
    if platform.machine() != "x86_64":
        return None
    out = run([release.program(program), str(count)], env={**release.env(), "BENCH_STEPS": "1"})
    line = last_json("\n".join(text for text in out.splitlines() if "instructions" in text))
    return (line["instructions"] - line["objects"][program]) / count


def of_stack(release, name, program):
    count = 10 if name == "GnuTLS" else 1  # each instruction is a trap
    counted = last_json(run([release.program(program), "2000"], env=release.env([release.program("count_malloc.so")])))
    return {
        "name": name,
        "version": version_of(name),
        "instructions": stepped(release, program, count),
        "allocations": counted["allocations"],
        "kept": counted["kept"],
    }


def of_listen(release, name, side, runs):
    who, callbacks, shape = side
    counted = last_json(
        run(
            command(release, callbacks, shape, 2000),
            env=release.env([*preload(release, who), release.program("count_malloc.so")]),
        )
    )
    return {
        "name": name,
        "version": release.version,
        "allocations": counted["allocations"],
        "instructions": instructions(release, who, callbacks, shape, runs)[0],
        "kept": counted["kept"],
    }


def measure(releases, quick):
    release = releases[0]
    say("instructions: peers")
    rows = {name: of_stack(release, name, program) for name, program in STACKS.items()}
    rows |= {name: of_listen(release, name, side, 1 if quick else 2) for name, side in LISTENS.items()}

    def sample(name):
        if name in STACKS:
            job, env = [release.program(STACKS[name]), "20000" if name == "GnuTLS" else "4000"], release.env()
        else:
            who, callbacks, shape = LISTENS[name]
            count = 20000 if few(callbacks, shape) > 2 and callbacks != "usual" else 4000
            job, env = command(release, callbacks, shape, count), release.env(preload(release, who))
        return last_json(run(job, env=env, preexec_fn=pin(0)))["ns"]

    timed = interleave(rows, 3 if quick else 21, sample, "peers, time per hello")
    for name, values in timed.items():
        rows[name]["ns"] = spread(values)
        rows[name]["of_gnutls"] = ratios(values, timed["GnuTLS"])
    return {"cpu": list(rows.values()), "flood": floods(release, quick)}


def floods(release, quick):
    def sample(server):
        return flood.flood_once(release, server, flood.FLOODS[flood.BASE], 0.3)

    samples = interleave(flood.WITH_PEERS, 3 if quick else 15, sample, "peers, floods")
    cpu = {server: [value["cpu_us"] for value in values] for server, values in samples.items()}
    return [
        {
            "server": server,
            "cpu_us": spread(values),
            "speed_of_bare": ratios(cpu["bare"], values),
            "speed_of_competent": ratios(cpu["libssl, competent"], values),
        }
        for server, values in cpu.items()
    ]

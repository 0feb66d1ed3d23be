#!/usr/bin/env python3
"""Programs as they are and with the library preloaded: e2e/guests/README.md.

LIB: the library. Arguments: which programs (all)."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import lookups
import programs
import servers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LIB = pathlib.Path(os.environ.get("LIB", ROOT / "target/release/libdtlsv1_listen.so")).resolve()
AUDITOR = LIB.with_name("libdtlsv1_listen_audit.so")
SCRATCH = pathlib.Path(os.environ.get("SCRATCH", ROOT / "target/guests"))
BINDING = re.compile(r"binding file (\S+) \[\d+\] to (\S+) \[\d+\]: \w+ symbol `([^']*)'(?: \[(\S+)\])?")
WAYS = {"plain": {}, "preloaded": {"LD_PRELOAD": LIB}, "audited": {"LD_PRELOAD": LIB, "LD_AUDIT": AUDITOR}}


def exports():
    """Libssl's names that the library has, each with its versions; None for none at all."""
    listed = subprocess.run(["nm", "-D", "--defined-only", LIB], check=True, capture_output=True, text=True)
    names = [line.split()[-1] for line in listed.stdout.splitlines() if line.split()[-2] != "A"]
    found = set()
    for name, _, version in (name.replace("@@", "@").partition("@") for name in names):
        if name.startswith(("SSL_", "DTLS")):
            found.add((name, version if version.startswith("OPENSSL") else None))
    return found


def run(command, status, env):
    """What it prints, who was bound to whom, and which files were in the process."""
    with tempfile.TemporaryDirectory() as logs:
        env = {
            **os.environ,
            **{k: str(v) for k, v in env.items()},
            "LD_DEBUG": "bindings",
            "LD_BIND_NOW": "1",
            "LD_DEBUG_OUTPUT": f"{logs}/log",
        }
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL
        )
        if done.returncode != status:
            raise SystemExit(
                f"guests: {command[0]} ended with {done.returncode}, not {status}:\n{done.stdout}{done.stderr}"
            )
        bound, files = {}, set()
        for log in pathlib.Path(logs).iterdir():
            for user, owner, name, version in BINDING.findall(log.read_text(errors="replace")):
                files |= {os.path.realpath(user), os.path.realpath(owner)}
                if os.path.realpath(user) not in (str(LIB), str(AUDITOR)):
                    bound.setdefault((user, name, version or None), owner)
    return done.stdout + done.stderr, bound, files


# What our library itself needs, and may bring along.
BROUGHT = ("ld-linux",)


def is_brought(file):
    return os.path.basename(file).startswith(BROUGHT)


def differences(plain, ours, allowed):
    """What is not as it was, and is not to be otherwise."""
    text, bound, files = ours
    if text != plain[0]:
        yield f"it says '{text}', and without us '{plain[0]}'"
    for file in sorted(files - plain[2]):
        if file not in (str(LIB), str(AUDITOR)) and not is_brought(file):
            yield f"{file} is in the process"
    for key in sorted(set(bound) | set(plain[1]), key=str):
        user, name, version = key
        before, after = plain[1].get(key), bound.get(key)
        if before == after or is_brought(user):
            continue
        its_libssl = before is not None and os.path.basename(before).startswith("libssl")
        if after is None or os.path.realpath(after) != str(LIB) or not its_libssl or (name, version) not in allowed:
            yield f"{user}: {name} [{version}] is bound to {after}, not {before}"


def main():
    wanted = sys.argv[1:]
    SCRATCH.mkdir(parents=True, exist_ok=True)
    pem = [str(SCRATCH / "cert.pem"), str(SCRATCH / "key.pem")]
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=localhost",
            "-days",
            "2",
            "-out",
            pem[0],
            "-keyout",
            pem[1],
        ],
        check=True,
        capture_output=True,
    )
    tls = servers.context(*pem)
    values = {
        "scratch": SCRATCH,
        "port": servers.serve(servers.https, tls),
        "postgres": servers.serve(servers.postgres, tls),
    }
    (SCRATCH / "nginx.conf").write_text(programs.NGINX.format(**values), encoding="ascii")
    todo = [(name, command, status, {}) for name, command, status in programs.PROGRAMS]
    todo += [
        (f"psycopg2-{version}", [programs.PYTHON, "-c", programs.QUERY], 0, version) for version in programs.WHEELS
    ]
    unknown = set(wanted) - {name for name, *_ in todo} - set(lookups.SERVERS)
    if unknown:
        raise SystemExit(f"guests: there is no program {', '.join(sorted(unknown))}")
    allowed, failed, count = exports(), 0, 0
    for name, template, status, version in todo:
        if wanted and name not in wanted:
            continue
        command = [part.format(**values) for part in template]
        path = {"PYTHONPATH": programs.wheel(version, SCRATCH)} if version else {}
        seen = {way: run(command, status, {**path, **env}) for way, env in WAYS.items()}
        moved = sum(os.path.realpath(owner) == str(LIB) for owner in seen["preloaded"][1].values())
        for way in ("preloaded", "audited"):
            count += 1
            wrong = list(differences(seen["plain"], seen[way], allowed))
            failed += bool(wrong)
            print(f"{name} {way}: {'FAILED' if wrong else 'ok'} ({len(seen[way][1])} references, {moved} to us)")
            for text in wrong[:20]:
                print(f"    {text}")
    for name in lookups.SERVERS:
        if wanted and name not in wanted:
            continue
        for what, wrong in lookups.check(name, LIB, pem, SCRATCH):
            count += 1
            failed += wrong is not None
            print(f"{what}: {'ok' if wrong is None else 'FAILED: ' + wrong}")
    print(f"{count - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())

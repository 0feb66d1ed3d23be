"""What a hello costs without the kernel (challenge.c)."""

import platform
import re
import subprocess

from measure import interleave, last_json, pin, say, spread

from releases import LIBRARY, run

SHAPES = ("looped", "single", "accept", "fresh", "forged", "garbage")
# who, callbacks. Ours without callbacks makes its own cookies ("builtin").
SIDES = (("libssl", "trivial"), ("ours", "trivial"), ("libssl", "usual"), ("ours", "usual"), ("ours", "none"))
ACCEPTS = ("accept", "fresh")
# What handing an accepted hello over to libssl costs at the least (least.c).
LEAST = ("least", "trivial")


def command(release, callbacks, shape, count):
    return [release.program("challenge"), callbacks, shape, str(count)]


def preload(release, who):
    return {"ours": [LIBRARY], "least": [release.program("least.so")]}.get(who, [])


def few(callbacks, shape):
    """As many hellos as are counted: each is the same as the last but for a few instructions."""
    if shape in ACCEPTS:
        return 2
    return (20 if shape == "looped" else 6) // (3 if callbacks == "usual" else 1)


def instructions(release, who, callbacks, shape, runs=2):
    """Per hello, by object. The least of the runs: once a minute our keys are made anew, 35,000
    instructions that are nothing beside a minute's hellos, and all beside the few counted here."""
    if platform.machine() != "x86_64":
        return callgrind(release, who, callbacks, shape), {}
    return min((counted(release, who, callbacks, shape) for _ in range(runs)), key=lambda run: run[0])


def counted(release, who, callbacks, shape):
    """Trapped one by one on this processor (mark.h). The program's own, its BIO and its callbacks,
    are told apart: they are the same whoever calls them."""
    count = few(callbacks, shape)
    out = run(command(release, callbacks, shape, count), env={**release.env(preload(release, who)), "BENCH_STEPS": "1"})
    total, objects = 0, {}
    # A line each for what was marked: one for a loop, one for each accepted client.
    for line in (last_json(text) for text in out.splitlines() if "instructions" in text):
        total += line["instructions"]
        for name, n in line["objects"].items():
            library = re.sub(r"\.so.*", "", name)
            objects[library] = objects.get(library, 0) + n / count
    ran = {"libdtlsv1_listen": "ours", "least": "least"}
    if {ran[name] for name in objects if name in ran} != {who} - {"libssl"}:
        raise SystemExit(f"bench: this was to be {who}'s function, but it ran in: {list(objects)}")
    return total / count - objects["challenge"], objects


def callgrind(release, who, callbacks, shape):
    """The second opinion, from an emulated processor that may lack the real one's extensions."""
    count = few(callbacks, shape)
    done = subprocess.run(
        [
            "valgrind",
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--toggle-collect=measured",
            *command(release, callbacks, shape, count),
        ],
        env=release.env(preload(release, who)),
        capture_output=True,
        text=True,
        check=False,
    )
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or collected is None:
        raise SystemExit(f"bench: callgrind failed:\n{done.stderr}")
    return int(collected.group(1)) / count


def measure(releases, quick):
    rows = {}
    for release in releases:
        sides = [(side, SHAPES if release.name == "system" else SHAPES[:3]) for side in SIDES]
        if release.has_function():
            sides.append((LEAST, ("accept",)))
        for (who, callbacks), shapes in sides:
            say(f"instructions: {release.name}, {who}, {callbacks}")
            for shape in shapes:
                stepped, objects = instructions(release, who, callbacks, shape, 1 if quick else 2)
                counted = last_json(
                    run(
                        command(release, callbacks, shape, 1000),
                        env=release.env([*preload(release, who), release.program("count_malloc.so")]),
                    )
                )
                row = {
                    "release": release.name,
                    "version": release.version,
                    "who": who,
                    "callbacks": callbacks,
                    "shape": shape,
                    "instructions": stepped,
                    "objects": objects,
                    "allocations": counted["allocations"],
                    "callgrind": None,
                }
                if release.name == "system" and not quick:
                    row["callgrind"] = callgrind(release, who, callbacks, shape) - objects.get("challenge", 0)
                rows[release, who, callbacks, shape] = row

    def sample(key):
        release, who, callbacks, shape = key
        count = 4000 if callbacks == "usual" or shape in ACCEPTS else 20000
        out = run(command(release, callbacks, shape, count), env=release.env(preload(release, who)), preexec_fn=pin(0))
        return last_json(out)["ns"]

    timed = interleave(rows, 3 if quick else 9, sample, "time per hello")
    for key, values in timed.items():
        rows[key]["ns"] = spread(values)
        rows[key]["ns_samples"] = values
    return list(rows.values())

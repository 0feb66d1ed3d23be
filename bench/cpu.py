"""Parts 1 and 5: what a hello costs without the kernel (challenge.c)."""
import platform
import re
import subprocess

from hosts import LIBRARY, run
from measure import interleave, last_json, pin, say, spread

SHAPES = ("looped", "single", "accept", "fresh", "forged", "garbage")
# who, callbacks. Ours without callbacks makes its own cookies ("builtin").
SIDES = (("libssl", "trivial"), ("ours", "trivial"),
         ("libssl", "usual"), ("ours", "usual"), ("ours", "none"))
ACCEPTS = ("accept", "fresh")
# What handing an accepted hello over to libssl costs at the least (least.c).
LEAST = ("least", "trivial")


def command(host, callbacks, shape, count):
    return [host.program("challenge"), callbacks, shape, str(count)]


def preload(host, who):
    return {"ours": [LIBRARY], "least": [host.program("least.so")]}.get(who, [])


def few(callbacks, shape):
    """As many hellos as are counted: each is the same as the last but for a few instructions."""
    if shape in ACCEPTS:
        return 2
    return (20 if shape == "looped" else 6) // (3 if callbacks == "usual" else 1)


def instructions(host, who, callbacks, shape):
    """Per hello, by object. The less of two runs: once a minute our keys are made anew, 35,000
    instructions that are nothing beside a minute's hellos, and all beside the few counted here."""
    if platform.machine() != "x86_64":
        return callgrind(host, who, callbacks, shape), {}
    return min((counted(host, who, callbacks, shape) for _ in range(2)), key=lambda run: run[0])


def counted(host, who, callbacks, shape):
    """Trapped one by one on this processor (mark.h). The program's own, its BIO and its callbacks,
    are told apart: they are the same whoever calls them."""
    count = few(callbacks, shape)
    out = run(command(host, callbacks, shape, count),
              env={**host.env(preload(host, who)), "BENCH_STEPS": "1"})
    total, objects = 0, {}
    # A line each for what was marked: one for a loop, one for each accepted client.
    for line in (last_json(text) for text in out.splitlines() if "instructions" in text):
        total += line["instructions"]
        for name, n in line["objects"].items():
            name = re.sub(r"\.so.*", "", name)
            objects[name] = objects.get(name, 0) + n / count
    ran = {"libdtlsv1_listen": "ours", "least": "least"}
    if {ran[name] for name in objects if name in ran} != {who} - {"libssl"}:
        raise SystemExit(f"bench: this was to be {who}'s function, but it ran in: {list(objects)}")
    return total / count - objects["challenge"], objects


def callgrind(host, who, callbacks, shape):
    """The second opinion, from an emulated processor that may lack the real one's extensions."""
    count = few(callbacks, shape)
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
         "--toggle-collect=measured", *command(host, callbacks, shape, count)],
        env=host.env(preload(host, who)), capture_output=True, text=True, check=False)
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or collected is None:
        raise SystemExit(f"bench: callgrind failed:\n{done.stderr}")
    return int(collected.group(1)) / count


def measure(hosts, quick):
    rows = {}
    for host in hosts:
        sides = [(side, SHAPES if host.name == "system" else SHAPES[:3]) for side in SIDES]
        if host.has_function():
            sides.append((LEAST, ("accept",)))
        for (who, callbacks), shapes in sides:
            say(f"instructions: {host.name}, {who}, {callbacks}")
            for shape in shapes:
                stepped, objects = instructions(host, who, callbacks, shape)
                counted = last_json(run(
                    command(host, callbacks, shape, 1000),
                    env=host.env([*preload(host, who), host.program("count_malloc.so")])))
                row = {"host": host.name, "version": host.version, "who": who,
                       "callbacks": callbacks, "shape": shape, "instructions": stepped,
                       "objects": objects, "allocations": counted["allocations"],
                       "callgrind": None}
                if host.name == "system" and not quick:
                    row["callgrind"] = (callgrind(host, who, callbacks, shape)
                                        - objects.get("challenge", 0))
                rows[host, who, callbacks, shape] = row

    def sample(key):
        host, who, callbacks, shape = key
        count = 4000 if callbacks == "usual" or shape in ACCEPTS else 20000
        out = run(command(host, callbacks, shape, count), env=host.env(preload(host, who)),
                  preexec_fn=pin(0))
        return last_json(out)["ns"]

    timed = interleave(rows, 3 if quick else 9, sample, "time per hello")
    for key, values in timed.items():
        rows[key]["ns"] = spread(values)
        rows[key]["ns_samples"] = values
    return list(rows.values())

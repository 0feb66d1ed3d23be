"""Does anything grow with sources, SSL_CTXs, threads?"""

from flood import BASE, FLOODS, flood_once
from measure import interleave, last_json, spread

from releases import LIBRARY, run

SIDES = {"ours": "none", "libssl": "usual"}
SOURCES = (1, 1_000, 1_000_000)
CONTEXTS = (1, 2, 4, 8)
THREADS = (1, 2, 4)


def without_kernel(release, who, shape, count, contexts=1, peers=1, threads=1):
    command = [release.program("challenge"), SIDES[who], shape, count, 200, contexts, peers, threads]
    return last_json(run(command, env=release.env([LIBRARY] if who == "ours" else [])))


def summary(name, values, cost):
    what, who, n = name
    return {
        "what": what,
        "who": who,
        "n": n,
        "cost": spread([v[cost] for v in values]),
        "unit": "us" if cost == "cpu_us" else "ns",
        "peak_kb": max(v["peak_kb"] for v in values),
    }


def measure(releases, quick):
    release, rounds = releases[0], 2 if quick else 7
    many = 100_000 if quick else 1_000_000
    jobs = {}
    for who in SIDES:
        for n in SOURCES:
            # Without the kernel every address does come up.
            jobs["sources", who, n] = lambda who=who, n=n: without_kernel(
                release, who, "looped", many // 5 if who == "libssl" else many, peers=n
            )
            jobs["sources, loopback", who, n] = lambda who=who, n=n: flood_once(
                release, who, FLOODS[BASE], 0.3, sources=n
            )
        for n in CONTEXTS:
            jobs["contexts", who, n] = lambda who=who, n=n: without_kernel(release, who, "single", 20_000, contexts=n)
        for n in THREADS:
            jobs["threads", who, n] = lambda who=who, n=n: without_kernel(release, who, "looped", 50_000, threads=n)
            # Sources, so that the kernel spreads them over the sockets.
            jobs["threads, loopback", who, n] = lambda who=who, n=n: flood_once(
                release, who, FLOODS[BASE], 0.3, sources=1000, threads=n, pinned=False
            )
    if quick:
        jobs = {name: job for name, job in jobs.items() if name[2] in (1, 1_000_000, 4)}
    samples = interleave(jobs, rounds, lambda name: jobs[name](), "growth")
    rows = [summary(name, values, "cpu_us" if "loopback" in name[0] else "ns") for name, values in samples.items()]
    if not quick:
        # Long enough for every one of the addresses: does memory stay where it is?
        for who in SIDES:
            long = flood_once(release, who, FLOODS[BASE], 15, sources=SOURCES[-1])
            rows.append({"what": "memory", "who": who, "n": SOURCES[-1], **long})
    return rows

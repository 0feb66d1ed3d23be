#!/usr/bin/env python3
"""Handshake completion time when datagrams get lost: libssl's DTLSv1_listen and ours, on each
OpenSSL release, in one run. `make loss` builds what this needs and runs it. How long they took is
for a person to read; what fails it is a handshake that could not be measured, or that never
finished with ours where the row's losses cannot be the reason.

    e2e/loss/loss.py [RELEASE...]      all that releases/releases.sh names, or these

From the environment:
  QUICK=1     a few handshakes of each kind instead of fifty
  N           handshakes for each row where chance decides (50; quick: 3)
  REPEAT      and for each of the others (3; quick: 1)
  SEED        of all chances (1)
  CLIENTS     "s_client gnutls-cli ncat"
  TABLE       loss, or fragments: hellos in 2 to 12 of them, on a server that goes on with its socket (loss)
  JOBS        handshakes at a time: nearly all of their time is waiting (8)
  LIMIT       seconds that a handshake may take (60; quick: 15)
  OUT         where loss.txt and loss.svg (fragments.txt ...) go (docs; quick: target/loss)
"""

import json
import os
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

import plan
import report
from handshake import Broken, handshake

TABLE = os.environ.get("TABLE") or "loss"
QUICK = os.environ.get("QUICK", "") not in ("", "0")


def number(name, usual, quick):
    text = os.environ.get(name) or str(quick if QUICK else usual)
    if not text.isdigit() or int(text) < 1:
        raise SystemExit(f"loss: {name}={text} is no number from 1 on")
    return int(text)


def jobs_to_do(releases, clients, seed, by_chance, by_rule):
    for row in plan.TABLES[TABLE]:
        for client in clients:
            if plan.client_for(client, row) is None:
                continue
            for index in range(row.handshakes(by_chance, by_rule)):
                for release in releases:
                    for which in plan.PLAIN, plan.OURS:
                        # The same seed for every release, plain and ours: the same fates.
                        yield row, client, release, which, f"{seed}/{row.name}/{client}/{index}"


def measure(row, client, release, which, seed, limit):
    outcome = handshake(release.server(which, row), plan.client_for(client, row), row.weather, seed, limit)
    fragments = len(outcome.path.hello_fragments)
    if row.fragments and outcome.seconds is not None and fragments != row.fragments:
        raise Broken(f"the hello came in {fragments} fragments")
    return {
        "row": row.name,
        "client": client,
        "release": release.name,
        "which": which,
        "seed": seed,
        "seconds": outcome.seconds,
        "lost": outcome.path.lost,
        "sent": sum(outcome.path.sent.values()),
    }


def measured(client):
    """Is the client in any row of the table?"""
    return any(plan.client_for(client, row) for row in plan.TABLES[TABLE])


def unfinished(results):
    """Handshakes with ours that never finished although no chance was against them: each message
    that is lost there is sent once more."""
    sure = {row.name for table in plan.TABLES.values() for row in table if not row.by_chance()}
    return [r for r in results if r["which"] == plan.OURS and r["seconds"] is None and r["row"] in sure]


def main():
    seed, limit = number("SEED", 1, 1), number("LIMIT", 60, 15)
    by_chance, by_rule = number("N", 50, 3), number("REPEAT", 3, 1)
    clients = os.environ.get("CLIENTS", "").split() or list(plan.CLIENTS)
    if unknown := set(clients) - set(plan.CLIENTS):
        raise SystemExit(f"loss: no such client: {', '.join(unknown)}")
    if TABLE not in plan.TABLES:
        raise SystemExit(f"loss: no such table: {TABLE}")
    plan.make_certificate()
    releases = plan.releases(sys.argv[1:])
    versions = [(name, plan.client_version(name)) for name in clients]
    out = plan.ROOT / (os.environ.get("OUT") or ("target/loss" if QUICK else "docs"))
    out.mkdir(parents=True, exist_ok=True)

    todo = list(jobs_to_do(releases, clients, seed, by_chance, by_rule))
    # Slow rows and quick ones mixed, so that the machine's mood falls on all alike.
    random.Random(seed).shuffle(todo)
    begin, results, broken = time.monotonic(), [], []
    log = plan.SCRATCH / "results.jsonl"
    with ThreadPoolExecutor(number("JOBS", 8, 8)) as pool, log.open("w") as lines:
        running = {pool.submit(measure, *job, limit): job for job in todo}
        for done, future in enumerate(as_completed(running), 1):
            try:
                results.append(future.result())
                print(json.dumps(results[-1]), file=lines, flush=True)
            except Broken as error:
                broken.append((running[future], error))
            if done % 100 == 0:
                print(f"loss: {done} of {len(todo)} handshakes, {time.monotonic() - begin:.0f} s")

    for (row, client, release, which, _), error in broken:
        print(f"loss: {row.name}, {client}, {release.name} {which}: {error}", file=sys.stderr)
    stuck = unfinished(results)
    for r in stuck:
        print(f"loss: {r['row']}, {r['client']}, {r['release']}: never finished with ours", file=sys.stderr)
    about = report.About(
        releases=[(release.name, release.version) for release in releases],
        clients=[(name, version) for name, version in versions if measured(name)],
        rows=[(row.name, row.by_chance()) for row in plan.TABLES[TABLE]],
        table=TABLE,
        seed=seed,
        limit=limit,
        by_chance=by_chance,
        by_rule=by_rule,
    )
    text = report.text(about, results)
    print(text)
    (out / f"{TABLE}.txt").write_text(text)
    (out / f"{TABLE}.svg").write_text(report.svg(about, results))
    print(f"loss: {len(results)} handshakes in {time.monotonic() - begin:.0f} s; see {out}/{TABLE}.txt, {TABLE}.svg")
    return 1 if broken or stuck or not results else 0


if __name__ == "__main__":
    sys.exit(main())

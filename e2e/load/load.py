#!/usr/bin/env python3
"""Many clients and floods on one port (examples/listener_server.c): who dies, what is lost, what it costs.

    e2e/load/load.py [--quick] [--clients N,...] [--only TEXT] [RELEASE...]

All built releases, or these. Exits with 1 if any row comes to what it may not.
"""

import argparse
import json
import subprocess
import sys
import time

import rows as rows_of
from servers import BUILD, Server, make_certificate, releases

# For whoever hangs: nothing here waits longer.
LONGEST = 900
HEAD = ("release", "clients", "what", "dead", "slow", "slowest s", "lost", "us each", "s")


def start(*command):
    return subprocess.Popen(  # pylint: disable=consider-using-with
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def start_flood(server, row, seconds):
    if not row.flood:
        return None
    return start(BUILD / "flood", row.address(), server.port, row.flood, row.rate, seconds)


def end_flood(flood):
    """How many it sent."""
    if flood is None:
        return 0
    flood.terminate()
    return json.loads(flood.communicate(timeout=30)[0])["sent"]


def cost_of(server, row):
    """Microseconds of the server's for a datagram, beside what it spends anyway."""
    used = []
    for rate in (None, row.rate):
        before, seconds = server.cpu(), 4 if row.clients > 2000 else 1.5
        flood = start_flood(server, row, 60) if rate else None
        time.sleep(seconds)
        sent = end_flood(flood)
        used.append(server.cpu() - before)
    return max(0.0, used[1] - used[0]) / sent * 1e6


def once(release, row):
    """One run: what came of it, and what is wrong with that."""
    with Server(release, row.bind) as server:
        flood = None if "stay" in " ".join(row.options) else start_flood(server, row, LONGEST)
        clients = start(release.program("clients"), row.address(), server.port, row.clients, *row.options)
        cost = None
        if flood is None and any(option.startswith("stay=") for option in row.options):
            clients.stdout.readline()  # all are there
            if row.cost:
                cost = cost_of(server, row)
            else:
                flood = start_flood(server, row, LONGEST)
        try:
            out, err = clients.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            clients.kill()
            out, err = clients.communicate()
        sent = end_flood(flood)
        wrong = [err.strip()] if err.strip() else []
        said = [json.loads(line) for line in out.splitlines() if "handshakes" in line]
        if not said:
            return {}, [*wrong, f"the clients ended with status {clients.returncode}", server.failure()]
        result = {**said[-1], "cost": cost, "flood_per_s": sent / max(said[-1]["seconds"], 0.1)}
        wrong.append(server.failure())
    if result["dead"]:
        wrong.append(f"{result['dead']} are dead")
    # 0.0 %
    if row.steady and (result["sent"] == 0 or result["lost"] / result["sent"] >= 0.0005):
        wrong.append(f"{result['lost']} of {result['sent']} messages were lost")
    if row.cost and cost > row.cost:
        wrong.append(f"a spoofed hello costs {cost:.1f} us")
    return result, [text for text in wrong if text]


def line_of(release, row, result):
    lost = f"{result['lost']} of {result['sent']}" if result.get("sent") else ""
    cost = f"{result['cost']:.1f}" if result.get("cost") is not None else ""
    flood = f" ({result['flood_per_s']:,.0f}/s)" if row.flood and not row.rate and result else ""
    return (
        release.version,
        f"{row.clients:,}",
        row.what + flood,
        result.get("dead", "?"),
        result.get("slow_handshakes", "?"),
        result.get("slowest_s", "?"),
        lost,
        cost,
        result.get("seconds", "?"),
    )


def main():
    parser = argparse.ArgumentParser(description="many clients and floods on one port")
    parser.add_argument("--quick", action="store_true", help="a look, in about a minute")
    parser.add_argument("--clients", default="", help="how many, by commas (1000,10000)")
    parser.add_argument("--only", default="", help="rows with this in their names")
    parser.add_argument("releases", nargs="*", help="by their names (all that are built)")
    options = parser.parse_args()
    sizes = [int(n) for n in options.clients.split(",") if n]
    make_certificate()
    chosen = releases(options.releases or (["system"] if options.quick else []))
    plan = [row for row in rows_of.plan(options.quick, sizes) if options.only in row.what]
    if not plan:
        raise SystemExit(f"load: no row has {options.only} in its name")
    failed, done = 0, 0
    print("| " + " | ".join(HEAD) + " |\n|" + " --- |" * len(HEAD), flush=True)
    for release in chosen:
        for row in plan:
            for _ in range(row.times):
                result, wrong = once(release, row)
                done += 1
                failed += bool(wrong)
                line = "| " + " | ".join(map(str, line_of(release, row, result))) + " |"
                print(line + "".join(f" **{text}**" for text in wrong), flush=True)
    print(f"load: {done - failed} of {done} rows as they have to be")
    return failed != 0


sys.exit(main())

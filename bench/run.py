#!/usr/bin/env python3
"""`make bench`: measures everything in one run and writes docs/bench/.

    bench/run.py [--quick] [--out DIRECTORY] [--only PART,...]
    bench/run.py --render        docs/bench/ anew from its bench.json

Parts: cpu flood growth clients peers. The last one has a page of its own, peers.md, and alone changes
nothing else. Progress goes to stderr.
"""

import argparse
import json
import os
import pathlib
import time

import clients
import cpu
import flood
import growth
import machine
import peers
import peers_report
import report
from measure import START, say

import releases as releases_of

PARTS = ("cpu", "flood", "growth", "clients", "peers")
# In less than a minute no part with clients says anything.
QUICK = ("cpu", "flood", "growth", "peers")


def measure(quick, parts):
    described = machine.describe(releases_of.ROOT)
    releases = releases_of.prepare(quick, say)
    began = time.monotonic()
    data = {
        "machine": described,
        "quick": quick,
        "date": time.strftime("%Y-%m-%d"),
        "releases": [{"name": release.name, "version": release.version} for release in releases],
    }
    if "cpu" in parts:
        data["cpu"] = cpu.measure(releases, quick)
    if "flood" in parts:
        data["flood"] = flood.measure(releases, quick)
    if "growth" in parts:
        data["growth"] = growth.measure(releases, quick)
    if "clients" in parts:
        data["clients"] = clients.measure(releases, quick)
    if "peers" in parts:
        data["peers"] = peers.measure(releases, quick)
    data["machine"]["load_after"] = os.getloadavg()[0]
    data["seconds"] = round(time.monotonic() - began)
    return data


def main():
    parser = argparse.ArgumentParser(description="measure, and write docs/bench/")
    parser.add_argument("--quick", action="store_true", help="a look, in less than a minute")
    parser.add_argument(
        "--out", type=pathlib.Path, help="where to (default: docs/bench, and target/bench/quick with --quick)"
    )
    parser.add_argument("--only", help="parts, by commas")
    parser.add_argument("--render", action="store_true", help="measure nothing")
    options = parser.parse_args()
    out = options.out or releases_of.ROOT / ("target/bench/quick" if options.quick else "docs/bench")
    out.mkdir(parents=True, exist_ok=True)
    figures = out / "bench.json"
    parts = options.only.split(",") if options.only else QUICK if options.quick else PARTS
    alone = list(parts) == ["peers"]
    if options.render or alone:
        data = json.loads(figures.read_text(encoding="utf-8")) if figures.exists() else {}
    if not options.render:
        measured = measure(options.quick, parts)
        if "peers" in measured:
            # A page of its own, which may be of another day.
            measured["peers"] |= {key: measured[key] for key in ("machine", "date")}
        data = {**data, "peers": measured["peers"]} if alone else measured
        figures.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    if "peers" in data:
        peers_report.write(data["peers"], out)
    if not alone:
        report.write(data, out)
    say(f"done in {time.monotonic() - START:.0f} s: {out}")


main()

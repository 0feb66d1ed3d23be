#!/usr/bin/env python3
"""Where the instructions go: a table by function from what BENCH_STEPS=FILE wrote (mark.h).

    BENCH_STEPS=/tmp/p target/bench/system/challenge trivial looped 16
    bench/profile.py /tmp/p 16      per hello

Needs nm. Static functions of objects without symbols count for the exported
function in front of them, so take it with care there.
"""

import bisect
import collections
import os
import subprocess
import sys


def symbols(path):
    """Sorted (address, name) of an object's functions."""
    found = {}
    for options in (["-DC"], ["-C"]):
        out = subprocess.run(
            ["nm", *options, "--defined-only", path], capture_output=True, text=True, check=False
        ).stdout
        for line in out.splitlines():
            address, kind, name = line.split(maxsplit=2)
            if kind in "tTwWiI":
                found[int(address, 16)] = name
    return sorted(found.items())


def load_bias(path):
    """What file offset 0's address is in the object (p_vaddr - p_offset of its code)."""
    out = subprocess.run(["readelf", "-lW", path], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        fields = line.split()
        if fields[:1] == ["LOAD"] and "E" in fields[6:8]:
            return int(fields[2], 16) - int(fields[1], 16)
    return 0


def main():
    divisor = float(sys.argv[2]) if len(sys.argv) > 2 else 1
    counts, tables = collections.Counter(), {}
    with open(sys.argv[1], encoding="ascii") as lines:
        for line in lines:
            count, path, offset = line.split()
            if path not in tables:
                known = os.path.exists(path)
                tables[path] = (symbols(path), load_bias(path)) if known else ([], 0)
            table, bias = tables[path]
            at = bisect.bisect(table, (int(offset, 16) + bias, "\x7f")) - 1
            name = table[at][1] if at >= 0 else "?"
            counts[os.path.basename(path), name] += int(count)
    for (path, name), count in counts.most_common():
        print(f"{count / divisor:10.1f}  {path:24} {name[:90]}")
    print(f"{sum(counts.values()) / divisor:10.1f}  all")


main()

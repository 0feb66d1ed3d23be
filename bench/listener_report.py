"""docs/bench/listener.md, and its picture."""

import svg
from measure import ratios, spread
from plots import where
from report import machine_lines, ratio, table
from report import spread as spread_text

SPOOFED_US, BARE, BATCH, HEAP = 10, 1.0, 1.15, 1024
LISTENER = "listener"

HEAD = """# Many clients on one port

Written by `make bench ONLY=listener`.

{machine}

One run of {seconds} s on OpenSSL {version}. The server was on one core, everybody else on the other; each round began with another one: **ratios count, and absolute
times are this machine's**. Figures are medians, with the quartiles in brackets.

- *listener*: `dtlsv1_listener_run()`, one port, no socket of a client's own.
- *connected sockets*: as servers do it today: `DTLSv1_listen()`, then for each client a socket that is bound beside it and connected.
- *bare*: a loop of `recvfrom` and `sendto` with a constant answer; *batch*: of `recvmmsg` and `sendmmsg`, 32 at a time. *ours*, *libssl*: a loop of `DTLSv1_listen()`.
"""


def goal_rows(data):
    one = data["challenges"]
    rows = []
    for flood in dict.fromkeys(flood for flood, _ in one):
        if not flood.startswith("hello"):
            continue
        cost = one[flood, LISTENER]
        for base, most in (("bare", BARE), ("batch", BATCH)):
            rows.append(
                (
                    f"CPU of a challenge by the {base} loop's, {flood}: at most",
                    most,
                    ratios(cost, one[flood, base])["median"],
                )
            )
    growth = data["growth"]
    rows.append(("allocations for a challenge: at most", 0, growth["allocations"] / growth["answered"]))
    rows.append((f"growth of the heap over {growth['sources']:,} sources, bytes: at most", 0, growth["heap"]))
    for row, other in _beside_connected(data):
        rows.append(
            (
                f"heap of an idle client above libssl's own, {row['clients']:,} clients, bytes: at most",
                HEAP,
                row["heap"] - other["heap"],
            )
        )
        rows.append(
            (
                f"CPU of a spoofed hello beside {row['clients']:,} idle clients, µs: at most",
                SPOOFED_US,
                row["spoofed_us"],
            )
        )
        rows.append((f"dead of {row['clients']:,} at once: at most", 0, row["dead"]))
    return [[what, f"{most:g}", f"{value:,.2f}", "yes" if value <= most else "**no**"] for what, most, value in rows]


def _beside_connected(data):
    """The listener's rows, with libssl's own memory from where both were measured."""
    other = next(row for row in data["clients"] if row["way"].endswith("libssl's"))
    return [(row, other) for row in data["clients"] if row["way"] == LISTENER]


def challenge_rows(data):
    one = data["challenges"]
    return [
        [
            flood,
            server,
            spread_text(spread(values), 2),
            ratio(ratios(values, one[flood, "bare"])),
            ratio(ratios(values, one[flood, "batch"])),
        ]
        for (flood, server), values in one.items()
    ]


def client_rows(data):
    return [
        [
            f"{row['clients']:,}",
            row["way"],
            f"{row['dead']:,.0f}",
            f"{row['per_second']:,.0f}",
            f"{row['handshake_us']:,.0f}",
            f"{row['heap']:,.0f}",
            f"{row['spoofed_us']:,.1f}",
        ]
        for row in data["clients"]
    ] + [["", server, "", "", "", "", f"{spread(values)['median']:,.1f}"] for server, values in data["paced"].items()]


def picture(data):
    names = {LISTENER: "ours"}
    groups = []
    for flood in dict.fromkeys(flood for flood, _ in data["challenges"]):
        rows = []
        for server in ("batch", "bare", LISTENER, "libssl"):
            value = spread(data["challenges"][flood, server])
            rows.append((names.get(server, server), value["median"], value["low"], value["high"]))
        groups.append((flood.replace(", ", " from ").replace("from one source", "from one"), rows))
    return svg.bars(
        "CPU time for one datagram of a flood, kernel included (ours: the listener)", where(data), groups, "µs"
    )


def write(data, out):
    growth = data["growth"]
    text = HEAD.format(machine=machine_lines(data), seconds=data["seconds"], version=data["version"])
    text += f"""
## Goals

{table(["goal", "is", "measured", "reached"], goal_rows(data))}
## A challenge

![challenge](listener.svg)

{table(["flood", "server", "CPU µs each", "bare = 1", "batch = 1"], challenge_rows(data))}
{growth["answered"]:,} hellos from {growth["sources"]:,} sources: {growth["allocations"]} allocations, {growth["heap"]:,} bytes of heap and {growth["peak_kb"]:,} KiB of
resident memory more than before.

## Clients

So many at once, each with a message echoed, who then stay; {2000:,} spoofed hellos a second come while they are idle. CPU time is the server's. The kernel's memory is not in it: a connected
socket takes 3 KiB of it and more. At that rate a server sleeps before each hello, and wakes for it: *bare* and *batch* do so too, and have nobody there.

{table(["clients", "way", "dead", "accepted a second", "CPU µs a handshake", "heap of an idle client, bytes", "CPU µs a spoofed hello"], client_rows(data))}"""
    (out / "listener.md").write_text(text, encoding="utf-8")
    (out / "listener.svg").write_text(picture(data), encoding="utf-8")

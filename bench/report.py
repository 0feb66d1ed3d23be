"""docs/bench/README.md: the figures of bench.json as tables, and the plots beside them."""

import plots
from goals import goals
from plots import release_name, rows_of
from tables import machine_lines, ratio, spread, table

HEAD = """# Benchmarks

Written by `make bench` from the figures in [bench.json](bench.json); `make bench-render` writes it anew.

{machine}

Everything was measured side by side in one run ({seconds} s), in turn, and each round began with another one, on a machine
that does other things as well: so **ratios count, and absolute times are this machine's**. Figures are medians, with the
quartiles in brackets. "libssl" is the release's own `DTLSv1_listen`; "ours" is this library preloaded before the same program.

- *trivial*: a cookie callback that writes a constant, so that what is left is the function's own cost.
- *usual*: what most servers have, `HMAC()` over the peer's address.
- *built-in*: no callback, cookies are made here.
"""


def name_of(row):
    cookies = {"none": "built-in"}.get(row["callbacks"], row["callbacks"])
    return f"{row['who']}, {cookies}"


def against(row):
    """Which of libssl's rows a row is measured by: the same callback; built-in, the usual one."""
    return "trivial" if row["callbacks"] == "trivial" else "usual"


def cpu_table(data, shape):
    rows = []
    for release in data["releases"]:
        bases = {
            row["callbacks"]: row for row in rows_of(data, "cpu", release=release["name"], shape=shape, who="libssl")
        }
        for row in rows_of(data, "cpu", release=release["name"], shape=shape):
            base = bases[against(row)]
            ns = [a / b for a, b in zip(row["ns_samples"], base["ns_samples"])]
            ns.sort()
            callgrind = (
                ""
                if row["callgrind"] is None
                else f"{row['callgrind']:,.0f} ({row['callgrind'] / base['callgrind']:.2f})"
            )
            rows.append(
                [
                    release_name(release),
                    name_of(row),
                    f"{row['instructions']:,.0f}",
                    f"{row['instructions'] / base['instructions']:.3f}",
                    callgrind,
                    spread(row["ns"]),
                    f"{ns[len(ns) // 2]:.2f}",
                    f"{row['allocations']:.0f}",
                ]
            )
    return table(
        ["libssl", "who, cookies", "instructions", "ratio", "callgrind (ratio)", "ns", "ratio", "mallocs"], rows
    )


def objects_table(data):
    rows = []
    for shape in ("looped", "single", "accept"):
        for row in rows_of(data, "cpu", release="system", shape=shape):
            parts = sorted(row["objects"].items(), key=lambda item: -item[1])
            rows.append([shape, name_of(row), ", ".join(f"{name} {count:,.0f}" for name, count in parts if count >= 1)])
    return table(["shape", "who, cookies", "instructions by object"], rows)


def cpu_text(data):
    system = {**data, "releases": data["releases"][:1]}
    return f"""
## 1. A challenge without the kernel

The BIO is one of the program's own that yields a hello of 200 bytes and swallows the answer. Instructions are counted one by
one on this processor from call to return, libcrypto's and libc's included, without those of the program itself (its BIO and its
callbacks); callgrind is a second opinion from an emulated processor, which may lack SHA extensions. Ratios are to libssl with
the same callback, and of built-in cookies to libssl with the usual one. Time includes the program's part.

![many in one call](challenge.svg)

Many hellos in one call:

{cpu_table(data, "looped")}
One hello a call (the next call finds nothing to read):

![one a call](single.svg)

{cpu_table(data, "single")}
What a flood can also be made of, one datagram a call (OpenSSL {data["releases"][0]["version"]}). A hello with a cookie that nobody made:

{cpu_table(system, "forged")}
Garbage, which is dropped, and whose reason is queued:

{cpu_table(system, "garbage")}
<details><summary>Where the instructions are (OpenSSL {data["releases"][0]["version"]})</summary>

{objects_table(data)}
</details>
"""


def flood_text(data):
    rows = []
    for row in data["flood"]:
        release = {"name": row["release"], "version": row["version"]}
        rows.append(
            [
                row["flood"],
                release_name(release),
                row["server"],
                spread(row["cpu_us"], 2),
                ratio(row["speed_of_bare"]) if "speed_of_bare" in row else "",
                ratio(row["speed_of_libssl"]),
                spread(row["per_second"]),
                ratio(row["rate_of_libssl"]),
            ]
        )
    return f"""
## 2. A flood over loopback

The server on one core, the flood on the other. *bare* is a loop of `recvfrom` and `sendto` with a constant answer: the floor.
*batch* is `recvmmsg` and `sendmmsg`; *bio* is the bare loop through libcrypto's datagram BIO, which `DTLSv1_listen` has to use.
*ours* has built-in cookies, *libssl* the usual callback. Speed is CPU time of the other over CPU time of this one: challenges
per CPU second, which does not depend on who else is on the machine. Challenges per second of the wall clock do.

![flood](flood.svg)

{
        table(
            [
                "flood",
                "libssl",
                "server",
                "CPU µs each",
                "speed: bare = 1",
                "speed: libssl = 1",
                "a second (wall)",
                "wall: libssl = 1",
            ],
            rows,
        )
    }"""


def growth_text(data):
    rows = []
    for row in data["growth"]:
        if "cost" in row:
            digits = 2 if row["unit"] == "us" else 0
            rows.append(
                [
                    row["what"],
                    row["who"],
                    f"{row['n']:,}",
                    spread(row["cost"], digits),
                    {"us": "µs", "ns": "ns"}[row["unit"]],
                    f"{row['peak_kb']:,}",
                ]
            )
        else:
            rows.append(
                [
                    f"one server, {row['handled']:,} hellos",
                    row["who"],
                    f"{row['n']:,}",
                    f"{row['cpu_us']:.2f}",
                    "µs",
                    f"{row['peak_kb']:,}",
                ]
            )
    return f"""
## 3. What grows

Nothing may: not with the number of source addresses, of SSL_CTXs (an SSL each, taken in turn) or of threads (on one SSL_CTX;
over loopback each with a socket of its own, SO_REUSEPORT). Cost is CPU time for a challenge, memory the peak of what was
resident in any round.

![growth](growth.svg)

{table(["what", "who", "how many", "cost", "unit", "peak KiB"], rows)}"""


def clients_text(data):
    rows = []
    for row in sorted(data["clients"], key=lambda row: (row["load"], row["who"])):
        rows.append(
            [
                f"{row['load']:g}",
                f"{row['flood_per_second']:,.0f}",
                row["who"],
                f"{row['done']:,} of {row['begun']:,}",
                spread(row["rate"]),
                spread(row["ms"], 1) if row["ms"] else "",
                f"{row['slow_ms']:,.0f}" if row["slow_ms"] else "",
                f"{row['first_try'] * 100:.0f} %",
            ]
        )
    return f"""
## 4. Clients during a flood

Four clients at a time make handshakes as libssl does them, one after the other, with a server on one core, while a flood of
hellos comes from the other. How much of a flood is by what plain libssl could answer just then. A client whose hello finds no
room in the server's socket asks again after 1 s and 2 s more; after 4 s it has given up.

![clients](clients.svg)

{
        table(
            [
                "flood",
                "hellos a second",
                "server",
                "done",
                "a second",
                "ms",
                "95 % within ms",
                "without a retransmission",
            ],
            rows,
        )
    }"""


def accept_text(data):
    fresh = rows_of(data, "cpu", shape="fresh")
    text = f"""
## 5. The accept path

A hello with a right cookie, from the call to its return, on an SSL that sent the HelloVerifyRequest. libssl's own function runs
inside ours, since only libssl can set its private state, so ours can only be cheaper where it makes the cookie cheaper.
*least* is a function that hands every hello over to libssl's in the same way and does nothing besides.

![accept](accept.svg)

{cpu_table(data, "accept")}"""
    if fresh:
        text += f"""
On a new SSL:

{cpu_table({**data, "releases": data["releases"][:1]}, "fresh")}"""
    return text


def write(data, out):
    parts = [HEAD.format(machine=machine_lines(data), seconds=data["seconds"]), goals(data)]
    plots.write(data, out)
    for part, text in (
        ("cpu", cpu_text),
        ("flood", flood_text),
        ("growth", growth_text),
        ("clients", clients_text),
        ("cpu", accept_text),
    ):
        if part in data:
            parts.append(text(data))
    (out / "README.md").write_text("".join(parts), encoding="utf-8")

"""The plots of docs/bench/, from bench.json's figures."""

import svg
from flood import FLOODS

NAMES = {
    ("libssl", "trivial"): "libssl",
    ("libssl", "usual"): "libssl",
    ("ours", "trivial"): "ours, same callback",
    ("ours", "none"): "ours",
}


def where(data):
    machine = data["machine"]
    return f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}; {data['date']}"


def release_name(release):
    """OpenSSL's releases by their number."""
    kind = "LibreSSL " if release["name"].startswith("libressl") else ""
    return kind + release["version"]


def rows_of(data, part, **wanted):
    return [row for row in data.get(part, []) if all(row[key] == value for key, value in wanted.items())]


def times(value, rows):
    """Behind a bar of ours: libssl's value, the group's first, in multiples of it."""
    return "" if value is rows[0][1] else f"  ({value / rows[0][1]:.2f})"


def cost_by_release(data, shape):
    groups = []
    for release in data["releases"]:
        for callbacks, label in (("trivial", "trivial callback"), ("usual", "HMAC() callback")):
            rows = rows_of(data, "cpu", release=release["name"], shape=shape, who="libssl", callbacks=callbacks)
            ours = "trivial" if callbacks == "trivial" else "none"
            rows += rows_of(data, "cpu", release=release["name"], shape=shape, who="ours", callbacks=ours)
            groups.append(
                (
                    f"{release_name(release)}, {label}",
                    [(NAMES[row["who"], row["callbacks"]], row["instructions"], None, None) for row in rows],
                )
            )
    return groups


def floods(data):
    groups = []
    for flood in FLOODS:
        rows = rows_of(data, "flood", flood=flood, release="system")
        order = ["batch", "bare", "bio", "ours", "libssl"]
        rows.sort(key=lambda row: order.index(row["server"]))
        if rows:
            groups.append(
                (
                    flood,
                    [
                        (row["server"], row["cpu_us"]["median"], row["cpu_us"]["low"], row["cpu_us"]["high"])
                        for row in rows
                    ],
                )
            )
    return groups


def growth_panel(data, what, heading):
    rows = rows_of(data, "growth", what=what)
    counts = sorted({row["n"] for row in rows})
    lines = {}
    for who in ("libssl", "ours"):
        costs = {row["n"]: row["cost"]["median"] for row in rows if row["who"] == who}
        lines[who] = [costs[n] / costs[counts[0]] for n in counts]
    labels = [f"{n // 10**6}M" if n >= 10**6 else f"{n // 1000}k" if n >= 1000 else str(n) for n in counts]
    return heading, labels, lines, 2.5, (0, 0.5, 1, 1.5, 2, 2.5)


def clients(data):
    loads = sorted({row["load"] for row in data["clients"]})
    labels = [f"{load:g}" for load in loads]
    took, rate = {}, {}
    for who in ("libssl", "ours"):
        by_load = {row["load"]: row for row in rows_of(data, "clients", who=who)}
        took[who] = [by_load[load]["ms"]["median"] if by_load[load]["ms"] else None for load in loads]
        rate[who] = [by_load[load]["rate"]["median"] for load in loads]
    return [
        panel("milliseconds for a handshake, median", labels, took),
        panel("handshakes a second, 4 clients", labels, rate),
    ]


def panel(heading, labels, lines):
    """With an axis that its values fit on, and some four ticks."""
    top = max(value for values in lines.values() for value in values if value is not None) * 1.05
    step = next(step for power in range(-3, 9) for step in (10**power, 2 * 10**power, 5 * 10**power) if top / step <= 5)
    return heading, labels, lines, top, [step * i for i in range(int(top / step) + 1)]


def write(data, out):
    """Writes the plots that there are figures for; their names."""
    made = {}
    if "cpu" in data:
        title = "Instructions for one challenge, without the kernel"
        made["challenge"] = svg.bars(
            f"{title}: many hellos in one call", where(data), cost_by_release(data, "looped"), "", times
        )
        made["single"] = svg.bars(f"{title}: one hello a call", where(data), cost_by_release(data, "single"), "", times)
        made["accept"] = svg.bars(
            "Instructions from call to return for a verified hello",
            where(data),
            cost_by_release(data, "accept"),
            "",
            times,
        )
    if "flood" in data:
        made["flood"] = svg.bars(
            "CPU time for one datagram of a flood, kernel included", where(data), floods(data), "µs"
        )
    if "growth" in data:
        made["growth"] = svg.panels(
            "Cost of a challenge as things grow, relative to one of them",
            where(data),
            [
                growth_panel(data, "sources", "source addresses"),
                growth_panel(data, "contexts", "SSL_CTXs"),
                growth_panel(data, "threads", "threads on one SSL_CTX"),
            ],
        )
    if "clients" in data:
        made["clients"] = svg.panels(
            "Stock clients while a flood runs (x: the flood, by what libssl can answer)", where(data), clients(data)
        )
    for name, picture in made.items():
        (out / f"{name}.svg").write_text(picture, encoding="utf-8")
    return list(made)

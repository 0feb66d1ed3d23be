"""What was measured, as text and as a picture."""

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass
from xml.sax.saxutils import escape


@dataclass(frozen=True)
class About:
    """What a reader has to know of a run."""

    releases: list  # (name, version)
    clients: list  # (name, version)
    rows: list  # (name, whether chance decides)
    seed: int
    limit: int
    by_chance: int
    by_rule: int
    table: str = "loss"


class Times:
    """Seconds of the handshakes of one cell; those that did not finish count as the limit."""

    def __init__(self, seconds, limit):
        self.finished = [s for s in seconds if s is not None]
        self.failed = len(seconds) - len(self.finished)
        self.seconds = sorted(self.finished) + [float(limit)] * self.failed

    def __bool__(self):
        return bool(self.seconds)

    def mean(self):
        return statistics.mean(self.seconds)

    def median(self):
        return statistics.median(self.seconds)

    def most(self, part):
        """What `part` of them took at most."""
        return self.seconds[max(math.ceil(part * len(self.seconds)) - 1, 0)]


def cells(about, results):
    """(client, row, release, which) -> Times."""
    seconds = defaultdict(list)
    for r in results:
        seconds[r["client"], r["row"], r["release"], r["which"]].append(r["seconds"])
    return {key: Times(taken, about.limit) for key, taken in seconds.items()}


def shown(times, seconds):
    """A number of seconds; with a mark where not all handshakes finished."""
    if not times:
        return "-"
    if times.failed == len(times.seconds):
        return "never"
    return f"{seconds:.2f}" + (f" ({times.failed} never)" if times.failed else "")


def text(about, results):
    by = cells(about, results)
    lines = [
        "Handshake completion time in seconds, libssl's DTLSv1_listen / ours, by OpenSSL release.",
        "",
        "From the client's first datagram to its word that the handshake is complete, over a proxy on",
        "loopback. Server: 's_server -dtls -listen' of each release, plain and with the library preloaded,",
        *how(about),
    ]
    for client, version in about.clients:
        lines += ["", f"{client} {version}", ""]
        lines += table(about, by, client)
    for client, version in about.clients:
        lines += ["", f"{client} {version}: median, 90th percentile, longest", ""]
        for name in (name for name, by_chance in rows_of(about, by, client) if by_chance):
            lines.append(name)
            for release, number in about.releases:
                parts = [f"  {number:<10}"]
                for which in "plain", "ours":
                    t = by.get((client, name, release, which))
                    spread = " ".join(f"{t.most(p):6.2f}" for p in (0.5, 0.9, 1.0)) if t else "-"
                    parts.append(f"{which} {spread}{f' ({t.failed} never)' if t.failed else '':<11}")
                lines.append("  ".join(parts).rstrip())
    return "\n".join(lines) + "\n"


def how(about):
    """What else there is to know of the table."""
    if about.table == "fragments":
        yield "in one run, with hellos cut at 256 bytes. The server goes on with the socket that it listened on."
        yield f"The mean of {min(about.by_chance, 20)} handshakes, where the nth transmission of a fragment has the same fate plain"
        yield f"and ours. 'never': not within {about.limit} s, and counts as that."
        yield f"Again: make loss TABLE=fragments SEED={about.seed}"
        return
    yield "in one run; in the last row e2e/loss/connecting_server.c, with hellos cut at 256 bytes."
    yield f"Where chance decides: the mean of {about.by_chance} handshakes (fragmented: at most 10), where the nth transmission of"
    yield f"a message has the same fate plain and ours; else the median of {about.by_rule}. 'never': not within {about.limit} s, and"
    yield "counts as that."
    yield f"Again: make loss SEED={about.seed}"


def rows_of(about, by, client):
    """The rows that a client was measured in."""
    measured = {row for of, row, _, _ in by if of == client}
    return [(name, by_chance) for name, by_chance in about.rows if name in measured]


def table(about, by, client):
    heads = [version for _, version in about.releases]
    grid = []
    for name, by_chance in rows_of(about, by, client):
        line = [name]
        for release, _ in about.releases:
            pair = []
            for which in "plain", "ours":
                t = by.get((client, name, release, which))
                pair.append(shown(t, (t.mean() if by_chance else t.median()) if t else 0))
            line.append(" / ".join(pair))
        grid.append(line)
    widths = [max(len(line[i]) for line in [["", *heads], *grid]) for i in range(len(heads) + 1)]
    for line in [["", *heads], *grid]:
        yield "  ".join(word.ljust(width) for word, width in zip(line, widths)).rstrip()


# The picture: a panel a row, in it a pair of bars for each release.

PLAIN, OURS, INK, FAINT, PAPER = "#b8b8b8", "#2f6fab", "#222222", "#8a8a8a", "#ffffff"
PANEL, GAP, LEFT, BAR, PAIR, HEAD = 290, 24, 48, 9, 25, 30
COLUMNS = 3
FONT = "font-family='Helvetica, Arial, sans-serif'"


def svg(about, results):
    by = cells(about, results)
    panel_height = HEAD + PAIR * len(about.releases) + 8
    width = GAP + COLUMNS * (PANEL + GAP)
    top, out = 62, []
    for client, version in about.clients:
        rows = rows_of(about, by, client)
        out.append(label(GAP, top, f"{client} {version}, by the server's OpenSSL release", 13, INK, "bold"))
        for place, (name, by_chance) in enumerate(rows):
            x = GAP + place % COLUMNS * (PANEL + GAP)
            y = top + 14 + place // COLUMNS * (panel_height + GAP)
            out += panel(about, by, client, name, by_chance, x, y)
        top += 34 + math.ceil(len(rows) / COLUMNS) * (panel_height + GAP)
    head = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{top}' viewBox='0 0 {width} {top}' {FONT}>",
        f"<rect width='{width}' height='{top}' fill='{PAPER}'/>",
        label(GAP, 30, "Seconds until a DTLS handshake is complete", 18, INK, "bold"),
        f"<rect x='{width - 300}' y='18' width='12' height='12' fill='{PLAIN}'/>",
        label(width - 282, 28, "libssl alone", 12),
        f"<rect x='{width - 190}' y='18' width='12' height='12' fill='{OURS}'/>",
        label(width - 172, 28, "with libdtlsv1_listen", 12),
    ]
    return "\n".join([*head, *out, "</svg>"]) + "\n"


def panel(about, by, client, name, by_chance, x, y):
    def value(release, which):
        t = by.get((client, name, release, which))
        return (t.mean() if by_chance else t.median()) if t else 0.0

    longest = max([value(release, which) for release, _ in about.releases for which in ("plain", "ours")] + [1.0])
    room = PANEL - LEFT - 82
    yield label(x, y + 16, name + (", mean" if by_chance else ""), 12, INK, "bold")
    for i, (release, version) in enumerate(about.releases):
        at = y + HEAD + i * PAIR
        yield label(x + LEFT - 6, at + BAR + 3, version, 11, FAINT, anchor="end")
        for k, (which, colour) in enumerate((("plain", PLAIN), ("ours", OURS))):
            t = by.get((client, name, release, which))
            seconds = value(release, which)
            bar = max(seconds / longest * room, 1)
            yield f"<rect x='{x + LEFT}' y='{at + k * (BAR + 1)}' width='{bar:.1f}' height='{BAR}' fill='{colour}'/>"
            yield label(x + LEFT + bar + 4, at + k * (BAR + 1) + BAR - 1, shown(t, seconds), 9)


def label(x, y, words, size, colour=INK, weight="normal", anchor="start"):
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' fill='{colour}' font-weight='{weight}' "
        f"text-anchor='{anchor}'>{escape(words)}</text>"
    )

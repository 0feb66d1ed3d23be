"""Two kinds of plot as SVG, by hand: grouped bars, and lines in panels."""

from html import escape

FONT = 'font-family="Helvetica, Arial, DejaVu Sans, sans-serif"'
COLOURS = {
    "bare": "#9aa0a6",
    "batch": "#c9cdd1",
    "bio": "#6f757b",
    "libssl": "#c4573a",
    "ours": "#1f6f8b",
    "ours, same callback": "#7fb3c4",
}
WIDTH = 760
INK, FAINT = "#222222", "#e3e3e3"


def text(x, y, words, size=12, anchor="start", colour=INK, weight="normal"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'fill="{colour}" font-weight="{weight}">{escape(words)}</text>'
    )


def line(x1, y1, x2, y2, colour=FAINT, width=1.0, dash=""):
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="{width}"{dashes}/>'
    )


def page(height, title, subtitle, body):
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
            f'viewBox="0 0 {WIDTH} {height:.0f}" role="img" {FONT}>',
            f"<title>{escape(title)}</title>",
            f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>',
            text(16, 26, title, 16, weight="bold"),
            text(16, 45, subtitle, 12, colour="#555555"),
            *body,
            "</svg>",
            "",
        ]
    )


def legend(names, y):
    x, out = 16, []
    for name in names:
        out.append(f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{COLOURS[name]}"/>')
        out.append(text(x + 17, y, name))
        x += 34 + 7 * len(name)
    return out


def bars(title, subtitle, groups, unit, note=None):
    """groups: (label, [(series, value, low, high)]); low and high None where there is no spread.
    `note(value, first value of its group)` writes what stands behind a bar."""
    left, right, bar, gap = 206, 130, 15, 14
    names = list(dict.fromkeys(series for _, rows in groups for series, *_ in rows))
    top = max(max(value, high or 0) for _, rows in groups for _, value, _, high in rows)
    scale = (WIDTH - left - right) / top
    out, y = legend(names, 68), 90
    for label, rows in groups:
        out.append(text(left - 10, y + bar * len(rows) / 2 + 4, label, anchor="end"))
        for series, value, low, high in rows:
            out.append(
                f'<rect x="{left}" y="{y}" width="{value * scale:.1f}" height="{bar - 2}" fill="{COLOURS[series]}"/>'
            )
            end = left + value * scale
            if low is not None:
                middle = y + (bar - 2) / 2
                out.append(line(left + low * scale, middle, left + high * scale, middle, INK, 1.2))
                end = left + max(value, high) * scale
            words = f"{value:,.0f} {unit}" if value >= 100 else f"{value:.2f} {unit}"
            out.append(text(end + 6, y + bar - 4, words + (note(value, rows) if note else ""), 11))
            y += bar
        y += gap
    out.insert(0, line(left, 82, left, y - gap + 4, "#888888"))
    return page(y + 6, title, subtitle, out)


def panels(title, subtitle, plots):
    """plots: (heading, x labels, {series: values, None for none}, top of the axis, ticks)."""
    height, top, bottom = 290, 118, 250
    wide = (WIDTH - 16) / len(plots)
    names = list(dict.fromkeys(series for _, _, lines, _, _ in plots for series in lines))
    out = legend(names, 68)
    for i, (heading, labels, lines, limit, ticks) in enumerate(plots):
        x0, x1 = 16 + i * wide + 44, 16 + (i + 1) * wide - 22
        out.append(text(x0 - 36, 98, heading, 12, weight="bold"))
        for tick in ticks:
            y = bottom - (bottom - top) * tick / limit
            out += [line(x0, y, x1, y), text(x0 - 6, y + 4, f"{tick:g}", 11, "end")]
        step = (x1 - x0) / max(1, len(labels) - 1)
        for j, label in enumerate(labels):
            out.append(text(x0 + j * step, bottom + 18, label, 11, "middle"))
        for series, values in lines.items():
            points = [
                (x0 + j * step, bottom - (bottom - top) * min(v, limit) / limit)
                for j, v in enumerate(values)
                if v is not None
            ]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            out.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[series]}" stroke-width="2"/>')
            out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" fill="{COLOURS[series]}"/>' for x, y in points]
    return page(height, title, subtitle, out)

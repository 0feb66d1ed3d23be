"""Floods over loopback (flood.c against flood_server.c)."""

from measure import Server, interleave, last_json, pin, ratios, spread

from releases import LIBRARY, run

# name: how the server reads, its callbacks, ours preloaded; for this part, and for peers.py
SERVERS = {
    "bare": ("bare", "none", False),
    "batch": ("batch", "none", False),
    "bio": ("bio", "none", False),
    "ours": ("listen", "none", True),
    "libssl": ("listen", "usual", False),
}
WITH_PEERS = {
    **SERVERS,
    "ours, batched": ("batched", "none", True),
    "libssl, competent": ("listen", "competent", False),
    "gnutls": ("peer", "none", False),
}
# name: kind, family, size
FLOODS = {
    "100 bytes": ("hello", 4, 100),
    "200 bytes": ("hello", 4, 200),
    "500 bytes": ("hello", 4, 500),
    "1000 bytes": ("hello", 4, 1000),
    "1400 bytes": ("hello", 4, 1400),
    "IPv6": ("hello", 6, 200),
    "forged cookies": ("forged", 4, 200),
    "garbage": ("garbage", 4, 200),
}
BASE = "200 bytes"


def flood_once(release, server, flood, seconds, sources=1, threads=1, rate=0, pinned=True):
    """One server and one flood on it: what came of them."""
    how, callbacks, ours = WITH_PEERS[server]
    kind, family, size = flood
    command = [
        release.program("flood_gnutls" if how == "peer" else "flood_server"),
        how,
        callbacks,
        str(family),
        str(threads),
    ]
    with Server(command, release.env([LIBRARY] if ours else []), pinned) as victim:
        out = run(
            [release.program("flood"), kind, family, victim.port, size, seconds, rate, sources],
            preexec_fn=pin(1) if pinned else None,
        )
        ended = victim.stop()
    sent = last_json(out)
    handled = sent["sent"] - ended["dropped"]
    return {
        "per_second": handled / sent["seconds"],
        "cpu_us": ended["cpu"] / handled * 1e6,
        "handled": handled,
        "sent": sent["sent"],
        "peak_kb": ended["peak_kb"],
    }


def measure(releases, quick):
    system = releases[0]
    floods = [BASE] if quick else list(FLOODS)
    names = [(system, server, flood) for flood in floods for server in SERVERS]
    names += [(release, server, BASE) for release in releases[1:] for server in ("ours", "libssl")]

    def sample(name):
        release, server, flood = name
        return flood_once(release, server, FLOODS[flood], 0.3)

    samples = interleave(names, 3 if quick else 7, sample, "floods")
    rows = []
    for (release, server, flood), values in samples.items():
        cpu = [value["cpu_us"] for value in values]
        row = {
            "release": release.name,
            "version": release.version,
            "server": server,
            "flood": flood,
            "cpu_us": spread(cpu),
            "per_second": spread([v["per_second"] for v in values]),
        }
        # Speed is the inverse of cost: bare's CPU time over this one's.
        for base in ("bare", "libssl"):
            key = (system if base == "bare" else release, base, flood)
            if key in samples:
                row[f"speed_of_{base}"] = ratios([v["cpu_us"] for v in samples[key]], cpu)
                row[f"rate_of_{base}"] = ratios(
                    [v["per_second"] for v in values], [v["per_second"] for v in samples[key]]
                )
        rows.append(row)
    return rows

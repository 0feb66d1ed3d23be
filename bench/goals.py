"""What the figures of docs/bench were to reach, what they did, and what bounds them."""

from plots import rows_of
from tables import table


def one(data, part, **wanted):
    rows = rows_of(data, part, **wanted)
    return rows[0] if rows else None


def goals(data):
    """What issue was set, what came out, reached or not: on the system's OpenSSL."""
    version = data["releases"][0]["version"]
    rows = []

    def goal(text, value, limit, at_most=True):
        reached = value <= limit if at_most else value >= limit
        rows.append([text, f"{limit:g}", f"{value:.3f}", "yes" if reached else "**no**"])

    def cost(who, callbacks, shape, key="instructions"):
        return one(data, "cpu", release="system", who=who, callbacks=callbacks, shape=shape)[key]

    if "cpu" in data:
        for shape, words, limit in (("looped", "many in one call", 1 / 2), ("single", "one a call", 1 / 4)):
            goal(
                f"instructions, trivial callback on both, {words}: at most",
                cost("ours", "trivial", shape) / cost("libssl", "trivial", shape),
                limit,
            )
        for shape, words in (("looped", "many in one call"), ("single", "one a call")):
            goal(
                f"instructions, built-in against the usual callback, {words}: at most",
                cost("ours", "none", shape) / cost("libssl", "usual", shape),
                1 / 8,
            )
        goal(
            "heap allocations for a hello, a forged cookie, garbage: at most",
            max(
                cost("ours", callbacks, shape, "allocations")
                for callbacks in ("trivial", "none")
                for shape in ("looped", "single", "forged", "garbage")
            ),
            0,
        )
        for ours, theirs, words in (
            ("trivial", "trivial", "trivial callback on both"),
            ("usual", "usual", "usual callback on both"),
            ("none", "usual", "built-in against the usual callback"),
        ):
            goal(
                f"accept path, instructions, {words}: at most",
                cost("ours", ours, "accept") / cost("libssl", theirs, "accept"),
                1.15,
            )
            goal(
                f"accept path, time, {words}: at most",
                cost("ours", ours, "accept", "ns")["median"] / cost("libssl", theirs, "accept", "ns")["median"],
                1.15,
            )
    if "flood" in data:
        ours = one(data, "flood", release="system", server="ours", flood="200 bytes")
        goal(
            "flood of hellos, speed by the bare loop's: at least", ours["speed_of_bare"]["median"], 0.92, at_most=False
        )
        goal("flood of hellos, speed by libssl's: at least", ours["speed_of_libssl"]["median"], 1.35, at_most=False)
    if "growth" in data:
        costs = {(row["who"], row["n"]): row["cost"]["median"] for row in rows_of(data, "growth", what="sources")}
        goal(
            "cost with a million sources by the cost with one: at most",
            costs["ours", 1_000_000] / costs["ours", 1],
            1.05,
        )
    return f"""
## Goals

On OpenSSL {version}:

{table(["goal", "is", "measured", "reached"], rows)}
{bounds(data)}"""


def bounds(data):
    """What stands between here and the goals that are missed."""
    text = []
    least = "cpu" in data and one(data, "cpu", release="system", who="least", shape="accept")
    if least:
        theirs = one(data, "cpu", release="system", who="libssl", callbacks="trivial", shape="accept")
        text.append(
            "- The accept path with a callback that does nothing: to read the datagram, look at the error queue and let libssl\n"
            "  read it from another BIO, and nothing else (*least*, bench/least.c), costs "
            f"{least['instructions'] / theirs['instructions']:.2f} of libssl's instructions and "
            f"{least['ns']['median'] / theirs['ns']['median']:.2f} of its time.\n"
        )
    if "flood" in data:
        bio = one(data, "flood", release="system", server="bio", flood="200 bytes")
        text.append(
            "- The flood: the bare loop through libcrypto's datagram BIO (*bio*), without a look at the hello or a cookie, has\n"
            f"  {bio['speed_of_bare']['median']:.2f} of the bare loop's speed.\n"
        )
    head = "Bounds on what `DTLSv1_listen` can reach, however it is written:\n\n"
    return head + "".join(text) if text else ""

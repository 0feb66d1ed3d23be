"""docs/bench/peers.md: ours beside other stacks and better callbacks."""

from tables import machine_lines, ratio, spread, table

HEAD = """# Beside other stacks

Written by `make bench` (`make bench ONLY=peers` for this page alone).

{machine}

One run, in turn, and each round began with another one: ratios within a round, medians with the quartiles in brackets. Absolute times are this
machine's.

- *GnuTLS*: `gnutls_dtls_cookie_verify()` and `gnutls_dtls_cookie_send()`. *Mbed TLS*: `mbedtls_ssl_handshake()` up to the HelloVerifyRequest and
  `mbedtls_ssl_session_reset()`. *wolfSSL*: `wolfSSL_accept()`. As their example servers have it, with one context for all.
- *usual*: `HMAC()` in libssl's cookie callback, as `s_server` and most servers have it; much of that is how slow OpenSSL 3.0's `HMAC()` is.
  *competent*: the two SHA-256 states that a key comes to, made once and copied for each cookie. *cached EVP_MAC*: one context, begun anew for each.

"""


def row_of(data, name):
    return next(row for row in data["cpu"] if row["name"] == name)


def goals(data):
    floods = {row["server"]: row for row in data["flood"]}
    gnutls = row_of(data, "GnuTLS")
    one, many = (row_of(data, f"ours, built-in, {calls}") for calls in ("one a call", "many in one call"))
    competent = row_of(data, "libssl, competent, one a call")
    rows = []

    def goal(text, value, limit, at_most=True):
        reached = value <= limit if at_most else value >= limit
        rows.append([text, f"{limit:g}", f"{value:.2f}", "yes" if reached else "**no**"])

    goal("built-in, one a call, time by GnuTLS's: at most", one["of_gnutls"]["median"], 0.9)
    if one["instructions"] is not None:
        goal("the same, instructions: at most", one["instructions"] / gnutls["instructions"], 1)
    goal("built-in, many in one call, time by GnuTLS's: at most", many["of_gnutls"]["median"], 0.65)
    goal(
        "flood over loopback, speed by the bare loop's: at least",
        floods["ours"]["speed_of_bare"]["median"],
        0.87,
        at_most=False,
    )
    goal(
        "the same through the BIO that batches: at least",
        floods["ours, batched"]["speed_of_bare"]["median"],
        0.97,
        at_most=False,
    )
    goal(
        "flood, speed by libssl's with the competent callback: at least",
        floods["ours"]["speed_of_competent"]["median"],
        1.15,
        at_most=False,
    )
    text = "## Goals\n\n" + table(["goal", "is", "measured", "reached"], rows) + "\n"
    if one["instructions"] is not None:
        text += (
            f"Against the competent callback, ours takes "
            f"{many['instructions'] / row_of(data, 'libssl, competent, many in one call')['instructions']:.2f} "
            "of libssl's instructions with many in one call, "
            f"{one['instructions'] / competent['instructions']:.2f} with one a call.\n"
        )
    return text


def cpu(data):
    rows = []
    for row in data["cpu"]:
        version = row["version"]
        name = row["name"] if row["name"].startswith(("ours", "libssl")) else f"{row['name']} {version}"
        counted = "" if row["instructions"] is None else f"{row['instructions']:,.0f}"
        rows.append(
            [
                name,
                counted,
                spread(row["ns"]),
                ratio(row["of_gnutls"]),
                f"{row['allocations']:.0f}",
                f"{row['kept']:.0f}",
            ]
        )
    return f"""
## A challenge without the kernel

A hello of 200 bytes from memory, the answer swallowed. Instructions are without those of the program itself (its BIO, what of a callback is its own); time is with them.
*Kept*: bytes of the heap that stay in use for each source.

{table(["who", "instructions", "ns", "GnuTLS = 1", "mallocs", "kept"], rows)}"""


def flood(data):
    words = {
        "bare": "`recvfrom` and `sendto` of a constant answer",
        "batch": "the same with `recvmmsg` and `sendmmsg`",
        "bio": "the same through libcrypto's datagram BIO",
        "ours": "`DTLSv1_listen`, built-in cookies",
        "ours, batched": "the same on `dtlsv1_listen_bio_new()`",
        "libssl": "the usual callback",
        "libssl, competent": "the competent callback",
        "gnutls": "GnuTLS with `recvfrom` and `sendto`",
    }
    rows = [
        [
            row["server"],
            words[row["server"]],
            spread(row["cpu_us"], 2),
            ratio(row["speed_of_bare"]),
            ratio(row["speed_of_competent"]),
        ]
        for row in data["flood"]
    ]
    return f"""
## A flood over loopback

200 bytes, the server in one thread on one core, the flood on the other. Speed is CPU time of the other over CPU time of this one.

{table(["server", "", "CPU µs each", "speed: bare = 1", "libssl, competent = 1"], rows)}"""


def write(data, out):
    text = HEAD.format(machine=machine_lines(data)) + goals(data) + cpu(data) + flood(data)
    (out / "peers.md").write_text(text, encoding="utf-8")

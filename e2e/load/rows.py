"""What is done: rows of the table, and what each has to come to."""

import dataclasses

FLOODS = ("hello", "forged", "garbage")
# CPU time of the server's for a spoofed hello, at most, in microseconds; and where it is only looked
# at, beside whatever else the machine does.
SPOOFED_US, SPOOFED_US_QUICK = 10, 40


@dataclasses.dataclass(frozen=True)
class Row:
    """So many clients with these options, and perhaps a flood beside them."""

    what: str
    clients: int
    options: tuple = ()
    bind: str = "127.0.0.1"
    call: str = ""
    flood: str = ""
    rate: int = 0
    # Nothing that a client sends while it stays may be lost; else nobody may die.
    steady: bool = False
    # What a datagram of the flood may cost, in microseconds; 0: nobody looks.
    cost: int = 0
    times: int = 1

    def address(self):
        return self.call or self.bind


def stay(seconds, every=0):
    return (f"stay={seconds}", *([f"every={every}"] if every else []))


def addresses(n):
    """Of either family, both on one socket, and addresses of ours that nobody bound to."""
    return [
        Row("IPv6", n, ("loss=1",), "::1"),
        Row("127.0.0.1-50 on 0.0.0.0", n, ("loss=1", "spread=50"), "0.0.0.0", "127.0.0.1"),
        Row("127.0.0.1-50 on ::", n, ("loss=1", "spread=50"), "::", "127.0.0.1"),
        Row("::1 on ::", n, ("loss=1",), "::", "::1"),
    ]


def many(n):
    """All at once, with and without loss, alone and beside a flood."""
    patience = f"patience={240 if n > 2000 else 60}"
    rows = [Row(f"at once, {loss} % lost", n, (f"loss={loss}", patience)) for loss in (0, 1, 5)]
    for loss in (0, 5):
        rows.append(
            Row(
                f"at once, {loss} % lost, beside 5,000 strangers a second",
                n,
                (f"loss={loss}", patience),
                flood="mixed",
                rate=5000,
            )
        )
    rows.append(Row("every datagram doubled", n, ("double=1", patience)))
    rows.append(
        Row(
            "begins anew, messages, strangers in its name, 1 % lost",
            n,
            ("restart=1", "again=2", "messages=3", "loss=1", patience),
        )
    )
    return rows


def floods(n, seconds):
    """Clients that are there, beside all the strangers that the machine can send."""
    return [
        Row(
            f"a message a second each, beside a flood: {kind}",
            n,
            (*stay(seconds, 1000), "patience=60"),
            flood=kind,
            steady=True,
        )
        for kind in FLOODS
    ]


def plan(quick, sizes):
    if quick:
        n = sizes[0] if sizes else 300
        return [
            *many(n)[2:],
            *addresses(60),
            *floods(100, 4),
            Row(
                "idle, beside 2,000 spoofed hellos a second",
                n,
                stay(4),
                flood="hello",
                rate=2000,
                cost=SPOOFED_US_QUICK,
            ),
        ]
    rows = addresses(300) + floods(200, 10) + [Row("begins anew", 300, ("restart=1",), times=3)]
    for n in sizes or (1000, 10000):
        rows += many(n)
        rows.append(
            Row(
                "idle, beside 2,000 spoofed hellos a second",
                n,
                (*stay(12), "patience=240"),
                flood="hello",
                rate=2000,
                cost=SPOOFED_US,
            )
        )
    return rows

"""Stock clients while a flood runs (legit_client.c, legit_server.c)."""

import subprocess

from flood import BASE, FLOODS, flood_once
from measure import Server, interleave, last_json, pin, spread

from releases import LIBRARY, run

SIDES = {"ours": ("none", True), "libssl": ("usual", False)}
CLIENTS = 4
SECONDS = 0.7
# Of what plain libssl answers on this machine at this moment.
LOADS = (0, 0.6, 0.9, 1.1, 1.4)


def clients_once(release, who, rate):
    callbacks, ours = SIDES[who]
    with Server([release.program("legit_server"), callbacks], release.env([LIBRARY] if ours else [])) as server:
        flood = None
        if rate:
            # Until the clients are done: those that wait for a retransmission too.
            flood = subprocess.Popen(  # pylint: disable=consider-using-with
                [release.program("flood"), "hello", "4", server.port, "200", "60", str(rate), "1000"],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                preexec_fn=pin(1),
            )
        try:
            out = run([release.program("legit_client"), server.port, SECONDS, CLIENTS], preexec_fn=pin(1))
        finally:
            if flood is not None:
                flood.kill()
                flood.wait()
        server.stop()
    return {**last_json(out), "flood": rate}


def measure(releases, quick):
    release, turns = releases[0], list(SIDES)

    def sample(load):
        # Others use the machine too: how much is too much is found out anew for each pair.
        capacity = flood_once(release, "libssl", FLOODS[BASE], 0.2)["per_second"] if load else 0
        turns.reverse()
        return {who: clients_once(release, who, int(load * capacity)) for who in turns}

    loads = (0, LOADS[-2]) if quick else LOADS
    samples = interleave(loads, 1 if quick else 5, sample, "clients under flood")
    return [row(who, load, [pair[who] for pair in pairs]) for load, pairs in samples.items() for who in SIDES]


def row(who, load, values):
    times = sorted(ms for value in values for ms in value["ms"])
    begun = len(times) + sum(value["given_up"] for value in values)
    return {
        "who": who,
        "load": load,
        "done": len(times),
        "begun": begun,
        "flood_per_second": spread([value["flood"] for value in values])["median"],
        "rate": spread([len(value["ms"]) / SECONDS for value in values]),
        "ms": spread(times) if times else None,
        "slow_ms": times[int(len(times) * 0.95)] if times else None,
        # Before the client's timer, 1 s.
        "first_try": sum(t < 900 for t in times) / max(1, begun),
    }

"""Part 4: stock clients while a flood runs (legit_client.c, legit_server.c)."""
import subprocess

from hosts import run
from measure import Server, interleave, last_json, pin, spread

SIDES = {"ours": ("none", True), "libssl": ("usual", False)}
CLIENTS = 4


def clients_once(host, who, rate, seconds):
    callbacks, ours = SIDES[who]
    with Server([host.program("legit_server"), callbacks],
                host.env([host.library] if ours else [])) as server:
        flood = None
        if rate:
            # Until the clients are done: those that wait for a retransmission too.
            flood = subprocess.Popen(  # pylint: disable=consider-using-with
                [host.program("flood"), "hello", "4", server.port, "200", "60", str(rate), "1000"],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=pin(1))
        try:
            out = run([host.program("legit_client"), server.port, seconds, CLIENTS],
                      preexec_fn=pin(1))
        finally:
            if flood is not None:
                flood.kill()
                flood.wait()
        server.stop()
    return last_json(out)


def measure(hosts, quick, capacity):
    """`capacity`: what plain libssl answered a second in this run; the floods go by it."""
    host = hosts[0]
    loads = (0, 1) if quick else (0, 0.5, 0.8, 1, 1.25, 1.6)
    names = [(who, load) for load in loads for who in SIDES]
    samples = interleave(
        names, 1 if quick else 2,
        lambda name: clients_once(host, name[0], int(name[1] * capacity), 1 if quick else 3),
        "clients under flood")
    rows = []
    for (who, load), values in samples.items():
        times = sorted(ms for value in values for ms in value["ms"])
        given_up = sum(value["given_up"] for value in values)
        rows.append({
            "who": who, "load": load, "flood_per_second": int(load * capacity),
            "done": len(times), "given_up": given_up,
            "rate": len(times) / len(values) / (1 if quick else 3),
            "ms": spread(times) if times else None,
            "slow_ms": times[int(len(times) * 0.95)] if times else None,
            "within_1s": sum(t < 900 for t in times) / max(1, len(times) + given_up),
        })
    return rows

"""Interleaved rounds and what is said of them: medians, spread, ratios within a round."""

import json
import os
import statistics
import subprocess
import sys
import time

START = time.monotonic()


def say(text):
    print(f"[{time.monotonic() - START:4.0f} s] {text}", file=sys.stderr, flush=True)


def pin(cpu):
    """For preexec_fn: the server on the first processor, everybody else on the second."""
    cpus = sorted(os.sched_getaffinity(0))
    chosen = {cpus[min(cpu, len(cpus) - 1)]}
    return lambda: os.sched_setaffinity(0, chosen)


def last_json(text):
    """The last line of JSON that a program printed."""
    lines = [line for line in text.splitlines() if line.startswith("{")]
    return json.loads(lines[-1])


def interleave(names, rounds, sample, label):
    """Takes `rounds` samples of each name by sample(name), in turn and from another one each
    round, so that what else the machine does falls on all alike."""
    samples = {name: [] for name in names}
    names = list(names)
    for i in range(rounds):
        say(f"{label}: round {i + 1} of {rounds}")
        turn = i % len(names)
        for name in names[turn:] + names[:turn]:
            samples[name].append(sample(name))
    return samples


def spread(values):
    """Median, and the quartiles around it."""
    values = sorted(values)
    if len(values) < 2:
        return {"median": values[0], "low": values[0], "high": values[0], "n": 1}
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": median, "low": low, "high": high, "n": len(values)}


def ratios(values, base):
    """Each value by the base's of the same round."""
    return spread([a / b for a, b in zip(values, base)])


class Server:
    """A server in the background: its port, and its last word when it is told to end."""

    def __init__(self, command, env, pinned=True):
        self.command = command
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            command, env=env, preexec_fn=pin(0) if pinned else None, stdout=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline()
        if not line.startswith("port "):
            self.process.kill()
            raise SystemExit(f"bench: this did not start: {' '.join(command)}")
        self.port = line.split()[1]

    def __enter__(self):
        return self

    def stop(self):
        self.process.terminate()
        try:
            out, _ = self.process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise SystemExit(f"bench: this did not end: {' '.join(self.command)}") from None
        if self.process.returncode != 0:
            raise SystemExit(f"bench: status {self.process.returncode} from: {' '.join(self.command)}")
        return last_json(out)

    def __exit__(self, kind, *_):
        if kind is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

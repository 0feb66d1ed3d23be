"""Holds files of DTLSV1_LISTEN_STATS against Prometheus's own parser.

    prom.py FILE SERVER...     one or more pairs; prints the samples' sum
    prom.py --value FILE NAME LABEL=VALUE...

What the parser lets pass and a scrape of node_exporter's directory does not is
checked here: HELP and TYPE before each metric, once; no series twice, in one
file or in several; the same HELP in all of them.
"""

import sys

try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError as error:
    sys.exit(f"prom.py: {error}: run 'tools/setup.sh check'")

PREFIX = "dtlsv1_listen_"
COUNTERS = {  # and the values of the label that its series differ in
    "datagrams": None,
    "received_bytes": None,
    "challenges": None,
    "sent_bytes": None,
    "challenges_larger": None,
    "cookies": ("result", {"right", "expired", "forged"}),
    "cookies_previous_secret": None,
    "accepted": None,
    "writes_failed": ("reason", {"would_block", "error"}),
    "handoffs_failed": None,
    "hellos_gathered": None,
    "sequences_repaired": None,
    "trailing_dropped": None,
    "budgets_spent": None,
    "socket_errors": None,
    "peers_unknown": None,
    "listener_accepted": None,
    "listener_closed": None,
    "listener_replaced": None,
    "listener_overdue": None,
    "listener_detached": None,
    "listener_refused": None,
    "listener_repeated": None,
    "listener_overflows": None,
    "listener_strays": None,
    "listener_unusable": None,
    "discards": ("reason", None),
}


def families(path):
    text = open(path, encoding="utf-8").read()
    assert text.endswith("\n"), "the last line has no end"
    seen = {}
    assert text.startswith("# Written by process "), "not marked as ours"
    for line in text.splitlines()[1:]:
        word, name = line.split(" ")[:3:2] if line.startswith("#") else ("", line.split("{")[0])
        if line.startswith("# HELP "):
            assert name not in seen, f"{name}: HELP twice"
            seen[name] = "help"
        elif line.startswith("# TYPE "):
            assert seen.get(name) == "help", f"{name}: TYPE not behind its HELP"
            seen[name] = "type"
        elif line.startswith("#"):
            assert not seen, f"a comment behind the first family: {line}"  # who wrote it stands first
        else:
            assert seen.get(name) == "type", f"{name}: a sample without TYPE"
    return list(text_string_to_metric_families(text))


def check(path, server, series, helps):
    found = {}
    for family in families(path):
        assert family.documentation, f"{family.name}: no HELP"
        assert helps.setdefault(family.name, family.documentation) == family.documentation
        assert family.name.startswith(PREFIX), family.name
        name = family.name[len(PREFIX) :]
        labels = []
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in series, f"{key}: twice"
            series[key] = sample.value
            assert sample.labels.pop("server") == server, sample
            pid = sample.labels.pop("pid", None)
            assert pid is None or pid.isdigit(), sample
            assert sample.value >= 0 and sample.value == int(sample.value), sample
            labels.append(sample.labels)
        if name == "info":
            assert family.type == "gauge" and [*labels[0]] == ["version"], family
            continue
        assert family.type == "counter", family
        assert all(s.name == family.name + "_total" for s in family.samples), family
        found[name] = labels
    assert found.keys() == COUNTERS.keys(), found.keys() ^ COUNTERS.keys()
    for name, labels in found.items():
        if COUNTERS[name] is None:
            assert labels == [{}], (name, labels)
            continue
        label, values = COUNTERS[name]
        assert all([*one] == [label] for one in labels), (name, labels)
        got = {one[label] for one in labels}
        assert got == values or values is None and len(got) >= 11, (name, got)


def main(arguments):
    if arguments[:1] == ["--value"]:
        path, name, *labels = arguments[1:]
        wanted = dict(label.split("=", 1) for label in labels)
        values = [
            sample.value
            for family in families(path)
            for sample in family.samples
            if sample.name == name and wanted.items() <= sample.labels.items()
        ]
        assert len(values) == 1, f"{name} {wanted}: {len(values)} samples"
        print(int(values[0]))
        return
    series, helps = {}, {}
    for path, server in zip(arguments[::2], arguments[1::2], strict=True):
        check(path, server, series, helps)
    assert series, "no series"
    print(len(series), "series")


main(sys.argv[1:])

"""What the tests share: their list, two secrets, and what was counted."""

from net import Failure, counters, must_connect, settled

ONE, TWO = "11" * 32, "22" * 32
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def challenges():
    return counters("xdp").get("dtlsv1_listen_xdp_challenges_total", 0)


def server(name):
    return counters("server").get(f"dtlsv1_listen_{name}_total", 0)


def shake_hands(address, clients=("s_client", "gnutls-cli", "ncat")):
    """Each client gets in, the program challenges it and the server never does."""
    before = challenges(), server("accepted"), server("challenges")
    for client in clients:
        must_connect(client, address)
    n = len(clients)
    settled(
        lambda: challenges() >= before[0] + n and server("accepted") >= before[1] + n,
        lambda: f"{challenges()} challenges, {server('accepted')} accepted, before {before}",
    )
    if server("challenges") != before[2]:
        raise Failure(f"the server made {server('challenges') - before[2]} challenges itself")


def mac(run, device):
    return run(f"cat /sys/class/net/{device}/address").strip()

"""Servers that disagree with the program, or were there before it."""

import os
import signal
import threading
import time

import net
from cases import ONE, TWO, shake_hands, test
from net import DEVICE, PORT, V4, WORK, Failure, Process, connect, echo, loader, must_connect, secret, settled


@test
def it_leaves_a_server_that_disagrees():
    """The server has another secret, by its program: clients are stuck until the loader sees it."""
    secret(ONE)
    other = secret(TWO, name="other")
    stats = f"{WORK}/server-1.prom"
    behind = Process(
        echo(),
        {
            "LD_PRELOAD": net.LIB,
            "DTLSV1_LISTEN_SECRET_FILE": other,
            "DTLSV1_LISTEN_COOKIES": "builtin",
            "DTLSV1_LISTEN_STATS": stats,
        },
    )
    net.wait_until_bound()
    must_connect()
    settled(lambda: os.path.exists(stats), lambda: "no counters")
    refused = Process([net.XDP, "--dev", DEVICE, "--listen", f"{V4}:{PORT}", "--secret-file", f"{WORK}/secrets"])
    refused.ends(1).wait_for("which is another file than")
    # A server that takes its secret by a call of the library has nothing in its environment.
    behind.stop()
    behind = Process(
        ["sh", "-c", f'LD_PRELOAD={net.LIB}; export LD_PRELOAD; exec "$@"', "-", *echo()],
        {"DTLSV1_LISTEN_STATS": stats},
    )
    net.wait_until_bound()
    must_connect()
    settled(lambda: os.path.exists(stats), lambda: "no counters")
    command = [net.XDP, "--dev", DEVICE, "--listen", f"{V4}:{PORT}", "--secret-file", f"{WORK}/secrets"]
    Process(command).ends(1).wait_for("is seen to use")
    one = Process([*command, "--server-stats", stats]).wait_for("answering on")
    begin = time.time()
    while one.process.poll() is None and time.time() < begin + 40:
        connect(seconds=4)
    one.ends(1).wait_for("the server refuses the cookies")
    print(f"    detached after {time.time() - begin:.0f} s")
    must_connect()
    behind.stop()


@test
def it_leaves_a_program_that_disagrees():
    """Started by it, and then of another mind than it was told to be."""
    secret(ONE)
    other = secret(TWO, name="other")
    minds = {
        "secret": f"DTLSV1_LISTEN_SECRET_FILE={other}",
        "lifetime": "DTLSV1_LISTEN_COOKIE_LIFETIME=7",
        "clock": f"LD_PRELOAD={net.shim('ahead')}:$LD_PRELOAD",
    }
    for what, changed in minds.items():
        one = loader(program=["sh", "-c", f'export {changed}; exec "$@"', "-", *echo()]).wait_for("answering on")
        net.wait_until_bound()
        begin = time.time()
        while "goes on alone" not in one.said() and time.time() < begin + 40:
            stuck = [threading.Thread(target=connect, kwargs={"seconds": 2}) for _ in range(4)]
            for client in stuck:
                client.start()
            for client in stuck:
                client.join()
        one.wait_for("the server refuses the cookies that were made here").wait_for("the server goes on alone")
        print(f"    {what}: detached after {time.time() - begin:.0f} s")
        if net.is_attached():
            raise Failure(f"{what}: still attached")
        must_connect()
        one.stop()


@test
def a_server_that_runs_already():
    secret(ONE)
    stats = f"{WORK}/server-1.prom"
    environment = {
        "LD_PRELOAD": net.LIB,
        "DTLSV1_LISTEN_SECRET_FILE": f"{WORK}/secrets",
        "DTLSV1_LISTEN_COOKIES": "builtin",
        "DTLSV1_LISTEN_STATS": stats,
    }
    behind = Process(echo(), environment)
    net.wait_until_bound()
    must_connect()
    one = loader().wait_for("answering on")
    for _ in range(2):
        # What it did alone has to be in its file, which it writes at most once a second.
        time.sleep(1.1)
        must_connect()
    time.sleep(1.1)
    shake_hands(V4, ("s_client",))
    one.process.send_signal(signal.SIGINT)
    one.ends(0)
    loader("--lifetime", "30").ends(1).wait_for("live for 60 s")
    behind.stop()
    behind = Process(echo(), dict(environment, DTLSV1_LISTEN_COOKIES="app"))
    net.wait_until_bound()
    loader().ends(1).wait_for("would be stuck")
    behind.stop()

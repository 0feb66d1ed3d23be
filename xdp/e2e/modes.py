"""A whole handshake in each mode, on each kind of device and frame."""

import os
import subprocess
import sys

import net
from cases import ONE, challenges, mac, shake_hands, test
from net import (
    C4,
    DEVICE,
    FAR,
    PORT,
    SERVER,
    V4,
    V6,
    Failure,
    at_client,
    at_server,
    echo,
    is_attached,
    loader,
    must_connect,
    secret,
    settled,
    started,
)


def mode_test(mode, address):
    def run():
        secret(ONE)
        one = started("--mode", mode, address=address)
        if f"({mode})" not in one.said():
            raise Failure(one.said())
        shake_hands(address)
        one.stop()
        if is_attached():
            raise Failure("still attached")

    run.__name__ = f"{mode}_{'IPv6' if ':' in address else 'IPv4'}"
    test(run)


for each in ("native", "generic", "tc"):
    for to in (V4, V6):
        mode_test(each, to)


@test
def auto_is_tc_on_a_veth():
    """Nobody can see here whether its far end takes what XDP sends."""
    secret(ONE)
    started().wait_for("far end").wait_for("(tc)").stop()


@test
def loopback():
    secret(ONE)
    refused = loader("--mode", "native", program=echo("127.0.0.1"), address="127.0.0.1", device="lo")
    refused.ends(1).wait_for("does not take XDP")
    for mode in ("generic", "tc"):
        one = started("--mode", mode, address="127.0.0.1", device="lo")
        before = challenges()
        must_connect(address="127.0.0.1", namespace=SERVER)
        settled(lambda before=before: challenges() > before, lambda mode=mode: f"{mode}: no challenge")
        one.stop()


@test
def vlan():
    """A tagged hello is answered under its tag, whoever took it off on the way."""
    secret(ONE)
    for mode in ("native", "generic", "tc"):
        one = started("--mode", mode)
        answer = subprocess.run(
            net.inside(net.CLIENT)
            + [
                sys.executable,
                f"{os.path.dirname(__file__)}/vlan.py",
                FAR,
                C4,
                V4,
                str(PORT),
                mac(at_client, FAR),
                mac(at_server, DEVICE),
            ],
            check=False,
            capture_output=True,
            text=True,
            timeout=10,
        )
        if answer.stdout != "vlan 7, 102 bytes, HelloVerifyRequest\n":
            raise Failure(f"{mode}: {answer.stdout}{answer.stderr}")
        one.stop()

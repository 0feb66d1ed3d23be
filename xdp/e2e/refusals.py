"""What is refused, and what is dropped."""

import os
import subprocess
import sys
import threading
import time

import net
from cases import ONE, test
from net import (
    DEVICE,
    PORT,
    V4,
    WORK,
    Failure,
    Process,
    at_server,
    counters,
    echo,
    is_attached,
    loader,
    secret,
    settled,
    started,
)


@test
def refusals():
    secret(ONE)
    rows = [
        ({"DTLSV1_LISTEN_COOKIES": "app"}, [], "would be stuck"),
        ({"DTLSV1_LISTEN_COOKIE_LIFETIME": "30"}, [], "live for 30 s"),
        ({"DTLSV1_LISTEN_SECRET_FILE": "/etc/hostname"}, [], "another file"),
        ({}, ["--dev", "none0"], "no device none0"),
        ({}, ["--secret-file", "/nonexistent"], "No such file"),
    ]
    for environment, more, reason in rows:
        loader(*more, program=echo(), environment=environment).ends(1).wait_for(reason)
    loader("--library", "/nonexistent/lib.so", program=["sleep", "100"]).ends(1).wait_for("does not have")
    loader(program=["/nonexistent/server"]).ends(1).wait_for("No such file")
    open(f"{WORK}/secrets", "w").write("short\n")
    loader(program=echo()).ends(1).wait_for("no secrets, no cookies")
    secret(ONE)
    command = [net.XDP, "--dev", DEVICE, "--listen", f"{V4}:{PORT}", "--secret-file", f"{WORK}/secrets"]
    Process(["setpriv", "--bounding-set", "-bpf,-sys_admin", *command]).ends(1).wait_for("CAP_BPF missing")
    # Somebody else's program is left where it is.
    at_server(f"ip link set dev {DEVICE} xdp obj {WORK}/pass.o sec xdp")
    loader("--mode", "native", program=echo()).ends(1).wait_for("has another XDP program")
    if not is_attached():
        raise Failure("the other program is gone")
    at_server(f"ip link set dev {DEVICE} xdp off")


@test
def a_kernel_that_refuses():
    """It says why and does not begin, and no server is started."""
    secret(ONE)
    spoil = net.shim("spoil")
    refused = "this kernel refuses the program: the kernel's verifier: Permission denied"
    forbid = (sys.executable, f"{os.path.dirname(__file__)}/forbid.py")
    for mode in ("native", "generic", "tc", "auto"):
        begun = [
            loader("--mode", mode, program=echo(), environment={"LD_PRELOAD": spoil}).ends(1).wait_for(refused),
            loader("--mode", mode, program=echo(), under=forbid).ends(1).wait_for("bpf(2) is refused"),
        ]
        if is_attached() or any("listening on" in one.said() for one in begun):
            raise Failure(f"{mode}: something was started")
    # The verifier's own reason is in the last lines.
    Process([net.XDP, "--check"], {"LD_PRELOAD": spoil}).ends(1).wait_for("invalid read from stack")
    Process([*forbid, net.XDP, "--check"]).ends(1).wait_for("bpf(2) is refused")


VLAN = f"""
    here=$(mktemp -d)
    mount -t tmpfs none $here
    mkdir -p $here/{DEVICE}/upper_tagged $here/tagged
    cp /sys/class/net/{DEVICE}/ifindex /sys/class/net/{DEVICE}/type /sys/class/net/{DEVICE}/address $here/{DEVICE}
    echo DEVTYPE=vlan >$here/tagged/uevent
    mount --bind $here /sys/class/net
    exec "$@"
"""


@test
def tags_that_the_device_takes_off():
    """XDP would answer a client in a VLAN without its tag. Not each kernel has VLAN devices: /sys is made up."""
    secret(ONE)
    under = ("sh", "-c", VLAN, "-")
    for mode in ("native", "generic"):
        one = loader("--mode", mode, program=echo(), under=under).ends(1)
        one.wait_for("takes VLAN tags off before XDP sees them, and tagged has clients in a VLAN")
    started("--mode", "tc", under=under).stop()
    at_server(f"ethtool -K {DEVICE} rxvlan off")
    started("--mode", "native", under=under).stop()
    at_server(f"ethtool -K {DEVICE} rxvlan on")


@test
def what_has_no_cookie_is_dropped_and_counted():
    for strangers in ("connected", "proved"):
        drops(strangers)


def drops(strangers):
    secret(ONE)
    one = started("--strangers", strangers)
    script = (
        "import socket\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        f"to = ('{V4}', {PORT})\n"
        "for i in range(50):\n"
        "    s.sendto(b'x' * 100, to)\n"
        "    s.sendto(bytes([23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 1, 0, 4, 1, 2, 3, 4]), to)\n"
    )
    subprocess.run(net.inside(net.CLIENT) + ["python3", "-c", script], check=True)

    def dropped(reason):
        return counters("xdp").get(f'dtlsv1_listen_xdp_dropped_total{{reason="{reason}"}}', 0)

    settled(lambda: dropped("not_dtls") == 50 and dropped("stranger") == 50, lambda: f"{counters('xdp')}")
    # A client with a socket of its own is no stranger: its data comes through.
    client = subprocess.Popen(
        net.inside(net.CLIENT) + [*net.s_client(V4), "-quiet"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(1)
    client.stdin.write(b"is anybody there\n")
    client.stdin.flush()
    silence = threading.Timer(10, client.kill)
    silence.start()
    line = client.stdout.readline()
    silence.cancel()
    client.kill()
    if line != b"is anybody there\n":
        raise Failure(f"the echo was {line!r}")
    one.stop()

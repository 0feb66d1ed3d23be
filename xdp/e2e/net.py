"""Two network namespaces with a wire between them, a server here and clients there."""

import atexit
import itertools
import os
import re
import signal
import subprocess
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
XDP = os.environ.get("XDP", os.path.join(ROOT, "xdp/target/debug/dtlsv1-listen-xdp"))
LIB = os.environ.get("LIB", os.path.join(ROOT, "target/release/libdtlsv1_listen.so"))
ECHO = os.environ.get("ECHO", os.path.join(ROOT, "target/demo/echo_server"))

SERVER, CLIENT = f"dls{os.getpid()}", f"dlc{os.getpid()}"
DEVICE, FAR = "dls0", "dlc0"
V4, V6, PORT = "192.0.2.1", "2001:db8::1", 4433
C4, C6 = "192.0.2.2", "2001:db8::2"

WORK = tempfile.mkdtemp(prefix="dtlsv1-listen-xdp-")
processes = []


class Failure(Exception):
    pass


def sh(command, check=True):
    done = subprocess.run(command.split(), check=False, capture_output=True, text=True)
    if check and done.returncode:
        raise Failure(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def inside(namespace):
    return ["ip", "netns", "exec", namespace]


def at_server(command, check=True):
    return sh(f"ip netns exec {SERVER} {command}", check)


def at_client(command, check=True):
    return sh(f"ip netns exec {CLIENT} {command}", check)


def build():
    sh(f"ip netns add {SERVER}")
    sh(f"ip netns add {CLIENT}")
    wire()


def wire():
    sh(f"ip link add {DEVICE} netns {SERVER} type veth peer name {FAR} netns {CLIENT}")
    for run, device, v4, v6 in ((at_server, DEVICE, V4, V6), (at_client, FAR, C4, C6)):
        run(f"ip addr add {v4}/24 dev {device}")
        run(f"ip addr add {v6}/64 dev {device} nodad")
        run(f"ip link set {device} up")
        run("ip link set lo up")
    # A veth's far end takes what XDP sends where it polls: where it has an XDP program itself.
    here = os.path.dirname(__file__)
    sh(f"{os.environ.get('CLANG', 'clang')} -O2 -g -target bpf -c {here}/pass.bpf.c -o {WORK}/pass.o")
    at_client(f"ip link set dev {FAR} xdp obj {WORK}/pass.o sec xdp")
    for name in ("cert", "key"):
        if os.path.exists(f"{WORK}/{name}.pem"):
            return
    sh(f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {WORK}/key.pem -out {WORK}/cert.pem -days 2 -subj /CN=xdp")


def shim(name):
    """A C file of this directory, to be preloaded."""
    here = os.path.dirname(__file__)
    sh(f"{os.environ.get('CC', 'cc')} -Wall -Wextra -shared -fPIC -o {WORK}/{name}.so {here}/{name}.c")
    return f"{WORK}/{name}.so"


def tear_down():
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait()
    for namespace in (SERVER, CLIENT):
        pids = sh(f"ip netns pids {namespace}", check=False).split()
        for pid in pids:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        sh(f"ip netns del {namespace}", check=False)
    sh(f"rm -rf {WORK}", check=False)


atexit.register(tear_down)


def secret(*lines, name="secrets"):
    path = f"{WORK}/{name}"
    with open(path + ".new", "w") as file:
        file.write("\n".join(lines) + "\n")
    os.chmod(path + ".new", 0o600)
    os.rename(path + ".new", path)
    return path


class Process:
    """A program at the server's end; what it says is kept."""

    count = 0

    def __init__(self, command, environment=None, namespace=SERVER, stdin=subprocess.DEVNULL):
        Process.count += 1
        self.log = f"{WORK}/log{Process.count}"
        self.process = subprocess.Popen(
            inside(namespace) + command,
            stdin=stdin,
            stdout=open(self.log, "wb"),
            stderr=subprocess.STDOUT,
            env=dict(os.environ, **(environment or {})),
        )
        processes.append(self.process)

    def said(self):
        return open(self.log, errors="replace").read()

    def wait_for(self, text, seconds=15):
        for _ in range(int(seconds * 20)):
            if text in self.said():
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        if text in self.said():
            return self
        raise Failure(f"never said {text!r}:\n{self.said()}")

    def ends(self, status, seconds=10):
        try:
            got = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"does not end:\n{self.said()}") from None
        if got != status:
            raise Failure(f"status {got}, not {status}:\n{self.said()}")
        return self

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(10)
        return self


def echo(address=V4):
    return [ECHO, address, str(PORT), f"{WORK}/cert.pem", f"{WORK}/key.pem"]


def loader(*options, program=None, address=V4, environment=None, device=DEVICE, under=()):
    listen = f"[{address}]:{PORT}" if ":" in address else f"{address}:{PORT}"
    command = [
        *under,
        XDP,
        "--dev",
        device,
        "--listen",
        listen,
        "--secret-file",
        f"{WORK}/secrets",
        "--library",
        LIB,
        "--stats",
        f"{WORK}/xdp.prom",
        *options,
    ]
    if program:
        command += ["--", *program]
    for name in os.listdir(WORK):
        # A server that runs already has its file.
        if name.endswith(".prom") and (program or name.startswith("xdp")):
            os.unlink(f"{WORK}/{name}")
    return Process(command, dict({"DTLSV1_LISTEN_STATS": f"{WORK}/server-%p.prom"}, **(environment or {})))


def started(*options, address=V4, **more):
    one = loader(*options, program=echo(address), address=address, **more)
    one.wait_for("answering on")
    wait_until_bound()
    return one


def wait_until_bound():
    for _ in range(200):
        if f":{PORT} " in at_server("ss -Hlnu"):
            return
        time.sleep(0.05)
    raise Failure("the server has no socket")


def counters(prefix):
    """All series of the files in WORK whose names begin so, summed."""
    sums = {}
    for name in os.listdir(WORK):
        if name.startswith(prefix) and name.endswith(".prom"):
            for line in open(f"{WORK}/{name}"):
                if not line.startswith("#"):
                    series, value = line.rsplit(" ", 1)
                    series = re.sub(r'(server|pid|device|mode|version)="[^"]*",?', "", series)
                    series = series.replace("{}", "").replace(",}", "}")
                    sums[series] = sums.get(series, 0) + int(value)
    return sums


# The server has a socket for each client, for 20 s where that was killed. A hello of another client
# from the same port would go to that socket, and its handshake would never end: nobody gets a port twice.
ports = itertools.count(10000)


def s_client(address):
    v6 = ":" in address
    to, here = (f"[{address}]:{PORT}", "[::]") if v6 else (f"{address}:{PORT}", "0.0.0.0")
    return ["openssl", "s_client", "-connect", to, "-bind", f"{here}:{next(ports)}", "-dtls1_2"]


CLIENTS = {
    "s_client": (s_client, "Cipher is ECDHE"),
    "gnutls-cli": (lambda a: ["gnutls-cli", "--udp", "--insecure", "-p", str(PORT), a], "Handshake was completed"),
    "ncat": (lambda a: ["ncat", "-v", "--udp", "--ssl", a, str(PORT)], "SSL connection to"),
}


def connect(client="s_client", address=V4, seconds=8, namespace=CLIENT):
    """Shakes hands, and gives the seconds that it took; none where it did not work out."""
    command, sign = CLIENTS[client]
    begin = time.time()
    process = subprocess.Popen(
        inside(namespace) + ["stdbuf", "-o0", *command(address)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    os.set_blocking(process.stdout.fileno(), False)
    said, took = "", None
    while time.time() < begin + seconds:
        said += (process.stdout.read() or b"").decode(errors="replace")
        if sign in said:
            took = time.time() - begin
            break
        if process.poll() is not None:
            break
        time.sleep(0.01)
    process.kill()
    process.communicate()
    return took


def must_connect(client="s_client", address=V4, **more):
    took = connect(client, address, **more)
    if took is None:
        raise Failure(f"{client} to {address}: no handshake")
    return took


def is_attached(device=DEVICE):
    shown = at_server(f"ip -d link show dev {device}")
    return "prog/xdp" in shown or "xdpgeneric" in shown or " xdp " in shown


def settled(check, what, seconds=4):
    """Counters are written once a second."""
    for _ in range(int(seconds * 10)):
        if check():
            return
        time.sleep(0.1)
    raise Failure(what())

"""DTLS servers that look libssl's functions up: whose DTLSv1_listen do they get, by the wrapper and by it with --no-audit?"""

import pathlib
import queue
import re
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
WRAPPER = HERE.parent.parent / "dist/dtlsv1-listen.in"
LINE = "there and back"
OURS = "serving DTLSv1_listen"
CLIENTS = {
    "openssl": ["openssl", "s_client", "-dtls", "-quiet", "-no_ign_eof", "-connect", "127.0.0.1:{port}"],
    "gnutls": ["gnutls-cli", "--udp", "--insecure", "--port", "{port}", "127.0.0.1"],
}


def build_qt(scratch):
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "Qt6Network"], check=True, capture_output=True, text=True
    )
    command = [
        "c++",
        "-std=c++17",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-O1",
        "-fPIC",
        "-o",
        scratch / "qt",
        HERE / "dtls/qt.cpp",
    ]
    subprocess.run(command + flags.stdout.split(), check=True)
    return [scratch / "qt"]


def build_ctypes(_scratch):
    return [sys.executable, HERE / "dtls/by_ctypes.py"]


SERVERS = {"qt": build_qt, "ctypes": build_ctypes}


def lines_of(stream):
    """What is printed, as it comes; None at the end."""
    lines = queue.Queue()

    def read():
        for line in stream:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines


def until(lines, wanted, what):
    """The first line that has it."""
    while (line := lines.get(timeout=60)) is not None:
        if found := re.search(wanted, line):
            return found
    raise RuntimeError(f"{what} ended")


def serve_one(server, client):
    """One client's line there and back; what the server said on stderr."""
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(server, stdout=subprocess.PIPE, stderr=said, text=True) as serving,
    ):
        try:
            port = until(lines_of(serving.stdout), r"port (\d+)", "the server").group(1)
            with subprocess.Popen(
                [part.format(port=port) for part in client],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            ) as talking:
                try:
                    talking.stdin.write(LINE + "\n")
                    talking.stdin.flush()
                    until(lines_of(talking.stdout), f"^{LINE}$", "the client")
                finally:
                    talking.kill()
            if serving.wait(timeout=60) != 0:
                raise RuntimeError(f"the server ended with {serving.returncode}")
        finally:
            serving.kill()
        said.seek(0)
        return said.read()


def check(name, library, pem, scratch):
    """Each client, with the audit module and without: what went wrong, None for nothing."""
    command = SERVERS[name](scratch)
    for way, ours in (("--audit", True), ("--no-audit", False)):
        server = ["sh", WRAPPER, f"--library={library}", "--trace", way, "--", *command, *pem]
        for kind, client in CLIENTS.items():
            try:
                said = serve_one(server, client)
                wrong = (
                    None if (OURS in said) == ours else f"it has {'its own' if ours else 'our'} DTLSv1_listen: {said}"
                )
            except (RuntimeError, queue.Empty, subprocess.TimeoutExpired) as error:
                wrong = repr(error)
            yield f"{name} {way}, {kind}", wrong

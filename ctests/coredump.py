"""Is a secret anywhere in what a core dump of a server would hold?

Runs the stock `openssl s_server` with the library preloaded and a secret file, has it make and check
cookies, stops it, and searches all of its memory. Mappings marked "dd" (MADV_DONTDUMP) are what the
kernel leaves out; the secret has to be there, or the search proves nothing, and nowhere else: neither
as it is in the file, nor decoded, nor the keys made of it, nor what HMAC makes of those.

    coredump.py LIBRARY
"""

import hashlib
import hmac
import os
import pathlib
import secrets
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

CERTIFICATE = pathlib.Path(__file__).resolve().parents[1] / "tools/certificate.sh"
LABEL = b"dtlsv1_listen cookie slot v1"
LIFETIME = 60


def primes(count):
    found = []
    n = 2
    while len(found) < count:
        if all(n % p for p in found):
            found.append(n)
        n += 1
    return found


def root(n, k, bits):
    """The first bits of the fraction of n's k-th root, exactly."""
    lo, hi = 0, n << bits
    while lo < hi:
        mid = (lo + hi + 1) // 2
        lo, hi = (mid, hi) if mid**k <= n << (k * bits) else (lo, mid - 1)
    return lo & ((1 << bits) - 1)


K = [root(p, 3, 32) for p in primes(64)]
H = [root(p, 2, 32) for p in primes(8)]


def sha256_state(block):
    """SHA-256 after one block (FIPS 180-4), as the eight words lie in memory."""

    def turn(x, n):
        return (x >> n | x << (32 - n)) & 0xFFFFFFFF

    w = list(struct.unpack(">16I", block))
    for i in range(16, 64):
        a, b = w[i - 15], w[i - 2]
        s0, s1 = turn(a, 7) ^ turn(a, 18) ^ a >> 3, turn(b, 17) ^ turn(b, 19) ^ b >> 10
        w.append((w[i - 16] + s0 + w[i - 7] + s1) & 0xFFFFFFFF)
    a, b, c, d, e, f, g, h = H
    for k, word in zip(K, w):
        s1, choice = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25), e & f ^ ~e & 0xFFFFFFFF & g
        t1 = h + s1 + choice + k + word
        s0, most = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22), a & b ^ a & c ^ b & c
        a, b, c, d, e, f, g, h = (t1 + s0 + most) & 0xFFFFFFFF, a, b, c, (d + t1) & 0xFFFFFFFF, e, f, g
    state = [(x + y) & 0xFFFFFFFF for x, y in zip(H, (a, b, c, d, e, f, g, h))]
    return struct.pack("=8I", *state)


def hmac_parts(what, key):
    """A key in each shape that HMAC gives it. Half a shape is enough to know it by."""
    for name, pad in (("inner", 0x36), ("outer", 0x5C)):
        block = bytes(b ^ pad for b in key.ljust(64, b"\0"))
        yield f"{what}, {name} block", block[:24]
        yield f"{what}, {name} state", sha256_state(block)[:24]


def needles(text, secret, now):
    yield "the secret in hex", text[:24]
    yield "the secret", secret[:24]
    yield from hmac_parts("the secret", secret)
    for slot in range(now // LIFETIME - 1, now // LIFETIME + 2):
        key = hmac.digest(secret, LABEL + slot.to_bytes(8, "big"), hashlib.sha256)
        yield f"slot key {slot}", key[:24]
        yield from hmac_parts(f"slot key {slot}", key)


def hello(cookie=b"", number=0):
    body = b"\xfe\xfd" + bytes(range(32)) + b"\0" + bytes([len(cookie)]) + cookie
    body += bytes.fromhex("0002c02b0100")
    length = len(body).to_bytes(3, "big")
    message = b"\1" + length + number.to_bytes(2, "big") + bytes(3) + length + body
    return b"\x16\xfe\xff" + number.to_bytes(8, "big") + len(message).to_bytes(2, "big") + message


def converse(port):
    """Cookies made and checked: the first, a forged one, again the first."""
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(60)
    client.connect(("127.0.0.1", port))
    client.send(hello())
    cookie = client.recv(2048)[28:]
    assert len(cookie) == 32, "no built-in cookie came back"
    client.send(hello(cookie[:1] + bytes(31)))
    assert len(client.recv(2048)) == 60, "a forged cookie was not answered like none"
    client.send(hello(cookie, 1))
    client.recv(2048)  # what the handshake says first: the cookie was checked
    client.close()


def mappings(pid):
    """(range, name, is it left out of dumps?) of what can be read."""
    current = None
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        first, *rest = line.split()
        if not first.endswith(":"):
            start, end = (int(part, 16) for part in first.split("-"))
            current = (start, end, rest[0], rest[-1] if len(rest) > 4 else "anonymous")
        elif first == "VmFlags:" and "r" in current[2] and current[3] not in ("[vvar]", "[vsyscall]"):
            yield current, "dd" in rest


def search(pid, wanted):
    kept_out, dumped = set(), set()
    size = 0
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for (start, end, _, name), left_out in mappings(pid):
            memory.seek(start)
            content = b""
            try:
                while len(content) < end - start:
                    content += memory.read(end - start - len(content))
            except OSError:
                pass  # a file's pages beyond its end
            size += len(content)
            for what, needle in wanted:
                if needle in content:
                    (kept_out if left_out else dumped).add((what, name))
    return kept_out, dumped, size


def main():
    library = sys.argv[1]
    with tempfile.TemporaryDirectory() as directory:
        scratch = pathlib.Path(directory)
        secret = secrets.token_bytes(32)
        file = scratch / "secret"
        file.touch(0o600)
        file.write_text(secret.hex() + "\n")
        subprocess.run([CERTIFICATE, scratch / "cert", scratch / "key"], check=True)
        env = {
            **os.environ,
            "LD_PRELOAD": library,
            "DTLSV1_LISTEN_COOKIES": "builtin",
            "DTLSV1_LISTEN_SECRET_FILE": str(file),
        }
        server = subprocess.Popen(
            [
                "openssl",
                "s_server",
                "-dtls",
                "-listen",
                "-accept",
                "127.0.0.1:0",
                "-cert",
                scratch / "cert",
                "-key",
                scratch / "key",
            ],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            for line in server.stdout:
                if line.startswith(b"ACCEPT "):
                    break
            port = int(line.rsplit(b":", 1)[1])
            now = int(time.time())
            converse(port)
            os.kill(server.pid, signal.SIGSTOP)
            wanted = list(needles(file.read_bytes(), secret, now))
            kept_out, dumped, size = search(server.pid, wanted)
        finally:
            os.kill(server.pid, signal.SIGCONT)
            server.kill()
            server.wait()
    print(f"coredump: {len(wanted)} shapes of the secret sought in {size >> 20} MiB")
    failed = 0
    if ("the secret", "anonymous") not in kept_out or not any("state" in what for what, _ in kept_out):
        print(f"coredump: the secret was not found where it must be: {sorted(kept_out)}")
        failed += 1
    for what, name in sorted(dumped):
        print(f"coredump: {what}: in a mapping that is dumped: {name}")
        failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

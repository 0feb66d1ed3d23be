#!/usr/bin/env python3
"""Check ctests/vectors/cookies.json against docs/cookie.md, with Python's hmac alone.

    check.py            check the file beside this one; 0 if every vector is right
    check.py --write    write it anew (tests/vectors.rs then holds the library against it)

Nothing of the library is used here, so that the two can only agree by being right.
"""

import hashlib
import hmac
import ipaddress
import json
import pathlib
import sys

FILE = pathlib.Path(__file__).with_name("cookies.json")
LABEL = b"dtlsv1_listen cookie slot v1"


def endpoint(peer):
    """Address and port, each as bytes."""
    if peer["family"] == "unix":
        return bytes.fromhex(peer["path"]), b""
    address = ipaddress.ip_address(peer["address"])
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.packed, peer["port"].to_bytes(2, "big")


def message(kind, peer, hello):
    fields = [kind.encode(), *endpoint(peer)]
    if hello is not None:
        fields += [bytes.fromhex(hello[name]) for name in ("version", "random", "session_id")]
    return b"".join(bytes([len(field)]) + field for field in fields)


def compute(vector):
    """What follows from secret, slot, peer and hello."""
    secret, slot = bytes.fromhex(vector["secret"]), int(vector["slot"])
    slot_key = hmac.digest(secret, LABEL + slot.to_bytes(8, "big"), hashlib.sha256)
    maced = message(vector["kind"], vector["peer"], vector["hello"])
    tag = hmac.digest(slot_key, maced, hashlib.sha256)
    cookie = bytes([slot % 256]) + tag[: 16 if vector["kind"] == "short" else 31]
    return {"slot_key": slot_key.hex(), "message": maced.hex(), "cookie": cookie.hex()}


def inputs():
    """The cases: one of each kind, and each border."""
    secret = bytes(range(32)).hex()
    hello = {
        "version": "fefd",
        "random": bytes(range(0x40, 0x60)).hex(),
        "session_id": "",
    }
    v4 = {"family": "inet", "address": "192.0.2.1", "port": 4433}
    v6 = {"family": "inet6", "address": "2001:db8::1", "port": 4433}

    def case(name, secret=secret, slot=29_000_000, peer=v4, hello=hello, kind="hello"):
        return {
            "name": name,
            "kind": kind,
            "secret": secret,
            "slot": str(slot),
            "peer": peer,
            "hello": hello,
        }

    yield case("IPv4")
    yield case("IPv4, port 0", peer={**v4, "port": 0})
    yield case("IPv4, port 65535", peer={**v4, "address": "255.255.255.255", "port": 65535})
    yield case("IPv6", peer=v6)
    yield case("IPv4-mapped IPv6: the cookie of IPv4", peer={**v6, "address": "::ffff:192.0.2.1"})
    yield case("link-local IPv6", peer={**v6, "address": "fe80::1"})
    yield case("link-local IPv6, scope 2: the same", peer={**v6, "address": "fe80::1", "scope": 2})
    yield case("a Unix path", peer={"family": "unix", "path": b"/run/client".hex()})
    yield case("an abstract Unix name", peer={"family": "unix", "path": b"\0client".hex()})
    yield case("a Unix path of 108 bytes", peer={"family": "unix", "path": (b"/" * 108).hex()})
    for length in (1, 32, 33, 255):
        session_id = bytes(i % 256 for i in range(1, length + 1)).hex()
        yield case(f"a session id of {length} bytes", hello={**hello, "session_id": session_id})
    yield case("DTLS 1.0", hello={**hello, "version": "feff"})
    for name, peer in (("IPv4", v4), ("IPv6", v6)):
        yield case(f"short: {name}", peer=peer, kind="short")
    yield case("short: a session id", hello={**hello, "session_id": "5a" * 32}, kind="short")
    for name, peer in (("IPv4", v4), ("IPv6", v6)):
        yield case(f"bound to the peer alone: {name}", peer=peer, hello=None, kind="peer")
    for slot in (0, 255, 256, 2**32, 2**64 - 2):
        yield case(f"slot {slot}", slot=slot)
    for length in (63, 64, 65, 1024):
        yield case(f"a secret of {length} bytes", secret=bytes(i % 251 for i in range(length)).hex())


def slots():
    for lifetime in (1, 60, 86_400):
        for time in (0, lifetime - 1, lifetime, 1_800_000_000, 2**40):
            yield {"lifetime": lifetime, "unix_seconds": time, "slot": str(time // lifetime)}


def main():
    if sys.argv[1:] == ["--write"]:
        vectors = [{**case, **compute(case)} for case in inputs()]
        text = json.dumps({"format": "docs/cookie.md", "slots": list(slots()), "cookies": vectors}, indent=1)
        FILE.write_text(text + "\n")
        return 0
    if sys.argv[1:]:
        sys.exit(__doc__)
    data = json.loads(FILE.read_text())
    passed, failed = 0, 0
    for vector in data["cookies"]:
        for name, value in compute(vector).items():
            if vector[name] == value:
                passed += 1
            else:
                failed += 1
                print(f"{FILE.name}: {vector['name']}: {name} is {vector[name]}, not {value}")
    for row in data["slots"]:
        if int(row["slot"]) == row["unix_seconds"] // row["lifetime"]:
            passed += 1
        else:
            failed += 1
            print(f"{FILE.name}: slots: wrong: {row}")
    print(f"{passed} passed, {failed} failed")
    return 0 if passed > 0 and failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())

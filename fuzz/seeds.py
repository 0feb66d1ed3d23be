"""Write the datagrams of a corpus file as seeds, one folder for each fuzz target."""

import pathlib
import sys


def step(hello: bytes) -> bytes:
    """One step of the datagram target: a length, and all the room there is."""
    return len(hello).to_bytes(2, "big") + b"\0" + hello


def with_room(hello: bytes) -> bytes:
    """The hello with a cookie of 32 bytes in place of its own, and the lengths that go with it."""
    at = 60 + hello[59]
    body = hello[25:at] + b"\x20" + bytes(32) + hello[at + 1 + hello[at] :]
    length = len(body).to_bytes(3, "big")
    message = b"\x01" + length + hello[17:22] + length + body
    return hello[:11] + len(message).to_bytes(2, "big") + message


def write_actions(folder: pathlib.Path, hellos: list[bytes]) -> None:
    """Handshakes of a listener's clients, and what may happen to them."""
    folder.mkdir(parents=True, exist_ok=True)
    send, shake, anew, run, following, accept, read, write, free, detach = 0, 1, 3, 4, 6, 8, 9, 10, 11, 12
    begun = [shake, run, shake, run, following, accept]
    ended = [shake, run, read, shake, run, read, shake]
    lives = {
        "served": begun + ended + [write, read, free],
        "detached": begun + [detach] + ended + [detach, write, free],
        "anew": begun + ended + [anew] + begun + [following, free] + ended,
        "free-first": begun + [13] + ended + [write, free],
    }
    for name, life in lives.items():
        actions = b"".join(
            bytes([what, 0x7F if what == 13 else 0, 5]) + (b"hello" if what == write else b"") for what in life
        )
        (folder / name).write_bytes(b"\0" + actions)
    for i, hello in enumerate(hello for hello in hellos if len(hello) < 256):
        (folder / f"hello-{i:02}").write_bytes(b"\0" + bytes([send, 0, len(hello)]) + hello + bytes([run, 0, 0]))


def main() -> None:
    source, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    hellos = [bytes.fromhex(line[2:]) for line in source.read_text().splitlines() if line.startswith("> ")]
    if not hellos:
        sys.exit(f"{source}: no datagrams (lines that begin with '> ')")
    # What each target wants in front of, or instead of, the datagram.
    shapes = {
        "wire": lambda hello: hello,
        "gate": lambda hello: b"\0" + hello,
        "differential": lambda hello: b"\0" + hello,
        # Twice: the second time with room for the cookie that the first is answered with.
        "datagram": lambda hello: b"\0" + step(hello) + step(with_room(hello)),
        "cookie": lambda hello: bytes(8) + b"\x02\0\x12\x34\x7f\0\0\x01" + bytes(24) + hello[25:],
    }
    for target, shape in shapes.items():
        folder = out / target
        folder.mkdir(parents=True, exist_ok=True)
        for i, hello in enumerate(hellos):
            (folder / f"hello-{i:02}").write_bytes(shape(hello))
    write_actions(out / "listener", hellos)
    # A hello with the cookie that the differential target takes.
    first = hellos[0]
    cookie = b"\x04gate"
    body = first[25:60] + cookie + first[61:]
    length = len(body).to_bytes(3, "big")
    message = b"\x01" + length + b"\0\x01" + bytes(3) + length + body
    record = first[:11] + len(message).to_bytes(2, "big") + message
    (out / "differential" / "right-cookie").write_bytes(b"\0" + record)


main()

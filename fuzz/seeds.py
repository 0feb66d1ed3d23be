"""Write the datagrams of a corpus file as seeds, one folder for each fuzz target."""

import pathlib
import sys


def step(hello: bytes) -> bytes:
    """One step of the datagram target: a length, and all the room there is."""
    return len(hello).to_bytes(2, "big") + b"\0" + hello


def with_room(hello: bytes) -> bytes:
    """The hello with a cookie of 32 bytes in place of its own, and the lengths that go with it."""
    at = 60 + hello[59]
    body = hello[25:at] + b"\x20" + bytes(32) + hello[at + 1 + hello[at]:]
    length = len(body).to_bytes(3, "big")
    message = b"\x01" + length + hello[17:22] + length + body
    return hello[:11] + len(message).to_bytes(2, "big") + message


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
    # A hello with the cookie that the differential target takes.
    first = hellos[0]
    cookie = b"\x04gate"
    body = first[25:60] + cookie + first[61:]
    length = len(body).to_bytes(3, "big")
    message = b"\x01" + length + b"\0\x01" + bytes(3) + length + body
    record = first[:11] + len(message).to_bytes(2, "big") + message
    (out / "differential" / "right-cookie").write_bytes(b"\0" + record)


main()

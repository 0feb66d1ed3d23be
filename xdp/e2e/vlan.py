"""Sends a hello under VLAN tag 7 and says what comes back: DEVICE FROM TO PORT MAC SERVER_MAC."""

import socket
import struct
import sys

device, source, target, port, mac, server_mac = sys.argv[1:]
ETH_P_ALL, SOL_PACKET, PACKET_AUXDATA = 3, 263, 8


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


body = b"\xfe\xfd" + bytes(32) + b"\0\0" + b"\0\x02\xc0\x2b\x01\0"
handshake = struct.pack("!B3sHHBBH", 1, len(body).to_bytes(3, "big"), 0, 0, 0, 0, len(body)) + body
record = struct.pack("!BHHHIH", 22, 0xFEFF, 0, 0, 0, len(handshake)) + handshake
udp = struct.pack("!HHHH", 5000, int(port), len(record) + 8, 0) + record
addresses = socket.inet_aton(source) + socket.inet_aton(target)
ip = struct.pack("!BBHHHBBH", 0x45, 0, len(udp) + 20, 0, 0, 64, 17, 0) + addresses
ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
sum_ = checksum(addresses + struct.pack("!HH", 17, len(udp)) + udp)
udp = udp[:6] + struct.pack("!H", sum_) + udp[8:]
ethernet = bytes.fromhex((server_mac + mac).replace(":", "")) + b"\x81\0\0\x07\x08\0"

wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
wire.bind((device, 0))
wire.settimeout(3)
wire.send(ethernet + ip + udp)
while True:
    frame, extra, _, where = wire.recvmsg(2000, 200)
    if where[2] == socket.PACKET_OUTGOING or frame[:6] != ethernet[6:12] or b"\x16\xfe\xff" not in frame:
        continue
    tag = None
    for level, kind, data in extra:
        status, _, _, _, _, tci, _ = struct.unpack("@IIIHHHH", data[:20])
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA) and status & 0x10:
            tag = tci
    if frame[12:14] == b"\x81\0":
        tag, frame = struct.unpack("!H", frame[14:16])[0], frame[:12] + frame[16:]
    is_request = frame[42] == 22 and frame[55] == 3 and len(frame) >= 102
    print(f"vlan {tag}, {len(frame)} bytes, {'HelloVerifyRequest' if is_request else frame.hex()}")
    break

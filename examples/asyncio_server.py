#!/usr/bin/env python3
"""An asyncio echo server over DTLS, many clients on one socket: pyOpenSSL's Connection on memory
BIOs, and the stateless first contact by libdtlsv1_listen, through ctypes.

    asyncio_server.py ADDRESS PORT CERTIFICATE.pem KEY.pem [CLIENTS]

It wants a pyOpenSSL that shares the system's libssl, as Debian's python3-openssl does: the wheels of
PyPI bring a libssl of their own inside, which nothing outside can call. It is looked up first.

SPDX-License-Identifier: MIT OR Apache-2.0
"""

import asyncio
import ctypes
import socket
import struct
import sys

try:
    try:
        from cryptography.hazmat.bindings import _openssl as binding
    except ImportError:  # from cryptography 40 on it is part of another module
        from cryptography.hazmat.bindings import _rust as binding
    from OpenSSL import SSL
except ImportError as error:
    sys.exit(f"{error}: run it with the distribution's python3 and python3-openssl (see the head of this file)")

DROP, ANSWER, ADMIT, KEPT = range(4)  # DTLSV1_LISTEN_*
OUT_MAX = 16384 + 13  # DTLSV1_LISTEN_OUT_MAX
MTU = 1200  # bytes of a datagram that every path is likely to carry
IDLE = 20  # seconds until a silent client is given up


def libraries():
    """Ours, and the libssl that pyOpenSSL is bound to."""
    libssl = ctypes.CDLL(binding.__file__)
    if not hasattr(libssl, "SSL_ctrl"):
        sys.exit("this pyOpenSSL has an OpenSSL of its own inside: use the distribution's")
    listen, size = ctypes.CDLL("libdtlsv1_listen.so.1"), ctypes.c_size_t
    listen.dtlsv1_listen_datagram.argtypes = [
        ctypes.c_void_p,
        ctypes.c_char_p,
        size,
        ctypes.c_char_p,
        ctypes.c_uint32,
        ctypes.c_char_p,
        ctypes.POINTER(size),
    ]
    listen.dtlsv1_listen_adopt.argtypes = [ctypes.c_void_p, ctypes.c_char_p, size, ctypes.c_char_p, ctypes.c_uint32]
    libssl.SSL_ctrl.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_void_p]
    libssl.SSL_ctrl.restype = ctypes.c_long
    return listen, libssl


LISTEN, LIBSSL = libraries()


def pointer(cdata):
    """The address of an SSL or SSL_CTX of pyOpenSSL's."""
    return int(SSL._ffi.cast("uintptr_t", cdata))


def sockaddr(address):
    """An address as asyncio has it, as a struct sockaddr."""
    if len(address) == 2:
        host, port = address
        packed = struct.pack("!H4s8x", port, socket.inet_aton(host))
        return struct.pack("=H", socket.AF_INET) + packed
    host, port, flow, scope = address
    packed = struct.pack("!HI16s", port, flow, socket.inet_pton(socket.AF_INET6, host.split("%")[0]))
    return struct.pack("=H", socket.AF_INET6) + packed + struct.pack("=I", scope)


def judge(ctx, datagram, peer):
    """What is to be done with a datagram, and the answer or the hello."""
    out, length = ctypes.create_string_buffer(OUT_MAX), ctypes.c_size_t(OUT_MAX)
    verdict = LISTEN.dtlsv1_listen_datagram(
        pointer(ctx._context), datagram, len(datagram), peer, len(peer), out, ctypes.byref(length)
    )
    if verdict == -1:
        raise SSL.Error(SSL._lib.ERR_get_error())
    return verdict, out.raw[: length.value]


def datagrams(stream):
    """A memory BIO does not tell where a datagram ended; a record does. As many as fit."""
    datagram = b""
    while stream:
        end = 13 + int.from_bytes(stream[11:13], "big")
        if datagram and len(datagram) + end > MTU:
            yield datagram
            datagram = b""
        datagram, stream = datagram + stream[:end], stream[end:]
    if datagram:
        yield datagram


class Client:
    """One association."""

    def __init__(self, server, address):
        self.server, self.address, self.accepted, self.timer = server, address, False, None
        self.connection = SSL.Connection(server.ctx, None)
        self.connection.set_accept_state()
        self.idle = asyncio.get_running_loop().call_later(IDLE, self.end, "silent")

    def begin(self, hello, peer):
        """Goes on from a hello that was admitted. Did that work?"""
        ssl = pointer(self.connection._ssl)
        if LISTEN.dtlsv1_listen_adopt(ssl, hello, len(hello), peer, len(peer)) != 1:
            self.idle.cancel()
            return False
        self.connection.set_ciphertext_mtu(MTU)  # after it, since it begins with a clean SSL
        self.serve()
        return True

    def heard(self, datagram):
        """Takes a datagram of the client's."""
        self.idle.cancel()
        self.idle = asyncio.get_running_loop().call_later(IDLE, self.end, "silent")
        self.connection.bio_write(datagram)
        self.serve()

    def serve(self):
        """The handshake, or echoes, as far as they go."""
        try:
            if not self.accepted:
                self.connection.do_handshake()
                self.accepted = True
                self.say("accepted")
            while True:
                self.connection.send(self.connection.recv(2048))
        except SSL.WantReadError:
            self.flush()
        except SSL.ZeroReturnError:
            self.connection.shutdown()
            self.flush()
            self.end("closed")
        except SSL.Error as error:
            self.flush()
            self.end(f"failed: {error}")

    def flush(self):
        """Sends what libssl has written, and waits for its timer."""
        try:
            for datagram in datagrams(self.connection.bio_read(1 << 20)):
                self.server.transport.sendto(datagram, self.address)
        except SSL.WantReadError:
            pass
        if self.timer:
            self.timer.cancel()
        left = (ctypes.c_long * 2)()
        self.timer = None
        if LIBSSL.SSL_ctrl(pointer(self.connection._ssl), 73, 0, left):  # DTLSv1_get_timeout
            delay = left[0] + left[1] / 1e6
            self.timer = asyncio.get_running_loop().call_later(delay, self.repeat)

    def repeat(self):
        """libssl's timer ran down: it sends its flight again (DTLSv1_handle_timeout)."""
        LIBSSL.SSL_ctrl(pointer(self.connection._ssl), 74, 0, None)
        self.timer = None
        self.flush()

    def end(self, why):
        """Forgets the client."""
        self.idle.cancel()
        if self.timer:
            self.timer.cancel()
        self.say(why)
        self.server.forget(self.address)

    def say(self, what):
        """A line for whoever watches."""
        print(f"{self.address[0]}:{self.address[1]}: {what}", flush=True)


class Server(asyncio.DatagramProtocol):
    """Clients by their address."""

    def __init__(self, ctx, most):
        self.ctx, self.left, self.clients, self.transport = ctx, most, {}, None
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        if addr in self.clients:
            self.clients[addr].heard(data)
            return
        peer = sockaddr(addr)
        verdict, out = judge(self.ctx, data, peer)
        if verdict == ANSWER:
            self.transport.sendto(out, addr)
        elif verdict == ADMIT:
            self.clients[addr] = Client(self, addr)
            if not self.clients[addr].begin(out, peer):
                self.clients.pop(addr, None)

    def forget(self, address):
        """A client has gone."""
        if self.clients.pop(address, None) and self.left:
            self.left -= 1
            if self.left == 0:
                self.done.set_result(None)


async def main(address, port, certificate, key, most=0):
    """Serves until so many clients have come and gone."""
    ctx = SSL.Context(SSL.DTLS_SERVER_METHOD)
    ctx.use_certificate_chain_file(certificate)
    ctx.use_privatekey_file(key)
    ctx.set_options(SSL.OP_NO_QUERY_MTU)
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Server(ctx, int(most)), local_addr=(address, int(port))
    )
    own = transport.get_extra_info("sockname")
    print(f"listening on {own[0]}:{own[1]}", flush=True)
    await server.done
    transport.close()


if not 5 <= len(sys.argv) <= 6:
    sys.exit(__doc__)
asyncio.run(main(*sys.argv[1:]))

"""Who the programs talk to: a TLS server, and one that speaks the beginning of PostgreSQL's protocol."""

import socket
import ssl
import struct
import threading


def context(certificate, key):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    return made


def https(connection, tls):
    with tls.wrap_socket(connection, server_side=True) as client:
        client.recv(4096)
        client.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n")


def postgres(connection, tls):
    connection.recv(8)  # an SSLRequest
    connection.sendall(b"S")
    with tls.wrap_socket(connection, server_side=True) as client:
        client.recv(4096)
        text = b"SFATAL\0C28000\0Mhello from the stub\0\0"
        client.sendall(b"E" + struct.pack("!I", len(text) + 4) + text)


def serve(what, tls):
    """Serves until the process ends; gives the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def each():
        while True:
            connection, _ = listener.accept()
            try:
                what(connection, tls)
            except OSError:
                pass  # the client has had what it came for
            finally:
                connection.close()

    threading.Thread(target=each, daemon=True).start()
    return listener.getsockname()[1]

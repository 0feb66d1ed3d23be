"""A DTLS server by ctypes: every function is looked up in libssl. One client's line is sent back, and it ends.

Arguments: CERTIFICATE KEY"""

import ctypes
import socket
import sys

SSL = ctypes.CDLL("libssl.so.3")
CRYPTO = ctypes.CDLL("libcrypto.so.3")
OP_COOKIE_EXCHANGE = 1 << 13
FILETYPE_PEM = 1
BIO_NOCLOSE = 0
BIO_CTRL_DGRAM_SET_PEER = 44
COOKIE = b"a cookie that is not a secret"


def function(library, name, result, *arguments):
    found = getattr(library, name)
    found.restype = result
    found.argtypes = arguments
    return found


GENERATE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint))
VERIFY = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint)


@GENERATE
def generate(_ssl, cookie, length):
    ctypes.memmove(cookie, COOKIE, len(COOKIE))
    length[0] = len(COOKIE)
    return 1


@VERIFY
def verify(_ssl, cookie, length):
    return int(ctypes.string_at(cookie, length) == COOKIE)


def main():
    certificate, key = (name.encode() for name in sys.argv[1:])
    pointer = ctypes.c_void_p
    method = function(SSL, "DTLS_server_method", pointer)
    context = function(SSL, "SSL_CTX_new", pointer, pointer)(method())
    use = function(SSL, "SSL_CTX_use_certificate_file", ctypes.c_int, pointer, ctypes.c_char_p, ctypes.c_int)
    assert use(context, certificate, FILETYPE_PEM) == 1
    use = function(SSL, "SSL_CTX_use_PrivateKey_file", ctypes.c_int, pointer, ctypes.c_char_p, ctypes.c_int)
    assert use(context, key, FILETYPE_PEM) == 1
    function(SSL, "SSL_CTX_set_options", ctypes.c_uint64, pointer, ctypes.c_uint64)(context, OP_COOKIE_EXCHANGE)
    function(SSL, "SSL_CTX_set_cookie_generate_cb", None, pointer, GENERATE)(context, generate)
    function(SSL, "SSL_CTX_set_cookie_verify_cb", None, pointer, VERIFY)(context, verify)

    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    print("port", server.getsockname()[1], flush=True)
    bio = function(CRYPTO, "BIO_new_dgram", pointer, ctypes.c_int, ctypes.c_int)(server.fileno(), BIO_NOCLOSE)
    ssl = function(SSL, "SSL_new", pointer, pointer)(context)
    function(SSL, "SSL_set_bio", None, pointer, pointer, pointer)(ssl, bio, bio)
    peer = function(CRYPTO, "BIO_ADDR_new", pointer)()
    listen = function(SSL, "DTLSv1_listen", ctypes.c_int, pointer, pointer)
    while (done := listen(ssl, peer)) <= 0:
        assert done == 0, "DTLSv1_listen failed"
    ctrl = function(CRYPTO, "BIO_ctrl", ctypes.c_long, pointer, ctypes.c_int, ctypes.c_long, pointer)
    ctrl(bio, BIO_CTRL_DGRAM_SET_PEER, 0, peer)
    assert function(SSL, "SSL_accept", ctypes.c_int, pointer)(ssl) == 1
    line = ctypes.create_string_buffer(1024)
    length = function(SSL, "SSL_read", ctypes.c_int, pointer, pointer, ctypes.c_int)(ssl, line, len(line))
    assert length > 0
    assert function(SSL, "SSL_write", ctypes.c_int, pointer, pointer, ctypes.c_int)(ssl, line, length) == length


if __name__ == "__main__":
    main()

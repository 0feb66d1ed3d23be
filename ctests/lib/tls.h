/*
 * SSL_CTXs to serve and to connect with, and the two ways a client runs here:
 * step by step over queues, for BIOs that are no socket, and in a thread of
 * its own over UDP.
 */
#ifndef CTESTS_TLS_H
#define CTESTS_TLS_H

#include "wire.h"

#include <openssl/ssl.h>

SSL_CTX *tls_server_ctx(void); /* any DTLS, a certificate of its own */
SSL_CTX *tls_server_ctx_of(const SSL_METHOD *);
const SSL_METHOD *tls_dtls12_method(void);           /* NULL: there is none */
SSL *tls_server(SSL_CTX *);                          /* SSL_new, nothing else set */
SSL *tls_server_on(SSL_CTX *, BIO *rbio, BIO *wbio); /* patient */
SSL *tls_server_wire(SSL_CTX *, struct wire *);      /* one BIO, on that */

/*
 * Every client here has its SSL_CTX and MTU from these. Its hello is the small one of DTLS 1.2, a few hundred bytes,
 * whatever libssl's clients send by default. With CTESTS_HELLO=large in the environment it has TLS_LARGE_HELLO bytes and
 * more, as that of 4.1's clients by default, in one datagram; with CTESTS_HELLO=fragments the same in two, as they send it
 * over Ethernet (large_hello.test).
 */
#define TLS_LARGE_HELLO 1540
SSL_CTX *tls_client_ctx(void);
void tls_client_mtu(SSL *);

/*
 * When the timers that start from now on run out: never, for two sides that
 * take turns in one program and lose nothing, however slow it is; after half
 * a second, for a test that loses something; at once, where nothing is done by
 * the clock but on purpose: in 20 ms, and twice as long with each of the tries that
 * the machine was too slow for. With LibreSSL, whose timers always take a second, its
 * clock stands still instead, as long as nobody is in a hurry (timers.c).
 */
void tls_patient(SSL *);
void tls_hasty(SSL *, int tries);
void tls_impatient(SSL *);
void tls_time_out(SSL *); /* waits for it, and has everything sent again */

/* A client whose datagrams wait in `wire.out`, and who reads `wire.in`. */
struct stepper {
	SSL_CTX *ctx;
	SSL *ssl;
	struct wire wire;
};
void stepper_init(struct stepper *);
void stepper_free(struct stepper *);
int stepper_step(struct stepper *); /* 1 once the handshake is done */

/* A server's end of such a handshake: one wire, or two memory BIOs. */
struct port {
	struct wire *wire;
	BIO *rmem, *wmem;
};
void port_give(struct port *, const void *, size_t);
size_t port_take(struct port *, void *, size_t room); /* 0: nothing */

/* The client's waiting datagrams to the server, the server's to the client. */
void port_to_server(struct port *, struct stepper *);
void port_to_client(struct port *, struct stepper *);

/* From an SSL that listen accepted: SSL_accept to the end, then data both
 * ways; checks everything on the way. */
void port_finish(struct port *, struct stepper *, SSL *server);

/* DTLSv1_listen with the cast that 1.1.0 and later ask for. */
int listen_to(SSL *, void *peer);

#endif

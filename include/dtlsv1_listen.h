/*
 * libdtlsv1_listen: a drop-in DTLSv1_listen() for OpenSSL and LibreSSL.
 *
 * Link with -ldtlsv1_listen and -lssl. Generated from src/abi by cbindgen: change it there, then run
 * `make headers`.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef DTLSV1_LISTEN_H
#define DTLSV1_LISTEN_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * int DTLSv1_listen(SSL *ssl, peer);
 *
 * peer may be a struct sockaddr *, struct sockaddr_storage *, BIO_ADDR * or NULL: OpenSSL declares
 * the function with one type, its older manual pages show another, and all are the same bytes. The
 * macro calls dtlsv1_listen(), which is ours wherever this library stands in the link line.
 * &DTLSv1_listen, the function, is ours if the library comes ahead of -lssl. LibreSSL, and OpenSSL
 * before 1.1.0, have a macro of this name that goes through SSL_ctrl(); ours takes its place.
 *
 * Listens for a DTLS client and answers statelessly until one has shown that it is where it says
 * (RFC 6347 section 4.2.1): a ClientHello without a right cookie is answered with a
 * HelloVerifyRequest and forgotten, one with a right cookie is handed to libssl, and SSL_accept()
 * finishes the handshake. Anything else is dropped in silence.
 *
 * ssl: a DTLS server SSL with both BIOs set. One thread at a time may use it; several threads may
 * listen with an SSL each on one SSL_CTX.
 *
 * peer: where the client's address goes on success, in the family's own length (16 bytes for
 * AF_INET, 28 for AF_INET6, 110 for AF_UNIX); a struct sockaddr_storage has room for any. If the
 * BIO knows no peer, the family becomes AF_UNSPEC and at most sizeof(struct sockaddr) bytes are
 * cleared. NULL: not wanted. Without success the bytes stay as they are. The memory is the caller's.
 *
 * Returns:
 * 1    a client was accepted.
 * 0    none yet; call again with the same ssl. Nothing is queued if the read would block, if an
 *      answer could not be written without blocking (it is not kept: the client asks again), or if
 *      the budget is spent (dtlsv1_listen_set_budget()); the reason is queued if a datagram was
 *      dropped. BIO_should_read() of the read BIO and BIO_should_write() of the write BIO tell the
 *      first two. SSL_get_error() does not: it says SSL_ERROR_SYSCALL after each of the three, as
 *      after OpenSSL's function. With LibreSSL it is never 0: -1, with nothing queued and
 *      SSL_ERROR_WANT_READ from SSL_get_error(), stands for all of it, and a datagram that is
 *      dropped does not end the call, as in LibreSSL's macro.
 * -1   something failed here; the reason is queued. If nothing is queued, a BIO failed, and errno
 *      has the reason. An answer that libssl's datagram BIO cannot send to that one address (port 0,
 *      no route, a firewall) is not such a failure: the next datagram is read.
 * OpenSSL's error queue is emptied on entry.
 */
int dtlsv1_listen(SSL *ssl, void *peer);
#ifdef DTLSv1_listen
#undef DTLSv1_listen
int DTLSv1_listen(SSL *ssl, void *peer);
#endif
#ifdef __cplusplus /* takes any pointer for a void *, and may be told to warn of a cast (-Wold-style-cast) */
#define DTLSv1_listen(ssl, peer) dtlsv1_listen((ssl), (peer))
#else
#define DTLSv1_listen(ssl, peer) dtlsv1_listen((ssl), (void *)(peer))
#endif

typedef struct dtlsv1_listener dtlsv1_listener;

/**
 * The application's cookies if it set a callback, else built-in ones. The default.
 */
#define DTLSV1_LISTEN_COOKIES_AUTO 0

/**
 * The application's cookies, exactly as in OpenSSL: a missing callback is an error.
 */
#define DTLSV1_LISTEN_COOKIES_APP 1

/**
 * Built-in cookies, whatever callbacks the application set.
 */
#define DTLSV1_LISTEN_COOKIES_BUILTIN 2

/**
 * No repair: what OpenSSL's own function does.
 */
#define DTLSV1_LISTEN_REPAIR_NONE 0

/**
 * The first ServerHello goes out under the record sequence number of the ClientHello that it
 * answers (RFC 6347 section 4.2.1). OpenSSL 3.2 to 4.0 begin at 1 instead, which a client drops
 * as a replay when a HelloVerifyRequest came under that number. Only where the hello's number is 2
 * or more; the write BIO may be of any kind.
 */
#define DTLSV1_LISTEN_REPAIR_SEQUENCE 1

/**
 * What stands behind the verified record in its datagram is dropped, as OpenSSL 1.1.1 to 3.1 do;
 * later ones pass it on to the handshake.
 */
#define DTLSV1_LISTEN_REPAIR_TRAILING 2

/**
 * A hello in several fragments is put together, and handed over whole. In DTLSv1_listen() only where
 * the read BIO is libssl's own datagram BIO.
 */
#define DTLSV1_LISTEN_REPAIR_FRAGMENTS 4

/**
 * Every repair. The default.
 */
#define DTLSV1_LISTEN_REPAIR_ALL 7

/**
 * One socket for everybody. Without it there are three where the kernel takes a program that tells
 * them apart (SO_ATTACH_REUSEPORT_CBPF), so that a flood of strangers takes nothing from clients.
 */
#define DTLSV1_LISTENER_ONE_SOCKET 1

/**
 * A new client, the caller's from now on: call SSL_accept() or SSL_read().
 */
#define DTLSV1_NEWS_ACCEPTED 1

/**
 * Datagrams have come, or a write that would have blocked may be tried again: SSL_read(), until it
 * says SSL_ERROR_WANT_READ.
 */
#define DTLSV1_NEWS_READABLE 2

/**
 * The client began anew from the same port, with a right cookie (RFC 6347 section 4.2.8): reads give
 * the end and writes fail. SSL_free() it.
 */
#define DTLSV1_NEWS_REPLACED 4

/**
 * No handshake within handshake_seconds, or libssl has repeated its flight as often as it does:
 * SSL_free() it.
 */
#define DTLSV1_NEWS_OVERDUE 8

/**
 * Nothing is to be done: it is no ClientHello, or a bad one (counted by reason).
 */
#define DTLSV1_LISTEN_DROP 0

/**
 * Send out[0..*out_len) to the peer, from the address that it wrote to, and forget it.
 */
#define DTLSV1_LISTEN_ANSWER 1

/**
 * The peer is where it says, and `out` has its hello: for dtlsv1_listen_adopt().
 */
#define DTLSV1_LISTEN_ADMIT 2

/**
 * A part of a fragmented hello whose cookie was right is kept: nothing is to be done yet.
 */
#define DTLSV1_LISTEN_KEPT 3

/**
 * Bytes of the longest hello that is admitted, with its record header.
 */
#define DTLSV1_LISTEN_OUT_MAX (16384 + 13)

/**
 * A listener: one port, and an SSL for each client whose cookie was right.
 *
 * Threads: a listener and its SSLs, but the detached, are one thread's at a time, as one SSL is.
 * Listeners may share an SSL_CTX. After fork(2), a listener that had no client yet may be the child's,
 * if the parent does nothing with it but free it, or the other way round; and so may a detached SSL.
 */
struct dtlsv1_listener;

/**
 * What DTLSv1_listen(), dtlsv1_listen_datagram() and listeners have done in this process since it was
 * started, or forked off: a child begins at 0. Later versions add members at the end; none is ever
 * moved or removed. A member is there if it ends within `size`.
 *
 * Each counter is exact. While other threads are at work they may be a few datagrams apart from
 * each other. They begin anew at 2^64.
 */
struct dtlsv1_listen_stats {
  /**
   * Bytes of this structure that the library knows, this member included.
   */
  size_t size;
  /**
   * Datagrams read, or given to dtlsv1_listen_datagram(). Listeners' clients' are among them until
   * they are detached.
   */
  uint64_t datagrams;
  /**
   * Bytes of those.
   */
  uint64_t bytes_in;
  /**
   * HelloVerifyRequests sent, or given to the program to send.
   */
  uint64_t challenges;
  /**
   * Bytes of those.
   */
  uint64_t bytes_out;
  /**
   * HelloVerifyRequests larger than the datagram that they answer. The application's own
   * cookies can be long enough for that, built-in ones are not.
   */
  uint64_t challenges_larger;
  /**
   * Cookies that were right, the application's own among them.
   */
  uint64_t cookies_right;
  /**
   * Of the right ones, those made with a secret that makes no cookies any more.
   */
  uint64_t cookies_previous_secret;
  /**
   * Built-in cookies that were right once and are too old.
   */
  uint64_t cookies_expired;
  /**
   * Cookies that were wrong. An application's callback does not tell forged from expired.
   */
  uint64_t cookies_forged;
  /**
   * Clients accepted: calls of DTLSv1_listen() or dtlsv1_listen_adopt() that returned 1, and
   * clients of listeners.
   */
  uint64_t accepted;
  /**
   * HelloVerifyRequests not sent since the write BIO, or a listener's socket, would have blocked.
   */
  uint64_t writes_blocked;
  /**
   * HelloVerifyRequests not sent since the write BIO, or a listener's socket, failed.
   */
  uint64_t writes_failed;
  /**
   * ClientHellos with a right cookie that libssl did not take.
   */
  uint64_t handoffs_failed;
  /**
   * ClientHellos put together from fragments.
   */
  uint64_t hellos_gathered;
  /**
   * Handshakes whose record sequence numbers were set right.
   */
  uint64_t sequences_repaired;
  /**
   * ClientHellos with a right cookie that had more behind them in their datagram, which was
   * dropped.
   */
  uint64_t trailing_dropped;
  /**
   * Calls that returned because their budget was spent.
   */
  uint64_t budgets_spent;
  /**
   * Datagrams dropped: shorter than a record header, 13 bytes.
   */
  uint64_t discards_record_too_small;
  /**
   * Dropped: content type other than handshake.
   */
  uint64_t discards_not_handshake;
  /**
   * Dropped: record version that is not DTLS.
   */
  uint64_t discards_record_version;
  /**
   * Dropped: record longer than its datagram.
   */
  uint64_t discards_record_length;
  /**
   * Dropped: epoch other than 0.
   */
  uint64_t discards_epoch;
  /**
   * Dropped: handshake header cut short, or fragment length other than the rest of the record.
   */
  uint64_t discards_handshake_length;
  /**
   * Dropped: handshake message other than a ClientHello.
   */
  uint64_t discards_not_client_hello;
  /**
   * Dropped: message_seq above 1.
   */
  uint64_t discards_message_sequence;
  /**
   * Dropped: fragment without its beginning, or longer than its message.
   */
  uint64_t discards_fragment;
  /**
   * Dropped: ClientHello cut short before the end of its cookie.
   */
  uint64_t discards_hello_length;
  /**
   * Dropped: client version older than the only one that the SSL speaks.
   */
  uint64_t discards_client_version;
  /**
   * Dropped: ClientHello with a right cookie that had been accepted before, while the SSL that was
   * accepted with it lives.
   */
  uint64_t discards_repeated;
  /**
   * Cookies that the program's own callbacks made or checked, since built-in ones were wanted and
   * the read BIO does not know the peer.
   */
  uint64_t peers_unknown;
  /**
   * Reads that gave an error which was about an earlier datagram (ICMP: port, host or network
   * unreachable) and not the socket's end. The call went on.
   */
  uint64_t socket_errors;
  /**
   * Clients accepted by listeners, which `accepted` counts as well.
   */
  uint64_t listener_accepted;
  /**
   * SSLs of listeners freed, detached or left by a listener that was freed: as many less than
   * listener_accepted are there now.
   */
  uint64_t listener_closed;
  /**
   * Clients that began anew from the same port.
   */
  uint64_t listener_replaced;
  /**
   * Handshakes that took too long, or that libssl gave up.
   */
  uint64_t listener_overdue;
  /**
   * Clients that got a socket of their own.
   */
  uint64_t listener_detached;
  /**
   * ClientHellos with a right cookie that were dropped since there was no room for another
   * client.
   */
  uint64_t listener_refused;
  /**
   * ClientHellos with a right cookie that had been accepted before.
   */
  uint64_t listener_repeated;
  /**
   * Clients' datagrams that were lost since their SSL was not read from.
   */
  uint64_t listener_overflows;
  /**
   * Datagrams as clients send them, from nobody who is one.
   */
  uint64_t listener_strays;
  /**
   * Datagrams to listeners that were too long, sent to a group, or from no address.
   */
  uint64_t listener_unusable;
};

/**
 * What a listener may be told. Everything 0 is the usual. Later versions add members at the end.
 */
struct dtlsv1_listener_options {
  /**
   * sizeof(struct dtlsv1_listener_options), as the caller was compiled.
   */
  size_t size;
  /**
   * SSLs of this listener at once; 0: no bound. A client that begins anew from its port counts
   * once, though its old SSL is still there. Clients for whom there is no room are not answered
   * and ask again.
   */
  unsigned int max_clients;
  /**
   * Of those, from one IPv4 address or one IPv6 /64; 0: no bound.
   */
  unsigned int max_per_address;
  /**
   * Datagrams kept for a client that does not read, the newest of which are lost; 0: 32. With fewer
   * than a flight of the client's has (a certificate takes several), its handshake does not end.
   */
  unsigned int queue;
  /**
   * DTLSV1_NEWS_OVERDUE after so many seconds without a handshake; 0: 60.
   */
  unsigned int handshake_seconds;
  /**
   * Bytes of the longest datagram that libssl is told to send, 228 at least. 0: what every path
   * is likely to carry, 1232 (IPv6) or 1252 (IPv4).
   */
  unsigned int mtu;
  /**
   * Bytes: longer datagrams are dropped and counted. 0: 2048; at most 16397.
   */
  unsigned int max_datagram;
  /**
   * 0, or DTLSV1_LISTENER_ONE_SOCKET.
   */
  unsigned int flags;
};

/**
 * DTLSv1_listen() with a bound on the peer's address, as accept(2) has it.
 *
 * `addr`: where the client's address goes, or NULL when it is not wanted.
 *
 * `addrlen`: on entry the bytes at `addr`, on return the address's full length. It may be more
 * than there was room for: then the address is cut. 0 if the BIO knows no peer. Ignored when
 * `addr` is NULL, and may be NULL then. Unchanged unless 1 is returned.
 *
 * Returns what DTLSv1_listen() returns; also -1 for `addrlen` NULL with `addr` given.
 *
 * # Safety
 *
 * `ssl` is NULL or a live SSL that no other thread is using; `addr` is NULL or writable for
 * `*addrlen` bytes.
 */
extern int dtlsv1_listen_peer(SSL *ssl, struct sockaddr *addr, socklen_t *addrlen);

/**
 * Chooses whose cookies an SSL_CTX uses. Without a call: what DTLSV1_LISTEN_COOKIES says in the
 * environment, else DTLSV1_LISTEN_COOKIES_AUTO.
 *
 * Built-in cookies are 32 bytes (17 for a client whose first fragment has no room for more), bound to
 * the client's address and port, its version, random and session id, and to the time: valid for one to two minutes, or as
 * dtlsv1_listen_set_cookie_lifetime() says. Their secret is the one that
 * dtlsv1_listen_set_secret(), dtlsv1_listen_set_secret_file() or DTLSV1_LISTEN_SECRET_FILE gives;
 * else the process's, drawn from the system's random source when the library is loaded. That is the
 * same for every SSL_CTX, and in a child after fork(2); execve(2) draws another.
 *
 * `ctx`: may be in use by other threads. `policy`: one of DTLSV1_LISTEN_COOKIES_AUTO, _APP and
 * _BUILTIN. A change holds for hellos that come after it; a client between its two hellos loses
 * its handshake if its cookie was of the other kind.
 *
 * Returns 1, or 0 with the reason queued (`ctx` NULL, `policy` unknown, no memory).
 *
 * # Safety
 *
 * `ctx` is NULL or a live SSL_CTX.
 */
int dtlsv1_listen_set_cookie_policy(SSL_CTX *ctx,
                                    int policy);

/**
 * This library's version, such as "0.1.0". The string is static. Any thread may call it.
 */
const char *dtlsv1_listen_version(void);

/**
 * Chooses what an SSL_CTX's DTLSv1_listen() repairs. Without a call: what DTLSV1_LISTEN_REPAIR
 * says in the environment (none, all, or some of sequence, trailing and fragments, with commas
 * between them), else DTLSV1_LISTEN_REPAIR_ALL.
 *
 * `ctx`: may be in use by other threads. `repairs`: DTLSV1_LISTEN_REPAIR_NONE, or others of
 * these or'ed together. A change holds for hellos that come after it.
 *
 * Returns 1, or 0 with the reason queued (`ctx` NULL, a bit in `repairs` unknown, no memory).
 *
 * # Safety
 *
 * `ctx` is NULL or a live SSL_CTX.
 */
int dtlsv1_listen_set_repairs(SSL_CTX *ctx, unsigned int repairs);

/**
 * Gives an SSL_CTX a secret of its own for its built-in cookies, instead of the process's. Processes
 * with the same secret and lifetime accept each other's cookies.
 *
 * Called again, it rotates: cookies are made with the new secret, and those of the one before are
 * accepted until the next call. Whatever else was in force is accepted for two cookie lifetimes
 * more, so that a client between its two hellos loses nothing. The same secret twice, the second
 * time two lifetimes after the first, ends the rotation. For several hosts a file is the better
 * way: see docs/operations.md, "Rotation drill".
 *
 * `ctx`: may be in use by other threads. `secret`: `len` random bytes, from 32 to 1024, copied; the
 * copy is kept out of core dumps where the system allows it and wiped with the SSL_CTX. Wipe your
 * own. In place of DTLSV1_LISTEN_SECRET_FILE and of dtlsv1_listen_set_secret_file().
 *
 * Returns 1, or 0 with the reason queued (an argument is NULL, `len` out of range, no memory).
 *
 * # Safety
 *
 * `ctx` is NULL or a live SSL_CTX; `secret` is NULL or readable for `len` bytes.
 */
int dtlsv1_listen_set_secret(SSL_CTX *ctx,
                             const unsigned char *secret,
                             size_t len);

/**
 * Has an SSL_CTX take the secrets of its built-in cookies from a file, now and whenever it changes.
 *
 * One secret a line, in hex or base64, 32 to 1024 bytes each, at most 8; # begins a comment. The
 * first makes cookies, all are accepted. The file belongs to root or to the user that the process
 * runs as, and no other may write to it. It is looked at while clients come, once a second at
 * most; replace it with rename(2), or as Kubernetes does. What is no longer in it is accepted for
 * two cookie lifetimes more. If it is not as it must be, one line on stderr says what to do and the
 * last good secrets stay in force.
 *
 * `ctx`: may be in use by other threads. `path`: copied; a relative one is one from the working
 * directory of now. In place of DTLSV1_LISTEN_SECRET_FILE and of dtlsv1_listen_set_secret().
 *
 * Returns 1, or 0 with the reason queued (an argument is NULL, no memory, the file is not as it
 * must be). In the last case the file is watched all the same: until it is right, the secrets that
 * were in force stay so, and if there were none, DTLSv1_listen() returns -1.
 *
 * # Safety
 *
 * `ctx` is NULL or a live SSL_CTX; `path` is NULL or ends in a zero byte.
 */
int dtlsv1_listen_set_secret_file(SSL_CTX *ctx, const char *path);

/**
 * Sets how long built-in cookies live: at least `seconds` after they were made, and less than twice
 * as long. Without a call: what DTLSV1_LISTEN_COOKIE_LIFETIME says in the environment, else 60.
 *
 * The clocks of hosts that share a secret may differ by half of it, and leave the other half for
 * the client to come back in. Hosts that share a secret have the same lifetime.
 *
 * `ctx`: may be in use by other threads, but a client between its two hellos loses its handshake by
 * a change: call it before the first DTLSv1_listen(). `seconds`: from 1 to 86400.
 *
 * Returns 1, or 0 with the reason queued (`ctx` NULL, `seconds` out of range, no memory).
 *
 * # Safety
 *
 * `ctx` is NULL or a live SSL_CTX.
 */
int dtlsv1_listen_set_cookie_lifetime(SSL_CTX *ctx, unsigned int seconds);

/**
 * A ready-made callback for SSL_CTX_set_cookie_generate_cb(): writes a built-in cookie that is
 * bound to the peer (as the SSL's read BIO gives it, or dtlsv1_listen_set_peer() named it) and to
 * the time.
 *
 * `cookie`: room for 32 bytes. `cookie_len`: set to 32.
 *
 * Returns 1, or 0 with the reason queued (an argument is NULL, the peer is not known, no random
 * bytes, no memory, no good secret file).
 *
 * # Safety
 *
 * `ssl` is NULL or a live SSL that no other thread is using; `cookie` and `cookie_len` are NULL or
 * writable.
 */
extern int dtlsv1_listen_cookie_generate(SSL *ssl, unsigned char *cookie, unsigned int *cookie_len);

/**
 * A ready-made callback for SSL_CTX_set_cookie_verify_cb(): checks a cookie that
 * dtlsv1_listen_cookie_generate() made for the same peer, in constant time.
 *
 * `cookie`: `cookie_len` bytes, as the client sent them.
 *
 * Returns 1 if it is right, else 0: wrong, of another peer, or too old (two minutes, or twice what
 * dtlsv1_listen_set_cookie_lifetime() says). The queue says more only when the reason is not the cookie.
 *
 * # Safety
 *
 * `ssl` is NULL or a live SSL that no other thread is using; `cookie` is NULL or readable for
 * `cookie_len` bytes.
 */
extern int dtlsv1_listen_cookie_verify(SSL *ssl,
                                       const unsigned char *cookie,
                                       unsigned int cookie_len);

/**
 * Names the peer whose datagrams an SSL's read BIO yields, for BIOs that do not know: memory BIOs
 * of a program that calls recvfrom(2) itself, and custom BIOs without BIO_CTRL_DGRAM_GET_PEER.
 * Built-in cookies are bound to the peer. Without one DTLSv1_listen() asks the program's own cookie
 * callbacks, and fails if there are none.
 *
 * Call it with the sender of each datagram, before DTLSv1_listen() reads it. The name is kept with
 * the SSL until the next call, until DTLSv1_listen() accepts a client on it, or until the SSL is
 * freed; SSL_clear() does not forget it, and a copy made by SSL_dup() has none. A BIO that knows its
 * peer is believed instead. The peer argument of DTLSv1_listen() says what the BIO knows, not this.
 *
 * `ssl`: a live SSL that no other thread is using. `addr`: the sender, `len` bytes (at least the
 * family's own length, 16 for AF_INET and 28 for AF_INET6; at most 128), copied. NULL: forget.
 *
 * Returns 1, or 0 with the reason queued (`ssl` NULL, `len` out of range, an address that tells
 * nobody apart: AF_UNSPEC, or AF_UNIX without a name; no memory).
 *
 * # Safety
 *
 * `ssl` is NULL or a live SSL that no other thread is using; `addr` is NULL or readable for `len`
 * bytes.
 */
int dtlsv1_listen_set_peer(SSL *ssl,
                           const struct sockaddr *addr,
                           socklen_t len);

/**
 * Bounds one call of DTLSv1_listen(): after so many challenges it returns 0, so that a flood does
 * not hold an event loop. Without a call: what DTLSV1_LISTEN_BUDGET says in the environment, else
 * 0: as in OpenSSL, no bound.
 *
 * `ctx`: may be in use by other threads. `challenges`: HelloVerifyRequests sent in one call, where
 * a fragment that is kept until the rest of its hello comes counts as one; 0 for no bound. It
 * holds from the next call on.
 *
 * A caller that is woken for every arrival only (EPOLLET) has to go on until there is nothing
 * left to read, and 0 alone does not say so. After 0, BIO_should_read(SSL_get_rbio(ssl)) is true
 * if the read would have blocked: wait for the socket. It is false if the budget was spent or the
 * write of an answer would have blocked (nothing is queued), or a datagram was dropped (the reason
 * is queued): more may be waiting, call again.
 * With LibreSSL a spent budget looks as if there were nothing to read (-1, SSL_ERROR_WANT_READ), and
 * a datagram that is dropped counts as well: no EPOLLET with a budget there.
 *
 * A caller that is woken as long as there is something to read (poll, EPOLLET not set) need not
 * ask.
 *
 * Returns 1, or 0 with the reason queued (`ctx` NULL, no memory).
 *
 * # Safety
 *
 * `ctx` is NULL or a live SSL_CTX.
 */
int dtlsv1_listen_set_budget(SSL_CTX *ctx,
                             unsigned int challenges);

/**
 * Makes a datagram BIO with which DTLSv1_listen() reads up to 64 datagrams with one system call,
 * and answers them with one: for a socket that may be flooded.
 *
 * `fd`: a UDP socket, bound and not connected, blocking or not. It stays the caller's, who closes
 * it once the BIO is freed (or sets BIO_CLOSE), and has IP_PKTINFO or IPV6_RECVPKTINFO on from then
 * on: answers leave from the address that was written to. Nobody else should read from it.
 *
 * It is for the SSL that listens, as both its BIOs, and goes on to the next one: when a client was
 * accepted, give its SSL a BIO of its own on a socket of its own, and keep this one
 * (BIO_up_ref()). Datagrams that were read with that client's hello are still in it: while
 * BIO_pending() is more than 0, call DTLSv1_listen() with the next SSL before waiting for the
 * socket. BIO_set_fd() and BIO_ctrl_set_connected() make it an ordinary datagram BIO, and drop them.
 *
 * With it DTLSv1_listen() goes on after a datagram that it drops, while more have been read;
 * datagrams of more than 4,096 bytes are dropped (a client sends a hello of that length in
 * fragments). An answer counts as sent when it is queued, and as failed too if the kernel then
 * refuses it. In everything else, and outside of DTLSv1_listen(), it is as BIO_new_dgram()'s. It is
 * used by one thread at a time.
 *
 * Returns the BIO, to be freed by BIO_free() or with its SSL; or NULL with the reason queued (a
 * system call's is ERR_LIB_SYS, errno).
 *
 * # Safety
 *
 * None: a number that is no such socket is an error.
 */
extern BIO *dtlsv1_listen_bio_new(int fd);

/**
 * Has DTLSv1_listen() put a filter on the UDP socket that it reads from: only what may be a
 * ClientHello of a first contact comes through, and all else is dropped by the kernel, without a
 * wake-up. It is taken off when a client is accepted, and put on again by the next call. Not for
 * programs that serve clients on the socket that they listen on while they listen, or that have
 * anything else there: it would be dropped. Without a call: on if DTLSV1_LISTEN_FILTER is 1 in
 * the environment, else off.
 *
 * `ctx`: may be in use by other threads. `on`: 1, or 0 for no filter. It holds from the next call of
 * DTLSv1_listen() on, which takes a filter of its own off again. Only where the read BIO is libssl's
 * own datagram BIO on an unconnected UDP socket that has no other filter; the program's own stays.
 * Linux alone.
 *
 * Returns 1, or 0 with the reason queued (`ctx` NULL, `on` neither, no memory).
 *
 * # Safety
 *
 * `ctx` is NULL or a live SSL_CTX.
 */
int dtlsv1_listen_set_socket_filter(SSL_CTX *ctx,
                                    int on);

/**
 * Reads the process's counters. They cover every SSL_CTX and every thread, and only what goes
 * through DTLSv1_listen(), dtlsv1_listen_peer(), dtlsv1_listen_datagram(), dtlsv1_listen_adopt() and
 * listeners.
 *
 * `stats`: where they go. `size`: sizeof(struct dtlsv1_listen_stats) as the caller was compiled.
 * No more than that is written. A library that is older than the caller clears the members that it
 * does not know, and stats->size says where it ended.
 *
 * Any thread may call it, at any time. It takes no lock.
 *
 * Returns 1, or 0 with the reason queued and nothing written (`stats` NULL, `size` less than the
 * structure had in the first version).
 *
 * # Safety
 *
 * `stats` is NULL or writable for `size` bytes.
 */
int dtlsv1_listen_get_stats(struct dtlsv1_listen_stats *stats,
                            size_t size);

/**
 * Makes a listener with sockets of its own on a numeric address.
 *
 * `ctx`: a DTLS server's, of which a reference is kept until the listener is freed. Cookies are the
 * built-in ones: its cookie callbacks are not called, and DTLSV1_LISTEN_COOKIES_APP is an error.
 *
 * `local`, `len`: a struct sockaddr_in or sockaddr_in6. The IPv6 address `::` serves IPv4 as well.
 * With the wildcard addresses, answers leave from the address that was written to. Port 0 takes a
 * free one. A port that somebody has, another listener too, is an error.
 *
 * `options`: NULL for the usual. Read in the call alone.
 *
 * Returns the listener, or NULL with the reason queued (a system call's is ERR_LIB_SYS, errno).
 *
 * # Safety
 *
 * `ctx` is NULL or a live SSL_CTX; `local` is NULL or readable for `len` bytes; `options` is NULL or
 * readable for its own `size`.
 */
struct dtlsv1_listener *dtlsv1_listener_bind(SSL_CTX *ctx,
                                             const struct sockaddr *local,
                                             socklen_t len,
                                             const struct dtlsv1_listener_options *options);

/**
 * Makes `n` listeners on one address, one for each of n threads. A client always comes to the same
 * one, by its port. All are there before any of them hears a datagram, and their number does not
 * change: freeing one of them cuts its clients off, and may mix up the others'.
 *
 * `listeners`: where they go, in order. `n`: 1 to 1024. The rest is as for dtlsv1_listener_bind().
 *
 * Returns 1, or 0 with the reason queued and nothing written.
 *
 * # Safety
 *
 * As for dtlsv1_listener_bind(); `listeners` is NULL or writable for `n` pointers.
 */
int dtlsv1_listener_bind_group(SSL_CTX *ctx,
                               const struct sockaddr *local,
                               socklen_t len,
                               const struct dtlsv1_listener_options *options,
                               struct dtlsv1_listener **listeners,
                               unsigned int n);

/**
 * Makes a listener on a UDP socket of the caller's, which is bound: systemd's, or a privileged
 * parent's.
 *
 * `fd`: stays the caller's, who closes it once the listener is freed. It becomes non-blocking, and
 * is read by the listener alone. It is joined by two sockets more (see DTLSV1_LISTENER_ONE_SOCKET) if
 * it was bound with SO_REUSEPORT and nobody else has a socket on its address, as sock_diag(7) or
 * /proc/net/udp tells. The rest is as for dtlsv1_listener_bind().
 *
 * # Safety
 *
 * As for dtlsv1_listener_bind().
 */
struct dtlsv1_listener *dtlsv1_listener_new(SSL_CTX *ctx,
                                            int fd,
                                            const struct dtlsv1_listener_options *options);

/**
 * One descriptor for poll, epoll, libuv or libevent: readable when dtlsv1_listener_run() has
 * something to do, timers included, and while dtlsv1_listener_next() has more than was taken;
 * level-triggered. Who watches its edges (EPOLLET) is woken for both again, if each wake is answered
 * with dtlsv1_listener_run() or dtlsv1_listener_accept(). It is the listener's: never read or close it.
 *
 * Returns it, or -1 for NULL.
 *
 * # Safety
 *
 * `listener` is NULL or a live listener.
 */
int dtlsv1_listener_fd(const struct dtlsv1_listener *listener);

/**
 * Where a listener is bound: with the port that the kernel chose for 0. `addr`, `addrlen`: as for
 * dtlsv1_listener_peer().
 *
 * Returns 1, or 0 with the reason queued (NULL).
 *
 * # Safety
 *
 * `listener` is NULL or a live listener; `addrlen` is NULL or readable and writable, and `addr` is
 * NULL or writable for as many bytes.
 */
int dtlsv1_listener_address(const struct dtlsv1_listener *listener,
                            struct sockaddr *addr,
                            socklen_t *addrlen);

/**
 * Waits up to `timeout_ms` milliseconds (0: not at all; negative: for ever; not at all while
 * dtlsv1_listener_next() has something). Then it reads a bounded number of datagrams, answers
 * strangers, keeps for its clients what they sent, and repeats what libssl's timers ask for.
 *
 * libssl's callbacks of the program may run in it, but for those that make and check cookies.
 *
 * Returns 1: dtlsv1_listener_next() has something. 0: it has not; a signal too ends the wait so. -1:
 * the listener cannot go on, with the reason queued. Nothing that a peer sends, and no answer that
 * cannot be sent, is ever -1. Otherwise the error queue stays as it was.
 *
 * # Safety
 *
 * `listener` is NULL or a live listener that no other thread uses.
 */
int dtlsv1_listener_run(struct dtlsv1_listener *listener,
                        int timeout_ms);

/**
 * The next SSL with news; each once, until there is more.
 *
 * `news`: where the bits of DTLSV1_NEWS_... go; may be NULL.
 *
 * Returns the SSL, which is the caller's from the first time on: SSL_free() it at any time between
 * calls, and the listener forgets it. NULL: there is no more (nothing is queued).
 *
 * # Safety
 *
 * `listener` is NULL or a live listener that no other thread uses; `news` is NULL or writable.
 */
SSL *dtlsv1_listener_next(struct dtlsv1_listener *listener, int *news);

/**
 * The next new client, after a wait as in dtlsv1_listener_run(), which it calls. The others' news
 * stay for dtlsv1_listener_next().
 *
 * Returns the SSL, which is the caller's; NULL if none came in time or a signal ended the wait (nothing
 * is queued), or on failure (the reason is queued).
 *
 * # Safety
 *
 * `listener` is NULL or a live listener that no other thread uses.
 */
SSL *dtlsv1_listener_accept(struct dtlsv1_listener *listener,
                            int timeout_ms);

/**
 * Closes a listener. The SSLs that the caller has stay valid, to be freed by him: but for the
 * detached, reads give the end and writes fail. Those that he has not been told of are freed. NULL:
 * nothing happens. In a callback that runs in one of the listener's own functions, it is closed when
 * that returns.
 *
 * # Safety
 *
 * `listener` is NULL or a live listener that no other thread uses, and is not used again.
 */
void dtlsv1_listener_free(struct dtlsv1_listener *listener);

/**
 * Gives a client a connected socket of its own: for a thread, a forked child, another process.
 *
 * Nothing that the client has sent is lost, doubled or out of order by that, but for a datagram that
 * a processor has in its hands just then: it may come after those that were sent behind it, or be
 * lost, as may another client's if the listener is on all addresses. The SSL owes the listener nothing
 * from then on: it may be another thread's, and outlive the listener. Its BIO is a descriptor's,
 * blocking at first as accept(2)'s is, and as fcntl() sets it; where it blocks, libssl's timers run
 * in SSL_accept() and SSL_read() by themselves. What came before is with the SSL, where poll(2) does
 * not see it: SSL_read() until it says SSL_ERROR_WANT_READ, then wait.
 *
 * Returns the descriptor, which stays the BIO's (SSL_get_fd() gives the same), or -1 with the reason
 * queued; the SSL is as it was then.
 *
 * The kernel looks at each detached socket of the port for every datagram of a stranger, before Linux
 * 6.13 for every datagram of anybody: for hundreds of clients, not for thousands
 * (docs/operations.md). A client that begins anew from its port is not heard until its old SSL is
 * freed. The port is in use as long as the descriptor is open.
 *
 * # Safety
 *
 * `ssl` is NULL or a live SSL that no other thread uses, nor its listener.
 */
int dtlsv1_listener_detach(SSL *ssl);

/**
 * Where a client is. `addr`, `addrlen`: as for dtlsv1_listen_peer().
 *
 * Returns 1, or 0 with the reason queued (NULL; an SSL that is no listener's and was never).
 *
 * # Safety
 *
 * `ssl` is NULL or a live SSL that no other thread uses; `addrlen` is NULL or readable and writable,
 * and `addr` is NULL or writable for as many bytes.
 */
int dtlsv1_listener_peer(SSL *ssl,
                         struct sockaddr *addr,
                         socklen_t *addrlen);

/**
 * Which address of ours a client writes to. The rest is as for dtlsv1_listener_peer().
 *
 * # Safety
 *
 * As for dtlsv1_listener_peer().
 */
int dtlsv1_listener_local(SSL *ssl, struct sockaddr *addr, socklen_t *addrlen);

/**
 * Judges one datagram, without an SSL, a BIO or a socket: what DTLSv1_listen() does with each that it
 * reads.
 *
 * No lock is taken, no heap memory, and no system call made but for the clock that the kernel keeps
 * in the process (time(2), in the vDSO); apart from the first call for `ctx`, one call whenever the
 * cookies' key or the secret file changes, the parts of fragmented hellos (DTLSV1_LISTEN_KEPT), and
 * the file that DTLSV1_LISTEN_STATS asks for. Any number of threads may call it with one `ctx`.
 *
 * `ctx`: a DTLS server's. Cookies are the built-in ones, whatever callbacks it has, and they serve
 * DTLSv1_listen() too where it uses built-in ones. No callback of the program's is called.
 *
 * `datagram`, `len`: as it came. It stays the caller's; `out` may be the same memory.
 *
 * `peer`, `peer_len`: who sent it, any struct sockaddr, as recvfrom(2) gives it. The cookie vouches
 * for its address and port: give the same for both of a client's hellos.
 *
 * `out`, `out_len`: where the answer or the hello goes; `*out_len` is the room there, in bytes, and on
 * return how many were written, 0 for DTLSV1_LISTEN_DROP and DTLSV1_LISTEN_KEPT. 60 bytes are enough
 * for an answer, DTLSV1_LISTEN_OUT_MAX for any hello. An answer is never longer than the datagram.
 * For DTLSV1_LISTEN_ADMIT it is the datagram's first record alone, or the hello that was put together
 * from fragments as one record.
 *
 * Returns DTLSV1_LISTEN_DROP, DTLSV1_LISTEN_ANSWER, DTLSV1_LISTEN_ADMIT or DTLSV1_LISTEN_KEPT; or -1
 * with the reason queued and nothing written: NULL, a negative `len` (recvfrom(2) failed), `peer_len` not
 * the length of such an address, a peer without an address (AF_UNSPEC), no DTLS server's SSL_CTX,
 * DTLSV1_LISTEN_COOKIES_APP, no secret, too little room; or without a reason, if the caller's libssl is one that is not served. The error
 * queue is not emptied, and nothing is queued for what a peer sent.
 *
 * # Safety
 *
 * `ctx` is NULL or a live SSL_CTX; `datagram` is NULL or readable for `len` bytes, `peer` NULL or
 * readable for `peer_len`, `out_len` NULL or readable and writable, `out` NULL or writable for
 * `*out_len` bytes.
 */
int dtlsv1_listen_datagram(SSL_CTX *ctx,
                           const unsigned char *datagram,
                           size_t len,
                           const struct sockaddr *peer,
                           socklen_t peer_len,
                           unsigned char *out,
                           size_t *out_len);

/**
 * Gives a hello that was admitted to an SSL, so that SSL_accept() goes on from it.
 *
 * `ssl`: a DTLS server's, with a read and a write BIO of any kind. It is cleared. The BIOs are not
 * read from or written to. (LibreSSL: its handshake may write an alert, and read-ahead is switched
 * on.) It may be used by one thread at a time.
 *
 * `hello`, `len`: what DTLSV1_LISTEN_ADMIT left in `out`, or the datagram that was admitted, if the
 * hello came in one. Its cookie is checked again, so nothing unverified reaches libssl. It is good as
 * long as the cookie is, one to two lifetimes (dtlsv1_listen_set_cookie_lifetime()), also if its secret
 * was replaced meanwhile: as in DTLSv1_listen(), what was in force is accepted for two lifetimes more.
 * A secret that `ssl`'s SSL_CTX never had gives 0. It stays the caller's.
 *
 * `peer`, `peer_len`: as they were given to dtlsv1_listen_datagram().
 *
 * Returns 1: call SSL_accept(). 0: it is not, or no longer, a hello of that peer with a right cookie;
 * the SSL is as SSL_clear() leaves it and may be used again; nothing is queued. -1 with the reason
 * queued: NULL, a negative `len`, a wrong `peer_len`, no BIO, no DTLS server,
 * DTLSV1_LISTEN_COOKIES_APP, no secret, no memory; with LibreSSL, also a hello that it could not agree
 * with, which is the client's doing. What the error queue held before stays there, without its texts.
 *
 * With OpenSSL 3.2 to 4.0, if the record number of the hello is 2 or more, the SSL's write BIO gets one
 * of the library's in front that sets ServerHello's record numbers right (DTLSV1_LISTEN_REPAIR_SEQUENCE).
 * SSL_get_wbio() gives yours. A program that has loaded this library with dlopen(3) sees it there: it
 * passes on every control and holds the reference that the SSL had to your BIO, so do not give that to
 * SSL_set_bio() once more without a reference of its own.
 *
 * # Safety
 *
 * `ssl` is NULL or a live SSL that no other thread is using; `hello` is NULL or readable for `len`
 * bytes, `peer` NULL or readable for `peer_len`.
 */
int dtlsv1_listen_adopt(SSL *ssl,
                        const unsigned char *hello,
                        size_t len,
                        const struct sockaddr *peer,
                        socklen_t peer_len);

#ifdef __cplusplus
}
#endif

#endif /* DTLSV1_LISTEN_H */

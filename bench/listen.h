/*
 * DTLSv1_listen as OpenSSL and LibreSSL have it: a function, or a macro over
 * SSL_ctrl whose call gives -1 and not 0 when there is nothing to read.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef LISTEN_H
#define LISTEN_H

#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/ssl.h>

#ifdef LIBRESSL_VERSION_NUMBER
#define LISTEN(ssl, peer) \
	((int)SSL_ctrl(ssl, DTLS_CTRL_LISTEN, 0, (struct sockaddr_storage *)(peer)))
#define NOTHING_YET (-1)
#else
#define LISTEN(ssl, peer) DTLSv1_listen(ssl, (BIO_ADDR *)(struct sockaddr_storage *)(peer))
#define NOTHING_YET       0
#endif

#endif

/*
 * What the C tests take from OpenSSL's headers and LibreSSL's have not: in front of LibreSSL's own (run.sh).
 */

#ifndef LIBRESSL_CTESTS_SSL_H
#define LIBRESSL_CTESTS_SSL_H

#include_next <openssl/ssl.h>
#include <openssl/err.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef void BIO_ADDR; /* a sockaddr_storage */

#define BIO_ADDR_new()           ((BIO_ADDR *)calloc(1, sizeof(struct sockaddr_storage)))
#define BIO_ADDR_free(address)   free(address)
#define BIO_ADDR_family(address) ((int)((const struct sockaddr *)(address))->sa_family)
#define BIO_ADDR_rawport(address) \
	(((const struct sockaddr_in *)(address))->sin_port) /* in6's is in the same place */

static inline int
BIO_ADDR_rawaddress(const BIO_ADDR *address, void *to, size_t *len)
{
	int is_4 = BIO_ADDR_family(address) == AF_INET;

	*len = is_4 ? sizeof(struct in_addr) : sizeof(struct in6_addr);
	memcpy(to,
	    is_4 ? (const void *)&((const struct sockaddr_in *)address)->sin_addr :
		   (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr,
	    *len);
	return 1;
}

/*
 * The function is ours alone; programs on LibreSSL call the macro. What it gives where there is no client yet is told as
 * OpenSSL does, for tests of anything else.
 */
#undef DTLSv1_listen
int DTLSv1_listen(SSL *ssl, BIO_ADDR *peer);

static inline int
listen_as_in_openssl(SSL *ssl, BIO_ADDR *peer)
{
	int ret = DTLSv1_listen(ssl, peer);

	return ret == -1 && ERR_peek_error() == 0 &&
		SSL_get_error(ssl, ret) == SSL_ERROR_WANT_READ ?
	    0 :
	    ret;
}
#define DTLSv1_listen(ssl, peer) listen_as_in_openssl(ssl, peer)

#undef BIO_ctrl_set_connected
#define BIO_ctrl_set_connected(bio, peer) BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, peer)
#ifndef DTLS1_2_VERSION
#define DTLSv1_2_server_method() NULL
#define SSL_is_dtls(ssl)         (SSL_version(ssl) >> 8 == 0xfe)
#endif
#ifndef DTLS_set_link_mtu
#define DTLS_set_link_mtu(ssl, mtu) SSL_set_mtu(ssl, (mtu) - 28)
#endif
#ifndef SSL3_RT_HEADER
#define SSL3_RT_HEADER 0x100
#endif
#ifndef ERR_R_PASSED_INVALID_ARGUMENT
#define ERR_R_PASSED_INVALID_ARGUMENT 7
#endif
#ifndef SSL_R_FRAGMENTED_CLIENT_HELLO
#define SSL_R_COOKIE_GEN_CALLBACK_FAILURE 400
#define SSL_R_FRAGMENTED_CLIENT_HELLO     401
#define SSL_R_INVALID_SEQUENCE_NUMBER     402
#define SSL_R_NO_VERIFY_COOKIE_CALLBACK   403
#endif

#endif

#include "tls.h"
#include "check.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

/* LibreSSL before DTLS 1.2 takes no handshake with a key of another kind. */
#if defined(LIBRESSL_VERSION_NUMBER) && !defined(DTLS1_2_VERSION)
#define KEY_TYPE         EVP_PKEY_RSA
#define KEY_OF_TYPE(gen) EVP_PKEY_CTX_set_rsa_keygen_bits((gen), 2048)
#else
#define KEY_TYPE         EVP_PKEY_EC
#define KEY_OF_TYPE(gen) EVP_PKEY_CTX_set_ec_paramgen_curve_nid((gen), NID_X9_62_prime256v1)
#endif

static EVP_PKEY *
make_key(void)
{
	EVP_PKEY_CTX *gen = EVP_PKEY_CTX_new_id(KEY_TYPE, NULL);
	EVP_PKEY *key = NULL;

	NEED(gen != NULL && EVP_PKEY_keygen_init(gen) > 0);
	NEED(KEY_OF_TYPE(gen) > 0);
	NEED(EVP_PKEY_keygen(gen, &key) > 0);
	EVP_PKEY_CTX_free(gen);
	return key;
}

static X509 *
make_cert(EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_NAME_new();

	NEED(cert != NULL && name != NULL);
	NEED(X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_ASC, (const unsigned char *)"ctests", -1, -1, 0));
	NEED(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1));
	NEED(X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL);
	NEED(X509_gmtime_adj(X509_getm_notAfter(cert), 86400) != NULL);
	NEED(X509_set_subject_name(cert, name));
	NEED(X509_set_issuer_name(cert, name));
	NEED(X509_set_pubkey(cert, key));
	NEED(X509_sign(cert, key, EVP_sha256()) > 0);
	X509_NAME_free(name);
	return cert;
}

/* Deprecated since 1.1.0, called by programs ever since, gone in 4.0. */
const SSL_METHOD *
tls_dtls12_method(void)
{
#if OPENSSL_VERSION_NUMBER >= 0x40000000L
	return NULL;
#else
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	return DTLSv1_2_server_method();
#pragma GCC diagnostic pop
#endif
}

SSL_CTX *
tls_server_ctx_of(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);
	EVP_PKEY *key = make_key();
	X509 *cert = make_cert(key);

	NEED(ctx != NULL);
	NEED(SSL_CTX_use_certificate(ctx, cert) == 1);
	NEED(SSL_CTX_use_PrivateKey(ctx, key) == 1);
	X509_free(cert);
	EVP_PKEY_free(key);
	return ctx;
}

SSL_CTX *
tls_server_ctx(void)
{
	return tls_server_ctx_of(DTLS_server_method());
}

SSL *
tls_server(SSL_CTX *ctx)
{
	SSL *ssl = SSL_new(ctx);

	NEED(ssl != NULL);
	return ssl;
}

SSL *
tls_server_on(SSL_CTX *ctx, BIO *rbio, BIO *wbio)
{
	SSL *ssl = tls_server(ctx);

	SSL_set_bio(ssl, rbio, wbio);
	/* A BIO that is no socket knows no MTU. */
	SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
	(void)DTLS_set_link_mtu(ssl, 1400);
	if (SSL_is_dtls(ssl))
		tls_patient(ssl);
	return ssl;
}

SSL *
tls_server_wire(SSL_CTX *ctx, struct wire *wire)
{
	BIO *b = wire_bio(wire, NULL, 0);

	return tls_server_on(ctx, b, b);
}

int
listen_to(SSL *ssl, void *peer)
{
	return DTLSv1_listen(ssl, (BIO_ADDR *)peer);
}

void
stepper_init(struct stepper *s)
{
	BIO *b;

	memset(s, 0, sizeof(*s));
	wire_init(&s->wire);
	s->ctx = tls_client_ctx();
	s->ssl = SSL_new(s->ctx);
	NEED(s->ssl != NULL);
	b = wire_bio(&s->wire, NULL, 0);
	SSL_set_bio(s->ssl, b, b);
	tls_client_mtu(s->ssl);
	tls_patient(s->ssl);
	SSL_set_connect_state(s->ssl);
}

void
stepper_free(struct stepper *s)
{
	SSL_free(s->ssl);
	SSL_CTX_free(s->ctx);
}

int
stepper_step(struct stepper *s)
{
	int ret = SSL_do_handshake(s->ssl);

	if (ret != 1)
		CHECK_INT(SSL_get_error(s->ssl, ret), SSL_ERROR_WANT_READ);
	return ret == 1;
}

void
port_give(struct port *p, const void *bytes, size_t len)
{
	if (p->wire != NULL)
		queue_put(&p->wire->in, bytes, len);
	else
		NEED(BIO_write(p->rmem, bytes, (int)len) == (int)len);
}

size_t
port_take(struct port *p, void *out, size_t room)
{
	struct datagram *d;
	int n;

	if (p->wire == NULL) {
		n = BIO_read(p->wmem, out, (int)room);
		return n > 0 ? (size_t)n : 0;
	}
	if ((d = queue_get(&p->wire->out)) == NULL)
		return 0;
	NEED(d->len <= room);
	memcpy(out, d->byte, d->len);
	return d->len;
}

void
port_to_server(struct port *p, struct stepper *s)
{
	struct datagram *d;

	while ((d = queue_get(&s->wire.out)) != NULL)
		port_give(p, d->byte, d->len);
}

void
port_to_client(struct port *p, struct stepper *s)
{
	unsigned char bytes[WIRE_MAX];
	size_t n;

	while ((n = port_take(p, bytes, sizeof(bytes))) > 0)
		queue_put(&s->wire.in, bytes, n);
}

static void
one_way(SSL *from, SSL *to, struct port *p, struct stepper *s, const char *say)
{
	char heard[64];
	int n, len = (int)strlen(say);

	CHECK_INT(SSL_write(from, say, len), len);
	port_to_server(p, s);
	port_to_client(p, s);
	n = SSL_read(to, heard, sizeof(heard));
	CHECK_INT(n, len);
	if (n == len)
		CHECK_BYTES(heard, say, (size_t)len);
}

void
port_finish(struct port *p, struct stepper *s, SSL *server)
{
	int done = 0, client_done = 0, round, ret;

	for (round = 0; round < 20 && !(done && client_done); round++) {
		if (!done) {
			ret = SSL_accept(server);
			done = ret == 1;
			if (!done && SSL_get_error(server, ret) != SSL_ERROR_WANT_READ)
				break;
		}
		port_to_client(p, s);
		client_done = stepper_step(s);
		port_to_server(p, s);
	}
	CHECK(done);
	CHECK(client_done);
	if (!done || !client_done) {
		ERR_print_errors_fp(stderr);
		return;
	}
	one_way(s->ssl, server, p, s, "to the server");
	one_way(server, s->ssl, p, s, "to the client");
}

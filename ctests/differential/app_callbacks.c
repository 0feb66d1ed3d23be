/* The application's callbacks: they log what they are given and answer as the case says. */

#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>

#include "run.h"

static int
same_bio(SSL *ssl)
{
	return SSL_get_rbio(ssl) == running->rbio;
}

/* An error of the application's own, which nobody may lose. */
static void
raise_error(int wanted)
{
	if (wanted)
		ERR_put_error(ERR_LIB_USER, 0, 100 + wanted, __FILE__, __LINE__);
}

/* What s_server's callbacks do: ask the SSL's read BIO who the peer is. */
static long
ask_peer(SSL *ssl, struct sockaddr_storage *address, size_t *len)
{
	BIO *bio = SSL_get_rbio(ssl);
	long known;

	memset(address, 0, sizeof(*address));
	known = bio != NULL ? BIO_dgram_get_peer(bio, address) : -2;
	*len = known > 0 ? script_peer_len(address->ss_family) : 0;
	return known;
}

int
app_generate(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	const struct dcase *c = running->c;
	struct sockaddr_storage address;
	size_t address_len;
	long peer = ask_peer(ssl, &address, &address_len);
	int returned = c->generate == GENERATE_FAILS ? 0 : c->generate_result;

	memcpy(cookie, c->cookie, case_cookie_len(c));
	*len = (unsigned int)c->generate_len;
	raise_error(c->generate_raises);
	running->trace.generated = returned != 0 && *len <= MAX_COOKIE;
	LOG(running->log, EVENT_GENERATE, &address, address_len, returned, *len,
	    ssl == running->ssl, same_bio(ssl), peer);
	return returned;
}

int
app_verify(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	const struct dcase *c = running->c;
	struct sockaddr_storage address;
	size_t address_len;
	long peer = ask_peer(ssl, &address, &address_len);
	int right = len == case_cookie_len(c) && memcmp(cookie, c->cookie, len) == 0;

	running->verify_calls++;
	if (c->verify == VERIFY_ALWAYS)
		right = 1;
	if (c->verify == VERIFY_NEVER || (c->verify == VERIFY_ONCE && running->verify_calls > 1))
		right = 0;
	if (right)
		right = c->verify_result;
	raise_error(c->verify_raises);
	running->trace.verified = right != 0;
	LOG(running->log, EVENT_VERIFY, cookie, len, right, ssl == running->ssl, same_bio(ssl));
	LOG(running->log, EVENT_VERIFY_PEER, &address, address_len, peer);
	return right;
}

/* `arg` points into an array of marks; its place there is what is logged. */
void
app_message(int sent, int version, int type, const void *bytes, size_t len, SSL *ssl, void *arg)
{
	long argument = arg == NULL ? -1 : (long)*(const unsigned char *)arg;

	LOG(running->log, EVENT_MSG, bytes, len, sent, version, type, argument,
	    same_bio(ssl) + 2 * (ssl == running->ssl));
}

void
app_info(const SSL *ssl, int where, int value)
{
	(void)ssl;
	LOG(running->log, EVENT_INFO, NULL, 0, where, value);
}

int
app_client_hello(SSL *ssl, int *alert, void *arg)
{
	(void)alert;
	(void)arg;
	LOG(running->log, EVENT_HELLO, NULL, 0, ssl == running->ssl, same_bio(ssl));
	return SSL_CLIENT_HELLO_SUCCESS;
}

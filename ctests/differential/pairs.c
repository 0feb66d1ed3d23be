#include <string.h>

#include <openssl/err.h>

#include "identity.h"
#include "pairs.h"
#include "run.h"
#include "side.h"
#include "sockets.h"

struct pair_end pair_end;

/* On a BIO of this program's, for every kind of peer; on a socket, where hellos in fragments are put together. */
static struct pair pairs[2][METHODS];

static int
end_read(BIO *bio, char *to, int room)
{
	size_t n = pair_end.len < (size_t)room ? pair_end.len : (size_t)room;

	BIO_clear_retry_flags(bio);
	if (!pair_end.waiting) {
		BIO_set_retry_read(bio);
		return -1;
	}
	pair_end.waiting = 0;
	memcpy(to, pair_end.in, n);
	return (int)n;
}

static int
end_write(BIO *bio, const char *from, int len)
{
	BIO_clear_retry_flags(bio);
	pair_end.writes++;
	pair_end.written = (size_t)len;
	if (pair_end.written <= sizeof(pair_end.out))
		memcpy(pair_end.out, from, pair_end.written);
	return len;
}

static long
end_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	if (command == BIO_CTRL_DGRAM_GET_PEER) {
		memcpy(pointer, pair_end.peer, pair_end.peer_len);
		return (long)pair_end.peer_len;
	}
	return command == BIO_CTRL_FLUSH;
}

static BIO *
end_bio(void)
{
	static BIO_METHOD *method;
	BIO *bio;

	if (method == NULL) {
		method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "one datagram");
		BIO_meth_set_read(method, end_read);
		BIO_meth_set_write(method, end_write);
		BIO_meth_set_ctrl(method, end_ctrl);
	}
	bio = BIO_new(method);
	BIO_set_init(bio, 1);
	return bio;
}

struct pair *
pair_of(int socket, int method)
{
	unsigned int repairs = socket ? REPAIR_ALL : REPAIR_ALL & ~REPAIR_FRAGMENTS;
	struct pair *pair = &pairs[socket][method];
	BIO *bio;

	if (pair->ctx[0] != NULL)
		return pair;
	for (int i = 0; i < 2; i++) {
		pair->ctx[i] = SSL_CTX_new(sides_method(method));
		if (pair->ctx[i] == NULL || !identity_install(pair->ctx[i]) ||
		    ours.set_policy(pair->ctx[i], POLICY_BUILTIN) != 1 ||
		    ours.set_repairs(pair->ctx[i], repairs) != 1 ||
		    (pair->ssl[i] = ours.new_ssl(pair->ctx[i])) == NULL)
			return NULL;
	}
	SSL_set_bio(pair->ssl[0], BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	bio = socket ? BIO_new_dgram(sockets_server(0), BIO_NOCLOSE) : end_bio();
	SSL_set_bio(pair->ssl[1], bio, bio);
	pair->socket = socket;
	return pair;
}

void
pairs_close(void)
{
	for (int m = 0; m < 2 * METHODS; m++)
		for (int i = 0; i < 2; i++) {
			SSL_free(pairs[m / METHODS][m % METHODS].ssl[i]);
			SSL_CTX_free(pairs[m / METHODS][m % METHODS].ctx[i]);
		}
	memset(pairs, 0, sizeof(pairs));
}

int
pair_listened(struct pair *pair, const unsigned char *bytes, size_t len)
{
	int returned, queued;
	long n;

	pair_end.in = bytes;
	pair_end.len = len;
	pair_end.waiting = 1;
	pair_end.writes = 0;
	pair_end.written = 0;
	ERR_clear_error();
	if (pair->socket) {
		sockets_drain(0);
		sockets_send(0, bytes, len);
	}
	returned = ours.listen(pair->ssl[1], NULL);
	if (pair->socket && (n = sockets_receive(0, pair_end.out, sizeof(pair_end.out))) >= 0) {
		pair_end.writes++;
		pair_end.written = (size_t)n;
	}
	queued = ERR_peek_error() != 0;
	ERR_clear_error();
	if (returned != 0)
		return returned == 1 && pair_end.writes == 0 ? ADMIT : -1;
	if (queued)
		return pair_end.writes == 0 ? DROP : -2;
	return pair_end.writes == 0 ? KEPT : pair_end.writes == 1 ? ANSWER : -2;
}

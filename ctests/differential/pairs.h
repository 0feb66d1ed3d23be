/* Two SSL_CTXs of each kind, that share the process's secret: one to give datagrams to, one to listen with. */

#ifndef DIFFERENTIAL_PAIRS_H
#define DIFFERENTIAL_PAIRS_H

#include <stddef.h>
#include <sys/socket.h>

#include <openssl/ssl.h>

enum {
	POLICY_BUILTIN = 2,
	REPAIR_ALL = 7,
	REPAIR_FRAGMENTS = 4,
	MOST = 16384 + 13,
	OUT_MAX = MOST
};
enum { DROP, ANSWER, ADMIT, KEPT, VERDICTS }; /* DTLSV1_LISTEN_* */

/* What the BIO of the listening side has. */
struct pair_end {
	const unsigned char *in;
	size_t len;
	int waiting;
	unsigned char out[MOST];
	size_t written;
	unsigned int writes;
	unsigned char peer[sizeof(struct sockaddr_storage)];
	size_t peer_len;
};
extern struct pair_end pair_end;

struct pair {
	SSL_CTX *ctx[2]; /* for datagrams; to listen with */
	SSL *ssl[2];     /* to adopt with; to listen with */
	int socket;
};

/* NULL: it could not be made. */
struct pair *pair_of(int socket, int method);
void pairs_close(void);

/* What DTLSv1_listen() comes to. -1: our side failed, as it does where libssl does not take the hello. */
int pair_listened(struct pair *pair, const unsigned char *bytes, size_t len);

#endif

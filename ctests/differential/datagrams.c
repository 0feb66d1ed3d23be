/*
 * dtlsv1_listen_datagram() and dtlsv1_listen_adopt() against DTLSv1_listen(), both ours, with built-in cookies. Each
 * datagram goes to both, on SSL_CTXs of their own that share the process's secret; verdict, answer and hello have to be
 * the same. Each answer's cookie is put into the hello, which then goes to both again, now and then in fragments.
 */

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>

#include "datagrams.h"
#include "generate.h"
#include "hello.h"
#include "identity.h"
#include "mutate.h"
#include "run.h"
#include "side.h"
#include "sockets.h"

enum { POLICY_BUILTIN = 2, REPAIR_ALL = 7, REPAIR_FRAGMENTS = 4, MOST = 16384 + 13, OUT_MAX = MOST };
enum { DROP, ANSWER, ADMIT, KEPT, VERDICTS };	/* DTLSV1_LISTEN_* */

static const char *const verdict_names[VERDICTS] = {"drop", "answer", "admit", "kept"};
static unsigned long seen[VERDICTS], refused_by_libssl;

/* What the BIO of the listening side has. */
static struct {
	const unsigned char *in;
	size_t len;
	int waiting;
	unsigned char out[MOST];
	size_t written;
	unsigned int writes;
	unsigned char peer[sizeof(struct sockaddr_storage)];
	size_t peer_len;
} end;

struct pair {
	SSL_CTX *ctx[2];	/* for datagrams; to listen with */
	SSL *ssl[2];		/* to adopt with; to listen with */
	int socket;
};
/* On a BIO of this program's, for every kind of peer; on a socket, where hellos in fragments are put together. */
static struct pair pairs[2][METHODS];

static int
end_read(BIO *bio, char *to, int room)
{
	size_t n = end.len < (size_t)room ? end.len : (size_t)room;

	BIO_clear_retry_flags(bio);
	if (!end.waiting) {
		BIO_set_retry_read(bio);
		return -1;
	}
	end.waiting = 0;
	memcpy(to, end.in, n);
	return (int)n;
}

static int
end_write(BIO *bio, const char *from, int len)
{
	BIO_clear_retry_flags(bio);
	end.writes++;
	end.written = (size_t)len;
	if (end.written <= sizeof(end.out))
		memcpy(end.out, from, end.written);
	return len;
}

static long
end_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	if (command == BIO_CTRL_DGRAM_GET_PEER) {
		memcpy(pointer, end.peer, end.peer_len);
		return (long)end.peer_len;
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

static struct pair *
pair_of(int socket, int method)
{
	unsigned int repairs = socket ? REPAIR_ALL : REPAIR_ALL & ~REPAIR_FRAGMENTS;
	struct pair *pair = &pairs[socket][method];
	BIO *bio;

	if (pair->ctx[0] != NULL)
		return pair;
	for (int i = 0; i < 2; i++) {
		pair->ctx[i] = SSL_CTX_new(sides_method(method));
		if (pair->ctx[i] == NULL || !identity_install(pair->ctx[i]) || ours.set_policy(pair->ctx[i], POLICY_BUILTIN) != 1 ||
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

static void
close_pairs(void)
{
	for (int m = 0; m < 2 * METHODS; m++)
		for (int i = 0; i < 2; i++) {
			SSL_free(pairs[m / METHODS][m % METHODS].ssl[i]);
			SSL_CTX_free(pairs[m / METHODS][m % METHODS].ctx[i]);
		}
	memset(pairs, 0, sizeof(pairs));
}

/* What DTLSv1_listen() comes to. -1: our side failed, as it does where libssl does not take the hello. */
static int
listened(struct pair *pair, const unsigned char *bytes, size_t len)
{
	int returned, queued;
	long n;

	end.in = bytes;
	end.len = len;
	end.waiting = 1;
	end.writes = 0;
	end.written = 0;
	ERR_clear_error();
	if (pair->socket) {
		sockets_drain(0);
		sockets_send(0, bytes, len);
	}
	returned = ours.listen(pair->ssl[1], NULL);
	if (pair->socket && (n = sockets_receive(0, end.out, sizeof(end.out))) >= 0) {
		end.writes++;
		end.written = (size_t)n;
	}
	queued = ERR_peek_error() != 0;
	ERR_clear_error();
	if (returned != 0)
		return returned == 1 && end.writes == 0 ? ADMIT : -1;
	if (queued)
		return end.writes == 0 ? DROP : -2;
	return end.writes == 0 ? KEPT : end.writes == 1 ? ANSWER : -2;
}

static unsigned char out[OUT_MAX];
static size_t out_len;

static int
judged(struct pair *pair, const unsigned char *bytes, size_t len)
{
	int verdict;

	out_len = sizeof(out);
	verdict = ours.datagram(pair->ctx[0], bytes, len, (const struct sockaddr *)end.peer, (socklen_t)end.peer_len, out, &out_len);
	return ERR_peek_error() != 0 ? -3 : verdict;
}

/* What is admitted is the first record; or one that was put together, a whole hello. */
static int
is_right_hello(const unsigned char *bytes, size_t len)
{
	size_t record = 13 + hello_number(bytes + AT_RECORD_LENGTH, 2);

	if (len >= 25 && out_len >= 25 && (hello_number(bytes + AT_OFFSET, 3) != 0 ||
	    hello_number(bytes + AT_LENGTH, 3) != hello_number(bytes + AT_FRAGMENT, 3)))
		return hello_number(out + AT_OFFSET, 3) == 0 && 13 + hello_number(out + AT_RECORD_LENGTH, 2) == out_len;
	return out_len == record && record <= len && memcmp(out, bytes, record) == 0;
}

static int
same_once(struct pair *pair, const unsigned char *bytes, size_t len, int *verdict)
{
	int wanted = listened(pair, bytes, len), got = judged(pair, bytes, len), adopted = 1;

	*verdict = got;
	if (got == ADMIT) {
		adopted = ours.adopt(pair->ssl[0], out, out_len, (const struct sockaddr *)end.peer, (socklen_t)end.peer_len);
		ERR_clear_error();
		if (!is_right_hello(bytes, len))
			return 0;
	}
	if (wanted == -1 && got == ADMIT && adopted == -1) {
		refused_by_libssl++;
		return 1;
	}
	if (wanted != got || adopted != 1)
		return 0;
	return got == ANSWER ? out_len == end.written && memcmp(out, end.out, out_len) == 0 : got == ADMIT || out_len == 0;
}

/* Twice, as the secret's time may run on between the two. Fragments cannot be had again. */
static int
same(struct pair *pair, const unsigned char *bytes, size_t len, int *verdict)
{
	int fine = same_once(pair, bytes, len, verdict) || same_once(pair, bytes, len, verdict);

	if (fine) {
		seen[*verdict]++;
		return 1;
	}
	printf("\nDIVERGENCE: DTLSv1_listen comes to %d, dtlsv1_listen_datagram to %d; %zu bytes:\n", listened(pair, bytes, len),
	    *verdict, len);
	for (size_t i = 0; i < len && i < 600; i++)
		printf("%02x", bytes[i]);
	printf("\n");
	return 0;
}

/* The hello with the cookie of the answer in `out`. */
static unsigned char hello[MAX_DATAGRAM];

static size_t
put_cookie(const unsigned char *bytes, size_t len)
{
	memcpy(hello, bytes, len);
	return hello_set_cookie(hello, len, sizeof(hello), out + 28, out[27]);
}

static int
with_cookie(struct pair *pair, const unsigned char *bytes, size_t len)
{
	int verdict;

	return same(pair, hello, put_cookie(bytes, len), &verdict);
}

/*
 * The same from the client's socket, cut up. With a random that it never had: a hello that was accepted once is dropped
 * on a socket when it comes again, and admitted again without one.
 */
static int
in_fragments(struct pair *pair, struct prng *prng, const unsigned char *bytes, size_t len)
{
	static unsigned char piece[MAX_DATAGRAM], fresh[MAX_DATAGRAM];
	static unsigned long long count;
	unsigned int most = 1 + prng_below(prng, 300);
	size_t n, from = 0, made;
	int verdict;

	if (pair == NULL)
		return 0;
	memset(end.peer, 0, sizeof(end.peer));
	end.peer_len = sockets_peer(0, end.peer);
	memcpy(fresh, bytes, len);
	hello_put(fresh + AT_RANDOM, 8, ++count);
	if (judged(pair, fresh, len) != ANSWER)
		return 1;
	n = put_cookie(fresh, len);
	for (unsigned int number = 0; number < 12; number++) {
		made = mutate_fragment(hello, n, from, number == 11 ? n : most, number, piece);
		if (made == 0)
			break;
		if (!same(pair, piece, made, &verdict))
			return 0;
		from += most;
	}
	return 1;
}

static int
one(int method, int peer, struct prng *prng, const unsigned char *bytes, size_t len)
{
	static struct dcase who;
	struct pair *pair;
	int verdict;

	if (method == METHOD_TLS || method == METHOD_DTLS_CLIENT || !sides_have_method(method))
		method = METHOD_DTLS;
	if ((pair = pair_of(0, method)) == NULL) {
		fprintf(stderr, "differential: cannot set up an SSL_CTX\n");
		return 0;
	}
	who.peer = peer > PEER_UNKNOWN ? PEER_INET : peer;
	memset(end.peer, 0, sizeof(end.peer));
	end.peer_len = script_peer(&who, end.peer);
	if (!same(pair, bytes, len, &verdict))
		return 0;
	if (verdict != ANSWER)
		return 1;
	return prng_chance(prng, 20) ? in_fragments(pair_of(1, method), prng, bytes, len) : with_cookie(pair, bytes, len);
}

static int
run_corpus(struct prng *prng)
{
	static unsigned char bytes[MAX_DATAGRAM];
	int verdict;

	for (size_t i = 0; i < corpus_count(); i++) {
		size_t len = corpus_get(i, bytes, sizeof(bytes));

		for (int method = 0; method < METHODS; method++)
			for (int peer = 0; peer <= PEER_UNKNOWN; peer++)
				if (!one(method, peer, prng, bytes, len))
					return 0;
	}
	/* One of no bytes, which a socket alone has. */
	return same(pair_of(1, METHOD_DTLS), bytes, 0, &verdict);
}

int
datagrams_run(uint64_t seed, unsigned long cases)
{
	static struct dcase c;
	struct prng prng = prng_for(seed, ~(uint64_t)0);
	unsigned long number = 0, sum = 0;
	int fine = run_corpus(&prng);

	for (; fine && number < cases; number++) {
		generate_case(&c, seed, number);
		for (size_t i = 0; fine && i < c.nreads; i++)
			if (c.reads[i].kind == READ_DATA)
				fine = one(c.method, c.peer, &prng, c.pool + c.reads[i].at, c.reads[i].len);
	}
	if (!fine)
		printf("in case %lu of seed %llu\n", number - 1, (unsigned long long)seed);
	for (int i = 0; i < VERDICTS; i++) {
		printf("%-8s %lu\n", verdict_names[i], seen[i]);
		sum += seen[i];
		if (fine && cases >= 1000 && seen[i] < cases / 1000) {
			printf("%s: too seldom\n", verdict_names[i]);
			fine = 0;
		}
	}
	printf("%lu that libssl did not take\ndatagrams: %lu the same, %d differed\n", refused_by_libssl, sum, !fine);
	close_pairs();
	return fine;
}

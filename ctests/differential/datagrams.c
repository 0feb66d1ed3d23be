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
#include "mutate.h"
#include "pairs.h"
#include "run.h"
#include "side.h"
#include "sockets.h"

static const char *const verdict_names[VERDICTS] = { "drop", "answer", "admit", "kept" };
static unsigned long seen[VERDICTS], refused_by_libssl;

static unsigned char out[OUT_MAX];
static size_t out_len;

static int
judged(struct pair *pair, const unsigned char *bytes, size_t len)
{
	int verdict;

	out_len = sizeof(out);
	verdict = ours.datagram(pair->ctx[0], bytes, len, (const struct sockaddr *)pair_end.peer,
	    (socklen_t)pair_end.peer_len, out, &out_len);
	return ERR_peek_error() != 0 ? -3 : verdict;
}

/* What is admitted is the first record; or one that was put together, a whole hello. */
static int
is_right_hello(const unsigned char *bytes, size_t len)
{
	size_t record = 13 + hello_number(bytes + AT_RECORD_LENGTH, 2);

	if (len >= 25 && out_len >= 25 &&
	    (hello_number(bytes + AT_OFFSET, 3) != 0 ||
		hello_number(bytes + AT_LENGTH, 3) != hello_number(bytes + AT_FRAGMENT, 3)))
		return hello_number(out + AT_OFFSET, 3) == 0 &&
		    13 + hello_number(out + AT_RECORD_LENGTH, 2) == out_len;
	return out_len == record && record <= len && memcmp(out, bytes, record) == 0;
}

static int
same_once(struct pair *pair, const unsigned char *bytes, size_t len, int *verdict)
{
	int wanted = pair_listened(pair, bytes, len), got = judged(pair, bytes, len), adopted = 1;

	*verdict = got;
	if (got == ADMIT) {
		adopted = ours.adopt(pair->ssl[0], out, out_len,
		    (const struct sockaddr *)pair_end.peer, (socklen_t)pair_end.peer_len);
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
	return got == ANSWER ?
	    out_len == pair_end.written && memcmp(out, pair_end.out, out_len) == 0 :
	    got == ADMIT || out_len == 0;
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
	printf("\nDIVERGENCE: DTLSv1_listen comes to %d, "
	       "dtlsv1_listen_datagram to %d; %zu bytes:\n",
	    pair_listened(pair, bytes, len), *verdict, len);
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
	memset(pair_end.peer, 0, sizeof(pair_end.peer));
	pair_end.peer_len = sockets_peer(0, pair_end.peer);
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
	memset(pair_end.peer, 0, sizeof(pair_end.peer));
	pair_end.peer_len = script_peer(&who, pair_end.peer);
	if (!same(pair, bytes, len, &verdict))
		return 0;
	if (verdict != ANSWER)
		return 1;
	return prng_chance(prng, 20) ? in_fragments(pair_of(1, method), prng, bytes, len) :
				       with_cookie(pair, bytes, len);
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
				fine = one(c.method, c.peer, &prng, c.pool + c.reads[i].at,
				    c.reads[i].len);
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
	printf("%lu that libssl did not take\ndatagrams: %lu the same, %d "
	       "differed\n",
	    refused_by_libssl, sum, !fine);
	pairs_close();
	return fine;
}

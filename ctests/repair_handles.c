/*
 * Repair 1 puts a BIO in front of the write BIO: whatever an application uses,
 * replaces, keeps or frees, and whenever, it finds its own, as without us. On a
 * libssl that needs no repair all of this holds by itself.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/far.h"
#include "lib/late.h"

#include <sys/time.h>
#include <unistd.h>

static SSL_CTX *ctx;
static struct app app;
static struct far far;

static SSL *
server(void)
{
	app_init(&app);
	app_install(&app, ctx);
	far_init(&far, AF_INET);
	return far_server(&far, ctx);
}

static BIO *
watched(int fd)
{
	return late_watched(BIO_new_dgram(fd, BIO_NOCLOSE));
}

static void
test_looks_like_the_real_one(void)
{
	SSL *ssl = server();
	BIO *r, *w;
	struct timeval tv = { 3, 0 }, got = { 0, 0 };
	int fd;

	far_accepted(&far, ssl, 5);
	r = SSL_get_rbio(ssl);
	w = SSL_get_wbio(ssl);
	CHECK(w == r);
	CHECK_INT(BIO_method_type(w), BIO_TYPE_DGRAM);
	CHECK(BIO_find_type(w, BIO_TYPE_DGRAM) == w);
	CHECK(BIO_next(w) == NULL);
	CHECK_INT(SSL_get_wfd(ssl), far.server_fd);
	CHECK_INT(SSL_get_rfd(ssl), far.server_fd);
	CHECK_INT(BIO_get_fd(w, NULL), far.server_fd);
	CHECK_INT(BIO_get_close(w), BIO_NOCLOSE);

	/* A new socket by either handle is one for both ways. */
	fd = net_bound(AF_INET, &far.own);
	BIO_set_fd(w, fd, BIO_NOCLOSE);
	CHECK_INT(BIO_get_fd(r, NULL), fd);
	BIO_set_fd(r, far.server_fd, BIO_NOCLOSE);
	CHECK_INT(BIO_get_fd(w, NULL), far.server_fd);
	close(fd);

	/* So are peer, timers and MTU. */
	BIO_ctrl(w, BIO_CTRL_DGRAM_SET_RECV_TIMEOUT, 0, &tv);
	BIO_ctrl(r, BIO_CTRL_DGRAM_GET_RECV_TIMEOUT, 0, &got);
	CHECK_INT(got.tv_sec, 3);
	BIO_ctrl(w, BIO_CTRL_DGRAM_SET_MTU, 1000, NULL);
	CHECK_INT(BIO_ctrl(r, BIO_CTRL_DGRAM_GET_MTU, 0, NULL), 1000);
	CHECK_INT(BIO_ctrl(w, BIO_CTRL_DGRAM_GET_FALLBACK_MTU, 0, NULL),
	    BIO_ctrl(r, BIO_CTRL_DGRAM_GET_FALLBACK_MTU, 0, NULL));

	SSL_free(ssl);
	far_free(&far);
}

/* As nplab's and radsecproxy's servers: a new socket, connected to the peer,
 * put in by one handle or the other. */
static void
connected_by(BIO *(*handle)(const SSL *))
{
	SSL *ssl = server();
	int fd;

	far_accepted(&far, ssl, 5);
	fd = net_connected(&far.server, (struct sockaddr *)&far.own.any, far.own.len);
	net_nonblocking(fd);
	BIO_set_fd(handle(ssl), fd, BIO_NOCLOSE);
	BIO_ctrl_set_connected(handle(ssl), &far.own.any);
	far_finish(&far, ssl);
	CHECK_INT(far.record[0].seq, 5);
	SSL_free(ssl);
	close(fd);
	far_free(&far);
}

/* What an application may do with its BIOs, in terms of the SSL: each is given
 * a new BIO, and frees it if it has no use for it. */
static void
leave(SSL *ssl, BIO *new)
{
	(void)ssl;
	BIO_free(new);
}

static void
replace_both(SSL *ssl, BIO *new)
{
	SSL_set_bio(ssl, new, new);
}

static void
replace_by_halves(SSL *ssl, BIO *new)
{
	NEED(BIO_up_ref(new));
	SSL_set0_rbio(ssl, new);
	SSL_set0_wbio(ssl, new);
}

static void
replace_write(SSL *ssl, BIO *new)
{
	SSL_set_bio(ssl, SSL_get_rbio(ssl), new);
}

static void
replace_read(SSL *ssl, BIO *new)
{
	/* The write BIO is kept by a reference of its own: libssl takes two. */
	BIO *w = SSL_get_wbio(ssl);

	if (w == SSL_get_rbio(ssl))
		NEED(BIO_up_ref(w));
	SSL_set_bio(ssl, new, w);
}

static void
replace_read_alone(SSL *ssl, BIO *new)
{
	SSL_set0_rbio(ssl, new);
}

static void
set_same_again(SSL *ssl, BIO *new)
{
	BIO_free(new);
	SSL_set_bio(ssl, SSL_get_rbio(ssl), SSL_get_rbio(ssl));
}

static void
set_as_they_are(SSL *ssl, BIO *new)
{
	BIO_free(new);
	SSL_set_bio(ssl, SSL_get_rbio(ssl), SSL_get_wbio(ssl));
}

static void
set_write_twice(SSL *ssl, BIO *new)
{
	BIO_free(new);
	SSL_set_bio(ssl, SSL_get_wbio(ssl), SSL_get_wbio(ssl));
}

static BIO *kept;

static void
keep_write(SSL *ssl, BIO *new)
{
	BIO_free(new);
	kept = SSL_get_wbio(ssl);
	NEED(BIO_up_ref(kept));
}

static const struct act {
	const char *what;
	void (*act)(SSL *, BIO *);
} acts[] = {
	{ "leave them", leave },
	{ "replace both", replace_both },
	{ "replace both, one by one", replace_by_halves },
	{ "replace the write BIO", replace_write },
	{ "replace the read BIO", replace_read },
	{ "replace the read BIO and say nothing of the other", replace_read_alone },
	{ "set the same once more", set_same_again },
	{ "set what is there", set_as_they_are },
	{ "set the write BIO for both", set_write_twice },
	{ "keep the write BIO", keep_write },
};

enum moment { ACCEPTED, FLIGHT_SENT, FINISHED, MOMENTS };

/* One act at one moment: the handshake goes on to its end, and in the end both
 * BIOs are freed, once each. With another write BIO libssl's own numbers go
 * out, which are 5 and 6 after the first flight: behind a hello of number 20
 * they are new to the client; behind one of 5 they would not be. */
static void
test_act(const struct act *a, enum moment moment)
{
	SSL *ssl;
	BIO *new;
	int ret;

	check_case(a->what);
	late.freed = 0;
	kept = NULL;
	app_init(&app);
	app_install(&app, ctx);
	far_init(&far, AF_INET);
	ssl = far_server(&far, ctx);
	(void)late_watched(SSL_get_rbio(ssl));
	far_accepted(&far, ssl, 20);
	if (moment == FLIGHT_SENT) {
		ret = SSL_accept(ssl);
		CHECK_INT(SSL_get_error(ssl, ret), SSL_ERROR_WANT_READ);
	} else if (moment == FINISHED) {
		far_finish(&far, ssl);
	}
	new = watched(far.server_fd);
	/* Where it writes to before it has read anything. */
	BIO_ctrl(new, BIO_CTRL_DGRAM_SET_PEER, 0, &far.own.any);
	a->act(ssl, new);
	if (moment != FINISHED)
		far_finish(&far, ssl);
	SSL_free(ssl);
	if (kept != NULL) {
		CHECK_INT(late.freed, 1); /* only the new one */
		CHECK_INT(BIO_get_fd(kept, NULL), far.server_fd);
		BIO_free(kept);
	}
	CHECK_INT(late.freed, 2);
	far_free(&far);
	check_case(NULL);
}

/* In front of one of two datagram BIOs, too. */
static void
test_two_bios(void)
{
	SSL *ssl;
	BIO *r, *w;

	app_init(&app);
	app_install(&app, ctx);
	far_init(&far, AF_INET);
	r = watched(far.server_fd);
	w = watched(far.server_fd);
	BIO_ctrl(w, BIO_CTRL_DGRAM_SET_PEER, 0, &far.own.any);
	late.freed = 0;
	ssl = tls_server_on(ctx, r, w);
	far_accepted(&far, ssl, 5);
	CHECK(SSL_get_rbio(ssl) == r);
	CHECK(SSL_get_wbio(ssl) == w);
	/* Which takes no reference, as nothing changes by it. */
	SSL_set_bio(ssl, r, w);
	CHECK_INT(late.freed, 0);
	far_finish(&far, ssl);
	SSL_free(ssl);
	CHECK_INT(late.freed, 2);
	far_free(&far);

	/* Nor for a number that libssl gets right. */
	ssl = server();
	far_accepted(&far, ssl, 1);
	CHECK(SSL_get_wbio(ssl) == SSL_get_rbio(ssl));
	SSL_free(ssl);
	far_free(&far);
}

int
main(void)
{
	check_begin("repair_handles");
	ctx = tls_server_ctx();
	test_looks_like_the_real_one();
	connected_by(SSL_get_rbio);
	connected_by(SSL_get_wbio);
	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++)
		for (int moment = ACCEPTED; moment < MOMENTS; moment++)
			test_act(&acts[i], moment);
	test_two_bios();
	SSL_CTX_free(ctx);
	return check_end();
}

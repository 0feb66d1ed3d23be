/*
 * DTLSV1_LISTEN_STATS in a program that has listeners and never calls
 * DTLSv1_listen: a client's coming and going is in the file.
 */
#include "lib/check.h"
#include "lib/listener.h"
#include "lib/statsfile.h"
#include "lib/tls.h"

#include <stdio.h>
#include <unistd.h>

static const char *
file(void)
{
	return stats_in_dir("many.prom");
}

static long
total(const char *name)
{
	char series[120];

	snprintf(series, sizeof(series), "dtlsv1_listen_%s_total{server=\"many\"}", name);
	return stats_series(file(), series);
}

static void
serve_one(void)
{
	struct address at;
	SSL_CTX *ctx = tls_server_ctx();
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	struct caller caller;
	SSL *ssl;

	check_case("the first call");
	CHECK_INT(stats_files(), 0);
	CHECK_INT(lf.run(listener, 0), 0);
	CHECK_INT(total("datagrams"), 0);

	check_case("accepted: before the call returns");
	caller_init(&caller, &at);
	listener_hello(listener, &caller);
	NEED((ssl = lf.next(listener, NULL)) != NULL);
	CHECK_INT(total("listener_accepted"), 1);
	CHECK_INT(total("accepted"), 1);
	CHECK_INT(total("challenges"), 1);
	CHECK_INT(total("listener_closed"), 0);

	check_case("gone: with the next call, though no datagram came");
	SSL_free(ssl);
	stats_wait();
	CHECK_INT(lf.run(listener, 0), 0);
	CHECK_INT(total("listener_closed"), 1);
	CHECK_INT(total("datagrams"), 2);

	check_case("at exit");
	caller_anew(&caller);
	listener_hello(listener, &caller);
	NEED((ssl = lf.next(listener, NULL)) != NULL);
	SSL_free(ssl);
	CHECK_INT(total("listener_closed"), 1);
	check_case(NULL);
	lf.free(listener);
	caller_free(&caller);
	SSL_CTX_free(ctx);
}

int
main(int argc, char **argv)
{
	(void)argc;
	stats_begin(argv, "listener_stats");
	listener_init();
	CHECK_STR(stats_run(serve_one, file()), "");
	CHECK_INT(total("listener_accepted"), 2);
	CHECK_INT(total("listener_closed"), 2);
	unlink(file());
	return stats_end();
}

/*
 * While a client gets a socket of its own, the kernel may give that socket what is
 * another client's, on a machine where the listener's thread loses its processor
 * just then as much as the sender has. All of it comes to whom it belongs, in the
 * order in which it was sent: behind 64 later ones libssl would drop it as a replay.
 */
#define _DEFAULT_SOURCE /* not GNU, where bind() takes a union */
#include "lib/check.h"
#include "lib/listener.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <sys/syscall.h>
#include <unistd.h>

/* More than the 64 that a record may be late by. */
enum { SOME = 80 };

static SSL_CTX *ctx;

/* Who says something before and behind each of the two system calls; whose flag is theirs. */
static struct caller *says;
static int next_said;

static void
say(void)
{
	struct caller *caller = says;
	int i;

	says = NULL; /* what it calls itself is not the library's */
	for (i = 0; caller != NULL && i < SOME; i++, next_said++)
		NEED(SSL_write(caller->ssl, &next_said, sizeof(next_said)) == sizeof(next_said));
	says = caller;
}

int
bind(int fd, const struct sockaddr *to, socklen_t len)
{
	int ret;

	say();
	ret = (int)syscall(SYS_bind, fd, to, len);
	say();
	return ret;
}

int
connect(int fd, const struct sockaddr *to, socklen_t len)
{
	struct address own = { .len = sizeof(own.any) };
	int ret, is_bound;

	/* A socket that only asks what kind an address is of is bound to none. */
	is_bound =
	    getsockname(fd, (struct sockaddr *)&own.any, &own.len) == 0 && address_port(&own) != 0;
	if (is_bound)
		say();
	ret = (int)syscall(SYS_connect, fd, to, len);
	if (is_bound)
		say();
	return ret;
}

static void
test_order(const char *listen_on, const char *call, unsigned int flags)
{
	struct address at, to;
	struct caller stays, leaves;
	dtlsv1_listener *listener =
	    listener_at(ctx, listen_on, OPTIONS(.flags = flags, .queue = 1000), &at);
	int turns, number, heard = 0;
	SSL *staying, *leaving;

	check_case(listen_on);
	to = address_of(call, address_port(&at));
	caller_init(&stays, &to);
	staying = listener_serve(listener, &stays);
	caller_init(&leaves, &to);
	leaving = listener_serve(listener, &leaves);

	next_said = 0;
	says = &stays;
	CHECK(lf.detach(leaving) >= 0);
	says = NULL;
	CHECK_INT(next_said, 4 * SOME);

	for (turns = 0; turns < 3; turns++) {
		(void)listener_turn(listener, NULL, 0);
		ERR_clear_error();
		while (SSL_read(staying, &number, sizeof(number)) == sizeof(number))
			CHECK_INT(number, heard++);
	}
	ERR_clear_error();
	CHECK_INT(heard, 4 * SOME);
	SSL_free(leaving);
	SSL_free(staying);
	caller_free(&leaves);
	caller_free(&stays);
	lf.free(listener);
}

int
main(void)
{
	check_begin("listener_astray");
	listener_init();
	ctx = tls_server_ctx();
	test_order("127.0.0.1", "127.0.0.1", 0);
	test_order("127.0.0.1", "127.0.0.1", DTLSV1_LISTENER_ONE_SOCKET);
	test_order("0.0.0.0", "127.0.0.1", 0);
	test_order("0.0.0.0", "127.0.0.5", DTLSV1_LISTENER_ONE_SOCKET);
	if (net_has_ipv6("clients of IPv6")) {
		test_order("::", "127.0.0.1", 0);
		test_order("::", "::1", 0);
		test_order("::1", "::1", DTLSV1_LISTENER_ONE_SOCKET);
	}
	SSL_CTX_free(ctx);
	return check_end();
}

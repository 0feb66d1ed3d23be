#define _GNU_SOURCE
#include "listener.h"
#include "check.h"
#include "clock.h"
#include "counters.h"
#include "tls.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

struct listener_functions lf;

/* ISO C has no way from void * to a function: copy the bits, as POSIX says. */
static void
look_up(void *function, const char *symbol)
{
	void *at = dlsym(RTLD_DEFAULT, symbol);

	NEED(at != NULL);
	memcpy(function, &at, sizeof(at));
}

void
listener_init(void)
{
	look_up(&lf.bind, "dtlsv1_listener_bind");
	look_up(&lf.bind_group, "dtlsv1_listener_bind_group");
	look_up(&lf.new, "dtlsv1_listener_new");
	look_up(&lf.fd, "dtlsv1_listener_fd");
	look_up(&lf.address, "dtlsv1_listener_address");
	look_up(&lf.run, "dtlsv1_listener_run");
	look_up(&lf.next, "dtlsv1_listener_next");
	look_up(&lf.accept, "dtlsv1_listener_accept");
	look_up(&lf.detach, "dtlsv1_listener_detach");
	look_up(&lf.peer, "dtlsv1_listener_peer");
	look_up(&lf.local, "dtlsv1_listener_local");
	look_up(&lf.free, "dtlsv1_listener_free");
}

struct address
address_of(const char *ip, int port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, ip, &v4.sin_addr) == 1) {
		v4.sin_port = htons((in_port_t)port);
		return net_address(&v4, sizeof(v4));
	}
	NEED(inet_pton(AF_INET6, ip, &v6.sin6_addr) == 1);
	v6.sin6_port = htons((in_port_t)port);
	return net_address(&v6, sizeof(v6));
}

int
address_port(const struct address *a)
{
	return ntohs(a->any.ss_family == AF_INET6 ?
		((const struct sockaddr_in6 *)&a->any)->sin6_port :
		((const struct sockaddr_in *)&a->any)->sin_port);
}

dtlsv1_listener *
listener_at(
    SSL_CTX *ctx, const char *ip, const struct dtlsv1_listener_options *options, struct address *at)
{
	dtlsv1_listener *listener;

	*at = address_of(ip, 0);
	listener = lf.bind(ctx, (struct sockaddr *)&at->any, at->len, options);
	NEED(listener != NULL);
	NEED(lf.address(listener, (struct sockaddr *)&at->any, &at->len) == 1);
	NEED(address_port(at) != 0);
	return listener;
}

static SSL *
caller_ssl(int fd)
{
	struct address peer = { .len = sizeof(peer.any) };
	static SSL_CTX *ctx;
	SSL *ssl;
	BIO *bio;

	if (ctx == NULL) {
		ctx = tls_client_ctx();
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	}
	ssl = SSL_new(ctx);
	bio = BIO_new_dgram(fd, BIO_NOCLOSE);
	NEED(ssl != NULL && bio != NULL);
	NEED(getpeername(fd, (struct sockaddr *)&peer.any, &peer.len) == 0);
	(void)BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, &peer.any);
	SSL_set_bio(ssl, bio, bio);
	tls_client_mtu(ssl);
	SSL_set_connect_state(ssl);
	tls_patient(ssl); /* nothing is lost here, whatever the machine does */
#ifdef LIBRESSL_VERSION_NUMBER
	SSL_set_read_ahead(ssl, 1);
#endif
	return ssl;
}

void
caller_init(struct caller *caller, const struct address *listener)
{
	caller->fd = socket(listener->any.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	NEED(caller->fd >= 0);
	NEED(connect(caller->fd, (const struct sockaddr *)&listener->any, listener->len) == 0);
	caller->ssl = caller_ssl(caller->fd);
}

void
caller_anew(struct caller *caller)
{
	SSL_free(caller->ssl);
	caller->ssl = caller_ssl(caller->fd);
}

void
caller_drain(struct caller *caller)
{
	unsigned char lost[4096];

	while (recv(caller->fd, lost, sizeof(lost), 0) > 0)
		;
}

void
caller_free(struct caller *caller)
{
	SSL_free(caller->ssl);
	close(caller->fd);
}

int
caller_step(struct caller *caller)
{
	int n;

	ERR_clear_error();
	n = SSL_do_handshake(caller->ssl);
	if (n == 1)
		return 1;
	n = SSL_get_error(caller->ssl, n);
	NEED(n == SSL_ERROR_WANT_READ || n == SSL_ERROR_WANT_WRITE);
	ERR_clear_error();
	return 0;
}

int
listener_wait(dtlsv1_listener *listener)
{
	return net_readable(lf.fd(listener), 1000);
}

int
listener_turn(dtlsv1_listener *listener, SSL *ssls[], int n)
{
	int news, all = 0, i;
	SSL *ssl;

	NEED(lf.run(listener, 0) >= 0);
	while ((ssl = lf.next(listener, &news)) != NULL) {
		all |= news;
		if (news & DTLSV1_NEWS_ACCEPTED) {
			for (i = 0; i < n && ssls[i] != NULL; i++)
				;
			NEED(i < n);
			ssls[i] = ssl;
			tls_patient(ssl);
		}
		if (!SSL_is_init_finished(ssl) &&
		    !(news & (DTLSV1_NEWS_REPLACED | DTLSV1_NEWS_OVERDUE))) {
			ERR_clear_error();
			(void)SSL_accept(ssl);
			ERR_clear_error();
		}
	}
	return all;
}

void
listener_hello(dtlsv1_listener *listener, struct caller *caller)
{
	(void)caller_step(caller);
	NEED(listener_wait(listener) && lf.run(listener, 0) >= 0);
	(void)net_readable(caller->fd, 1000);
	(void)caller_step(caller);
	NEED(listener_wait(listener) && lf.run(listener, 0) >= 0);
}

uint64_t
listener_open_ssls(void)
{
	struct dtlsv1_listen_stats now;

	NEED(get_stats(&now, sizeof(now)) == 1);
	return now.listener_accepted - now.listener_closed;
}

SSL *
listener_serve(dtlsv1_listener *listener, struct caller *caller)
{
	SSL *ssl = NULL;
	time_t end = 0;
	int done = 0;

	while (seconds_left(&end, 60)) {
		/* Beside a flood, even its hello may be lost; patient, it repeats nothing. */
		(void)DTLSv1_handle_timeout(caller->ssl);
		done = caller_step(caller);
		if (done && ssl != NULL && SSL_is_init_finished(ssl))
			return ssl;
		if (net_readable(lf.fd(listener), 5))
			(void)listener_turn(listener, &ssl, 1);
	}
	check_die("a handshake that ends", __FILE__, __LINE__);
}

void
exercise(SSL *ssl)
{
	char line[16];

	ERR_clear_error();
	(void)SSL_read(ssl, line, sizeof(line));
	(void)SSL_write(ssl, "x", 1);
	(void)SSL_shutdown(ssl);
	ERR_clear_error();
}

void
exchange(dtlsv1_listener *listener, SSL *ssl, struct caller *caller, const char *line)
{
	char there[64] = "", back[64] = "";
	int news, n = (int)strlen(line), turns;

	CHECK_INT(SSL_write(caller->ssl, line, n), n);
	for (turns = 0; turns < 200 && SSL_read(ssl, there, sizeof(there)) <= 0; turns++) {
		(void)net_readable(lf.fd(listener), 10);
		NEED(lf.run(listener, 0) >= 0);
		while (lf.next(listener, &news) != NULL)
			;
	}
	CHECK_STR(there, line);
	CHECK_INT(SSL_write(ssl, there, n), n);
	(void)net_readable(caller->fd, 1000);
	CHECK_INT(SSL_read(caller->ssl, back, sizeof(back)), n);
	CHECK_STR(back, line);
	ERR_clear_error();
}

/*
 * Everything that DTLSv1_listen asks of others fails, one thing after the
 * other: it returns -1 or 0 with a reason, or does without; the caller's BIOs
 * are in their place, nothing leaks, and the next call works.
 *
 * Each case runs in a process of its own, since some things are asked for once.
 */
#define _GNU_SOURCE /* Dl_info, dlvsym, RTLD_NEXT */
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults_inject.h"
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/wire.h"

/* More than any kind is asked for; a case that still counts there is a loop. */
#define MOST 200

static struct wire wire;

/* Lets one hello in; the cookie of the answer, if there is one, goes to `v`. */
static int
listen_for(SSL *ssl, const struct hello *h, struct hvr *v)
{
	struct sockaddr_storage peer;
	struct datagram *answer;
	int result;

	queue_put(&wire.in, h->byte, h->len);
	faults_pause(0);
	result = DTLSv1_listen(ssl, (BIO_ADDR *)(void *)&peer);
	faults_pause(1);
	queue_clear(&wire.in);
	answer = queue_get(&wire.out);
	if (answer != NULL)
		hvr_parse(v, answer->byte, answer->len);
	return result;
}

static unsigned long
first_error(const char **text, int *flags)
{
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
	return ERR_peek_error_all(NULL, NULL, NULL, text, flags);
#else
	return ERR_peek_error_line_data(NULL, NULL, text, flags);
#endif
}

static void
check_outcome(SSL *ssl, const BIO *bio, int result, int answered)
{
	const char *text = NULL;
	int flags = 0;

	CHECK(result >= -1 && result <= 1);
	if (result == -1)
		CHECK(first_error(&text, &flags) != 0);
	/* Not in silence: these hellos are answered, accepted or refused for a reason. */
	if (result == 0)
		CHECK(answered || ERR_peek_error() != 0);
	/* No memory is said to be that, and not libssl's refusal. */
	if ((flags & ERR_TXT_STRING) != 0)
		CHECK(strstr(text, "did not take") == NULL);
	CHECK(SSL_get_rbio(ssl) == bio);
	CHECK(SSL_get_wbio(ssl) == bio);
	ERR_clear_error();
}

/* A client's two hellos, while something fails if it is to. */
static int
contact(SSL *ssl, const BIO *bio)
{
	struct hvr v = { .cookielen = 0 };
	struct hello h;
	int result;

	hello_make(&h, NULL, 0);
	result = listen_for(ssl, &h, &v);
	check_outcome(ssl, bio, result, v.cookielen != 0);
	if (v.cookielen == 0)
		return result;
	hello_make(&h, v.cookie, v.cookielen);
	v.cookielen = 0;
	result = listen_for(ssl, &h, &v);
	check_outcome(ssl, bio, result, v.cookielen != 0);
	return result;
}

/*
 * Names are looked up by the first call, and no more once all are found. Where
 * libssl's own are not, there is nothing to call and no queue for a reason.
 */
static long
first_calls(SSL_CTX *ctx, long n, int ever)
{
	SSL *ssl;
	int result = -1, err = dup(2), null = open("/dev/null", O_WRONLY);

	NEED(err >= 0 && null >= 0 && dup2(null, 2) == 2); /* it says so */
	faults_set(FAULT_DLSYM, n, ever);
	faults_pause(0);
	ssl = SSL_new(ctx);
	if (ssl != NULL)
		result = DTLSv1_listen(ssl, NULL); /* it has no BIOs */
	faults_pause(1);
	NEED(dup2(err, 2) == 2 && close(err) == 0 && close(null) == 0);
	CHECK_INT(result, -1);
	SSL_free(ssl);
	ERR_clear_error();
	return faults_clear();
}

/* One SSL_CTX: with the fault, and then without. */
static long
life(enum fault what, long n, int ever)
{
	SSL_CTX *ctx = SSL_CTX_new(DTLS_server_method());
	SSL *ssl;
	BIO *bio;
	long asked;

	wire_init(&wire);
	wire_peer4(&wire, "192.0.2.7", 4433);
	if (what == FAULT_DLSYM)
		asked = first_calls(ctx, n, ever);
	NEED(ctx != NULL && (ssl = SSL_new(ctx)) != NULL);
	NEED((bio = wire_bio(&wire, NULL, 0)) != NULL);
	SSL_set_bio(ssl, bio, bio);
	/* The queue's own memory, which it asks for with its first error. */
	CHECK(BIO_new_file("/no/such/file", "r") == NULL);
	CHECK(ERR_peek_error() != 0);
	ERR_clear_error();
	if (what != FAULT_DLSYM) {
		faults_set(what, n, ever);
		contact(ssl, bio);
		asked = faults_clear();
	}
	check_case("and the next call");
	CHECK_INT(contact(ssl, bio), 1);
	check_case(NULL);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return asked;
}

/* A panic that is caught is said on stderr all the same. */
static void
check_no_panic(FILE *said)
{
	char line[512];

	rewind(said);
	while (fgets(line, sizeof(line), said) != NULL) {
		int panicked = strstr(line, "panicked") != NULL;

		CHECK(!panicked);
		if (panicked)
			fputs(line, stdout);
	}
}

/* 0: there was a fault to inject and all went well; 1: the case is past the last; else failed. */
static int
run_case(enum fault what, long n, int ever)
{
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	NEED(child >= 0);
	if (child == 0) {
		FILE *said = tmpfile();
		char name[64];
		int before = check_failures();
		long asked, live;

		snprintf(name, sizeof(name), "%s number %ld%s", fault_names[what], n,
		    ever ? " and all after it" : "");
		check_case(name);
		NEED(said != NULL && dup2(fileno(said), STDERR_FILENO) == STDERR_FILENO);
		asked = life(what, n, ever);
		life(what, n, ever);
		live = faults_live();
		life(what, n, ever);
		CHECK_INT(faults_live() - live, 0);
		check_no_panic(said);
		fflush(stdout);
		_exit(check_failures() != before ? 2 : asked < n);
	}
	NEED(waitpid(child, &status, 0) == child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

static void
test_each(enum fault what, int ever, long at_least)
{
	long n, failed = 0;
	int ended = 0;

	for (n = 1; n <= MOST && (ended = run_case(what, n, ever)) != 1; n++)
		failed += ended != 0;
	check_case(fault_names[what]);
	CHECK_INT(failed, 0);
	CHECK_INT(ended, 1);
	CHECK(n > at_least); /* the fault was there to be injected */
	check_case(NULL);
}

int
main(void)
{
	faults_init();
	faults_pause(1);
	check_begin("faults");
	for (int ever = 0; ever <= 1; ever++) {
		/* At least the table's entry; before 3.2 libssl's own, too. */
		test_each(FAULT_ALLOC, ever, 1);
		test_each(FAULT_BIO_NEW, ever, 1);
		test_each(FAULT_BIO_METH_NEW, ever, 1);
		test_each(FAULT_BIO_UP_REF, ever, 1);
		test_each(FAULT_EX_INDEX, ever, 2);
		test_each(FAULT_EX_DATA, ever, 2);
		test_each(FAULT_DLSYM, ever, 3);
		test_each(FAULT_RANDOM, ever, 1);
	}
	return check_end();
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <string.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_cookie.h>
#include <mbedtls/timing.h>

#include "peer.h"

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;
static mbedtls_ssl_cookie_ctx cookies;
static mbedtls_ssl_config config;
static mbedtls_ssl_context ssl;
static mbedtls_timing_delay_context timer;
static mbedtls_x509_crt certificate;
static mbedtls_pk_context key;

static struct {
	const unsigned char *hello;
	size_t len;
} waiting;

static int
send_answer(void *context, const unsigned char *answer, size_t len)
{
	(void)context;
	peer_sent(answer, len);
	return (int)len;
}

static int
receive(void *context, unsigned char *to, size_t room)
{
	size_t len = waiting.len;

	(void)context;
	if (len == 0 || len > room)
		return MBEDTLS_ERR_SSL_WANT_READ;
	memcpy(to, waiting.hello, len);
	waiting.len = 0;
	return (int)len;
}

static void
must(const char *what, int error)
{
	if (error != 0)
		peer_die(what, error);
}

void
peer_begin(const char *pem)
{
	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&drbg);
	mbedtls_ssl_cookie_init(&cookies);
	mbedtls_ssl_config_init(&config);
	mbedtls_ssl_init(&ssl);
	mbedtls_x509_crt_init(&certificate);
	mbedtls_pk_init(&key);
	must("seed", mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0));
	must("certificate", mbedtls_x509_crt_parse_file(&certificate, pem));
	must("key", mbedtls_pk_parse_keyfile(&key, pem, NULL));
	must("configuration",
	    mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_SERVER,
		MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT));
	mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &drbg);
	must("own certificate", mbedtls_ssl_conf_own_cert(&config, &certificate, &key));
	must("cookies", mbedtls_ssl_cookie_setup(&cookies, mbedtls_ctr_drbg_random, &drbg));
	mbedtls_ssl_conf_dtls_cookies(
	    &config, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check, &cookies);
	must("setup", mbedtls_ssl_setup(&ssl, &config));
	mbedtls_ssl_set_timer_cb(&ssl, &timer, mbedtls_timing_set_delay, mbedtls_timing_get_delay);
	mbedtls_ssl_set_bio(&ssl, NULL, send_answer, receive, NULL);
}

void
peer_answer(const unsigned char *hello, size_t len, const struct sockaddr_in *from)
{
	int ret;

	waiting.hello = hello;
	waiting.len = len;
	must("transport id",
	    mbedtls_ssl_set_client_transport_id(&ssl, (const void *)from, sizeof(*from)));
	ret = mbedtls_ssl_handshake(&ssl);
	if (ret != MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED)
		peer_die("mbedtls_ssl_handshake", ret);
	must("reset", mbedtls_ssl_session_reset(&ssl));
}

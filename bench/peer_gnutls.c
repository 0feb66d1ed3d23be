/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <string.h>

#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>

#include "peer.h"

static gnutls_datum_t key;

void
peer_begin(const char *pem)
{
	int error = gnutls_key_generate(&key, GNUTLS_COOKIE_KEY_SIZE);

	(void)pem; /* no session is made before the cookie is right */
	if (error != GNUTLS_E_SUCCESS)
		peer_die("gnutls_key_generate", error);
}

static ssize_t
push(gnutls_transport_ptr_t transport, const void *answer, size_t len)
{
	(void)transport;
	peer_sent(answer, len);
	return (ssize_t)len;
}

void
peer_answer(const unsigned char *hello, size_t len, const struct sockaddr_in *from)
{
	struct sockaddr_in peer = *from;
	gnutls_dtls_prestate_st state;
	int ret;

	memset(&state, 0, sizeof(state));
	ret = gnutls_dtls_cookie_verify(
	    &key, &peer, sizeof(peer), (void *)(size_t)hello, len, &state);
	if (ret != GNUTLS_E_BAD_COOKIE)
		peer_die("gnutls_dtls_cookie_verify", ret);
	ret = gnutls_dtls_cookie_send(&key, &peer, sizeof(peer), &state, NULL, push);
	if (ret < 0)
		peer_die("gnutls_dtls_cookie_send", ret);
}

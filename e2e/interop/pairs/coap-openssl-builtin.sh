# shellcheck shell=bash
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../coap.sh"
# libcoap's BIO does not know the peer: libcoap's own callbacks serve, and one
# line says so.
export DTLSV1_LISTEN_COOKIES=builtin
line=$(coap_pair coap-client-openssl)
[ -n "$PLAIN" ] || grep -q "built-in cookies are bound to the peer" "$WORK/server.err" ||
	die "the server does not say that libcoap's callbacks are used"
echo "${line/ -> / -> DTLSV1_LISTEN_COOKIES=builtin }"

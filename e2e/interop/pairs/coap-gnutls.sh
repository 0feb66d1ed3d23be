# shellcheck shell=bash
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../coap.sh"
coap_pair coap-client-gnutls

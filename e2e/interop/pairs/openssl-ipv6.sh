# shellcheck shell=bash
. "$(dirname "$0")/../lib.sh"
s_server '[::1]'
client openssl s_client -dtls1_2 -connect "[::1]:$port" \
    -CAfile "$CERT" -verify_return_error
talk "openssl s_client [::1]"

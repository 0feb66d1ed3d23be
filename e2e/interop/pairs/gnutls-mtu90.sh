# shellcheck shell=bash
. "$(dirname "$0")/../lib.sh"
# A first fragment of 90 bytes has no room for 32 bytes of cookie.
export DTLSV1_LISTEN_COOKIES=builtin
s_server 127.0.0.1
client gnutls-cli --udp --mtu 90 --x509cafile "$CERT" --port "$port" 127.0.0.1
talk "gnutls-cli --udp --mtu 90"

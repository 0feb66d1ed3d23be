# shellcheck shell=bash
. "$(dirname "$0")/../lib.sh"
s_server 127.0.0.1
client gnutls-cli --udp --x509cafile "$CERT" --port "$port" 127.0.0.1
talk "gnutls-cli --udp"

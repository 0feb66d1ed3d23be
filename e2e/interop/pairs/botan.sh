# shellcheck shell=bash
# Unbuffered, or what it received would never reach the file.
. "$(dirname "$0")/../lib.sh"
s_server 127.0.0.1
client stdbuf -o0 botan tls_client 127.0.0.1 --type=udp --port="$port" \
    --skip-system-cert-store --trusted-cas="$CERT"
talk "botan tls_client --type=udp"

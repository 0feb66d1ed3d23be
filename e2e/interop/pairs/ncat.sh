# shellcheck shell=bash
# Its ClientHello comes in two fragments; the cookie is in the first.
. "$(dirname "$0")/../lib.sh"
s_server 127.0.0.1
client ncat --udp --ssl 127.0.0.1 "$port"
talk "ncat --udp --ssl"

# shellcheck shell=bash
# s_server started by the dtlsv1-listen wrapper, with our cookies in place of
# its own: 32 = 0x20 bytes where s_server's have 20.
. "$(dirname "$0")/../lib.sh"
wrapper=$(cd "$(dirname "$0")/../../.." && pwd)/dist/dtlsv1-listen.in
launch() {
	set -- openssl s_server -dtls1_2 -listen -accept "127.0.0.1:$1" \
	    -cert "$CERT" -key "$KEY"
	[ -z "$PLAIN" ] || exec "$@"
	exec sh "$wrapper" --library="$LIB" --trace --cookies=builtin -- "$@"
}
serve launch
client openssl s_client -dtls1_2 -connect "127.0.0.1:$port" -msg
line=$(talk "openssl s_client")
if [ -z "$PLAIN" ]; then
	grep -q '^dtlsv1_listen: .*cookies builtin' "$WORK/server.err" ||
	    die "--cookies=builtin did not reach the library"
	grep -aq '^ *03 00 00 23 00 00 00 00 00 00 00 23 fe ff 20 ' "$WORK/client.out" ||
	    die "the cookie was not one of our 32 bytes"
	line=${line/ -> / -> dtlsv1-listen --cookies=builtin }
fi
echo "$line"

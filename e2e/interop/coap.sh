# shellcheck shell=bash disable=SC2154 # lib.sh's
# coap-server-openssl with one of libcoap's clients: PSK, the listening socket
# shared by all its sessions, a datagram BIO of its own. The text goes there
# with a PUT and comes back with a GET, from two handshakes.

launch_coap() {
	preload coap-server-openssl -A 127.0.0.1 -p "$1" -k "$token" -h interop \
	    -d 10 -v 7
}

# coap_pair CLIENT
coap_pair() {
	serve launch_coap
	uri=coaps://127.0.0.1:$((port + 1))/note	# DTLS is one above UDP
	"$1" -k "$token" -u friend -B 10 -m put -e "$to_server" "$uri" \
	    >"$WORK/put.out" 2>"$WORK/put.err" || die "PUT: $1 failed"
	"$1" -k "$token" -u friend -B 10 -m get "$uri" \
	    >"$WORK/client.out" 2>"$WORK/client.err" || die "GET: $1 failed"
	wait_for "$WORK/client.out" "$to_server" "what was PUT, by GET"
	wait_for "$WORK/server.out" "DTLS: session connected" "handshake"
	[ "$(grep -ac 'DTLS: session connected' "$WORK/server.out")" = 2 ] ||
	    die "two handshakes were wanted"
	served
	ok "$1" "coap-server-openssl" "PSK" $((2 * ${#to_server}))
}

#!/bin/bash
# A line of a stock client's comes back from an echo server, through our DTLSv1_listen().
#
#   tools/echo-once.sh COMMAND...    which is given 127.0.0.1, port 0, a certificate, its key, 1
set -eu

here=$(dirname "$0")
work=$(mktemp -d)
server=''
cleanup() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() {
	echo "echo-once: $*" >&2
	tail -n 5 "$work"/*.out "$work"/*.err >&2
	exit 1
}

"$here/certificate.sh" "$work/cert.pem" "$work/key.pem"
: >"$work/client.out"
: >"$work/server.out"
DTLSV1_LISTEN_TRACE=1 "$@" 127.0.0.1 0 "$work/cert.pem" "$work/key.pem" 1 \
    >"$work/server.out" 2>"$work/server.err" &
server=$!
until port=$(sed -n 's/^listening on .*:\([0-9]*\),.*/\1/p' "$work/server.out") && [ -n "$port" ]; do
	kill -0 "$server" 2>/dev/null || fail "$1 did not start"
	sleep 0.05
done
# shellcheck disable=SC2094 # it is read until the answer is there
{
	echo "there and back"
	until grep -qs "there and back" "$work/client.out"; do
		kill -0 "$server" 2>/dev/null || break
		sleep 0.05
	done
} | timeout 300 openssl s_client -dtls -quiet -no_ign_eof -connect "127.0.0.1:$port" \
    >"$work/client.out" 2>"$work/client.err" || true
[ "$(cat "$work/client.out")" = "there and back" ] || fail "$1: no echo"
grep -q "serving DTLSv1_listen (pid $server," "$work/server.err" || fail "$1: not our DTLSv1_listen"
wait "$server" || fail "$1: ended with an error"
server=''

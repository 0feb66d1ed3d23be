#!/bin/bash
# make demo: DTLSv1_listen answered by our library, in a stock openssl s_server
# that knows nothing of it and in examples/echo_server.c, with the datagrams as
# they go by. Wants the programs built: see tools/mk/demo.mk, which calls this with
#
#   examples/demo.sh LIBRARY ECHO_SERVER UDP_WATCH LISTENER_SERVER CLIENTS
set -eu
set -m		# background jobs in groups of their own

lib=$1 echo_server=$2 udp_watch=$3 listener_server=$4 clients=$5
work=$(mktemp -d)
pids='' watcher='' handshakes=0

cleanup() {
	for pid in $pids; do
		kill -TERM -- "-$pid" 2>/dev/null || true
	done
	wait 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() {
	echo
	echo "demo: FAILED: $*"
	for f in "$work"/*.out "$work"/*.err; do
		[ ! -s "$f" ] || { echo "--- ${f##*/}"; tail -n 15 "$f"; }
	done
	exit 1
} >&2

# see FILE PATTERN WHAT PID: waits for a line, and fails if the process that is
# to write it ends without it, or takes two minutes.
see() {
	for _ in $(seq 2400); do
		if line=$(grep -as -m 1 -e "$2" "$work/$1"); then return 0; fi
		kill -0 "$4" 2>/dev/null || break
		sleep 0.05
	done
	line=$(grep -as -m 1 -e "$2" "$work/$1") || fail "$3: no line '$2' in $1"
}

say() {
	printf '   %s\n' "$@"
}

# start NAME COMMAND...: in the background, output in NAME.out and NAME.err,
# standard input held open on fd 8.
start() {
	into=$work/$1
	: >"$into.out"	# now: the process may be late, and a line of the last one is none of it
	: >"$into.err"
	shift
	"$@" <"$work/in" >"$into.out" 2>"$into.err" 9>&- &
	pids="$pids $!"
	started=$!
}

# port_of FILE PATTERN: the digits at the end of that line, of what was started.
port_of() {
	see "$1" "$2" "start" "$started"
	port=$(printf '%s\n' "$line" | sed 's/.*[:t ]\([0-9][0-9]*\).*/\1/')
}

# handshake HOST SERVER TEXT: a stock client through the watcher; sends TEXT.
handshake() {
	rm -f "$work/client.in"
	mkfifo "$work/client.in"
	exec 9<>"$work/client.in"
	: >"$work/client.out"
	timeout 300 openssl s_client -dtls -connect "$1:$watched" -CAfile "$work/cert.pem" \
	    -verify_return_error <"$work/client.in" \
	    >"$work/client.out" 2>"$work/client.err" 8>&- 9>&- &
	pids="$pids $!"
	client=$!
	see client.out 'Cipher is [A-Z]' "handshake" "$client"
	printf '%s\n' "$3" >&9
	see "$2.out" "$3" "the client's text at the server" "$server"
}

# finished: ends the client, shows the datagrams since last time, and checks
# that a cookie was asked for, given, and asked back.
finished() {
	exec 9>&-
	wait "$client" || fail "s_client ended with an error"
	sed -n "$((shown + 1)),\$p" "$work/watch.out" >"$work/datagrams"
	shown=$((shown + $(wc -l <"$work/datagrams")))
	sed 's/^/   /' "$work/datagrams"
	for what in 'ClientHello, no cookie' 'HelloVerifyRequest, cookie of' \
	    'ClientHello, with that cookie' 'ServerHello' 'data, encrypted'; do
		grep -q "$what" "$work/datagrams" || fail "no $what went by"
	done
	handshakes=$((handshakes + 1))
}

watch() {
	[ -z "$watcher" ] || { kill -TERM "$watcher"; wait "$watcher"; } 2>/dev/null || true
	start watch "$udp_watch" "$1" "$2" 600
	port_of watch.out '^port '
	watcher=$started watched=$port shown=1
}

# ours NAME: the server says that our symbol ran in it.
ours() {
	see "$1.err" '^dtlsv1_listen: .* serving DTLSv1_listen ' "our symbol" "$server"
	case $line in *"(pid $server,"*) ;; *) fail "another process: $line" ;; esac
	say "$line"
}

[ -r "$lib" ] || fail "$lib is not there: run 'make'"
mkfifo "$work/in"
exec 8<>"$work/in"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1 \
    -keyout "$work/key.pem" -out "$work/cert.pem" 2>"$work/req.err" ||
    fail "no certificate"
export DTLSV1_LISTEN_TRACE=1

echo "1. A stock server, unmodified: openssl s_server -dtls -listen"
echo "   with LD_PRELOAD=${lib##*/}, and the stock openssl s_client"
echo
start s_server env LD_PRELOAD="$lib" openssl s_server -dtls -listen \
    -accept 127.0.0.1:0 -cert "$work/cert.pem" -key "$work/key.pem"
server=$started
port_of s_server.out '^ACCEPT '
watch 127.0.0.1 "$port"
handshake 127.0.0.1 s_server "a line from s_client"
echo "a line from s_server" >&8	# only now: it would start a handshake
see client.out "a line from s_server" "the server's text at the client" "$client"
finished
ours s_server
see s_server.out '^CIPHER is ' "cipher" "$server"
say "accepted, ${line/CIPHER/cipher}; a line went each way"

echo
echo "2. examples/echo_server.c: our header, a struct sockaddr_storage, no cookie"
echo "   callbacks; one listening socket, a socket of its own for each client"
hosts='127.0.0.1 [::1]' families='IPv4 and IPv6'
if ! "$udp_watch" ::1 9 0 >"$work/ipv6" 2>&1; then	# binds ::1, and ends
	echo
	say "IPv6 is left out: there is no ::1 here ($(cat "$work/ipv6"))"
	hosts=127.0.0.1 families='IPv4, no IPv6 here'
fi
for host in $hosts; do
	address=$(printf %s "$host" | tr -d '[]')
	name=echo$([ "$address" = "$host" ] && echo 4 || echo 6)
	start "$name" "$echo_server" "$address" 0 "$work/cert.pem" "$work/key.pem" 3
	server=$started
	see "$name.out" '^listening on ' "start" "$server"
	echo
	say "$line"
	port_of "$name.out" '^listening on '
	port=$(printf '%s\n' "$line" | sed 's/.*:\([0-9]*\),.*/\1/')
	watch "$address" "$port"
	for n in 1 2 3; do
		echo
		say "client $n"
		text="client $n says hello to $address"
		handshake "$host" "$name" "$text"
		see client.out "^$text\$" "echo" "$client"
		finished
		[ "$n" != 1 ] || ours "$name"
		see "$name.out" 'accepted' "accepted" "$server"
		[ "$(grep -c accepted "$work/$name.out")" = "$n" ] || fail "not accepted once"
		say "$(grep accepted "$work/$name.out" | tail -n 1)"
		say "$(grep echoing "$work/$name.out" | tail -n 1)"
	done
	wait "$server" || fail "echo_server ended with an error"
done

echo
echo "3. examples/listener_server.c: one thread, one port, many clients at once"
echo
start listener "$listener_server" 127.0.0.1 0 "$work/cert.pem" "$work/key.pem"
server=$started
port_of listener.out '^listening on .* port '
say "$line"
ours listener
"$clients" 127.0.0.1 "$port" 1000 messages=3 patience=120 >"$work/clients.out" 2>"$work/clients.err" ||
    fail "not every client was served"
say "1,000 clients at once, 3 messages each, echoed:"
sed 's/^/   /' "$work/clients.out"
kill -0 "$server" || fail "listener_server ended"

echo
wanted=$((1 + 3 * $(echo "$hosts" | wc -w)))
echo "demo: $handshakes of $wanted handshakes through libdtlsv1_listen's DTLSv1_listen: 1 stock s_server, $((wanted - 1)) echo_server, $families; 1,000 of 1,000 through a listener"
[ "$handshakes" = "$wanted" ]

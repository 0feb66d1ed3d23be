# shellcheck shell=sh disable=SC2154 # of who sources it
# An echo server under test, with openssl s_client's. The caller has sourced
# check.sh and set `dir`.

# see FILE PATTERN: waits for a line that the server or a client writes.
see() {
	until line=$(grep -a -m 1 -e "$2" "$1"); do
		kill -0 "$server" || { cat "$dir"/*.out >&2; exit 1; }
		sleep 0.05
	done
}

make_certificate() {
	OPENSSL=$openssl "$root/tools/certificate.sh" "$dir/cert.pem" "$dir/key.pem"
}

# echo_clients N COMMAND...: N clients at a time, each with a line; then the
# server ends. COMMAND is given 127.0.0.1, port 0, the certificate, its key, N.
echo_clients() {
	n=$1
	shift
	: >"$dir/server.out"
	"$@" 127.0.0.1 0 "$dir/cert.pem" "$dir/key.pem" "$n" >"$dir/server.out" 2>&1 &
	server=$!
	pids=$server
	see "$dir/server.out" '^listening on '
	port=$(echo "$line" | sed 's/[^:]*:\([0-9]*\).*/\1/')
	for i in $(seq "$n"); do
		rm -f "$dir/$i.in"
		mkfifo "$dir/$i.in"
		: >"$dir/$i.out"
		"$openssl" s_client -dtls1_2 -quiet -no_ign_eof -connect "127.0.0.1:$port" \
		    <"$dir/$i.in" >"$dir/$i.out" 2>"$dir/$i.err" &
		eval "client$i=$!"
		pids="$pids $!"
	done
	# Only now: who is started later would hold those of the others open.
	for i in $(seq "$n"); do
		eval "exec $((i + 2))>'$dir/$i.in'"
	done
	until [ "$(grep -c accepted "$dir/server.out")" = "$n" ]; do
		kill -0 "$server" || { cat "$dir"/*.out >&2; exit 1; }
		sleep 0.05
	done
	for i in $(seq "$n"); do
		eval "echo 'line of $i' >&$((i + 2))"
	done
	for i in $(seq "$n"); do
		see "$dir/$i.out" "^line of $i\$"
		eval "exec $((i + 2))>&-"
		eval "wait \$client$i" || ok "client $i ends well: $(cat "$dir/$i.err")" false
	done
	ok "the server ends when they are gone" wait "$server"
	same "closed" "$(grep -c ': closed$' "$dir/server.out")" "$n"
	pids=
}

# shellcheck shell=bash disable=SC2317 # called by name
# Shared by e2e/interop/pairs/*.sh, which run.sh starts. From run.sh: LIB, PLAIN,
# KEY, CERT, WORK (a fresh directory, this pair's own).
set -eu
set -m		# each background job its own group, so that its children die with it

token=$$-$RANDOM
to_server="hello-from-the-client-$token"
to_client="greetings-from-the-server-$token"
pids=''

cleanup() {
	for pid in $pids; do
		kill -TERM -- "-$pid" 2>/dev/null || true
	done
	for pid in $pids; do
		wait "$pid" 2>/dev/null || true
	done
}
trap cleanup EXIT
trap 'exit 143' INT TERM

die() {
	echo "$*" >"$WORK/why"
	exit 1
}

# preload COMMAND...: becomes COMMAND, with our library in front of libssl.
preload() {
	if [ -n "$PLAIN" ]; then
		exec "$@"
	fi
	exec env LD_PRELOAD="$LIB" DTLSV1_LISTEN_TRACE=1 "$@"
}

# wait_for FILE PATTERN WHAT: at most a minute, for a machine that is busy.
wait_for() {
	for _ in $(seq 1200); do
		! grep -aqs -e "$2" "$1" || return 0
		sleep 0.05
	done
	die "$3: never saw '$2' in ${1##*/}"
}

# bound PORT: who has the port, one line a socket. More than one process may:
# s_server, radsecproxy and coturn set SO_REUSEADDR.
bound() {
	ss -Hanup "sport = :$1"
}

# serve LAUNCH: runs the function LAUNCH PORT in the background, stdin from a
# pipe on fd 8, until it alone has its port; another port if it does not get it.
# Sets $port and $server (its pid).
serve() {
	[ -p "$WORK/server.in" ] || mkfifo "$WORK/server.in"
	exec 8<>"$WORK/server.in"
	for _ in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 12000))
		if [ -n "$(bound "$port")$(bound $((port + 1)))" ]; then continue; fi
		: >"$WORK/server.out"
		: >"$WORK/server.err"
		"$1" "$port" <"$WORK/server.in" \
		    >"$WORK/server.out" 2>"$WORK/server.err" &
		server=$!
		pids="$pids $server"
		for _ in $(seq 600); do
			sleep 0.05
			kill -0 "$server" 2>/dev/null || break
			if bound "$port" | grep -q "pid=$server,"; then
				! bound "$port" | grep -qv "pid=$server," || break
				return 0
			fi
		done
		kill -TERM -- "-$server" 2>/dev/null || true
	done
	die "the server did not start"
}

# client COMMAND...: in the background, stdin from a pipe on fd 9.
client() {
	mkfifo "$WORK/client.in"
	: >"$WORK/client.out"	# now: what the last one said is none of this one's
	exec 9<>"$WORK/client.in"
	"$@" <"$WORK/client.in" >"$WORK/client.out" 2>"$WORK/client.err" &
	pids="$pids $!"
}

# served: the server ran our DTLSv1_listen, by its own word (or, PLAIN, did not).
served() {
	line=$(grep -a '^dtlsv1_listen: .* serving DTLSv1_listen ' "$WORK/server.err" || true)
	if [ -n "$PLAIN" ]; then
		[ -z "$line" ] || die "libssl alone was wanted, but our library ran: $line"
		return
	fi
	case $line in
	*"(pid $server,"*) ;;
	'') die "our DTLSv1_listen was never called in the server" ;;
	*) die "another process than the server, $server, called ours: $line" ;;
	esac
}

# ok CLIENT SERVER CIPHER BYTES: the pair's one line.
ok() {
	[ -n "$3" ] || die "no cipher seen"
	echo "$1 -> $2: ok ($3, $4 bytes)"
}

# --- openssl s_server -listen, with any client that speaks lines ---

# s_server ADDRESS: write nothing to its stdin before the handshake, that would
# start one without listening; one client for each process.
s_server() {
	address=$1
	launch_s_server() {
		preload openssl s_server -dtls1_2 -listen -accept "$address:$1" \
		    -cert "$CERT" -key "$KEY"
	}
	serve launch_s_server
}

# talk NAME: a line each way through a started client, then all the checks.
talk() {
	wait_for "$WORK/server.out" '^CIPHER is ' "handshake"
	echo "$to_server" >&9
	wait_for "$WORK/server.out" "$to_server" "data to the server"
	echo "$to_client" >&8
	wait_for "$WORK/client.out" "$to_client" "data to the client"
	served
	ok "$1" "openssl s_server -listen" \
	    "$(sed -n 's/^CIPHER is //p' "$WORK/server.out")" \
	    $((${#to_server} + ${#to_client} + 2))
}

# by_luck NAMES FILE PATTERN: the last word of a pair that libssl alone serves only
# when a fragment comes late. Waits 6 s, in which a client repeats itself twice.
by_luck() {
	for _ in $(seq 120); do
		! grep -aqs -e "$3" "$2" || { echo "$1: a handshake, by luck"; exit 0; }
		sleep 0.05
	done
	echo "$1: no handshake"
	exit 0
}

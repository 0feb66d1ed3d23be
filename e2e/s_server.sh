#!/bin/bash
# One release's own programs: 's_server -listen' with our library preloaded,
# 's_client' without. Certificate over IPv4 and IPv6, a pre-shared key, and what
# '-msg' prints, which is the same as with libssl alone.
#
#   LIB_SO=/path/libdtlsv1_listen.so OPENSSL=/path/openssl e2e/s_server.sh
#
#   RELEASE_VERSION  the release that has to have run (default: OPENSSL's own word)
#   RUNNER        put before the server, such as "valgrind -q --error-exitcode=9"
#   PLAIN=1       libssl alone, to tell a machine that cannot from a library
#                 that does not
set -eu
: "${LIB_SO:?the library to preload}" "${OPENSSL:=openssl}" "${RUNNER:=}" "${PLAIN:=}"
: "${RELEASE_VERSION:=$("$OPENSSL" version | awk '{ print $2 }')}"

work=$(mktemp -d)
server='' client='' passed=0 failed=0
cleanup() {
	for pid in $server $client; do kill "$pid" 2>/dev/null || true; done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Any release can make the certificate; its configuration file is its own.
"$OPENSSL" ecparam -name prime256v1 -genkey -noout -out "$work/key.pem"
"$OPENSSL" req -x509 -key "$work/key.pem" -out "$work/cert.pem" \
    -subj /CN=localhost -days 2 2>"$work/req" || { cat "$work/req" >&2; exit 1; }

# wait_for FILE PATTERN PID: at most 20 s, and no longer than the process lives.
wait_for() {
	for _ in $(seq 400); do
		! grep -aqs -e "$2" "$1" || return 0
		kill -0 "$3" 2>/dev/null || break
		sleep 0.05
	done
	grep -aqs -e "$2" "$1" || { why="never saw '$2' in $(basename "$1")"; return 1; }
}

# number VERSION: as OpenSSL_version_num gives it, in hex.
number() {
	local major minor patch letter
	IFS=. read -r major minor patch <<<"$1"
	case $1 in
	1.*)	letter=${patch//[0-9]/} patch=${patch%"$letter"}
		printf '0x%x%02x%02x%02xf\n' "$major" "$minor" "$patch" \
		    $(($(printf %d "'$letter") - 96)) ;;
	*)	printf '0x%x%02x00%02x0\n' "$major" "$minor" "$patch" ;;
	esac
}

# exchange ADDRESS SERVER-OPTIONS -- CLIENT-OPTIONS: the handshake, a line each
# way, a clean end; then what each side says of it.
exchange() {
	local address=$1 options=() pid status=0
	shift
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	shift
	rm -f "$work"/{s,c}.*
	mkfifo "$work/s.in" "$work/c.in"
	exec 8<>"$work/s.in" 9<>"$work/c.in"

	# Port 0: the system chooses, s_server says which. Nothing goes to its
	# stdin before the handshake: that would start one without listening.
	local preload=(env "LD_PRELOAD=$LIB_SO" DTLSV1_LISTEN_TRACE=1)
	[ -z "$PLAIN" ] || preload=()
	# shellcheck disable=SC2086
	"${preload[@]}" $RUNNER "$OPENSSL" s_server -dtls -listen -naccept 1 -accept "$address:0" \
	    "${options[@]}" <"$work/s.in" >"$work/s.out" 2>"$work/s.err" 8>&- 9>&- &
	server=$! pid=$server
	wait_for "$work/s.out" '^ACCEPT ' "$server" || return 1
	port=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' "$work/s.out" | tail -n 1)

	timeout 60 "$OPENSSL" s_client -dtls -state -connect "$address:$port" "$@" \
	    <"$work/c.in" >"$work/c.out" 2>"$work/c.err" 8>&- 9>&- &
	client=$!
	wait_for "$work/s.out" '^CIPHER is ' "$server" || return 1
	wait_for "$work/c.out" '^ *Verify return code' "$client" || return 1
	echo 'to the server' >&9
	wait_for "$work/s.out" '^to the server$' "$server" || return 1
	echo 'to the client' >&8
	wait_for "$work/c.out" '^to the client$' "$client" || return 1
	echo Q >&9
	wait "$client" || { why="s_client ended with status $?"; return 1; }
	client=''
	for _ in $(seq 200); do
		kill -0 "$server" 2>/dev/null || break
		sleep 0.05
	done
	kill -TERM "$server" 2>/dev/null || true
	wait "$server" || status=$?
	server=''

	# One answer to the first hello, none to the second: 3.5 calls it by another name.
	local asked
	asked=$(grep -aci 'read hello verify request' "$work/c.err" || true)
	[ "$asked" = 1 ] || { why="s_client saw $asked HelloVerifyRequests, not 1"; return 1; }
	local line
	line=$(grep -a '^dtlsv1_listen: .* serving DTLSv1_listen ' "$work/s.err" || true)
	if [ -n "$PLAIN" ]; then
		[ -z "$line" ] || { why="libssl alone was wanted, yet: $line"; return 1; }
	else
		[[ $line == *"(pid $pid, "*"$(number "$RELEASE_VERSION"),"* ]] || {
			why="our DTLSv1_listen did not run in process $pid on libssl $RELEASE_VERSION; its word: '$line'"
			return 1
		}
	fi
	[ "$status" = 0 ] || { why="s_server ended with status $status"; return 1; }
}

# messages FILE: what -msg printed up to the ServerHello, without what is random:
# the cookie's and the client's random bytes, and its key shares (4.1's clients). Not by name: of many a message
# in DTLS s_server says '???'.
messages() {
	awk '
	function number(hex) {
		return 16 * index(digits, substr(hex, 1, 1)) + index(digits, substr(hex, 2, 1)) - 17
	}
	function blank(from, count) {
		while (count-- > 0) byte[from++] = "--"
	}
	function pair(at) {
		return 256 * number(byte[at]) + number(byte[at + 1])
	}
	# Those of extension 51; `at`: the cookie, behind which come suites and compression.
	function blank_key_shares(at) {
		at += 1 + number(byte[at])
		at += 2 + pair(at)
		at += 1 + number(byte[at]) + 2
		for (; at + 4 <= n; at += 4 + pair(at + 2))
			if (byte[at] byte[at + 1] == "0033") blank(at + 4, pair(at + 2))
	}
	function message(	i, at, line) {
		if (header == "") return
		print header
		header = ""
		if (way == ">>>" && n > 12 && byte[0] == "02") exit
		if (way == ">>>" && n > 15 && byte[0] == "03") blank(15, number(byte[14]))
		if (way == "<<<" && n > 12 && byte[0] == "01") {
			blank(14, 32)
			at = 47 + number(byte[46])
			blank(at + 1, number(byte[at]))
			blank_key_shares(at)
		}
		for (i = 0; i < n; i++) line = line " " byte[i]
		print line
	}
	BEGIN { digits = "0123456789abcdef" }
	/^(<<<|>>>) / { message(); header = $0; way = $1; n = 0; next }
	header != "" && /^    [0-9a-f][0-9a-f]( |$)/ { for (i = 1; i <= NF; i++) byte[n++] = $i; next }
	{ message() }
	END { message() }' "$1"
}

# same_messages EXCHANGE-ARGUMENTS: with our library, then with libssl alone.
same_messages() {
	local diff lines
	exchange "$@" || return 1
	messages "$work/s.out" >"$work/messages.ours"
	PLAIN=1 RUNNER='' exchange "$@" || { why="libssl alone: $why"; return 1; }
	messages "$work/s.out" >"$work/messages.plain"
	# Two hellos, the answer and the ServerHello at the least, or it proves nothing.
	lines=$(grep -c '^[<>]' "$work/messages.plain" || true)
	[ "$lines" -ge 4 ] || { why="libssl alone printed $lines messages"; return 1; }
	diff=$(diff -U 3 "$work/messages.plain" "$work/messages.ours") || {
		why="-msg prints (-) with libssl alone, (+) with our library:"$'\n'$diff
		return 1
	}
}

# scenario NAME COMMAND...
scenario() {
	local name=$1 why='stopped'
	shift
	if "$@"; then
		passed=$((passed + 1))
		echo "$name: ok ($(sed -n 's/^CIPHER is //p' "$work/s.out"))"
		return
	fi
	failed=$((failed + 1))
	echo "$name: FAILED: $why"
	for pid in $server $client; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	server='' client=''
	for f in "$work"/?.out "$work"/?.err; do
		[ -s "$f" ] || continue
		echo "    --- ${f##*/}"
		tail -n 15 "$f" | tr -cd '[:print:]\n\t' | sed 's/^/    /'
	done
}

certificate=(-cert "$work/cert.pem" -key "$work/key.pem")
psk=(-psk 000102030405060708090a0b0c0d0e0f -cipher PSK-AES128-GCM-SHA256)
scenario 'certificate, IPv4' exchange 127.0.0.1 "${certificate[@]}" --
scenario 'certificate, IPv6' exchange '[::1]' "${certificate[@]}" --
scenario 'pre-shared key' exchange 127.0.0.1 -nocert "${psk[@]}" -- "${psk[@]}"
scenario 'what -msg prints' same_messages 127.0.0.1 -msg "${certificate[@]}" --
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]

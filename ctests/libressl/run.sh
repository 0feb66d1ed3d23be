#!/bin/sh
# DTLSv1_listen as LibreSSL's macro: LibreSSL alone, with our library preloaded,
# and linked to it with our header. All three must say the same.
#
#   LIB_SO, BUILD, OPENSSL, RELEASE_INCLUDE, RELEASE_LIBDIR, LD_LIBRARY_PATH  as releases.sh env
#   RUNNER   put before the programs that use our library
set -eu
unset CDPATH
: "${RUNNER:=}" "${LIB_SO:?}" "${BUILD:?}" "${OPENSSL:?}" "${RELEASE_INCLUDE:?}" "${RELEASE_LIBDIR:?}"
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$BUILD"

${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -g -isystem "$RELEASE_INCLUDE" \
    -o "$BUILD/adopt" "$here/adopt.c" -L"$RELEASE_LIBDIR" -lssl -lcrypto -ldl
build() {	# NAME ARGUMENT...
	name=$1
	shift
	${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -g -isystem "$RELEASE_INCLUDE" \
	    -o "$BUILD/$name" "$here/listen.c" "$here/sides.c" "$@" -L"$RELEASE_LIBDIR" -lssl -lcrypto -ldl
}
build listen
build listen-linked -DWITH_HEADER -I"$here/../../include" "$LIB_SO"
"$OPENSSL" req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2 \
    -keyout "$work/key.pem" -out "$work/cert.pem" 2>"$work/req" || { cat "$work/req" >&2; exit 1; }

passed=0 failed=0
run() {	# NAME MODE COMMAND...
	name=$1 mode=$2 why=''
	shift 2
	"$@" "$work/cert.pem" "$work/key.pem" "$mode" >"$work/$name" 2>"$work/$name.err" ||
		why="ended with status $?"
	if [ "$mode" = ours ] && ! grep -q '^dtlsv1_listen: .* serving DTLSv1_listen ' "$work/$name.err"; then
		why="$why our DTLSv1_listen never ran"
	fi
	cmp -s "$work/plain" "$work/$name" || why="$why and tells another story than LibreSSL alone"
	if [ -z "$why" ]; then
		passed=$((passed + 1))
		echo "$name: ok"
	else
		failed=$((failed + 1))
		echo "$name: FAILED: $why"
		cat "$work/$name.err"
		diff -u "$work/plain" "$work/$name" || true
	fi
}
run plain plain "$BUILD/listen"
cat "$work/plain"
# shellcheck disable=SC2086
run preloaded ours env LD_PRELOAD="$LIB_SO" DTLSV1_LISTEN_TRACE=1 $RUNNER "$BUILD/listen"
# By its soname, wherever it is.
ln -s "$(realpath "$LIB_SO")" "$work/libdtlsv1_listen.so.1"
LD_LIBRARY_PATH=$work:${LD_LIBRARY_PATH:-}
export LD_LIBRARY_PATH
# shellcheck disable=SC2086
run linked ours env DTLSV1_LISTEN_TRACE=1 $RUNNER "$BUILD/listen-linked"
# shellcheck disable=SC2086
if env LD_PRELOAD="$LIB_SO" $RUNNER "$BUILD/adopt" "$work/cert.pem" "$work/key.pem"; then
	passed=$((passed + 1))
else
	failed=$((failed + 1))
	echo "adopt: FAILED"
fi

# Those of the C tests that are about nothing that LibreSSL does otherwise: it asks the application once about a cookie, has
# no reasons for datagrams that are dropped, and puts a BIO of its own before the write BIO. shim/ has what its headers lack.
tests='adopt adopt_refused amplification bio_batch bio_batch_handshakes command75 cookies_builtin cookies_env cookies_fork
    ctx_exchanged datagram datagram_args datagram_peers datagram_threads forgery fork_handlers fork_threads listener_accept
    listener_again listener_asleep listener_bounds listener_detach listener_full listener_leaves listener_limits
    listener_refused listener_spoofed listener_stack listener_wakes notices peer_set
    peer_unknown secrets secrets_env secrets_file secrets_slow socket_filter stats_file stats_file_place
    stats_file_processes stats_threads unwind_waiting'
# Most have hellos of DTLS 1.2, which 3.1 does not speak.
of_dtls1='amplification cookies_env datagram datagram_peers datagram_threads fork_handlers notices peer_set secrets_slow stats_file_place stats_file_processes stats_threads'
of_dtls1="$of_dtls1 listener_accept listener_again listener_asleep listener_bounds listener_detach listener_full"
of_dtls1="$of_dtls1 listener_leaves listener_limits listener_spoofed listener_stack listener_wakes"
speaks_1_2=
! grep -qs DTLS1_2_VERSION "$RELEASE_INCLUDE"/openssl/*.h || speaks_1_2=yes
ln -sf libdtlsv1_listen.so.1 "$work/libdtlsv1_listen.so"
export CTESTS_TMP="$work" CTESTS_MODE=linked
[ -z "$RUNNER" ] || export CTESTS_LIMIT=1500
not_run='' count=0
for test in $tests; do
	why=
	case "${speaks_1_2:- $of_dtls1 }" in yes | *" $test "*) ;; *) why='its hellos are of DTLS 1.2' ;; esac
	# Seen now and then: the child waits in BIO_new() for libcrypto's lock, which SSL_CTX_new() held in another thread.
	[ "$test" != fork_threads ] || why="libcrypto's own locks do not outlive a fork"
	case $test:$RUNNER in
	listener_stack:?*) why="a checker's own frames stand between ours" ;;
	listener_asleep:?* | listener_bounds:?* | listener_full:?* | listener_limits:?* | listener_spoofed:?*)
		why="libssl's timers, of a second, run out under a checker" ;;
	esac
	if [ "$why" ]; then
		echo "$test: not here: $why"
		not_run="$not_run $test" count=$((count + 1))
		continue
	fi
	"${MAKE:-make}" -s -C "$here/../../ctests" BUILD="$BUILD" LIB_DIR="$work" \
	    CPPFLAGS="-isystem $here/shim" "$BUILD/linked/$test"
	# As in ctests/one.sh.
	runner=$RUNNER
	case $test:$RUNNER in
	socket_filter:*valgrind* | stats_file:*valgrind*) runner="$RUNNER --trace-children=yes" ;;
	fork_handlers:*valgrind* | secrets_slow:*valgrind*) runner="$RUNNER --leak-check=no" ;;
	esac
	# shellcheck disable=SC2086
	if $runner "$BUILD/linked/$test"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$test: FAILED"
	fi
done
echo "$passed passed, $failed failed${not_run:+, $count not run:$not_run}"
[ "$failed" = 0 ]

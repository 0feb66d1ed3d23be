#!/bin/sh
# One of run.sh's programs or shell tests: run.sh's own helper, with run.sh's variables around it.
#
#   one.sh MODE NAME     MODE linked, preloaded or static; "test" for NAME.test
#
# Its output comes in one piece when it has ended, and its exit status into a file of its name.
set -eu
unset CDPATH

: "${CTESTS_TMP:?run this by run.sh}" "${preload:?}"
here=$(cd "$(dirname "$0")" && pwd)
mode=$1 name=$2
log=$CTESTS_TMP/run/$name.$mode

program() {
	export CTESTS_MODE="$mode"
	# Its children end while a thread of theirs runs, on purpose: that thread's
	# memory looks lost now and then.
	case $name:$SAN in
	stats_file:*address*) export ASAN_OPTIONS=detect_leaks=0 ;;
	*:*address*) export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 ;;
	esac
	# OpenSSL from 3.2 on leaves two buffers behind where its DTLSv1_listen() is unwound.
	case $name:$SAN in
	unwind:*address*) export LSAN_OPTIONS="suppressions=$here/lsan.supp:print_suppressions=0" ;;
	*) unset LSAN_OPTIONS ;;
	esac
	# These start themselves again.
	case $name in
	stats_file | budget | socket_filter) export VALGRIND_OPTS=--trace-children=yes ;;
	*) unset VALGRIND_OPTS ;;
	esac
	# In a child the memory of the parent's other thread looks lost.
	case $name:$RUNNER in
	fork_handlers:*valgrind* | secrets_slow:*valgrind*) RUNNER="$RUNNER --leak-check=no" ;;
	esac
	if [ "$mode" = preloaded ]; then
		# shellcheck disable=SC2086 # a command and its arguments
		LD_PRELOAD=$preload $RUNNER "$BUILD/$mode/$name"
	else
		# shellcheck disable=SC2086
		$RUNNER "$BUILD/$mode/$name"
	fi
}

status=0
begin=$(date +%s)
case $mode in
test) sh "$here/$name.test" ;;
*) program ;;
esac >"$log" 2>&1 </dev/null || status=$?

case $status in
0 | 77) ;;	# 77: it cannot run here, and has said why
*) echo "FAILED: $name $mode (exit status $status)" >>"$log" ;;
esac
# Who takes long is named: nobody waits for minutes without knowing for whom.
took=$(($(date +%s) - begin))
[ $took -lt 60 ] || echo "$name $mode: took $took s" >>"$log"
echo "$status" >"$log.status"
flock "$CTESTS_TMP" cat "$log"

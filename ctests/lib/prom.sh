# shellcheck shell=sh
# What prom.test and prom_server.test share: the parser, and files of the
# counters to hold others against. run.sh has set BUILD, LIB_DIR, CTESTS_TMP.
set -eu
unset CDPATH

: "${BUILD:?run this by ctests/run.sh}" "${CTESTS_TMP:?}" "${LIB_DIR:?}"
here=$(cd "$(dirname "$0")" && pwd)
program=$(basename "$0")
work=$CTESTS_TMP/${program%.test}
preload=$LIB_DIR/libdtlsv1_listen.so
# Debian's python3-prometheus-client is for Debian's python3, not for another.
python=/usr/bin/python3
mkdir "$work"

fail() {
	echo "$program: $*" >&2
	exit 1
}

# The tested OpenSSL is for the programs under test, not for Python.
python() {
	env -u LD_LIBRARY_PATH "$python" "$@"
}

prom() {
	python "$here/prom.py" "$@"
}

[ -x "$python" ] || fail "no $python: run 'tools/setup.sh check'"

# Counters that tests of the counters reach, written at exit: by stats into $stats, by stats_threads into
# $threads, by the child that it forks into $threads_child.
mode=${MODES%% *}
ahead=
[ "$mode" != preloaded ] || ahead=$preload
for test in stats stats_threads; do
	CTESTS_MODE=$mode DTLSV1_LISTEN_STATS=$work/$test-%p.prom \
	    LD_PRELOAD=$ahead "$BUILD/$mode/$test" >"$work/$test.out" 2>&1 ||
	    fail "$test fails with DTLSV1_LISTEN_STATS set: $(cat "$work/$test.out")"
done
set -- "$work"/stats-*.prom
[ $# -eq 1 ] || fail "stats leaves $# files"
# shellcheck disable=SC2034 # for who reads this file
stats=$1
set -- "$work"/stats_threads-*.prom
[ $# -eq 2 ] || fail "stats_threads and the child that it forks leave $# files"
# shellcheck disable=SC2034 # for who reads this file
threads=$1 threads_child=$2

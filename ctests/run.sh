#!/bin/sh
# Build the C tests, run each program linked and preloaded, and the shell
# tests beside them; one line each, then a line with the sum. What was asked
# for and cannot run here, or only in part, is named in that line, and is no failure.
#
#   ctests/run.sh [NAME...]     all, or these
#
# From the environment (another OpenSSL, a checker):
#   LIB_SO        our library            target/release/libdtlsv1_listen.so
#   BUILD         scratch                target/ctests
#   HOST_INCLUDE  OpenSSL's headers      the system's
#   HOST_LIBDIR   OpenSSL's libraries    the system's
#   RUNNER        put before each program, such as "valgrind -q"
#   SAN           sanitizers, such as "address,undefined"
#   MODES         "linked preloaded"; "static" links the .a beside LIB_SO
#   CC CXX CFLAGS MAKE JOBS
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
BUILD=${BUILD:-$root/target/ctests}
LIB_SO=${LIB_SO:-$root/target/release/libdtlsv1_listen.so}
HOST_INCLUDE=${HOST_INCLUDE:-}
HOST_LIBDIR=${HOST_LIBDIR:-}
RUNNER=${RUNNER:-}
SAN=${SAN:-}
MODES=${MODES:-linked preloaded}
export CC="${CC:-cc}" CXX="${CXX:-c++}"
[ -z "$RUNNER" ] || export CTESTS_LIMIT="${CTESTS_LIMIT:-1500}"

[ -f "$LIB_SO" ] || {
	echo "ctests: no library at $LIB_SO: run 'make lib', or set LIB_SO" >&2
	exit 2
}

# A name that no test has would pass by running nothing.
names=$(for source in "$here"/*.c "$here"/callers/*.c "$here"/*.test; do
	name=${source##*/}
	echo "${name%.*}"
done | sort -u)
for arg; do
	echo "$names" | grep -qxF -e "$arg" || {
		echo "ctests: there is no test '$arg', only: $(echo "$names" | xargs)" >&2
		exit 2
	}
done

mkdir -p "$BUILD/lib"
BUILD=$(cd "$BUILD" && pwd)
CTESTS_TMP=$(mktemp -d)
export CTESTS_TMP
trap 'rm -rf "$CTESTS_TMP"' EXIT
trap 'exit 1' HUP INT TERM

# The names that a linker and a loader look for, whatever the file is called.
so=$(cd "$(dirname "$LIB_SO")" && pwd)/$(basename "$LIB_SO")
ln -sf "$so" "$BUILD/lib/libdtlsv1_listen.so"
ln -sf "$so" "$BUILD/lib/libdtlsv1_listen.so.1"
ln -sf "${so%/*}/libdtlsv1_listen_audit.so" "$BUILD/lib/libdtlsv1_listen_audit.so"
LIB_DIR=$BUILD/lib
ln -sf "${so%.so}.a" "$BUILD/lib/libdtlsv1_listen.a"
export BUILD LIB_DIR HOST_INCLUDE HOST_LIBDIR SAN MODES

${MAKE:-make} -s -j"${JOBS:-2}" -C "$here" all

LD_LIBRARY_PATH=$LIB_DIR${HOST_LIBDIR:+:$HOST_LIBDIR}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

preload=$LIB_DIR/libdtlsv1_listen.so
case $SAN in
*address*)
	# ASan's runtime has to come before everything, us included.
	preload="$("$CC" -print-file-name=libasan.so) $preload"
	export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}"
	;;
esac

passed=0
failed=0
not_run=0
not_run_names=
count() {	# STATUS NAME; 77: it cannot run here, and has said why
	case $1 in
	0)	passed=$((passed + 1)) ;;
	77)	not_run=$((not_run + 1))
		not_run_names="$not_run_names $2" ;;
	*)	failed=$((failed + 1))
		echo "FAILED: $2 (exit status $1)" ;;
	esac
}

wanted() {	# NAME among the arguments, or no arguments
	name=$1
	shift
	[ $# -eq 0 ] && return 0
	for arg; do
		[ "$arg" = "$name" ] && return 0
	done
	return 1
}

run_program() {	# MODE PROGRAM
	export CTESTS_MODE="$1"
	# Its children end while a thread of theirs runs, on purpose: that thread's
	# memory looks lost now and then.
	case $2:$SAN in
	stats_file:*address*) ASAN_OPTIONS=detect_leaks=0 ;;
	*:*address*) ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 ;;
	esac
	# These start themselves again, with their stderr in a file.
	case $2 in
	stats_file | budget) export VALGRIND_OPTS=--trace-children=yes ;;
	*) unset VALGRIND_OPTS ;;
	esac
	status=0
	if [ "$1" = preloaded ]; then
		LD_PRELOAD=$preload $RUNNER "$BUILD/$1/$2" || status=$?
	else
		$RUNNER "$BUILD/$1/$2" || status=$?
	fi
	count "$status" "$2 $1"
}

for source in "$here"/*.c "$here"/callers/*.c; do
	[ -f "$source" ] || continue
	program=$(basename "$source" .c)
	wanted "$program" "$@" || continue
	# These bring a malloc() or dlsym() of their own, and so do the checkers.
	case $program:${RUNNER:+runner}$SAN in
	alloc:?* | faults:?*)
		echo "$program: not here, where the checker owns malloc() and dlsym()"
		count 77 "$program"
		continue ;;
	socket_filter:runner*)
		echo "$program: not here: it begins itself anew, and a checker cannot follow"
		count 77 "$program"
		continue ;;
	stack:?*)
		echo "$program: not here: a checker's own frames stand between ours"
		count 77 "$program"
		continue ;;
	fork_threads:runner* | fork_handlers:runner* | secrets_slow:runner*)
		echo "$program: not here: in a child the memory of the parent's other thread looks lost"
		count 77 "$program"
		continue ;;
	esac
	for mode in $MODES; do
		run_program "$mode" "$program"
	done
done

# These judge files and links, not memory: once, without a checker, is enough,
# and nobody misses them there who has not asked for them.
for source in "$here"/*.test; do
	[ -f "$source" ] || continue
	wanted "$(basename "$source" .test)" "$@" || continue
	status=0
	if [ -z "$RUNNER$SAN" ]; then
		sh "$source" || status=$?
	elif [ $# -gt 0 ]; then
		status=77
	else
		continue
	fi
	count "$status" "$(basename "$source")"
done

# "peer (no ::1)": programs that ran without the part that cannot run here.
left_out=
[ ! -f "$CTESTS_TMP/left-out" ] ||
	left_out=$(sort -u "$CTESTS_TMP/left-out" | paste -s -d , | sed 's/,/, /g')
echo "$passed passed, $failed failed${not_run_names:+, $not_run not run:$not_run_names}${left_out:+, in part: $left_out}"
[ "$failed" -eq 0 ] && [ $((passed + not_run)) -gt 0 ]

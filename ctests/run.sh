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
#   RELEASE_INCLUDE  OpenSSL's headers      the system's
#   RELEASE_LIBDIR   OpenSSL's libraries    the system's
#   RUNNER        put before each program, such as "valgrind -q"
#   SAN           sanitizers, such as "address,undefined"
#   MODES         "linked preloaded"; "static" links the .a beside LIB_SO
#   CTESTS_JOBS   programs at a time     4, under a checker 3
#   CC CXX CFLAGS CPPFLAGS LDFLAGS WERROR MAKE JOBS
set -eu
unset CDPATH

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
# shellcheck source=../tools/plain-env.sh
. "$root/tools/plain-env.sh"
BUILD=${BUILD:-$root/target/ctests}
LIB_SO=${LIB_SO:-$root/target/release/libdtlsv1_listen.so}
RELEASE_INCLUDE=${RELEASE_INCLUDE:-}
RELEASE_LIBDIR=${RELEASE_LIBDIR:-}
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

# Clients by the hundred. A lower hard limit is the machine's own, and the tests say what they lack.
# shellcheck disable=SC3045 # every sh has -n
[ "$(ulimit -n)" = unlimited ] || [ "$(ulimit -n)" -ge 1024 ] || ulimit -S -n 1024 2>/dev/null || true

mkdir -p "$BUILD/lib"
BUILD=$(cd "$BUILD" && pwd)
case $root$BUILD in
*[[:space:]:]*)
	echo "ctests: neither the loader nor a linker takes a space or a colon in a path: run the tests elsewhere than in $root" >&2
	exit 2 ;;
esac
CTESTS_TMP=$("$root/tools/scratch.sh" "$BUILD")
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
export BUILD LIB_DIR RELEASE_INCLUDE RELEASE_LIBDIR SAN MODES

${MAKE:-make} -s -j"${JOBS:-2}" -C "$here" all

LD_LIBRARY_PATH=$LIB_DIR${RELEASE_LIBDIR:+:$RELEASE_LIBDIR}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

preload=$LIB_DIR/libdtlsv1_listen.so
case $SAN in
*address*)
	# ASan's runtime has to come before everything, us included.
	preload="$($CC -print-file-name=libasan.so) $preload"
	export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}"
	;;
esac

export preload RUNNER

wanted() {	# NAME among the arguments, or no arguments
	name=$1
	shift
	[ $# -eq 0 ] && return 0
	for arg; do
		[ "$arg" = "$name" ] && return 0
	done
	return 1
}

# Why PROGRAM cannot run under this checker; nothing where it can.
unfit() {
	case $1:${RUNNER:+runner}$SAN in
	alloc:?* | faults:?* | listener_short:?*)
		echo "the checker owns malloc() and dlsym()" ;;
	sandbox:?*)
		echo "a checker makes system calls of its own" ;;
	stack:?* | stack_functions:?* | listener_stack:?*)
		echo "a checker's own frames stand between ours" ;;
	fork_threads:runner*)
		echo "it takes a minute of a processor and more there" ;;
	esac
}

mkdir "$CTESTS_TMP/run"
not_run=
# Shell tests judge files and links, not memory: once, without a checker, is enough,
# and nobody misses them there who has not asked for them. They build programs, take
# longest, and so come first.
for source in "$here"/*.test; do
	name=$(basename "$source" .test)
	wanted "$name" "$@" || continue
	if [ -z "$RUNNER$SAN" ]; then
		echo "test $name" >>"$CTESTS_TMP/list"
	elif [ $# -gt 0 ]; then
		not_run="$not_run $name.test"
	fi
done
for source in "$here"/*.c "$here"/callers/*.c; do
	program=$(basename "$source" .c)
	wanted "$program" "$@" || continue
	why=$(unfit "$program")
	if [ "$why" ]; then
		echo "$program: not here: $why"
		not_run="$not_run $program"
		continue
	fi
	for mode in $MODES; do
		echo "$mode $program"
	done >>"$CTESTS_TMP/list"
done

# Most of its time a program waits: so several run at a time.
[ ! -f "$CTESTS_TMP/list" ] ||
	xargs -n 2 -P "${CTESTS_JOBS:-$([ -z "$RUNNER$SAN" ] && echo 4 || echo 3)}" "$here/one.sh" <"$CTESTS_TMP/list"

passed=0
failed=
for status in "$CTESTS_TMP"/run/*.status; do
	[ -f "$status" ] || continue
	name=$(basename "$status" .status)
	case $(cat "$status") in
	0) passed=$((passed + 1)) ;;
	77) not_run="$not_run ${name%.*}" ;;
	*) failed="$failed $name" ;;
	esac
done
# Who left no status behind was not run at all.
[ ! -f "$CTESTS_TMP/list" ] || while read -r mode name; do
	[ -f "$CTESTS_TMP/run/$name.$mode.status" ] || failed="$failed $name.$mode"
done <"$CTESTS_TMP/list"

# "peer (no ::1)": programs that ran without the part that cannot run here.
left_out=
[ ! -f "$CTESTS_TMP/left-out" ] ||
	left_out=$(sort -u "$CTESTS_TMP/left-out" | paste -s -d , | sed 's/,/, /g')
count() {
	echo $#
}
[ -z "$failed" ] || echo "failed:$failed"
# shellcheck disable=SC2086 # one word each
echo "$passed passed, $(count $failed) failed${not_run:+, $(count $not_run) not run:$not_run}${left_out:+, in part: $left_out}"
[ -z "$failed" ] && { [ "$passed" -gt 0 ] || [ "$not_run" ]; }

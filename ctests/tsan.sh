#!/bin/sh
# C tests under ThreadSanitizer, in the programs, in the library and in Rust's
# standard library, which is built anew for it.
#
#   ctests/tsan.sh [NAME...]     listener_detach, threads and datagram_threads, or these
#
# Wants the sources of rustc's standard library (rustup component add rust-src).
# From the environment: TSAN_BUILD (target/tsan), CC, CARGO.
set -eu
unset CDPATH

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
CC=${CC:-cc}
build=${TSAN_BUILD:-$root/target/tsan}
[ $# -gt 0 ] || set -- listener_detach threads datagram_threads

sysroot=$(rustc --print sysroot)
machine=$(rustc -vV | sed -n 's/^host: //p')
runtime=$(find "$sysroot/lib/rustlib/$machine/lib" -name 'librustc-*_rt.tsan.a')
if [ -z "$runtime" ] || [ ! -d "$sysroot/lib/rustlib/src/rust/library" ]; then
	echo "tsan: rustc has no sources of its library here: rustup component add rust-src" >&2
	exit 2
fi
(cd "$root" && RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=thread ${CARGO:-cargo} build -q --locked \
    --lib -Zbuild-std --target "$machine" --target-dir "$build")
library=$build/$machine/debug/libdtlsv1_listen.a

CTESTS_TMP=$(mktemp -d)
export CTESTS_TMP CTESTS_MODE=static
trap 'rm -rf "$CTESTS_TMP"' EXIT
mkdir -p "$build/obj"

compile() {	# SOURCE
	$CC -std=c11 -g -O1 -fsanitize=thread -I"$here" -c -o "$build/obj/$(basename "$1" .c).o" "$1"
}

# link NAME: the runtime is rustc's, which knows what gcc asks of its own.
link() {
	# shellcheck disable=SC2086
	$CC -rdynamic -o "$build/$1" "$build/obj/$1.o" $lib_objects -Wl,-u,DTLSv1_listen \
	    -Wl,--whole-archive "$runtime" -Wl,--no-whole-archive "$library" \
	    -lssl -lcrypto -lpthread -ldl -lm -lgcc_s
}

lib_objects=
for source in "$here"/lib/*.c; do
	compile "$source"
	lib_objects="$lib_objects $build/obj/$(basename "$source" .c).o"
done

# It has to find what is there: two threads that write to one number.
cat >"$CTESTS_TMP/race.c" <<'C'
#include <pthread.h>
static int number;
static void *
count(void *arg)
{
	number++;
	return arg;
}
int
main(void)
{
	pthread_t thread;

	pthread_create(&thread, 0, count, 0);
	number++;
	return pthread_join(thread, 0);
}
C
compile "$CTESTS_TMP/race.c"
link race
if "$build/race" 2>"$CTESTS_TMP/said" || ! grep -q 'data race' "$CTESTS_TMP/said"; then
	echo "tsan: a race is not found here" >&2
	exit 1
fi

status=0
for name; do
	compile "$here/$name.c"
	link "$name"
	TSAN_OPTIONS=exitcode=66 "$build/$name" || status=1
done
exit $status

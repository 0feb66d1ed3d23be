#!/bin/sh
# Builds the differential harness and runs it: our DTLSv1_listen against libssl's.
#
#   ctests/differential/run.sh [ARGUMENT...]   what the program takes (--help);
#                                              none: N cases from SEED
#   ctests/differential/run.sh selftest        the harness notices what is spoilt
#
# From the environment, as for ctests/run.sh: LIB_SO BUILD RELEASE_INCLUDE
# RELEASE_LIBDIR RUNNER CC CFLAGS MAKE JOBS; and N (200000) and SEED (1, or fresh).
set -eu
unset CDPATH

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../../tools/plain-env.sh
. "$here/../../tools/plain-env.sh"
root=$(cd "$here/../.." && pwd)
BUILD=${BUILD:-$root/target/ctests}
LIB_SO=${LIB_SO:-$root/target/release/libdtlsv1_listen.so}
RELEASE_INCLUDE=${RELEASE_INCLUDE:-}
RELEASE_LIBDIR=${RELEASE_LIBDIR:-}
export CC="${CC:-cc}"

[ -f "$LIB_SO" ] || {
	echo "differential: no library at $LIB_SO: run 'make lib', or set LIB_SO" >&2
	exit 2
}
mkdir -p "$BUILD/differential/lib"
BUILD=$(cd "$BUILD" && pwd)
LIB_DIR=$BUILD/differential/lib
so=$(cd "$(dirname "$LIB_SO")" && pwd)/$(basename "$LIB_SO")
ln -sf "$so" "$LIB_DIR/libdtlsv1_listen.so"
ln -sf "$so" "$LIB_DIR/libdtlsv1_listen.so.1"
export BUILD LIB_DIR RELEASE_INCLUDE RELEASE_LIBDIR

${MAKE:-make} -s -j"${JOBS:-2}" -C "$here" all

# What we export and the harness calls must be told apart by side: see side.h.
nm -D --defined-only "$so" | awk '{ print $3 }' | sort > "$BUILD/differential/exported"
astray=$(find "$BUILD/differential" -maxdepth 1 -name '*.o' ! -name side.o -exec nm -u {} + |
    awk '$1 == "U" { print $2 }' | sort -u | comm -12 - "$BUILD/differential/exported" | xargs)
[ -z "$astray" ] || {
	echo "differential: we export $astray, so libssl's side would get ours too: call it through side.h" >&2
	exit 2
}

LD_LIBRARY_PATH=$LIB_DIR${RELEASE_LIBDIR:+:$RELEASE_LIBDIR}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
cd "$root"
if [ "${1:-}" = selftest ]; then
	shift
	exec "$here/selftest/run.sh" "$BUILD/differential/differential" "$BUILD/differential/libdtlsv1_listen-saboteur.so" "$@"
fi
[ $# -gt 0 ] || set -- --cases "${N:-200000}" --seed "${SEED:-1}"
# shellcheck disable=SC2086 # a runner may have arguments
exec ${RUNNER:-} "$BUILD/differential/differential" "$@"

#!/bin/sh
# LibreSSL's DTLSv1_listen, a macro over SSL_ctrl, beside ours: builds the harness and runs it.
#
#   run.sh [ARGUMENT...]   what the program takes behind the certificate: --cases N --seed S, --only CASE;
#                          none: that it notices what is spoilt, then N cases (20000) from SEED (1)
#
#   LIB_SO, BUILD, OPENSSL, RELEASE_INCLUDE, RELEASE_LIBDIR, LD_LIBRARY_PATH  as releases.sh env
#   RUNNER   put before the program
set -eu
unset CDPATH
: "${RUNNER:=}" "${LIB_SO:?}" "${BUILD:?}" "${OPENSSL:?}" "${RELEASE_INCLUDE:?}" "${RELEASE_LIBDIR:?}"
here=$(cd "$(dirname "$0")" && pwd)
shared=$(cd "$here/../../../ctests/differential" && pwd)
mkdir -p "$BUILD/macro"
program=$BUILD/macro/differential

# hello.h, mutate.h and prng.h are those of the harness for OpenSSL.
${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wpedantic -Werror -I"$shared" -isystem "$RELEASE_INCLUDE" \
    -iquote "$here" -o "$program" "$here"/*.c "$shared/hello.c" "$shared/mutate.c" "$shared/prng.c" \
    "$LIB_SO" -L"$RELEASE_LIBDIR" -lssl -lcrypto -ldl
ln -sf "$(realpath "$LIB_SO")" "$BUILD/macro/libdtlsv1_listen.so.1"
LD_LIBRARY_PATH=$BUILD/macro:${LD_LIBRARY_PATH:-}
export LD_LIBRARY_PATH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
"$OPENSSL" req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2 \
    -keyout "$work/key.pem" -out "$work/cert.pem" 2>"$work/req" || { cat "$work/req" >&2; exit 1; }
differential() {
	# shellcheck disable=SC2086
	$RUNNER "$program" "$work/cert.pem" "$work/key.pem" "$@"
}

if [ $# -gt 0 ]; then
	differential "$@"
	exit
fi
# A log of ours that says another thing than it did has to be noticed, and libssl differs from itself in nothing.
for what in 'returned -1' 'returned 1' 'error 2' 'queue: 2' 'state 3' 'want 3' 'retry 1' 'options 1' 'write (48)' 'write (13)' \
    'generate' 'message 1' 'content 2' 'a cookie was right: 1' 'peer (128): 02' 'no cookie'; do
	if differential --cases 400 --spoil "$what" >"$work/out"; then
		echo "a log that is spoilt at '$what' is not noticed" >&2
		exit 1
	fi
	grep -q DIVERGENCE "$work/out" || { cat "$work/out" >&2; exit 1; }
done
differential --cases 2000 --control >"$work/out" || { cat "$work/out"; exit 1; }
differential --cases "${N:-20000}" --seed "${SEED:-1}"

#!/bin/bash
# Stock clients against stock servers, each server with our library preloaded.
#
#   e2e/interop/run.sh [PAIR...]          every file of pairs/, or those named
#   PLAIN=1 e2e/interop/run.sh [PAIR...]  the same with libssl alone: tells a machine
#                                     that cannot from a library that does not
#   LIB=/path/libdtlsv1_listen.so e2e/interop/run.sh
#
# A pair that fails is run once more with libssl alone, and the answer printed.
set -eu
unset CDPATH

here=$(cd "$(dirname "$0")" && pwd)
export LIB=${LIB:-$here/../../target/release/libdtlsv1_listen.so}
export PLAIN=${PLAIN:-}

if [ -z "$PLAIN" ] && [ ! -r "$LIB" ]; then
	echo "interop: $LIB is not there; build it with 'make'" >&2
	exit 1
fi
"$here/../../tools/setup.sh" interop

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# One certificate for everybody: EC, for every name a client may use.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1 \
    -keyout "$scratch/key.pem" -out "$scratch/cert.pem" 2>"$scratch/req.log" || {
	cat "$scratch/req.log" >&2
	exit 1
}
export KEY=$scratch/key.pem CERT=$scratch/cert.pem

# pair NAME PLAIN: runs one; its files stay in $WORK, its last word in $WORK/line.
pair() {
	WORK=$scratch/$1${2:+-plain}
	export WORK
	mkdir "$WORK"
	PLAIN=$2 timeout -k 5 300 bash "$here/pairs/$1.sh" \
	    >"$WORK/line" 2>"$WORK/complaint" </dev/null
}

if [ $# = 0 ]; then
	for pair in "$here"/pairs/*.sh; do
		set -- "$@" "$(basename "$pair" .sh)"
	done
fi
passed=0 failed=0
for name; do
	if [ ! -r "$here/pairs/$name.sh" ]; then
		echo "interop: there is no pair '$name' in $here/pairs" >&2
		exit 2
	fi
	if pair "$name" "$PLAIN"; then
		passed=$((passed + 1))
		cat "$WORK/line"
		continue
	fi
	failed=$((failed + 1))
	echo "$name: FAILED: $(cat "$WORK/why" 2>/dev/null || echo "stopped or timed out")"
	for f in "$WORK"/*.out "$WORK"/*.err "$WORK/complaint"; do
		[ -s "$f" ] || continue
		echo "    --- ${f##*/}"
		tail -n 15 "$f" | tr -cd '[:print:]\n\t' | sed 's/^/    /'
	done
	if [ -z "$PLAIN" ]; then
		if pair "$name" 1; then
			echo "    with libssl alone this pair works: look at our library"
		else
			echo "    with libssl alone this pair fails too: look at this machine"
		fi
	fi
done
[ -z "$PLAIN" ] || echo "(libssl alone; our library was not used)"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]

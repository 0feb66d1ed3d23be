#!/bin/sh
# Fuzz each target for TIME seconds, from the real hellos of ctests/corpus.
#
#   fuzz/run.sh TIME [TARGET...]
#
# libFuzzer needs compiler options that only a nightly rustc takes; where there is none, the stable
# one is told to take them (RUSTC_BOOTSTRAP, in this script alone).
set -eu
unset CDPATH

here=$(cd "$(dirname "$0")" && pwd)
time=$1
shift
[ $# -gt 0 ] || set -- wire gate cookie datagram differential listener

corpus=$here/corpus
mkdir -p "$corpus"
python3 "$here/seeds.py" "$here/../ctests/corpus/clienthellos.txt" "$corpus"

if cargo +nightly --version >/dev/null 2>&1; then
	toolchain=+nightly
else
	toolchain=
	export RUSTC_BOOTSTRAP=1
fi

cd "$here/.."
passed=0
for target; do
	echo "== $target, $time s"
	log=$(mktemp)
	# shellcheck disable=SC2086
	if ! cargo $toolchain fuzz run "$target" "$corpus/$target" -- -max_total_time="$time" -max_len=2048 \
	    -timeout=10 -print_final_stats=1 >"$log" 2>&1; then
		tail -n 40 "$log"
		echo "fuzz: $target failed; the input is in fuzz/artifacts/$target" >&2
		exit 1
	fi
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	[ "${runs:-0}" -gt 1000 ] || { tail -n 40 "$log"; echo "fuzz: $target ran ${runs:-0} inputs" >&2; exit 1; }
	echo "$target: $runs inputs, none fails"
	rm -f "$log"
	passed=$((passed + 1))
done
echo "fuzz: $passed passed, 0 failed"

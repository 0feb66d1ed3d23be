#!/bin/sh
# The harness has to notice every sabotage, and to find nothing where there is none.
#   run.sh HARNESS SABOTEUR.so [CASES [ARGUMENT...]]      arguments go to the harness
set -eu

harness=$1 saboteur=$2 cases=${3:-20000}
shift $(($# < 3 ? $# : 3))
out=$(mktemp)
trap 'rm -f "$out"' EXIT
passed=0 failed=0

complain()
{
	echo "selftest: $1"
	tail -n 25 "$out"
	failed=$((failed + 1))
}

run()
{
	status=0
	"$@" > "$out" 2>&1 || status=$?
}

run "$harness" --control --cases "$cases" "$@"
if [ $status -eq 0 ]; then passed=$((passed + 1)); else complain "libssl differs from itself"; fi

run env LD_PRELOAD="$saboteur" SABOTAGE=nothing "$harness" --cases "$cases" "$@"
if [ $status -eq 0 ]; then passed=$((passed + 1)); else complain "a saboteur who does nothing is noticed"; fi

for sabotage in reason value stale-error lost-error hello-verify-byte write-twice no-flush no-set-peer swallow extra-verify \
    peer-overrun peer-on-failure peer-short option flight leak free wrong-bio errno retry-flags; do
	run env LD_PRELOAD="$saboteur" SABOTAGE=$sabotage "$harness" --cases "$cases" "$@"
	if [ $status -eq 1 ] && grep -q '^DIVERGENCE' "$out" && grep -q '^replay the shrunk case' "$out"; then
		passed=$((passed + 1))
		echo "selftest: $sabotage: noticed in case $(sed -n 's/^DIVERGENCE: seed 1, case \([0-9]*\).*/\1/p' "$out")"
	elif [ $status -gt 128 ] && grep -q '^CRASHED in --replay' "$out"; then
		passed=$((passed + 1))
		echo "selftest: $sabotage: noticed by a crash, $(sed -n 's/^CRASHED in //p' "$out")"
	else
		complain "$sabotage: not noticed (exit $status)"
	fi
done

echo "differential-selftest: $passed passed, $failed failed"
[ $failed -eq 0 ]

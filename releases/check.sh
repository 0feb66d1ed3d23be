#!/bin/bash
# Our library, one file, on every release of releases.sh and on the system's
# OpenSSL, step by step. One table at the end.
#
#   releases/check.sh [RELEASE...]      all that 'releases.sh table' names, or these
#
#   LIB_SO the library (default target/release/libdtlsv1_listen.so)
#   STEPS  which steps, in order (default: all below)
#   N      cases for the differential harness (default 20000)
#   SEED   and its seed (default 1)
#   STEP_TIMEOUT  seconds before a step is ended (default 3600)
#
# Everything of a release is in target/releases/RELEASE: ctests/, and the whole output of
# each step in logs/STEP.
set -euo pipefail
unset CDPATH

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
cd "$root"
all_steps='ctests together differential s_server valgrind'
read -ra steps <<<"${STEPS:-$all_steps}"
export LIB_SO=${LIB_SO:-$root/target/release/libdtlsv1_listen.so}
export N=${N:-20000} SEED=${SEED:-1} JOBS=${JOBS:-2}

# --- steps: run in $root with a release's environment (releases.sh env), its LIB_SO,
# and BUILD, its scratch. Status 0 is a pass. The last 'N passed, N failed' that
# a step prints goes into the table.

valgrind='valgrind -q --error-exitcode=99'

# LibreSSL has other declarations, so it has a test of its own.
step_ctests() {
	case ${RELEASE:?} in
	libressl-*) ctests/libressl/run.sh ;;
	*) ctests/run.sh ;;
	esac
}

# With each of the others in one process.
step_together() {
	releases/together.sh
}

# LibreSSL's is a macro, with a harness of its own.
step_differential() {
	case $RELEASE in
	libressl-*) ctests/libressl/differential/run.sh ;;
	*) ctests/differential/run.sh ;;
	esac
}

step_s_server() {
	e2e/s_server.sh
	RUNNER=$valgrind e2e/s_server.sh
}

# Those C tests that take a second or two under valgrind and between them take
# every way through the library that depends on the release: BIOs and their
# counts, handoff, callbacks, repairs. 'make check' has all on the system's.
quick='bios_custom bios_dgram entry fragment hvr peer reassembly repair_handles reuse table
    libcoap pyopenssl qt radsecproxy split_bios ssl_per_datagram trio'

step_valgrind() {
	local runner="$valgrind --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite"
	case $RELEASE in
	libressl-*) RUNNER=$runner ctests/libressl/run.sh; return ;;
	esac
	local names
	read -rd '' -a names <<<"$quick" || true
	# 3.2.1 loses a record layer of its own where an SSL whose handshake failed listens again.
	if [ "$RELEASE" = openssl-3.2 ]; then
		read -rd '' -a names <<<"${quick/ reuse / }" || true
		echo 'reuse: not here: this libssl loses memory of its own'
	fi
	RUNNER=$runner MODES=linked BUILD=$BUILD-valgrind ctests/run.sh "${names[@]}"
}

# Steps that a release cannot have, said in the table: LibreSSL's s_server has no
# -listen.
applies() {	# RELEASE STEP
	case $1/$2 in libressl-*/s_server) return 1 ;; esac
}

# run_step RELEASE STEP: in a process of its own, see the end of this file.
run_step() {
	set -e
	local assignments
	assignments=$("$here/releases.sh" env "$1")
	eval "$assignments"
	# Tests that say 'openssl' mean this release's.
	[ "$1" = system ] || export PATH=$OPENSSL_DIR/bin:$PATH
	# What was given to the outer make is not for the tests' own.
	unset MAKEFLAGS MFLAGS MAKEOVERRIDES
	export BUILD=$root/target/releases/$1/ctests
	"step_$2"
}

# counts LOG: the sums of a step, added up. A sum with a name before it is a
# part of another, unless there is no other.
counts() {
	awk '/^[0-9]+ passed, [0-9]+ failed/ { passed += $1; failed += $3; any = 1 }
	/^[0-9]+ passed, [0-9]+ failed, [0-9]+ not run/ { not_run += $5 }
	/^[^ ]+: [0-9]+ passed, [0-9]+ failed/ { named_passed = $2; named_failed = $4; named = 1 }
	END {
		if (!any && named) { passed = named_passed; failed = named_failed }
		if (any || named) print (failed ? passed " of " passed + failed : passed) (not_run ? ", " not_run " not run" : "")
	}' "$1"
}

main() {
	local releases release step log sum status passed=0 failed=0 rows=() row
	mapfile -t releases < <("$here/releases.sh" names)
	[ $# = 0 ] || releases=("$@")
	for step in "${steps[@]}"; do
		declare -F "step_$step" >/dev/null || { echo "check-releases: there is no step '$step', only: $all_steps" >&2; exit 2; }
	done
	[ -r "$LIB_SO" ] || { echo "check-releases: there is no library at $LIB_SO: run make" >&2; exit 2; }
	sha256sum "$LIB_SO"
	# Say at once what is missing, not after ten minutes.
	for release in "${releases[@]}"; do "$here/releases.sh" env "$release" >/dev/null; done

	for release in "${releases[@]}"; do
		row=$release
		for step in "${steps[@]}"; do
			if ! applies "$release" "$step"; then
				row+='|n/a'
				continue
			fi
			log=$root/target/releases/$release/logs/$step
			mkdir -p "$(dirname "$log")"
			SECONDS=0 status=0
			timeout -k 10 "${STEP_TIMEOUT:-3600}" "$BASH" "$0" --step "$release" "$step" >"$log" 2>&1 </dev/null || status=$?
			sum=$(counts "$log")
			if [ "$status" = 0 ]; then
				passed=$((passed + 1))
				row+="|pass${sum:+ $sum}"
				echo "$release: $step: pass${sum:+ ($sum)}, $SECONDS s"
				continue
			fi
			failed=$((failed + 1))
			row+="|FAIL${sum:+ $sum}"
			echo "$release: $step: FAILED with status $status; the end of $log:"
			tail -n 30 "$log" | sed 's/^/    /'
		done
		rows+=("$row")
	done

	echo
	print_table "${rows[@]}"
	echo
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}

# print_table ROW...: release by step.
print_table() {
	local row cells cell
	printf '%-22s' release; printf '%-20s' "${steps[@]}"; echo
	for row; do
		IFS='|' read -ra cells <<<"$row"
		printf '%-22s' "${cells[0]} $("$here/releases.sh" version "${cells[0]}")"
		for ((cell = 1; cell <= ${#steps[@]}; cell++)); do
			printf '%-20s' "${cells[cell]:--}"
		done
		echo
	done
}

# A step is a script of its own: bash forgets 'set -e' inside a condition.
if [ "${1:-}" = --step ]; then
	run_step "$2" "$3"
else
	main "$@"
fi

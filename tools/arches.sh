#!/bin/bash
# Other architectures, in the chroot 'arches' (tools/chroot.sh): cross built, and run by qemu.
#
#   tools/chroot.sh arches tools/arches.sh [arm64] [armhf] [i386] [s390x]
#
# For each: the Rust tests, the cookies' vectors among them, then the library under some of the C tests,
# linked to a server, and preloaded into openssl s_server, the latter two with a client of the machine's
# own architecture. All are gone through, whatever fails.
set -eu
unset CDPATH

cd "$(dirname "$0")/.."
export NO_SETUP=1
# Optimised, as qemu is slow; debug assertions and overflow checks stay on.
export CARGO_PROFILE_TEST_OPT_LEVEL=1 CARGO_PROFILE_DEV_OPT_LEVEL=1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Of the C tests: what depends on how wide C's types are, and in which order bytes lie.
ctests='entry cookies_builtin datagram fragment hvr listener_accept listener_timers message peer
    repair_sequence repair_any_bio secrets stats'

# Rust tests that ask the kernel for what qemu-user does not pass on: filters of sockets and of their
# groups, and the flags in /proc/self/smaps.
beyond_qemu='strangers_never_come_to_a_socket_that_is_being_made_in_a_group_of_its_address
    a_callers_socket_gets_doors_if_it_shares_its_port_and_is_alone a_client_comes_to_the_same_shard_with_all_it_sends
    one_descriptor_is_ready_for_each_socket_and_for_the_timer the_kernel_sorts_datagrams_as_the_rule_does
    a_turn_is_bounded both_ways_see_the_same sockets_that_come_and_go_change_nothing the_pages_are_not_dumped_and_a_child_has_them a_listening_socket_has_it_until_a_client_is_accepted'

# known ARCH: its names.
known() {
	case $1 in
	#            multiarch            compiler             rustc's                        qemu's
	arm64) set -- aarch64-linux-gnu   aarch64-linux-gnu    aarch64-unknown-linux-gnu      aarch64 ;;
	armhf) set -- arm-linux-gnueabihf arm-linux-gnueabihf  armv7-unknown-linux-gnueabihf  arm ;;
	i386)  set -- i386-linux-gnu      i686-linux-gnu       i686-unknown-linux-gnu         i386 ;;
	s390x) set -- s390x-linux-gnu     s390x-linux-gnu      s390x-unknown-linux-gnu        s390x ;;
	*)
		echo "arches.sh: '$1' is not arm64, armhf, i386 or s390x" >&2
		return 1
		;;
	esac
	multiarch=$1 cross=$2 rust=$3 qemu=qemu-$4
}

# Cargo's and make's variables for it.
environment() {
	local root=/opt/$1/usr upper
	libs=$root/lib/$multiarch:/usr/$cross/lib
	run=("$qemu" -L "/usr/$cross" -E "LD_LIBRARY_PATH=$libs")
	headers=(-isystem "$root/include" -isystem "$root/include/$multiarch") # as /usr/include is
	upper=$(tr a-z- A-Z_ <<<"$rust")
	export CARGO_BUILD_TARGET=$rust
	export OPENSSL_LIB_DIR=$root/lib/$multiarch OPENSSL_INCLUDE_DIR=$root/include
	export "CFLAGS_${rust//-/_}=${headers[*]}" "CC_${rust//-/_}=$cross-gcc"
	export "CARGO_TARGET_${upper}_LINKER=$cross-gcc" "CARGO_TARGET_${upper}_RUNNER=${run[*]}"
	export "CARGO_TARGET_${upper}_RUSTFLAGS=-C link-arg=-Wl,-rpath-link,$root/lib/$multiarch"
}

c_tests() {
	local build=$CARGO_TARGET_DIR/$rust/ctests name
	# shellcheck disable=SC2086,SC2046 # lists
	make -s -j2 -C ctests MODES=linked BUILD="$build" LIB_DIR="$built" CC="$cross-gcc" \
	    CPPFLAGS="${headers[*]}" RELEASE_LIBDIR="$OPENSSL_LIB_DIR" $(printf "$build/linked/%s " $ctests) || return 1
	for name in $ctests; do
		CTESTS_MODE=linked CTESTS_TMP=$scratch timeout 600 "${with_ours[@]}" "$build/linked/$name" </dev/null ||
		    fail "$name: exit status $?" || return 1
	done
}

# port FILE PATTERN: waits for the server to say its port there.
port() {
	local found
	until found=$(sed -n "s/$2/\1/p" "$1") && [ -n "$found" ]; do
		kill -0 "$server" || return 1
		sleep 0.1
	done
	echo "$found"
}

fail() {
	echo "arches: $1" >&2
	tail -n 5 "$scratch"/*.err "$scratch"/*.out >&2 2>/dev/null || true
	return 1
}

# linked: examples/echo_server.c says a client's line again.
linked() {
	"$cross-gcc" -std=c11 -Wall -Wextra -Werror "${headers[@]}" -Iinclude -o "$scratch/echo_server" \
	    examples/echo_server.c -L"$built" -ldtlsv1_listen -L"$OPENSSL_LIB_DIR" -lssl -lcrypto \
	    -Wl,-rpath-link,"$OPENSSL_LIB_DIR" || return 1
	tools/echo-once.sh "${with_ours[@]}" "$scratch/echo_server" || fail linked
}

# preloaded: openssl s_server of that architecture, which has cookie callbacks of its own. What is
# left of it ends with the chroot's processes.
preloaded() {
	: >"$scratch/server.out" # now: the server may be late, and the last one's port is none of its own
	sleep 600 | "${run[@]}" -E "LD_PRELOAD=$built/libdtlsv1_listen.so" -E DTLSV1_LISTEN_TRACE=1 \
	    "/opt/$arch/usr/bin/openssl" s_server -dtls1_2 -listen -accept 127.0.0.1:0 \
	    -cert "$scratch/cert.pem" -key "$scratch/key.pem" >"$scratch/server.out" 2>"$scratch/server.err" &
	server=$!
	at=$(port "$scratch/server.out" '^ACCEPT .*:\([0-9]*\)$') || fail "s_server did not start" || return 1
	echo hello | timeout 120 openssl s_client -dtls1_2 -connect "127.0.0.1:$at" \
	    >"$scratch/client.out" 2>"$scratch/client.err" || true
	kill "$server" 2>/dev/null || true
	grep -q 'Cipher is [A-Z]' "$scratch/client.out" || fail "no handshake" || return 1
	grep -q '^dtlsv1_listen: .*serving DTLSv1_listen' "$scratch/server.err" ||
	    fail "not our DTLSv1_listen" || return 1
}

one() {
	arch=$1
	environment "$arch"
	built=$CARGO_TARGET_DIR/$rust/release
	with_ours=("$qemu" -L "/usr/$cross" -E "LD_LIBRARY_PATH=$built:$libs")
	bad=0
	# shellcheck disable=SC2086,SC2046 # lists
	cargo test --locked --no-fail-fast -- $(printf -- '--skip %s ' $beyond_qemu) || bad=1
	make lib CC="$cross-gcc" OBJCOPY="$cross-objcopy" || return 1
	c_tests || bad=1
	for way in linked preloaded; do
		for turn in 1 2 3; do
			"$way" || { bad=1 && continue; }
			echo "arches: $arch: $way, handshake $turn of 3"
		done
	done
	return $bad
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -keyout "$scratch/key.pem" -out "$scratch/cert.pem" 2>/dev/null
[ $# -gt 0 ] || set -- arm64 armhf i386 s390x
failed=''
for arch; do
	known "$arch"
	echo "== $arch"
	(one "$arch") || failed="$failed $arch"
done
[ -z "$failed" ] || {
	echo "arches: failed:$failed" >&2
	exit 1
}
echo "arches: passed: $*"

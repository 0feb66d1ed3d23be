#!/bin/bash
# A Debian of its own, to build and test in with what that release of Debian has.
#
#   tools/chroot.sh NAME COMMAND...   runs it there, as root, in /src: this checkout, read-only
#   tools/chroot.sh list              the names, and whether they are made
#   tools/chroot.sh prune             removes those that no line of the table asks for any more
#
# They are made once and kept in ${XDG_CACHE_HOME:-$HOME/.cache}/libdtlsv1_listen/chroots, as
# NAME-RECIPE. What a command writes there is gone when it ends, but for:
#   /target   cargo's target folder, kept from run to run (TARGET_DIR=PATH: that folder instead)
#   /out      the folder OUT of the caller, if set
# HOST_RUST=1: the toolchain is the caller's, rustup's or another, in place of Debian's.
set -euo pipefail
unset CDPATH

here=$(cd "$(dirname "$0")/.." && pwd)
cache=$("$here/tools/cache.sh")/chroots

# name, release, packages beside the base system's (one line each).
build='gcc make libc6-dev pkg-config libssl-dev openssl ca-certificates python3-minimal'
rust='rustc cargo rustfmt rust-clippy'
deb='build-essential debhelper lintian fakeroot'
cross='gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf gcc-i686-linux-gnu gcc-s390x-linux-gnu qemu-user'
cross_libc='libc6-dev-arm64-cross libc6-dev-armhf-cross libc6-dev-i386-cross libc6-dev-s390x-cross'
table="
rust    trixie   $build $rust rust-src
deb-13  trixie   $build $rust $deb
deb-12  bookworm $build $deb
rpm     trixie   $build $rust rpm debugedit file xz-utils
arches  trixie   $build $rust $cross $cross_libc
clean-13 trixie  ca-certificates
clean-12 bookworm ca-certificates
"
# Other architectures in one chroot, NAME:RELEASE. The C library comes with the cross compilers; Rust's
# is put where rustc looks for it, and OpenSSL of that release of Debian into /opt/NAME: taken out of
# their packages, as what these depend on is not all there for every architecture (s390x of trixie).
foreign='arm64:trixie armhf:trixie i386:trixie s390x:bookworm'

die() {
	echo "chroot.sh: $*" >&2
	exit 1
}

# look_up NAME: sets release, packages, root.
look_up() {
	local line
	line=$(awk -v n="$1" '$1 == n { $1 = ""; print }' <<<"$table")
	[ -n "$line" ] || die "no chroot is called '$1'. There are: $(awk 'NF { print $1 }' <<<"$table" | xargs)"
	read -r release packages <<<"$line"
	recipe="$release $packages"
	[ "$1" != arches ] || recipe="$recipe $foreign $(declare -f add_foreign)"
	root=$cache/$1-$(printf '%s\n' "$recipe" | sha256sum | cut -c 1-12)
}

# make_base RELEASE: its base system, of which the others are copies.
make_base() {
	base=$cache/base-$1
	[ ! -d "$base" ] || return 0
	echo "Making a chroot of Debian $1 (once, some minutes) ..." >&2
	rm -rf "$base.new"
	debootstrap --variant=minbase "$1" "$base.new" >"$cache/base-$1.log" 2>&1 ||
		die "debootstrap of $1 failed: see $cache/base-$1.log"
	rm -f "$base.new"/var/cache/apt/archives/*.deb
	mv "$base.new" "$base"
}

# add_foreign NAME:RELEASE...: into the chroot $root.
add_foreign() {
	# shellcheck disable=SC2016
	inside /bin/sh -ec '
		read -r deb mirror rest </etc/apt/sources.list
		for pair; do
			dpkg --add-architecture "${pair%:*}"
			echo "$deb [arch=${pair%:*}] $mirror ${pair#*:} main"
		done >/etc/apt/sources.list.d/foreign.list
		apt-get update
		cd /tmp
		for pair; do
			arch=${pair%:*} release=${pair#*:}
			libssl=libssl3t64
			[ "$release" != bookworm ] || libssl=libssl3
			mkdir "$arch" "/opt/$arch"
			cd "$arch"
			chmod 777 .
			apt-get download "libstd-rust-dev:$arch"
			dpkg -x ./*.deb /
			rm ./*.deb
			apt-get download "$libssl:$arch/$release" "libssl-dev:$arch/$release" \
			    "openssl:$arch/$release" "zlib1g:$arch/$release" "libzstd1:$arch/$release"
			for deb in ./*.deb; do dpkg -x "$deb" "/opt/$arch"; done
			cd ..
		done
		apt-get clean' sh "$@"
}

make_root() {
	local log=$cache/$1.log
	make_base "$release"
	echo "Installing what chroot '$1' is to have (once) ..." >&2
	rm -rf "$root.new"
	cp -a "$base" "$root.new"
	# Nothing of a chroot's packages starts a service on this machine.
	printf '#!/bin/sh\nexit 101\n' >"$root.new/usr/sbin/policy-rc.d"
	chmod 755 "$root.new/usr/sbin/policy-rc.d"
	# shellcheck disable=SC2016,SC2086
	if ! root=$root.new inside /bin/sh -ec '
		apt-get update
		DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
		apt-get clean' sh $packages >"$log" 2>&1 ||
	    { [ "$1" = arches ] && ! root=$root.new add_foreign $foreign >>"$log" 2>&1; }; then
		tail -n 15 "$log" >&2
		die "chroot '$1' could not be made: see $log"
	fi
	mv "$root.new" "$root"
}

# inside COMMAND...: runs in $root. What is mounted for it is gone with the command, however it ends.
inside() {
	cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
	# Whom this machine trusts, cargo and pip trust there: a network may have an authority of its own.
	cp -L /etc/ssl/certs/ca-certificates.crt "$root/opt/" 2>/dev/null || true
	# shellcheck disable=SC2016
	ROOT=$root unshare --mount --pid --fork --kill-child -- /bin/sh -ec '
		mount -t proc proc "$ROOT/proc"
		mount --rbind /dev "$ROOT/dev"
		mount -t tmpfs tmpfs "$ROOT/tmp"
		for pair in ${BINDS:-}; do
			to=$ROOT${pair#*:} options=${pair##*,}
			to=${to%,*}
			mkdir -p "$to"
			mount --bind "${pair%%:*}" "$to"
			[ "$options" = rw ] || mount -o "remount,bind,$options" "$to"
		done
		cd "$ROOT" # from where /src is looked up
		exec chroot "$ROOT" /usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM=dumb \
		    PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		    CARGO_HOME=/root/.cargo CARGO_TARGET_DIR=/target NO_SETUP="${NO_SETUP:-}" \
		    CARGO_HTTP_CAINFO=/opt/ca-certificates.crt PIP_CERT=/opt/ca-certificates.crt \
		    /bin/sh -c "cd ${SRC:-/} && exec \"\$@\"" sh "$@"' sh "$@"
}

case ${1:-} in
list)
	while read -r name rest; do
		[ -n "$name" ] || continue
		look_up "$name"
		printf '%-10s %-10s %s\n' "$name" "$release" "$([ -d "$root" ] && echo "$root" || echo -)"
	done <<<"$table"
	exit ;;
prune)
	kept=' '
	# shellcheck disable=SC2013
	for name in $(awk 'NF { print $1 }' <<<"$table"); do
		look_up "$name"
		kept="$kept$root $cache/base-$release $cache/target-$name "
	done
	for found in "$cache"/*/; do
		case $kept in *" ${found%/} "*) ;; *) rm -rf --one-file-system "$found" ;; esac
	done
	exit ;;
'')	die "usage: tools/chroot.sh NAME COMMAND... | list | prune" ;;
esac
[ $# -gt 1 ] || die "usage: tools/chroot.sh NAME COMMAND..."
[ "$(id -u)" -eq 0 ] || die "chroot(2), and so this, is for root"

name=$1
shift
"$here/tools/setup.sh" chroot
look_up "$name"
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
[ -d "$root" ] || make_root "$name"
exec 9>&-

# Over it, for this one command, a layer that is thrown away.
layer=$(mktemp -d "$cache/layer.XXXXXX")
mkdir "$layer/upper" "$layer/work" "$layer/root"
trap 'umount "$layer/root" && rm -rf --one-file-system "$layer"' EXIT
mount -t overlay overlay -o "lowerdir=$root,upperdir=$layer/upper,workdir=$layer/work" "$layer/root"
root=$layer/root
target=${TARGET_DIR:-$cache/target-$name} registry=${CARGO_HOME:-${HOME:-/root}/.cargo}/registry
mkdir -p "$target" "$registry"
BINDS="$here:/src,ro $target:/target,rw $registry:/root/.cargo/registry,rw"
[ -z "${OUT:-}" ] || BINDS="$BINDS $(realpath "$OUT"):/out,rw"
[ -z "${HOST_RUST:-}" ] || BINDS="$BINDS $(rustc --print sysroot):/opt/rust,ro"
export BINDS
# unshare waits whatever it is sent; who ends this script ends what runs in the chroot.
SRC=/src inside "$@" <&0 &
running=$!
trap 'kill -KILL $(pgrep -P "$running") "$running" 2>/dev/null; exit 130' INT TERM
wait "$running"

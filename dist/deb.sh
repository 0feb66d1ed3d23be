#!/bin/sh
# Debian packages for one release of Debian, built from the tarball, looked through by lintian,
# installed, used and removed, each in a chroot of that release (tools/chroot.sh), as root.
#
#   dist/deb.sh 13 FOLDER       the packages are left in FOLDER
#
# Debian 12's rustc is too old: there the caller's toolchain builds.
set -eu

cd "$(dirname "$0")/.."
release=$1 out=$2
case $release in
12) export HOST_RUST=1 ; unmet=-d ;;
13) unmet='' ;;
*) echo "usage: dist/deb.sh 12|13 FOLDER" >&2; exit 2 ;;
esac
rm -rf "$out"
dist/tarball.sh "$out"
export OUT="$out"

# The debug symbols' packages too; warnings of lintian's count.
# shellcheck disable=SC2016
NO_SETUP=1 tools/chroot.sh "deb-$release" sh -ec '
	mkdir /build
	cd /build
	tarball=$(echo /out/*.tar.xz)
	version=$(basename "$tarball" .tar.xz | sed "s/.*-//")
	cp "$tarball" "libdtlsv1-listen_$version.orig.tar.xz"
	tar -x -f "$tarball"
	cd libdtlsv1_listen-*
	cp -r dist/debian debian
	DEB_BUILD_OPTIONS='"${DEB_BUILD_OPTIONS:-}"' dpkg-buildpackage -us -uc '"$unmet"' >/out/build.log 2>&1 || {
		tail -n 40 /out/build.log
		exit 1
	}
	cd ..
	lintian --allow-root --fail-on error,warning ./*.changes
	cp ./*.deb ./*.dsc ./*.debian.tar.* ./*.changes /out/'
unset HOST_RUST

# shellcheck disable=SC2016
tools/chroot.sh "clean-$release" sh -ec '
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	list() { find / -xdev \( -path /tmp -o -path "/var/lib/dpkg*" -o -path "/var/cache/*" -o -path "/var/log/*" -o -path "/var/lib/apt*" \) -prune -o ! -type d -print | sort; }
	# What the tests need, and what is there without us.
	apt-get install -qq -y --no-install-recommends gcc libc6-dev openssl pkg-config libssl-dev >/dev/null
	list >/tmp/before
	apt-get install -qq -y --no-install-recommends $(ls /out/*.deb | grep -v dbgsym) >/dev/null
	for test in preloaded linked; do
		echo "$test"
		work=$(mktemp -d)
		AUTOPKGTEST_TMP=$work timeout 120 sh "/src/dist/debian/tests/$test"
	done
	man=/usr/share/man/man1/dtlsv1-listen.1.gz
	[ -e "$man" ] || [ -e /etc/dpkg/dpkg.cfg.d/docker ] || ls -l "$man"
	apt-get purge -qq -y dtlsv1-listen libdtlsv1-listen-dev libdtlsv1-listen1 >/dev/null
	list >/tmp/after
	diff /tmp/before /tmp/after'
echo "deb: packages for Debian $release are in $out"

#!/bin/sh
# Debian packages for one release of Debian: built from the tarball, in a chroot of that release
# (tools/chroot.sh), as root, and looked through by lintian, whose warnings count.
#
#   dist/deb.sh 12|13 FOLDER    the packages are left in FOLDER, with build.log and lintian.log
#
# Debian 12's rustc is too old: there the caller's toolchain builds. DEB_BUILD_OPTIONS=nocheck leaves
# the Rust tests out.
set -eu
unset CDPATH

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
	cp ./*.deb ./*.dsc ./*.debian.tar.* ./*.changes /out/
	# All that it says is kept; what it says at its default level fails.
	lintian --allow-root --pedantic --display-info --fail-on error,warning ./*.changes >/out/lintian.log 2>&1 || {
		grep "^[EW]" /out/lintian.log
		exit 1
	}'
echo "deb: packages for Debian $release are in $out"

#!/bin/sh
# RPM packages, built from the tarball by Debian 13's rpm in a chroot (tools/chroot.sh), as root: a test of
# dist/libdtlsv1_listen.spec. What comes out is installed there, used, and removed; nothing may be left.
#
#   dist/rpm.sh FOLDER    the packages are left in FOLDER, with build.log
#
# What is required is not looked at: rpm's database there knows nothing of Debian's packages.
set -eu
unset CDPATH

cd "$(dirname "$0")/.."
out=$1
rm -rf "$out"
dist/tarball.sh "$out"
export OUT="$out"

# shellcheck disable=SC2016
NO_SETUP=1 tools/chroot.sh rpm sh -ec '
	tarball=$(echo /out/*.tar.xz)
	version=$(basename "$tarball" .tar.xz | sed "s/.*-//")
	libdir=/usr/lib/$(cc -print-multiarch)
	rpmbuild -ba --nodeps -D "upstream $version" -D "_topdir /build" -D "_sourcedir /out" -D "_libdir $libdir" \
	    /src/dist/libdtlsv1_listen.spec >/out/build.log 2>&1 || {
		tail -n 40 /out/build.log
		exit 1
	}
	cp /build/RPMS/*/*.rpm /build/SRPMS/*.rpm /out/
	rm -rf /build

	list() {
		find /usr /etc -xdev -path /etc/ld.so.cache -prune -o -print | sort
	}
	mkdir -p /usr/src/debug /usr/share/licenses # other packages own them where there is rpm
	list >/tmp/before
	packages=$(ls /out/*.rpm | grep -v "\.src\.rpm$")
	rpm -i --nodeps $packages
	rpm -V --nodeps libdtlsv1_listen libdtlsv1_listen-devel dtlsv1-listen
	for test in $(sed -n "s/^Tests: //p" /src/dist/debian/tests/control); do
		echo "== $test"
		work=$(mktemp -d)
		AUTOPKGTEST_TMP=$work EXAMPLES=/usr/share/doc/libdtlsv1_listen-devel/examples \
		    timeout 600 sh "/src/dist/debian/tests/$test"
	done
	rpm -e --nodeps $(for package in $packages; do rpm -q --qf "%{NAME} " -p "$package"; done)
	list >/tmp/after
	diff /tmp/before /tmp/after'
echo "rpm: packages are in $out, and were installed, used and removed"

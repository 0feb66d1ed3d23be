#!/bin/sh
# The packages that dist/deb.sh has made: installed, used and removed in a bare chroot of their
# release of Debian (tools/chroot.sh), as root. Nothing of them may be left behind.
#
#   dist/check-deb.sh 12|13 FOLDER
set -eu
unset CDPATH

cd "$(dirname "$0")/.."
release=$1 out=$2
ls "$out"/libdtlsv1-listen1_*.deb >/dev/null || {
	echo "check-deb: make deb RELEASE=$release first" >&2
	exit 1
}

# shellcheck disable=SC2016
OUT=$out tools/chroot.sh "clean-$release" sh -ec '
	export DEBIAN_FRONTEND=noninteractive
	install() {
		apt-get install -qq -y --no-install-recommends "$@" >/tmp/log 2>&1 || {
			tail -n 20 /tmp/log
			exit 1
		}
	}
	list() {
		find / -xdev \( -path /tmp -o -path "/var/lib/dpkg*" -o -path "/var/cache/*" -o -path "/var/log/*" \
		    -o -path "/var/lib/apt*" \) -prune -o -print | sort
	}
	tests=/src/dist/debian/tests
	apt-get update -qq
	# What the tests need, and what is there without us.
	install libssl-dev $(sed -n "s/^Depends: @,//p" $tests/control | tr -d ,)
	list >/tmp/before

	install $(ls /out/*.deb)
	for test in $(sed -n "s/^Tests: //p" $tests/control); do
		echo "== $test"
		work=$(mktemp -d)
		AUTOPKGTEST_TMP=$work timeout 600 sh "$tests/$test"
	done
	for page in man1/dtlsv1-listen.1 man3/dtlsv1_listen.3 man3/dtlsv1_listener.3; do
		[ -s "/usr/share/man/$page.gz" ]
	done
	for package in libdtlsv1-listen-dev dtlsv1-listen; do
		count=$(/src/dist/links.sh "/usr/share/doc/$package")
		echo "links in the documents of $package: $count"
	done
	ldconfig -p | grep libdtlsv1_listen.so.1
	# The debug symbols are those of what is installed.
	for file in libdtlsv1_listen.so.1 libdtlsv1_listen_audit.so; do
		id=$(readelf -n /usr/lib/*/$file | sed -n "s/.*Build ID: //p")
		readelf -S "/usr/lib/debug/.build-id/$(echo "$id" | cut -c 1-2)/$(echo "$id" | cut -c 3-).debug" |
		    grep -q "\.debug_line"
	done

	apt-get purge -qq -y $(for deb in /out/*.deb; do dpkg-deb -f "$deb" Package; done) >/tmp/log 2>&1
	list >/tmp/after
	diff /tmp/before /tmp/after
	! ldconfig -p | grep dtlsv1'
echo "check-deb: installed, used and removed on Debian $release"

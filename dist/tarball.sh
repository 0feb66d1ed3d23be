#!/bin/sh
# The source of a release, with the crates that it is built from: it builds without a network.
#
#   dist/tarball.sh FOLDER      writes FOLDER/libdtlsv1_listen-VERSION.tar.xz, of what is committed
#
# The same commit gives the same bytes. Crates that get into the library, and those that are not
# under MIT or Apache-2.0, have to be in the copyright file of the packages: see to it here, where
# they come in.
set -eu
unset CDPATH

cd "$(dirname "$0")/.."
out=$1
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=libdtlsv1_listen-$version
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# crates KINDS: each with its licence, "winnow v1.0.5|MIT".
crates() {
	${CARGO:-cargo} tree --locked -e "$1" --target all --prefix none --format '{p}|{l}'
}
linked=$(crates normal)
all=$(crates normal,build,dev)
either='(MIT OR Apache-2\.0|Apache-2\.0 OR MIT|MIT/Apache-2\.0)'
others=$(echo "$all" | grep -vE "\|(.* OR )?$either( OR .*)?( \(\*\))?\$")
for crate in $(printf '%s\n' "$linked" "$others" |
    awk '$1 != "dtlsv1_listen" && $1 != "r-efi" { print $1 }' | sort -u); do
	grep -qE "^Files: vendor/$crate\*?/\*\$" dist/debian/copyright || {
		echo "tarball.sh: dist/debian/copyright does not name $crate, which is in the library or not under MIT or Apache-2.0" >&2
		exit 1
	}
done

git archive --prefix="$name/" HEAD | tar -x -C "$work"
mkdir "$work/$name/.cargo"
(cd "$work/$name" && ${CARGO:-cargo} vendor --locked vendor >.cargo/config.toml 2>"$work/log") || {
	cat "$work/log" >&2
	exit 1
}
mkdir -p "$out"
tar -c -C "$work" --sort=name --mode=u=rwX,go=rX --owner=0 --group=0 --numeric-owner \
    --mtime="@$(git log -1 --format=%ct)" "$name" | xz -T0 -3 >"$out/$name.tar.xz.new"
mv "$out/$name.tar.xz.new" "$out/$name.tar.xz"
echo "$out/$name.tar.xz"

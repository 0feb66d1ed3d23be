#!/bin/bash
# The OpenSSL releases, and a LibreSSL, that the library is checked against,
# beside the system's OpenSSL.
#
#   releases/releases.sh build [NAME...]  build what is missing (all by default)
#   releases/releases.sh list             built releases: name version prefix
#   releases/releases.sh names            every release's name, the system's first
#   releases/releases.sh version NAME     its version
#   releases/releases.sh table            every release: name, version, built or not, prefix
#   releases/releases.sh env NAME         shell assignments for eval: see env_of
#   releases/releases.sh prune            remove builds that no recipe asks for any more
#
# Built releases live in ${XDG_CACHE_HOME:-$HOME/.cache}/libdtlsv1_listen/hosts (or
# DTLSV1_LISTEN_RELEASES), as NAME-VERSION-RECIPE.
# A directory of that name is a whole build: it appears by one rename.
set -euo pipefail
unset CDPATH

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=releases/recipe.sh
. "$here/recipe.sh"
# shellcheck source=releases/recipe-libressl.sh
. "$here/recipe-libressl.sh"

cache=${DTLSV1_LISTEN_RELEASES:-$("$here/../tools/cache.sh")/hosts}
jobs=${JOBS:-$(nproc)}
# What the caller's make or shell sets is for our library, not for OpenSSL's.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES CFLAGS CXXFLAGS CPPFLAGS LDFLAGS LDLIBS OPENSSL_CONF

die() {
	echo "releases.sh: $*" >&2
	exit 1
}

# Sets what is known of release $1: name, version, title; package, crate (its version
# in the index), checksum; build (the function), recipe (the hash).
look_up() {
	name=$1
	read -r version crate checksum < <(awk -v n="$1" '$1 == n { print $2, $3, $4 }' \
	    <<<"$hosts_table$hosts_table_libressl") ||
		die "no release is called '$1'. There are: system $(names | xargs)"
	local file
	case $name in
	libressl-*)
		title="LibreSSL $version" package=libtls-sys
		build=recipe_build_libressl file=recipe-libressl.sh ;;
	*)	title="OpenSSL $version" package=openssl-src crate=$crate+$version
		build=recipe_build file=recipe.sh ;;
	esac
	recipe=$(sed -E '/^[[:space:]]*#/d' "$here/$file" | sha256sum | cut -c 1-12)
	prefix=$cache/$name-$version-$recipe
}

names() {
	awk 'NF { print $1 }' <<<"$hosts_table$hosts_table_libressl"
}

system_version() {
	pkg-config --modversion openssl 2>/dev/null ||
		die "the system's OpenSSL headers are missing: run tools/setup.sh build"
}

system_prefix() {
	pkg-config --variable=prefix openssl
}

# fetch NAME DIR: the crate's sources, through cargo, into DIR/source.
fetch() {
	local name version title package crate checksum build recipe prefix got vendor
	look_up "$1"
	mkdir -p "$2/manifest/src"
	touch "$2/manifest/src/lib.rs"
	cat >"$2/manifest/Cargo.toml" <<-END
		[package]
		name = "sources"
		version = "0.0.0"
		edition = "2021"
		[dependencies]
		$package = "=${crate%+*}"
	END
	(cd "$2/manifest" && ${CARGO:-cargo} vendor --versioned-dirs ../vendor >/dev/null)
	# cargo has compared the crate with this checksum; we compare it with ours.
	got=$(grep -A 3 "^name = \"$package\"\$" "$2/manifest/Cargo.lock" | xargs)
	[[ $got == *"version = $crate "*"checksum = $checksum" ]] ||
		die "$package $crate is not the crate the recipe names (checksum $checksum); cargo got: $got"
	vendor=$2/vendor/$package-$crate
	case $package in
	openssl-src)	mv "$vendor/openssl" "$2/source" ;;
	libtls-sys)	mkdir "$2/source"
			tar -xzf "$vendor/libressl-$version.tar.gz" --strip-components=1 -C "$2/source" ;;
	esac
}

# The build proper, all its output in a log: NAME WORK.
build_in() {
	local work=$2 openssl got
	fetch "$1" "$work"
	look_up "$1"
	if [ "$package" = openssl-src ] && [ ! -e "$work/source/util/mkdef.pl" ]; then
		fetch "$mkdef_host" "$work/mkdef"
		cp "$work/mkdef/source/util/mkdef.pl" "$work/source/util/"
	fi
	("$build" "$name" "$work/source" "$prefix" "$work/dest" "$jobs")

	# Nothing is published that does not run, or cannot do what it is for.
	openssl=$work/dest$prefix/bin/openssl
	export LD_LIBRARY_PATH=$work/dest$prefix/lib OPENSSL_CONF=$work/dest$prefix/ssl/openssl.cnf
	# 'version' prints a second one when its library is another release.
	got=$("$openssl" version)
	[[ $got == "$title" || $got == "$title "* && $got != *Library:*SSL* ||
	    $got == *"(Library: $title "* ]] || die "this is not $title: $got"
	"$openssl" req -x509 -newkey rsa:2048 -nodes -subj /CN=test -days 2 \
	    -keyout "$work/key.pem" -out "$work/cert.pem"
	case $name in libressl-*) return ;; esac
	"$openssl" s_server -help 2>&1 | grep -q -e '-listen' || die 's_server has no -listen'
	"$openssl" ciphers -s -psk -tls1_2 | grep -q PSK-AES128-GCM-SHA256 || die 'there are no PSK ciphers'
}

build() {
	local name version title package crate checksum build recipe prefix each work log start
	case $cache in *[[:space:]]*) die "$cache: OpenSSL does not build below a path with spaces; set DTLSV1_LISTEN_RELEASES" ;; esac
	mkdir -p "$cache"
	# One builder at a time; so whatever is half built here is nobody's.
	exec 9>"$cache/lock"
	flock 9
	rm -rf "$cache"/building.*
	local all; mapfile -t all < <(names)
	[ $# -gt 0 ] || set -- "${all[@]}"
	for each; do
		[ "$each" != system ] || continue
		look_up "$each"
		[ ! -d "$prefix" ] || continue
		start=$SECONDS
		log=$cache/$name.log
		echo "releases.sh: building $title (log: $log)"
		work=$(mktemp -d "$cache/building.XXXXXX")
		# A script of its own: bash forgets 'set -e' in a condition's commands.
		if ! "$BASH" "$0" build-in "$name" "$work" >"$log" 2>&1 9>&-; then
			tail -n 25 "$log" >&2
			rm -rf "$work"
			die "$title did not build; the whole log is $log"
		fi
		mv -T "$work/dest$prefix" "$prefix"
		rm -rf "$work"
		echo "releases.sh: built $name in $((SECONDS - start)) s: $prefix"
	done
}

list() {
	local each
	echo "system $(system_version) $(system_prefix)"
	for each in $(names); do
		look_up "$each"
		[ ! -d "$prefix" ] || echo "$name $version $prefix"
	done
}

table() {
	local each state
	printf '%-14s %-8s %-10s %s\n' release version state prefix
	printf '%-14s %-8s %-10s %s\n' system "$(system_version)" installed "$(system_prefix)"
	for each in $(names); do
		look_up "$each"
		state='not built'
		[ ! -d "$prefix" ] || state=built
		printf '%-14s %-8s %-10s %s\n' "$name" "$version" "$state" "$prefix"
	done
}

# RELEASE, RELEASE_VERSION   its name and version
# RELEASE_INCLUDE, RELEASE_LIBDIR  its headers and libraries, for the C tests
# OPENSSL              its openssl program (which finds its own libraries)
# OPENSSL_DIR          what openssl-sys and the Makefile build against
# PKG_CONFIG_PATH      the same for pkg-config
# LD_LIBRARY_PATH      so that programs and libraries linked to it find it
# For the system's, the places are unset.
env_of() {
	if [ "$1" = system ]; then
		echo "unset RELEASE_INCLUDE RELEASE_LIBDIR OPENSSL_DIR PKG_CONFIG_PATH LD_LIBRARY_PATH"
		echo "export RELEASE=system RELEASE_VERSION=$(system_version) OPENSSL=$(system_prefix)/bin/openssl"
		return
	fi
	look_up "$1"
	[ -d "$prefix" ] || die "$1 is not built: run make releases, or releases/releases.sh build $1"
	printf 'export %s=%q\n' RELEASE "$1" RELEASE_VERSION "$version" OPENSSL "$prefix/bin/openssl" \
	    RELEASE_INCLUDE "$prefix/include" RELEASE_LIBDIR "$prefix/lib" OPENSSL_DIR "$prefix" \
	    PKG_CONFIG_PATH "$prefix/lib/pkgconfig" LD_LIBRARY_PATH "$prefix/lib"
}

prune() {
	local dir each keep=" "
	for each in $(names); do
		look_up "$each"
		keep="$keep$prefix "
	done
	exec 9>"$cache/lock"
	flock 9
	for dir in "$cache"/openssl-*/ "$cache"/libressl-*/ "$cache"/building.*/; do
		dir=${dir%/}
		[ -d "$dir" ] || continue
		case $keep in *" $dir "*) ;; *) echo "releases.sh: removing $dir"; rm -rf "$dir" ;; esac
	done
}

case ${1:-} in
build) shift; build "$@" ;;
build-in) shift; build_in "$@" ;;
list) list ;;
names) echo system; names ;;
version) if [ "${2:-}" = system ]; then system_version; else look_up "${2:-}"; echo "$version"; fi ;;
table) table ;;
env) [ $# = 2 ] || die 'usage: releases.sh env NAME'; env_of "$2" ;;
prune) prune ;;
*) die "usage: releases/releases.sh build [NAME...] | list | names | version NAME | table | env NAME | prune" ;;
esac

#!/bin/sh
# What this project needs from the machine, topic by topic:
#
#   tools/setup.sh TOPIC...     build check interop guests releases bench fleet load loss xdp
#                               xdp-kernels chroot
#
# Nothing missing: says nothing and returns at once. As root on Debian or
# Ubuntu it installs exactly the missing packages; for anybody else it prints
# the command to run, and fails. With NO_SETUP=1 in the environment it does
# nothing: whoever builds packages has seen to it already.
set -eu
unset CDPATH

[ -z "${NO_SETUP:-}" ] || exit 0

here=$(cd "$(dirname "$0")/.." && pwd)

# The one list. Columns: topics, Debian package, how to see that it is there,
# what it is (for people on other systems).
#   cmd:NAME  a program      pc:NAME  a pkg-config module
#   file:PATH a file         ssl:     OpenSSL's headers, from OPENSSL_DIR if set
#   rust:NAME a subcommand of cargo, where cargo is the distribution's package;
#             rustup's has components instead: rust() looks after those
table='
build                  gcc             cmd:cc                   a C compiler and linker
build,releases            make            cmd:make                 GNU make
build                  libc6-dev       file:/usr/include/stdlib.h   the C library headers
build                  pkg-config      cmd:pkg-config           pkg-config (or pkgconf)
build                  libssl-dev      ssl:                     OpenSSL 1.1.1 or later, headers and libraries
build,interop,guests,bench,fleet,load,loss openssl cmd:openssl              the openssl program
check                  rustfmt         rust:fmt                 rustfmt (cargo fmt)
check                  rust-clippy     rust:clippy              clippy (cargo clippy)
check                  g++             cmd:g++                  a C++ compiler
check                  shellcheck      cmd:shellcheck           shellcheck
check                  clang           cmd:clang                clang
check,releases,bench      valgrind        cmd:valgrind             valgrind
check                  mandoc          cmd:mandoc               mandoc, to check the manual pages
check                  libcap2-bin     file:/sbin/setcap        setcap and getcap, for a warning of the wrapper
check                  binutils        cmd:nm                   nm, to list symbols
check                  cmake           cmd:cmake                CMake, for its lines in the manual page
check                  meson           cmd:meson                Meson, for its lines in the manual page
check                  gdb             cmd:gdb                  gdb, to look at the probes
check                  libuv1-dev      file:/usr/include/uv.h   libuv, for an example
check                  python3-prometheus-client file:/usr/lib/python3/dist-packages/prometheus_client/parser.py the parser of Prometheus, for Python in /usr/bin
check                  python3-openssl file:/usr/lib/python3/dist-packages/OpenSSL/SSL.py pyOpenSSL, for Python in /usr/bin
check,releases,guests,bench,fleet,load,loss python3 cmd:python3              Python 3
releases                  gcc             cmd:gcc                  gcc, to build OpenSSL
releases                  perl            file:/usr/bin/pod2man    perl with its modules, to configure OpenSSL
releases                  tar             cmd:tar                  tar
interop,guests,fleet,loss gnutls-bin      cmd:gnutls-cli           gnutls-cli
interop,loss           ncat            cmd:ncat                 ncat, from nmap
interop                botan           cmd:botan                the botan program
interop                libcoap3-bin    cmd:coap-server-openssl  libcoap examples on OpenSSL and GnuTLS
interop                radsecproxy     cmd:radsecproxy          radsecproxy
interop                freeradius-utils cmd:radclient           radclient, from FreeRADIUS
interop                coturn          cmd:turnserver           coturn and its client
interop                iproute2        cmd:ss                   ss and ip
interop                acl             cmd:setfacl              setfacl
interop                util-linux      cmd:setpriv              setpriv
check,guests           python3-pip     cmd:pip3                 pip, for packages of Python
guests                 binutils        cmd:nm                   nm, to list symbols
guests                 g++             cmd:g++                  a C++ compiler
guests                 qt6-base-dev    pc:Qt6Network            Qt 6, network module
guests                 curl            cmd:curl                 curl
guests                 nginx-light     cmd:nginx                nginx
guests                 nodejs          cmd:node                 node
guests                 postgresql-client cmd:psql               psql
bench                  libgnutls28-dev file:/usr/include/gnutls/dtls.h GnuTLS, to compare with
bench                  libmbedtls-dev  file:/usr/include/mbedtls/ssl_cookie.h Mbed TLS, to compare with
bench                  libwolfssl-dev  file:/usr/include/wolfssl/ssl.h wolfSSL, to compare with
fleet                  faketime        cmd:faketime             faketime and its library
xdp                    clang           cmd:clang                clang, with its BPF target
xdp                    linux-libc-dev  file:/usr/include/linux/bpf.h headers of the kernel
xdp                    iproute2        cmd:ip                   ip and ss
xdp                    openssl         cmd:openssl              the openssl program
xdp                    gnutls-bin      cmd:gnutls-cli           gnutls-cli
xdp                    ncat            cmd:ncat                 ncat, from nmap
xdp                    ethtool         cmd:ethtool              ethtool
xdp                    procps          cmd:pgrep                pgrep
xdp                    util-linux      cmd:setpriv              setpriv
xdp,xdp-kernels        python3         cmd:python3              Python 3
xdp-kernels            qemu-system-x86 cmd:qemu-system-x86_64   QEMU
xdp-kernels            file            cmd:file                 file
chroot                 debootstrap     cmd:debootstrap          debootstrap
'

usage() {
	echo "usage: tools/setup.sh build|check|interop|guests|releases|bench|fleet|load|loss|xdp|xdp-kernels|chroot ..." >&2
	exit 2
}

# CARGO may be two words: 'cargo +1.90', 'env X=1 cargo'. Its rustc is RUSTC, as for cargo.
: "${CARGO:=cargo}" "${RUSTC:=rustc}"
case $CARGO in *' +'*) RUSTC="$RUSTC +${CARGO##* +}" ;; esac

# Whose cargo is it? rustup's is a link to rustup, wherever that is installed.
is_rustup() {
	at=$(command -v "${CARGO%% *}") || return 1
	[ "$(basename "$(readlink -f "$at")")" = rustup ] || [ -x "$(dirname "$at")/rustup" ]
}

present() {
	case $1 in
	cmd:*)	command -v "${1#cmd:}" >/dev/null 2>&1 ||
		[ -x "/usr/sbin/${1#cmd:}" ] ;;
	file:*)	[ -e "${1#file:}" ] ;;
	rust:*)	is_rustup || $CARGO "${1#rust:}" --version >/dev/null 2>&1 ;;
	pc:*)	pkg-config --exists "${1#pc:}" 2>/dev/null ;;
	ssl:)	if [ -n "${OPENSSL_DIR:-}" ]; then
			[ -e "$OPENSSL_DIR/include/openssl/ssl.h" ]
		else
			pkg-config --exists openssl 2>/dev/null
		fi ;;
	*)	echo "tools/setup.sh: bad line in the table: $1" >&2; exit 2 ;;
	esac
}

# Sets $packages and $names: what the topics in $* still miss.
missing() {
	packages='' names=''
	while read -r topics package probe what; do
		[ -n "$topics" ] || continue
		wanted=no
		for topic; do
			case ",$topics," in *",$topic,"*) wanted=yes ;; esac
		done
		[ "$wanted" = yes ] || continue
		case " $packages " in *" $package "*) continue ;; esac
		present "$probe" && continue
		packages="$packages${packages:+ }$package"
		names="$names
  $what"
	done <<-END
	$table
	END
}

rust() {
	need=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' "$here/Cargo.toml")
	if ! command -v "${CARGO%% *}" >/dev/null 2>&1; then
		echo "tools/setup.sh: ${CARGO%% *} was not found." >&2
		bin=${CARGO_HOME:-${HOME:-}/.cargo}/bin
		if [ -x "$bin/cargo" ]; then
			echo "It is in $bin: add that to PATH." >&2
			return 1
		fi
	elif have=$($RUSTC --version 2>/dev/null) && have=${have#rustc } &&
	    have=${have%% *} && [ "$(printf '%s\n' "$need" "$have" |
	    sort -V | head -n 1)" = "$need" ]; then
		return 0
	else
		echo "tools/setup.sh: $RUSTC is ${have:-missing}, too old." >&2
	fi
	echo "This project needs Rust $need or later. Install it with rustup, the Rust" >&2
	echo "project's installer (Debian 13 and Ubuntu 24.04 on have it as a package:" >&2
	echo "'apt-get install rustup', then 'rustup default stable'), or from your" >&2
	echo "distribution if its rustc and cargo packages are new enough." >&2
	return 1
}

# What a rustup toolchain may lack.
components() {
	is_rustup || return 0
	for name in fmt clippy; do
		$CARGO "$name" --version >/dev/null 2>&1 && continue
		echo "tools/setup.sh: cargo $name was not found. Run:" >&2
		echo "  rustup component add rustfmt clippy" >&2
		return 1
	done
}

[ $# -gt 0 ] || usage
for topic; do
	case $topic in build | check | interop | guests | releases | bench | fleet | load | loss | xdp | xdp-kernels | chroot) ;; *) usage ;; esac
done
status=0
case " $* " in *' build '* | *' check '* | *' releases '*) rust || status=1 ;; esac
case " $* " in *' check '*) [ "$status" != 0 ] || components || status=1 ;; esac

missing "$@"
[ -n "$packages" ] || exit "$status"

if ! command -v apt-get >/dev/null 2>&1; then
	echo "tools/setup.sh: missing for '$*':$names" >&2
	echo "Install these with your system's package manager." >&2
	exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "tools/setup.sh: missing for '$*':$names" >&2
	echo "Run:" >&2
	echo "  sudo apt-get update && sudo apt-get install --no-install-recommends $packages" >&2
	exit 1
fi

# One of ours at a time, since apt-get waits for no lock on its lists. What another has installed
# meanwhile is no longer missing.
exec 9</var/lib/dpkg
flock 9
missing "$@"
[ -n "$packages" ] || exit "$status"

echo "tools/setup.sh: installing $packages"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# Word splitting wanted: a list of package names.
# shellcheck disable=SC2086
if ! { apt-get update && apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $packages; } \
    >"$log" 2>&1 </dev/null 9<&-; then
	tail -n 20 "$log" >&2
	echo "tools/setup.sh: apt-get could not install: $packages" >&2
	exit 1
fi
missing "$@"
if [ -n "$packages" ]; then
	echo "tools/setup.sh: installed, yet still not found:$names" >&2
	exit 1
fi
exit "$status"

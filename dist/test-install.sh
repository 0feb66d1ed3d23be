#!/bin/bash
# Does `make install` put everything where it belongs, does it work from there,
# and does `make uninstall` take all of it away? Twice: staged with DESTDIR for
# a packager's directories, and straight into a PREFIX. Run by make check-install.
set -eu
unset CDPATH

cd "$(dirname "$0")/.."
. tools/plain-env.sh
MAKE=${MAKE:-make} CC="env ${CC:-cc}"	# CC may be two words
unset MAKEFLAGS MFLAGS MAKEOVERRIDES	# a PREFIX given to the outer make
scratch=$(tools/scratch.sh "$PWD/target")
checks=0
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

fail() {
	echo "test-install: FAILED: $*" >&2
	exit 1
}

run() {
	"$@" >"$scratch/log" 2>&1 || {
		cat "$scratch/log" >&2
		fail "$*"
	}
	checks=$((checks + 1))
}

# same FOUND WANTED WHAT
same() {
	[ "$1" = "$2" ] || {
		diff <(printf '%s\n' "$2") <(printf '%s\n' "$1") >&2 || true
		fail "$3: '<' was wanted, '>' was found"
	}
	checks=$((checks + 1))
}

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
file=libdtlsv1_listen.so.1.${version#*.}

# wanted LIBDIR INCLUDEDIR MANDIR BINDIR DOCDIR: all files, by hand, not taken
# from tools/mk/install.mk.
wanted() {
	local docs
	mapfile -t docs < <(find docs -type f -printf "$5/%p\n")
	printf '%s\n' "$1/$file" "$1/libdtlsv1_listen.so.1" "$1/libdtlsv1_listen.so" \
	    "$1/libdtlsv1_listen_audit.so" "$1/libdtlsv1_listen.a" "$1/pkgconfig/dtlsv1_listen.pc" \
	    "$2/dtlsv1_listen.h" "$3/man3/dtlsv1_listen.3" "$3/man3/dtlsv1_listener.3" "$3/man1/dtlsv1-listen.1" \
	    "$4/dtlsv1-listen" "$5/LICENSE-MIT" "$5/LICENSE-APACHE" "$5/README.md" \
	    "$5/CHANGELOG.md" "$5/SECURITY.md" "${docs[@]}" \
	    "$5/examples/echo_server.c" "$5/examples/poll_server.c" "$5/examples/batch_server.c" \
	    "$5/examples/sans_io.c" "$5/examples/asyncio_server.py" \
	    "$5/examples/listener_server.c" "$5/examples/listener_threads.c" \
	    "$5/examples/listener_uv.c" | sort
}

files() {
	find "$1" ! -type d -printf '/%P\n' | sort
}

# links ROOT+LIBDIR
links() {
	same "$(readlink "$1/libdtlsv1_listen.so.1")" "$file" "link"
	same "$(readlink "$1/libdtlsv1_listen.so")" libdtlsv1_listen.so.1 "link"
	same "$(objdump -p "$1/libdtlsv1_listen.so" |
	    sed -n 's/.*SONAME *//p')" libdtlsv1_listen.so.1 "soname"
	! find "$1/libdtlsv1_listen.a" "$1/pkgconfig" -type f -perm /111 | grep . ||
	    fail "an executable data file"
}

gone() {
	same "$(files "$1")" "" "left by uninstall"
	[ ! -e "$1$2" ] || fail "left by uninstall: $2"
}

# 1. Staged, with a packager's directories. A neighbour's file must survive.
stage=$scratch/stage
dirs=(PREFIX=/usr LIBDIR=/usr/lib/here INCLUDEDIR=/usr/include/there
    MANDIR=/usr/man BINDIR=/usr/libexec DESTDIR="$stage")
run "$MAKE" install "${dirs[@]}"
doc=/usr/share/doc/libdtlsv1_listen
same "$(files "$stage")" \
    "$(wanted /usr/lib/here /usr/include/there /usr/man /usr/libexec $doc)" "files"
links "$stage/usr/lib/here"
found=$(dist/links.sh "$stage$doc") || fail "a link"
checks=$((checks + found))
! grep -r "$stage" "$stage" || fail "DESTDIR got into an installed file"
! grep -rn '@[A-Z]*@' "$stage/usr/libexec" "$stage/usr/lib/here/pkgconfig" ||
    fail "a place was not filled in"

# A program built against the staged tree, as a packager's build would.
pc() {
	PKG_CONFIG_SYSROOT_DIR="$stage" \
	    PKG_CONFIG_PATH="$stage/usr/lib/here/pkgconfig:${PKG_CONFIG_PATH:-}" \
	    pkg-config "$@"
}
same "$(pc --modversion dtlsv1_listen)" "$version" "pkg-config's version"
case $(pc --libs dtlsv1_listen) in
*"-ldtlsv1_listen "*"-lssl"*"-lcrypto"*) ;;
*) fail "pkg-config does not put our library first: $(pc --libs dtlsv1_listen)" ;;
esac
# Word splitting wanted: flags.
# shellcheck disable=SC2046
for example in echo_server poll_server sans_io; do
	run $CC -std=c11 -Wall -Wextra -Werror -o "$scratch/$example" \
	    "$stage$doc/examples/$example.c" $(pc --cflags --libs dtlsv1_listen)
	run env LD_LIBRARY_PATH="$stage/usr/lib/here" tools/echo-once.sh "$scratch/$example"
done
same "$(nm --debug-syms "$stage/usr/lib/here/libdtlsv1_listen.a" 2>/dev/null |
    grep -c ' N \.debug')" 0 "debugging sections in the archive"
[ "$(stat -c %s "$stage/usr/lib/here/libdtlsv1_listen.a")" -lt 8000000 ] ||
    fail "the archive is not stripped: $(ls -l "$stage/usr/lib/here/libdtlsv1_listen.a")"

# Our archive in a program on a shared libssl. 'pkg-config --static' would ask for
# a static libssl's libraries too, such as -lz, which its package need not bring.
# shellcheck disable=SC2046
run $CC -std=c11 -o "$scratch/echo-static" examples/echo_server.c \
    $(pc --cflags dtlsv1_listen) "$stage/usr/lib/here/libdtlsv1_listen.a" \
    $(pkg-config --libs openssl) -lpthread -ldl -lm
run tools/echo-once.sh "$scratch/echo-static"

# With -static there is no libssl behind ours: the linker refuses, and says why.
# shellcheck disable=SC2046
! $CC -static -o "$scratch/all-static" examples/echo_server.c $(pc --cflags dtlsv1_listen) \
    "$stage/usr/lib/here/libdtlsv1_listen.a" -lssl -lcrypto -lpthread -ldl -lm \
    2>"$scratch/log" || fail "-static links"
grep -q "multiple definition of .SSL_new'" "$scratch/log" ||
    fail "-static: $(cat "$scratch/log")"

touch "$stage/usr/lib/here/neighbour"
run "$MAKE" uninstall "${dirs[@]}"
rm "$stage/usr/lib/here/neighbour" || fail "uninstall took a neighbour's file"
gone "$stage" $doc

# 2. Straight into a PREFIX: the wrapper finds the library by itself.
prefix=$scratch/prefix
run "$MAKE" install PREFIX="$prefix" LIBDIR="$prefix/lib" INCLUDEDIR="$prefix/include" \
    MANDIR="$prefix/share/man" BINDIR="$prefix/bin" DESTDIR=
same "$(files "$prefix")" \
    "$(wanted /lib /include /share/man /bin /share/doc/libdtlsv1_listen)" "files"
wrapper=$prefix/bin/dtlsv1-listen
same "$("$wrapper" --version)" "dtlsv1-listen $version" "wrapper's version"
same "$("$wrapper" --cookies=builtin printenv DTLSV1_LISTEN_COOKIES)" builtin "wrapper"
run "$wrapper" grep "$prefix/lib/$file" /proc/self/maps
run "$wrapper" --audit grep "$prefix/lib/libdtlsv1_listen_audit.so" /proc/self/maps
run "$MAKE" uninstall PREFIX="$prefix" LIBDIR="$prefix/lib" INCLUDEDIR="$prefix/include" \
    MANDIR="$prefix/share/man" BINDIR="$prefix/bin" DESTDIR=
gone "$prefix" /share/doc/libdtlsv1_listen
! "$wrapper" true 2>/dev/null || fail "the wrapper still runs"

# 3. For another OpenSSL than pkg-config knows.
mkdir -p "$scratch/openssl/lib64"
touch "$scratch/openssl/lib64/libssl.so"
run "$MAKE" install OPENSSL_DIR="$(realpath --relative-to=. "$scratch")/openssl" "${dirs[@]}"
same "$(pc --print-requires dtlsv1_listen)" "" "required with OPENSSL_DIR"
same "$(grep -oE '[-][IL]/.*openssl/[a-z0-9]*' "$stage/usr/lib/here/pkgconfig/dtlsv1_listen.pc")" \
    "-I$scratch/openssl/include
-L$scratch/openssl/lib64" "a relative OPENSSL_DIR"
case $(pc --libs dtlsv1_listen) in
*"-ldtlsv1_listen "*"-L"*"$scratch/openssl/lib64 -lssl -lcrypto"*) ;;
*) fail "pkg-config with OPENSSL_DIR: $(pc --libs dtlsv1_listen)" ;;
esac
case $(pc --cflags dtlsv1_listen) in
*"-I"*"$scratch/openssl/include"*) ;;
*) fail "pkg-config with OPENSSL_DIR: $(pc --cflags dtlsv1_listen)" ;;
esac
run "$MAKE" uninstall "${dirs[@]}"

# 4. By somebody whose files are nobody else's, over another version, beside others' files.
lib=$scratch/open/usr/lib
mkdir -p "$lib" "$scratch/open/usr/share/doc/libdtlsv1_listen/docs"
touch "$lib/libdtlsv1_listen.so.1.999.0" "$lib/libdtlsv1_listen.so.10"
touch "$scratch/open/usr/share/doc/libdtlsv1_listen/docs/neighbour"
(umask 077 && run "$MAKE" install PREFIX=/usr DESTDIR="$scratch/open")
same "$(find "$scratch/open/usr" -mindepth 1 -newer "$lib/libdtlsv1_listen.so.10" ! -type l \
    \( -type d ! -perm -055 -o ! -perm -044 \))" "" "for the owner alone"
same "$(cd "$lib" && echo libdtlsv1_listen.so.1*)" "libdtlsv1_listen.so.1 $file libdtlsv1_listen.so.10" "versions"
run "$MAKE" uninstall PREFIX=/usr DESTDIR="$scratch/open"
same "$(files "$scratch/open")" "/usr/lib/libdtlsv1_listen.so.10
/usr/share/doc/libdtlsv1_listen/docs/neighbour" "left by uninstall"

# 5. Folders that the wrapper, the loader or uninstall would take for others.
refused() {	# VARIABLE VALUE
	for target in install uninstall install-xdp uninstall-xdp; do
		! "$MAKE" -n "$target" "$1=$2" >"$scratch/log" 2>&1 || fail "$target $1=$2 goes on"
		grep -qF "$1 is '$2'" "$scratch/log" || fail "$1=$2: $(cat "$scratch/log")"
		checks=$((checks + 1))
	done
}
# shellcheck disable=SC2088 # as a shell may leave ~
for odd in '/opt/my own' 'usr' '~/.local' '/opt/a:b' '/opt/a&b' '/opt/a|b' "/opt/it's" '/opt/a\b' '/opt '; do
	refused PREFIX "$odd"
done
for variable in LIBDIR INCLUDEDIR MANDIR BINDIR SBINDIR DOCDIR PCDIR; do
	refused $variable lib
done
# shellcheck disable=SC2088
refused DESTDIR '~/stage'
same "$(LIBDIR=/usr/lib// dist/after-install.sh | grep -c ldconfig)" 1 "a LIBDIR that ends in a slash"

# 6. What cargo's own variables move is looked for there; what its config.toml moves is moved back.
same "$(CARGO_TARGET_DIR=$scratch/t CARGO_BUILD_TARGET=here "$MAKE" -n install DESTDIR="$stage" |
    grep -o "[^ ]*/libdtlsv1_listen\.so '" | head -n 1)" \
    "$scratch/t/here/release/libdtlsv1_listen.so '" "CARGO_TARGET_DIR and CARGO_BUILD_TARGET"
! CARGO_TARGET_DIR="$scratch/a b" "$MAKE" -n lib >"$scratch/log" 2>&1 || fail "a space in CARGO_TARGET_DIR"
grep -q 'no space' "$scratch/log" || fail "CARGO_TARGET_DIR: $(cat "$scratch/log")"
printf '#!/bin/sh\necho "$*"\nenv\n' >"$scratch/cargo"
chmod +x "$scratch/cargo"
! NO_SETUP=1 CARGO_TARGET_DIR="$scratch/t" OPENSSL_STATIC=1 X86_64_UNKNOWN_LINUX_GNU_OPENSSL_STATIC=1 \
    "$MAKE" lib CARGO="$scratch/cargo" >"$scratch/log" 2>&1 || fail "no library, and no word of it"
grep -q "^build .*--target-dir $scratch/t\$" "$scratch/log" || fail "cargo build: $(cat "$scratch/log")"
grep -q 'set CARGO_BUILD_TARGET' "$scratch/log" || fail "a library that is not there: $(cat "$scratch/log")"
! grep STATIC= "$scratch/log" || fail "a static libssl"

# 7. A checkout with a space in its path, in somebody's workspace; a make that knows no CC.
mkdir -p "$scratch/my work/here"
printf '[workspace]\nmembers = []\n' >"$scratch/my work/Cargo.toml"
cp -R Makefile Cargo.toml Cargo.lock build.rs src bench tools "$scratch/my work/here"
run "$MAKE" -C "$scratch/my work/here" -n lib install
run ${CARGO:-cargo} metadata --offline --no-deps --format-version 1 --manifest-path "$scratch/my work/here/Cargo.toml"
# In a repository of somebody's that ignores it, or in none, it has the same files.
git init -q "$scratch/my work" 2>/dev/null || true
echo '*' >"$scratch/my work/.gitignore"
patterns=('*.sh' '*.mk' Makefile 'tools/[s]*')
same "$(cd "$scratch/my work/here" && rm -rf src bench && tools/sources.sh "${patterns[@]}")" \
    "$(tools/sources.sh "${patterns[@]}" | grep -E '^(tools/|Makefile)')" "sources of a tarball"
env -u CC "$MAKE" -R -n -B link >"$scratch/log" 2>&1
grep -q '^cc -std=c11 ' "$scratch/log" || fail "make -R: $(cat "$scratch/log")"
checks=$((checks + 6))
run "$MAKE" -n check CC=false	# were anything run, it would fail
run env CARGO="env ${CARGO:-cargo}" RUSTC="env rustc" tools/setup.sh build
same "$(env -u HOME -u XDG_CACHE_HOME tools/cache.sh)" \
    "$(getent passwd "$(id -u)" | cut -d : -f 6)/.cache/libdtlsv1_listen" "the cache without HOME"
mkdir -p "$scratch/t/release"
run env CARGO_TARGET_DIR="$scratch/t" "$MAKE" CFLAGS='-g -fstack-protector-all --coverage' LDFLAGS=--coverage \
    CPPFLAGS='-D_FORTIFY_SOURCE=2 -D_GNU_SOURCE' "$scratch/t/release/libdtlsv1_listen_audit.so"

echo "test-install: $checks checks, 0 failed"

#!/bin/bash
# dist/dtlsv1-listen.in: what it sets, what it refuses, what it warns of. Run by
# make check-wrapper, with the library in LIB.
set -eu
unset CDPATH

cd "$(dirname "$0")/.."
. tools/plain-env.sh
: "${LIB:?LIB must name a shared library}" "${CC:=cc}"
wrapper=$PWD/dist/dtlsv1-listen.in
scratch=$(tools/scratch.sh "$PWD/target")
trap 'rm -rf "$scratch"' EXIT
checks=0 failed=0

# expect STATUS TEXT ARGUMENT...: the exit status, and a line of the output.
expect() {
	status=$1 text=$2
	shift 2
	got=0
	out=$(sh "$wrapper" "$@" 2>&1) || got=$?
	checks=$((checks + 1))
	if [ "$got" != "$status" ] || ! printf '%s\n' "$out" | grep -qF -e "$text"; then
		failed=$((failed + 1))
		echo "dtlsv1-listen $*"
		echo "    wanted $status and '$text'; got $got and: $out"
	fi
}

# good TEXT ARGUMENT...: runs, and says so.
good() {
	text=$1
	shift
	expect 0 "$text" --library="$LIB" "$@"
}

# silent ARGUMENT...: runs without a warning.
silent() {
	checks=$((checks + 1))
	out=$(sh "$wrapper" --library="$LIB" "$@" 2>&1 >/dev/null) || out="failed: $out"
	[ -z "$out" ] || {
		failed=$((failed + 1))
		echo "dtlsv1-listen $*: $out"
	}
}

cd "$scratch"
echo secret >secrets
cp "$LIB" alone.so
good "LD_PRELOAD=$LIB" env
LD_PRELOAD=$LIB good "LD_PRELOAD=$LIB:$LIB" env
good DTLSV1_LISTEN_COOKIES=builtin --cookies=builtin env
good DTLSV1_LISTEN_COOKIES=app --cookies app -- env
good DTLSV1_LISTEN_REPAIR=sequence,trailing --repair=sequence,trailing env
good DTLSV1_LISTEN_REPAIR=none --repair none env
good "DTLSV1_LISTEN_SECRET_FILE=$scratch/secrets" --secret-file=secrets env
good DTLSV1_LISTEN_COOKIE_LIFETIME=30 --lifetime=30 env
good DTLSV1_LISTEN_BUDGET=8 --budget=8 env
good DTLSV1_LISTEN_BUDGET=4294967295 --budget=4294967295 env
good "DTLSV1_LISTEN_STATS=$scratch/s.prom" --stats=s.prom env
good DTLSV1_LISTEN_TRACE=1 --trace env
good DTLSV1_LISTEN_FILTER=1 --filter env
DTLSV1_LISTEN_FILTER=0 good DTLSV1_LISTEN_FILTER=0 --trace env
DTLSV1_LISTEN_COOKIES=app good DTLSV1_LISTEN_COOKIES=app env
# shellcheck disable=SC2016 # for that shell
good 'a  b' sh -c 'printf "%s\n" "$1"' sh 'a  b'
good '--trace' echo --trace
expect 7 '' --library="$LIB" sh -c 'exit 7'
expect 0 'usage: dtlsv1-listen' --help
expect 0 'dtlsv1-listen ' --version

expect 2 'no command'
expect 2 'no command' --trace
expect 2 "unknown option '--cookie=app'" --cookie=app env
expect 2 "unknown option '-x'" -x env
expect 2 'wants a value' --cookies
expect 2 'wants auto, app or builtin' --cookies=own env
expect 2 'wants auto, app or builtin' --cookies= env
expect 2 'wants none, all' --repair=sequences env
expect 2 'stands alone' --repair=sequence,all env
expect 2 "cannot read 'nothing'" --secret-file=nothing env
expect 2 "wants a regular file, not '/dev/null'" --secret-file=/dev/null env
expect 2 "wants a regular file, not '.'" --secret-file=. env
expect 2 'wants 1 or more' --lifetime=0 env
expect 2 'wants 86400 at most' --lifetime=86401 env
expect 2 'wants 86400 at most' --lifetime=99999999999999999999 env
expect 2 'wants a whole number' --budget=-1 env
expect 2 'wants 4294967295 at most' --budget=4294967296 env
expect 2 'is not there' --stats=/nonexistent/s.prom env
expect 2 'wants a file' --stats=/ env
expect 2 "unknown option '--filter=1'" --filter=1 env
expect 1 'is not there' --library=/nonexistent.so env
expect 1 'audit.so is not there' --audit --library="$scratch/alone.so" env
expect 1 'space or a colon' --library='/a b.so' env
expect 1 'not installed' env
expect 127 'command not found' --library="$LIB" no-such-command
expect 127 'no such command' --library="$LIB" ./no-such-command
expect 126 'not executable' --library="$LIB" ./secrets

# The audit module: beside the library, where the C library makes it cheap or it is asked for.
audit_is() {	# WANTED GLIBC ARGUMENT...
	wanted=$1
	printf '#!/bin/sh\n[ -z "%s" ] || echo "glibc %s"\n[ -n "%s" ]\n' "$2" "$2" "$2" >./getconf
	chmod +x getconf
	shift 2
	checks=$((checks + 1))
	got=$(PATH=$scratch:$PATH sh "$wrapper" "$@" printenv LD_AUDIT) || true
	[ "$got" = "$wanted" ] || {
		failed=$((failed + 1))
		echo "dtlsv1-listen $*: LD_AUDIT is '$got', not '$wanted'"
	}
}
auditor=$(dirname "$LIB")/libdtlsv1_listen_audit.so
for glibc in 2.35 2.39 2.40 2.100 3.0; do audit_is "$auditor" $glibc --library="$LIB"; done
for glibc in 2.17 2.34 2.3.6 1.99 ''; do audit_is '' "$glibc" --library="$LIB"; done
audit_is '' 2.36 --no-audit --library="$LIB"
audit_is "$auditor" 2.17 --audit --library="$LIB"
LD_AUDIT=$auditor audit_is "$auditor:$auditor" 2.36 --library="$LIB"
LD_AUDIT=$auditor audit_is "$auditor" 2.36 --no-audit --library="$LIB"
audit_is '' 2.36 --library="$scratch/alone.so"
rm getconf

# What the loader would leave out.
silent true
silent sh -c true
printf 'void _start(void) { __builtin_trap(); }\n' >static.c
$CC -static -nostdlib -nostartfiles -o static static.c
out=$(sh "$wrapper" --library="$LIB" ./static 2>&1) || true
case $out in *'statically linked'*) ;; *) failed=$((failed + 1)); echo "static: $out" ;; esac
if [ "$(id -u)" = 0 ]; then
	cp "$(type -P true)" setuid
	chown 65534 setuid
	chmod 4755 setuid
	good 'is setuid or setgid' ./setuid
	# For a user whose PATH has no sbin, where getcap is.
	cp "$(type -P true)" capable
	mkdir bin
	# shellcheck disable=SC2016 # for that shell
	printf '#!/bin/sh\n[ "$1" = -u ] && echo 1000\n' >bin/id
	chmod +x bin/id
	if /sbin/setcap cap_net_raw+ep capable; then
		PATH=$scratch/bin:/usr/bin:/bin good 'has file capabilities' ./capable
	else
		echo "test-wrapper: file capabilities: this file system or container has none"
	fi
else
	good 'is setuid or setgid' su --help
fi

echo "test-wrapper: $((checks + 1)) checks, $failed failed"
[ "$failed" = 0 ]

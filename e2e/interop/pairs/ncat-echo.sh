# shellcheck shell=bash
# ncat's ClientHello comes in two fragments, and our example gives each client a
# socket of its own. The example needs our library; PLAIN runs it with what that
# does for fragments switched off, so that it does as libssl alone.
. "$(dirname "$0")/../lib.sh"

root=$(dirname "$0")/../../..
ln -s "$LIB" "$WORK/libdtlsv1_listen.so.1"
${CC:-cc} -I"$root/include" -o "$WORK/echo_server" "$root/examples/echo_server.c" \
    "$LIB" -lssl -lcrypto 2>"$WORK/cc.err" || die "examples/echo_server.c does not compile"

launch_echo() {
	repair=all trace=1
	[ -z "$PLAIN" ] || repair=none trace=0
	exec env LD_LIBRARY_PATH="$WORK" DTLSV1_LISTEN_REPAIR=$repair \
	    DTLSV1_LISTEN_TRACE=$trace "$WORK/echo_server" 127.0.0.1 "$1" "$CERT" "$KEY"
}

serve launch_echo
client ncat -v --udp --ssl 127.0.0.1 "$port"
echo "$to_server" >&9
[ -z "$PLAIN" ] || by_luck "ncat --udp --ssl -> echo_server" "$WORK/client.err" 'SSL connection'
wait_for "$WORK/server.out" "echoing .*: $to_server" "data to the server"
wait_for "$WORK/client.out" "$to_server" "data to the client"
served
ok "ncat --udp --ssl" "echo_server" \
    "$(sed -n 's/.*: accepted, .*, //p' "$WORK/server.out")" $((2 * ${#to_server} + 2))

# shellcheck shell=bash
# coturn takes DTLS cookies through SSL_accept and never calls DTLSv1_listen.
# Our library stands between it and SSL_CTX_set_cookie_*_cb: it must work as
# before, with its own cookies, and the loader must say that it met ours.
. "$(dirname "$0")/../lib.sh"

launch() {
	export LD_DEBUG=bindings LD_DEBUG_OUTPUT=$WORK/ld
	preload turnserver -n -L 127.0.0.1 -E 127.0.0.1 -p $(($1 + 1)) \
	    --tls-listening-port="$1" --no-auth --no-cli --no-tls \
	    --cert="$CERT" --pkey="$KEY" --allow-loopback-peers -v \
	    --log-file=stdout --pidfile="$WORK/pid" --userdb="$WORK/db"
}

PATH=$PATH:/usr/sbin
serve launch

# A handshake to see that it asks for a cookie at all,
client openssl s_client -dtls1_2 -connect "127.0.0.1:$port" -msg
wait_for "$WORK/client.out" '^ *03 00 00 17 ' "coturn's HelloVerifyRequest"
wait_for "$WORK/client.out" 'Cipher is ECDHE' "handshake"

# then its own client: two sessions, ten messages of 100 bytes relayed.
timeout 40 turnutils_uclient -S -y -c -n 5 -m 1 -l 100 -v -p "$port" \
    -i "$CERT" -k "$KEY" 127.0.0.1 >"$WORK/relay.out" 2>&1 ||
    die "turnutils_uclient failed"
wait_for "$WORK/relay.out" 'tot_send_msgs=10, tot_recv_msgs=10' "all messages back"

for f in generate verify; do
	bound_to=$(grep -ahs "turnserver.*SSL_CTX_set_cookie_${f}_cb'" "$WORK"/ld.* |
	    grep -c libdtlsv1_listen || true)
	if [ -n "$PLAIN" ]; then
		[ "$bound_to" = 0 ] || die "libssl alone was wanted"
	else
		[ "$bound_to" -gt 0 ] || die "SSL_CTX_set_cookie_${f}_cb is not ours"
	fi
done
ok "turnutils_uclient" "coturn (cookies by SSL_accept)" \
    "$(sed -n 's/.*Cipher is //p' "$WORK/client.out" | head -n 1)" 1000

# shellcheck shell=bash
# ncat's ClientHello comes in two fragments, and radsecproxy gives each client a
# socket of its own: with libssl alone the second fragment gets there only if it
# comes later than that. The user's name goes in a RADIUS request made by hand;
# its realm's text comes back.
. "$(dirname "$0")/../lib.sh"

cipher=ECDHE-ECDSA-AES256-GCM-SHA384	# forced, as neither side reports it
launch_proxy() {
	cat >"$WORK/proxy.conf" <<-END
	ListenDTLS 127.0.0.1:$1
	tls default {
		CACertificateFile $CERT
		CertificateFile $CERT
		CertificateKeyFile $KEY
		CipherList $cipher
	}
	client ncat {
		host 127.0.0.1
		type dtls
		secret radius/dtls
		certificateNameCheck off
	}
	realm $token.example {
		replyMessage "$to_client"
	}
	END
	preload radsecproxy -f -d 2 -c "$WORK/proxy.conf"
}

# Access-Request, its length, a random authenticator, User-Name.
request() {
	local user=$to_server@$token.example
	printf %b "\x01\x07\x00$(printf '\\x%02x' $((20 + 2 + ${#user})))"
	head -c 16 /dev/urandom
	printf %b "\x01$(printf '\\x%02x' $((2 + ${#user})))"
	printf %s "$user"
}

PATH=$PATH:/usr/sbin
serve launch_proxy
client ncat -v --udp --ssl --ssl-cert "$CERT" --ssl-key "$KEY" 127.0.0.1 "$port"
wait_for "$WORK/server.err" 'incoming DTLS connection' "the hello"
served
[ -z "$PLAIN" ] || by_luck "ncat --udp --ssl -> radsecproxy" "$WORK/client.err" 'SSL connection'
wait_for "$WORK/server.err" 'DTLS connection .* up' "handshake"
wait_for "$WORK/client.err" 'SSL connection' "the client's handshake"
request >"$WORK/request"
cat "$WORK/request" >&9		# in one write: one datagram
wait_for "$WORK/client.out" "$to_client" "the answer"
ok "ncat --udp --ssl" "radsecproxy" "$cipher" \
    $(($(wc -c <"$WORK/request") + $(wc -c <"$WORK/client.out")))

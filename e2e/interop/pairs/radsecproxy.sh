# shellcheck shell=bash
# radclient -> radsecproxy -> (RADIUS over DTLS) -> radsecproxy, both preloaded;
# the listening side is the one that must call DTLSv1_listen, and hands the
# accepted SSL to another thread. The far side answers for one realm only, so
# an answer says that the user's name arrived whole; its text comes back.
. "$(dirname "$0")/../lib.sh"

cipher=ECDHE-ECDSA-AES256-GCM-SHA384	# forced, as neither side reports it
tls="tls default {
	CACertificateFile $CERT
	CertificateFile $CERT
	CertificateKeyFile $KEY
	CipherList $cipher
}"

launch_far() {
	cat >"$WORK/far.conf" <<-END
	ListenDTLS 127.0.0.1:$1
	$tls
	client near {
		host 127.0.0.1
		type dtls
		secret radius/dtls
		certificateNameCheck off
	}
	realm $token.example {
		replyMessage "$to_client"
	}
	END
	preload radsecproxy -f -d 2 -c "$WORK/far.conf"
}

launch_near() {
	cat >"$WORK/near.conf" <<-END
	ListenUDP 127.0.0.1:$1
	$tls
	client user {
		host 127.0.0.1
		type udp
		secret $token
	}
	server far {
		host 127.0.0.1
		port $far_port
		type dtls
		secret radius/dtls
		statusServer off
		certificateNameCheck off
	}
	realm * {
		server far
	}
	END
	preload radsecproxy -f -d 2 -c "$WORK/near.conf"
}

PATH=$PATH:/usr/sbin
serve launch_far
far=$server far_port=$port
mv "$WORK/server.out" "$WORK/far.out"
mv "$WORK/server.err" "$WORK/far.err"
serve launch_near
wait_for "$WORK/server.err" 'DTLS connection to far .* up' "handshake"

user=$to_server@$token.example
printf 'User-Name = "%s"\nUser-Password = "x"\n' "$user" |
    radclient -x -t 5 -r 2 "127.0.0.1:$port" auth "$token" \
    >"$WORK/client.out" 2>"$WORK/client.err" || true	# a reject is the answer
wait_for "$WORK/client.out" "Reply-Message = \"$to_client\"" "the far side's answer"

mv "$WORK/server.err" "$WORK/near.err"
cp "$WORK/far.err" "$WORK/server.err"
server=$far
served
ok "radclient, radsecproxy" "radsecproxy" "$cipher" $((${#user} + ${#to_client}))

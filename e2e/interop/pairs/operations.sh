# shellcheck shell=bash
# The example of docs/operations.md for radsecproxy under systemd, and its lines
# that make a secret: taken from there, and run as the unit would run them.
. "$(dirname "$0")/../lib.sh"

PATH=$PATH:/usr/sbin
manual=$(cd "$(dirname "$0")/../../.." && pwd)/docs/operations.md
user=radsecproxy
umask 022

# block AFTER KIND: the first ```KIND block behind that text, with our places.
block() {
	awk -v after="$1" -v kind="\`\`\`$2" '
	index($0, after) { want = 1 }
	inside && /^```/ { exit }
	inside
	want && $0 == kind { inside = 1 }' "$manual" |
	    sed -e "s|/var/lib/prometheus/node-exporter|$WORK/node-exporter|g" \
	    -e "s|/etc/dtls|$WORK/dtls|g" -e "s|%N|radsecproxy|g" -e '/^systemctl /d'
}

# The server's user has to get at its files, at none of the others.
chmod 711 "$(dirname "$WORK")" "$WORK"
mkdir "$WORK/lib" "$WORK/node-exporter" "$WORK/dtls"
cp "$LIB" "$WORK/lib/libdtlsv1_listen.so.1"
install -m 644 "$CERT" "$WORK/own.pem"
install -m 600 "$KEY" "$WORK/own.key"
as=
if [ "$(id -u)" = 0 ]; then
	chown "$user" "$WORK/own.key"
	as="setpriv --reuid=$user --regid=$user --init-groups"
	block 'systemctl edit radsecproxy' sh | sh -e || die "setfacl"
	block 'Make one that nobody' sh | sh -e || die "making a secret"
else	# neither can be given away
	block 'Make one that nobody' sh | grep -v ^chown | sh -e || die "making a secret"
fi

unit=$(block 'systemctl edit radsecproxy' ini)
echo "$unit" | grep -qx 'Type=simple' || die "the unit is not Type=simple"
environment=$(echo "$unit" | sed -n 's/^Environment=//p')
start=$(echo "$unit" | sed -n 's/^ExecStart=//p' | tail -n 1)
case $start in "$(command -v radsecproxy) -f") ;; *) die "ExecStart=$start" ;; esac
case $environment in *DTLSV1_LISTEN_COOKIES=builtin*) ;; *) die "no cookies of ours" ;; esac
[ -z "$PLAIN" ] || environment=

launch() {
	cat >"$WORK/radsecproxy.conf" <<-END
	ListenDTLS 127.0.0.1:$1
	tls default {
		CACertificateFile $WORK/own.pem
		CertificateFile $WORK/own.pem
		CertificateKeyFile $WORK/own.key
	}
	client anybody {
		host 127.0.0.1
		type dtls
		secret radius/dtls
		certificateNameCheck off
	}
	realm * {
		replyMessage "nobody"
	}
	END
	# Word splitting wanted: assignments, a command.
	# shellcheck disable=SC2086
	exec $as env LD_LIBRARY_PATH="$WORK/lib" DTLSV1_LISTEN_TRACE=1 $environment \
	    $start -c "$WORK/radsecproxy.conf"
}
serve launch
client openssl s_client -dtls1_2 -connect "127.0.0.1:$port" -cert "$CERT" -key "$KEY"
wait_for "$WORK/client.out" 'Cipher is [A-Z]' "handshake"
served
# The counters are written when a datagram comes, a second after the last time.
if [ -z "$PLAIN" ]; then
	file=$WORK/node-exporter/radsecproxy.prom
	for _ in $(seq 100); do
		! grep -qs '^dtlsv1_listen_accepted_total{server="radsecproxy"} 1$' "$file" || break
		echo stranger >"/dev/udp/127.0.0.1/$port"
		sleep 0.1
	done
	wait_for "$file" '^dtlsv1_listen_accepted_total{server="radsecproxy"} 1$' "the counters"
	grep -q '^dtlsv1_listen_peers_unknown_total{server="radsecproxy"} 0$' "$file" ||
	    die "its cookies were not ours"
fi
cipher=$(sed -n 's/.*Cipher is //p' "$WORK/client.out")

# The secret, in a server whose cookies are ours: good, and without a warning.
launch_with_secret() {
	# shellcheck disable=SC2086
	exec $as env LD_LIBRARY_PATH="$WORK/lib" DTLSV1_LISTEN_TRACE=1 DTLSV1_LISTEN_COOKIES=builtin \
	    DTLSV1_LISTEN_SECRET_FILE="$WORK/dtls/cookie" $preload \
	    openssl s_server -dtls1_2 -listen -accept "127.0.0.1:$1" -cert "$WORK/own.pem" -key "$WORK/own.key"
}
preload='LD_PRELOAD=libdtlsv1_listen.so.1'
[ -z "$PLAIN" ] || preload=
exec 9>&-
rm "$WORK/client.in"
serve launch_with_secret
client openssl s_client -dtls1_2 -connect "127.0.0.1:$port"
wait_for "$WORK/client.out" 'Cipher is [A-Z]' "handshake with the secret"
served
! grep -a '^dtlsv1_listen: .*secret' "$WORK/server.err" >"$WORK/why" || exit 1
ok "openssl s_client" "radsecproxy and a secret as in docs/operations.md" "$cipher" 0

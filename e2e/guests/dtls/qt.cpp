// A DTLS server as Qt has it: QDtlsClientVerifier for the cookie, QDtls for what follows. Qt
// loads libssl itself and looks its functions up. One client's line is sent back, and it ends.
//
//   qt CERTIFICATE KEY
//
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <QtNetwork>
#include <cstdio>

static QByteArray
content(const char *name)
{
	QFile file(name);
	if (!file.open(QIODevice::ReadOnly))
		qFatal("%s cannot be read", name);
	return file.readAll();
}

int
main(int argc, char **argv)
{
	QCoreApplication application(argc, argv);
	if (argc != 3)
		qFatal("usage: qt CERTIFICATE KEY");
	QSslConfiguration configuration = QSslConfiguration::defaultDtlsConfiguration();
	configuration.setPeerVerifyMode(QSslSocket::VerifyNone);
	configuration.setDtlsCookieVerificationEnabled(true);
	configuration.setLocalCertificate(QSslCertificate(content(argv[1])));
	configuration.setPrivateKey(QSslKey(content(argv[2]), QSsl::Rsa));

	QUdpSocket socket;
	QDtlsClientVerifier verifier;
	QScopedPointer<QDtls> client;
	if (!socket.bind(QHostAddress::LocalHost))
		qFatal("bind: %s", qPrintable(socket.errorString()));
	QObject::connect(&socket, &QUdpSocket::readyRead, [&] {
		while (socket.hasPendingDatagrams()) {
			const QNetworkDatagram datagram = socket.receiveDatagram();
			const QHostAddress from = datagram.senderAddress();
			const auto port = quint16(datagram.senderPort());
			if (!client) {
				if (!verifier.verifyClient(&socket, datagram.data(), from, port)) {
					if (verifier.dtlsError() != QDtlsError::NoError)
						qFatal("verifyClient: %s",
						    qPrintable(verifier.dtlsErrorString()));
					continue;
				}
				client.reset(new QDtls(QSslSocket::SslServerMode));
				if (!client->setPeer(from, port) ||
				    !client->setDtlsConfiguration(configuration) ||
				    !client->doHandshake(&socket, verifier.verifiedHello()))
					qFatal("QDtls: %s", qPrintable(client->dtlsErrorString()));
			} else if (!client->isConnectionEncrypted()) {
				if (!client->doHandshake(&socket, datagram.data()))
					qFatal("doHandshake: %s",
					    qPrintable(client->dtlsErrorString()));
			} else {
				const QByteArray line =
				    client->decryptDatagram(&socket, datagram.data());
				if (line.isEmpty())
					continue;
				client->writeDatagramEncrypted(&socket, line);
				application.quit();
			}
		}
	});
	std::printf("port %d\n", socket.localPort());
	std::fflush(stdout);
	return application.exec();
}

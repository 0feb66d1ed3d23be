/* What a scripted BIO says of the peer, for every family and every manner of not knowing one. */

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <openssl/bio.h>

#include "run.h"

enum { UNKNOWN_FAMILY = 77, UNKNOWN_LEN = 112 }; /* as long as libssl's own union of addresses */

size_t
script_peer(const struct dcase *c, unsigned char *address)
{
	struct sockaddr_in inet = { .sin_family = AF_INET, .sin_port = htons(4433) };
	struct sockaddr_in6 inet6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(4433), .sin6_scope_id = 3
	};
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	sa_family_t family = UNKNOWN_FAMILY;

	switch (c->peer) {
	case PEER_INET:
		inet.sin_addr.s_addr = htonl(0xc0000207);
		memcpy(inet.sin_zero, "sinzero", sizeof(inet.sin_zero));
		memcpy(address, &inet, sizeof(inet));
		return sizeof(inet);
	case PEER_INET6:
		memcpy(&inet6.sin6_addr, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7", 16);
		memcpy(address, &inet6, sizeof(inet6));
		return sizeof(inet6);
	case PEER_UNIX:
		memset(local.sun_path, 'p', sizeof(local.sun_path));
		memcpy(local.sun_path, "/run/peer", sizeof("/run/peer"));
		memcpy(address, &local, sizeof(local));
		return sizeof(local);
	case PEER_UNKNOWN:
		memset(address, 0x7e, UNKNOWN_LEN);
		memcpy(address, &family, sizeof(family));
		return UNKNOWN_LEN;
	default: return 0;
	}
}

long
script_get_peer(const struct dcase *c, void *room)
{
	unsigned char address[sizeof(struct sockaddr_storage)];
	size_t len = script_peer(c, address);

	if (c->peer == PEER_NONE)
		return 0;
	if (c->peer == PEER_REFUSED)
		return -1;
	if (room != NULL && len > 0)
		memcpy(room, address, len);
	return c->peer_result > 0 ? c->peer_result : len > 0 ? (long)len : 1;
}

/* The address as far as its family says. */
size_t
script_peer_len(int family)
{
	switch (family) {
	case AF_INET: return sizeof(struct sockaddr_in);
	case AF_INET6: return sizeof(struct sockaddr_in6);
	case AF_UNIX: return sizeof(struct sockaddr_un);
	case UNKNOWN_FAMILY: return UNKNOWN_LEN;
	default: return 0;
	}
}

void
script_set_peer(struct run *run, const BIO_ADDR *address)
{
	int family = BIO_ADDR_family(address);

	LOG(run->log, EVENT_SET_PEER, address, script_peer_len(family), family);
}

/* RAND_set_rand_method is deprecated since 3.0 and still the one way to get two equal flights. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <stdio.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "identity.h"
#include "prng.h"

static struct prng source;
static EVP_PKEY *key;
static X509 *certificate;

static int
random_bytes(unsigned char *bytes, int len)
{
	if (len > 0)
		prng_fill(&source, bytes, (size_t)len);
	return 1;
}

static int
random_seed(const void *bytes, int len)
{
	(void)bytes;
	(void)len;
	return 1;
}

static int
random_add(const void *bytes, int len, double entropy)
{
	(void)bytes;
	(void)len;
	(void)entropy;
	return 1;
}

static int
random_status(void)
{
	return 1;
}

static const RAND_METHOD repeatable = { random_seed, random_bytes, NULL, random_add, random_bytes,
	random_status };

static EVP_PKEY *
make_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	EVP_PKEY *made = NULL;

	if (ctx == NULL || EVP_PKEY_keygen_init(ctx) <= 0 ||
	    EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1) <= 0 ||
	    EVP_PKEY_keygen(ctx, &made) <= 0)
		made = NULL;
	EVP_PKEY_CTX_free(ctx);
	return made;
}

static X509 *
make_certificate(void)
{
	X509 *made = X509_new();
	X509_NAME *name = X509_NAME_new();
	int fine = made != NULL && name != NULL &&
	    X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_ASC, (const unsigned char *)"differential", -1, -1, 0) &&
	    X509_set_version(made, 2) && ASN1_INTEGER_set(X509_get_serialNumber(made), 1) &&
	    X509_set_subject_name(made, name) && X509_set_issuer_name(made, name) &&
	    ASN1_TIME_set_string(X509_getm_notBefore(made), "20200101000000Z") &&
	    ASN1_TIME_set_string(X509_getm_notAfter(made), "20990101000000Z") &&
	    X509_set_pubkey(made, key) && X509_sign(made, key, EVP_sha256()) > 0;

	X509_NAME_free(name);
	if (fine)
		return made;
	X509_free(made);
	return NULL;
}

int
identity_open(void)
{
	unsigned char first[8], second[8];

	if (RAND_set_rand_method(&repeatable) != 1)
		return 0;
	identity_reseed(1);
	RAND_bytes(first, sizeof(first));
	identity_reseed(1);
	RAND_bytes(second, sizeof(second));
	if (memcmp(first, second, sizeof(first)) != 0) {
		fprintf(stderr,
		    "differential: this libcrypto does not take a random "
		    "source of ours\n");
		return 0;
	}
	key = make_key();
	certificate = key != NULL ? make_certificate() : NULL;
	return certificate != NULL;
}

void
identity_reseed(uint64_t seed)
{
	source = prng_for(seed, 0);
}

void
identity_close(void)
{
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static unsigned int
find_psk(SSL *ssl, const char *identity, unsigned char *psk, unsigned int room)
{
	(void)ssl;
	(void)identity;
	if (room < 16)
		return 0;
	memset(psk, 0x4b, 16);
	return 16;
}

int
identity_install(SSL_CTX *ctx)
{
	SSL_CTX_set_psk_server_callback(ctx, find_psk);
	return SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0") == 1 &&
	    SSL_CTX_use_certificate(ctx, certificate) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1;
}

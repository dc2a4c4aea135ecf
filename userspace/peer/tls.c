/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer/tls.c - the TLS context of a worker and its throw-away certificate. Worker only.
 *
 * Everything that needs files, locale or algorithm look-ups happens here, before seccomp.
 */
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "peer/internal.h"

#define CERT_DAYS 3650

static void x509_freep(X509 **x)
{
	X509_free(*x);
}

static void pkey_freep(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}

/*
 * Any certificate will do: it only carries the key that the channel is bound to. Who is at the
 * other end is proven afterwards by a signature over both certificates and the channel
 * (identity.c).
 */
static int accept_any(X509_STORE_CTX *store, void *arg)
{
	(void)store, (void)arg;
	return 1;
}

static int make_certificate(SSL_CTX *ctx, uint8_t fp[32])
{
	_cleanup_(pkey_freep) EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	_cleanup_(x509_freep) X509 *x = X509_new();
	X509_NAME *name;
	uint64_t serial;
	unsigned int n = 32;

	if (!key || !x || RAND_bytes((unsigned char *)&serial, sizeof(serial)) != 1)
		return -ENOMEM;
	name = X509_get_subject_name(x);
	/* The same words everywhere: a certificate tells a stranger nothing. */
	if (X509_set_version(x, X509_VERSION_3) != 1 ||
	    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1 | 1) != 1 ||
	    !X509_gmtime_adj(X509_getm_notBefore(x), -86400) ||
	    !X509_time_adj_ex(X509_getm_notAfter(x), CERT_DAYS, 0, NULL) ||
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"tidemark",
				       -1, -1, 0) != 1 ||
	    X509_set_issuer_name(x, name) != 1 || X509_set_pubkey(x, key) != 1 ||
	    X509_sign(x, key, NULL) <= 0)
		return -EIO;
	if (SSL_CTX_use_certificate(ctx, x) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1)
		return -EIO;
	return X509_digest(x, EVP_sha256(), fp, &n) == 1 && n == 32 ? 0 : -EIO;
}

static int configure(SSL_CTX *ctx)
{
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    /* Both can be done by the kernel. */
	    SSL_CTX_set_ciphersuites(ctx, "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256") != 1 ||
	    SSL_CTX_set1_groups_list(ctx, "X25519:P-256") != 1)
		return -EIO;
	SSL_CTX_set_options(ctx, SSL_OP_ENABLE_KTLS | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
					 SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* An end without close_notify is a truncation, and an error. */
	SSL_CTX_clear_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Tickets that nobody reads cost data at close. */
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_max_cert_list(ctx, 16384);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, accept_any, NULL);
	/* Several records per read(2). */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, 128 << 10);
	return 0;
}

int tm_tls_new(struct tm_tls **ret_t)
{
	struct tm_tls *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->ctx = SSL_CTX_new(TLS_method());
	r = t->ctx ? configure(t->ctx) : -ENOMEM;
	if (!r)
		r = make_certificate(t->ctx, t->fingerprint);
	if (r < 0) {
		tm_tls_free(t);
		return r;
	}
	*ret_t = t;
	return 0;
}

void tm_tls_free(struct tm_tls *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	free(t);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer/identity.c - who is at the other end: proofs and HELLO inside the TLS channel.
 *
 * A proof signs both certificates and keying material of this very channel, and the signer's role:
 * it is worth nothing in another connection, nor sent back to its maker.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/clock.h"
#include "peer/internal.h"

#define EXPORTER_LABEL "EXPORTER-tidemark-identity"

void tm_identity_statement(uint8_t out[TM_STATEMENT_LEN], enum tm_role signer,
			   const uint8_t id[TM_POLICY_ID_LEN], const uint8_t self_fp[32],
			   const uint8_t peer_fp[32], const uint8_t exporter[32])
{
	static const char context[21] = "tidemark identity v1"; /* with its NUL */
	uint8_t *p = out;

	memcpy(p, context, sizeof(context));
	p += sizeof(context);
	*p++ = tm_role_is_source(signer) ? 1 : 2;
	*p++ = tm_role_is_pair(signer) ? 2 : 1;
	if (tm_role_is_pair(signer))
		memset(p, 0, TM_POLICY_ID_LEN);
	else
		memcpy(p, id, TM_POLICY_ID_LEN);
	p += TM_POLICY_ID_LEN;
	memcpy(p, self_fp, 32);
	memcpy(p + 32, peer_fp, 32);
	memcpy(p + 64, exporter, 32);
}

static void say(struct tm_msg_text *t, uint32_t code, int err, const char *fmt, ...) _printf_(4, 5);

static void say(struct tm_msg_text *t, uint32_t code, int err, const char *fmt, ...)
{
	va_list ap;

	*t = (struct tm_msg_text){ .code = code, .err = err < 0 ? -err : err };
	va_start(ap, fmt);
	vsnprintf(t->text, sizeof(t->text), fmt, ap);
	va_end(ap);
}

/* Tell the peer why, in words that carry nothing of ours, and fail with @err. */
static int refuse(struct tm_link *l, uint32_t code, int err, const char *why,
		  struct tm_msg_text *ret_text)
{
	struct tm_buf b;

	say(ret_text, code, err, "%s", why);
	tm_buf_init(&b, TM_FRAME_MAX);
	tm_msg_text_put(&b, ret_text);
	if (!tm_link_send_buf(l, TM_F_ERROR, &b))
		tm_link_flush(l);
	tm_buf_free(&b);
	return err;
}

static int receive(struct tm_link *l, uint16_t want, struct tm_rd *ret_r,
		   struct tm_msg_text *ret_text)
{
	const uint8_t *p;
	uint16_t type;
	uint32_t n;
	int r = tm_link_recv(l, &type, &p, &n, -1);

	if (r < 0) {
		say(ret_text, 0, r,
		    r == -ETIMEDOUT ? "the peer did not answer in time (%s)"
				    : "the connection ended before %s",
		    tm_frame_name(want));
		return r;
	}
	*ret_r = tm_rd(p, n);
	if (type == want)
		return 0;
	if (type == TM_F_ERROR || type == TM_F_NOTICE) {
		if (tm_msg_text_get(ret_r, ret_text) < 0)
			say(ret_text, TM_WERR_PROTOCOL, -EREMOTEIO,
			    "the peer refused and did not say why");
		return -EREMOTEIO;
	}
	return refuse(l, TM_WERR_PROTOCOL, -EPROTO,
		      "unexpected frame before the peers knew each other", ret_text);
}

static int verify(const struct tm_msg_proof *proof, const uint8_t *statement)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, proof->key, TM_KEY_LEN);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = key && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
		    EVP_DigestVerify(ctx, proof->sig, TM_SIG_LEN, statement, TM_STATEMENT_LEN) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return good ? 0 : -EKEYREJECTED;
}

static int peer_fingerprint(SSL *ssl, uint8_t fp[32])
{
	X509 *x = SSL_get1_peer_certificate(ssl);
	unsigned int n = 32;
	bool good = x && X509_digest(x, EVP_sha256(), fp, &n) == 1 && n == 32;

	X509_free(x);
	return good ? 0 : -EPROTO;
}

static int send_proof(struct tm_link *l, const struct tm_peer_handshake *h,
		      const struct tm_ctl_sign *req, struct tm_msg_text *ret_text)
{
	struct tm_msg_proof proof;
	struct tm_buf b;
	int r = h->sign(h->arg, req, &proof);

	if (r < 0) {
		say(ret_text, TM_WERR_INTERNAL, r, "the daemon did not sign: %s", strerror(-r));
		return r;
	}
	tm_buf_init(&b, TM_FRAME_MAX);
	tm_msg_proof_put(&b, &proof);
	r = tm_link_send_buf(l, TM_F_PROOF, &b);
	tm_buf_free(&b);
	if (!r)
		r = tm_link_flush(l);
	if (r < 0)
		say(ret_text, 0, r, "the connection ended while sending PROOF");
	return r;
}

static int check_proof(struct tm_link *l, const struct tm_peer_handshake *h,
		       const struct tm_ctl_sign *own, struct tm_ctl_authed *authed,
		       struct tm_msg_text *ret_text)
{
	static const enum tm_role other[] = {
		[TM_ROLE_SOURCE] = TM_ROLE_TARGET,
		[TM_ROLE_TARGET] = TM_ROLE_SOURCE,
		[TM_ROLE_PAIR_SOURCE] = TM_ROLE_PAIR_TARGET,
		[TM_ROLE_PAIR_TARGET] = TM_ROLE_PAIR_SOURCE,
	};
	uint8_t statement[TM_STATEMENT_LEN];
	struct tm_msg_proof proof;
	struct tm_rd rd;
	int r = receive(l, TM_F_PROOF, &rd, ret_text);

	if (r < 0)
		return r;
	if (tm_msg_proof_get(&rd, &proof) < 0)
		return refuse(l, TM_WERR_PROTOCOL, -EPROTO, "malformed proof", ret_text);
	memcpy(authed->key, proof.key, TM_KEY_LEN);
	/* Seen from the signer, its own certificate is our peer's. */
	tm_identity_statement(statement, other[h->role], h->id, own->peer_fp, own->self_fp,
			      own->exporter);
	if (verify(&proof, statement) < 0)
		return refuse(l, TM_WERR_IDENTITY, -EKEYREJECTED,
			      "the identity proof does not verify", ret_text);
	if (h->pinned_key && CRYPTO_memcmp(h->pinned_key, proof.key, TM_KEY_LEN))
		return refuse(l, TM_WERR_IDENTITY, -EKEYREJECTED,
			      "the peer has another key than the one this policy was made with",
			      ret_text);
	return 0;
}

static int send_hello(struct tm_link *l, const struct tm_peer_handshake *h)
{
	struct tm_msg_hello hello = { .proto_min = TM_PROTO_VERSION,
				      .proto_max = TM_PROTO_VERSION };
	struct tm_buf b;
	int r;

	hello.features = TM_FEATURE_KNOWN;
	snprintf(hello.cluster, sizeof(hello.cluster), "%s", h->cluster ? h->cluster : "");
	snprintf(hello.version, sizeof(hello.version), "%s", TM_VERSION);
	tm_buf_init(&b, TM_FRAME_MAX);
	tm_msg_hello_put(&b, &hello);
	r = tm_link_send_buf(l, TM_F_HELLO, &b);
	tm_buf_free(&b);
	return r < 0 ? r : tm_link_flush(l);
}

static int check_hello(struct tm_link *l, struct tm_ctl_authed *authed,
		       struct tm_msg_text *ret_text)
{
	struct tm_msg_hello hello;
	struct tm_rd rd;
	int r = receive(l, TM_F_HELLO, &rd, ret_text);

	if (r < 0)
		return r;
	if (tm_msg_hello_get(&rd, &hello) < 0)
		return refuse(l, TM_WERR_PROTOCOL, -EPROTO, "malformed HELLO", ret_text);
	/*
	 * The highest common version is the only one there is. Unknown feature bits are simply not
	 * used.
	 */
	if (hello.proto_min > TM_PROTO_VERSION || hello.proto_max < TM_PROTO_VERSION)
		return refuse(l, TM_WERR_VERSION, -EPROTO, "no common protocol version", ret_text);
	l->features = authed->features = hello.features & TM_FEATURE_KNOWN;
	memcpy(authed->cluster, hello.cluster, sizeof(authed->cluster));
	memcpy(authed->version, hello.version, sizeof(authed->version));
	return 0;
}

static int exchange_hello(struct tm_link *l, const struct tm_peer_handshake *h,
			  struct tm_ctl_authed *authed, struct tm_msg_text *ret_text)
{
	bool first = tm_role_is_source(h->role);
	int r = 0;

	if (first)
		r = send_hello(l, h);
	if (!r) {
		r = check_hello(l, authed, ret_text);
		if (r < 0)
			return r;
	}
	if (!r && !first)
		r = send_hello(l, h);
	if (r < 0)
		say(ret_text, 0, r, "the connection ended while sending HELLO");
	return r;
}

int tm_identity_exchange(struct tm_peer_link *pl, const struct tm_tls *t,
			 const struct tm_peer_handshake *h, struct tm_ctl_authed *ret_authed,
			 struct tm_msg_text *ret_text)
{
	struct tm_ctl_sign req = { .kind = tm_role_is_pair(h->role) ? 2 : 1 };
	struct tm_link *l = &pl->link;
	int r = peer_fingerprint(pl->ssl, req.peer_fp);

	memcpy(req.self_fp, t->fingerprint, sizeof(req.self_fp));
	if (!r &&
	    SSL_export_keying_material(pl->ssl, req.exporter, sizeof(req.exporter), EXPORTER_LABEL,
				       strlen(EXPORTER_LABEL), NULL, 0, 0) != 1)
		r = -EPROTO;
	if (r < 0) {
		say(ret_text, TM_WERR_INTERNAL, r, "the TLS channel gives no binding");
		return r;
	}
	/* The source shows itself first; the target tells a stranger not even its key. */
	if (tm_role_is_source(h->role))
		r = send_proof(l, h, &req, ret_text);
	if (!r)
		r = check_proof(l, h, &req, ret_authed, ret_text);
	if (!r && !tm_role_is_source(h->role))
		r = send_proof(l, h, &req, ret_text);
	if (!r)
		r = exchange_hello(l, h, ret_authed, ret_text);
	return r;
}

int tm_peer_handshake(struct tm_tls *t, int sock, const struct tm_peer_handshake *h,
		      struct tm_link **ret_l, struct tm_ctl_authed *ret_authed,
		      struct tm_msg_text *ret_text)
{
	struct tm_peer_link *l = NULL;
	int r = tm_peer_link_new(SSL_new(t->ctx), sock, h, &l);

	memset(ret_authed, 0, sizeof(*ret_authed));
	if (r < 0) {
		say(ret_text, TM_WERR_INTERNAL, r, "cannot set up TLS: %s", strerror(-r));
		return r;
	}
	r = tm_peer_link_tls(l);
	if (r < 0)
		say(ret_text, r == -EPROTO ? TM_WERR_PROTOCOL : 0, r,
		    r == -ETIMEDOUT ? "the TLS handshake timed out"
		    : r == -EPROTO
			    ? "the TLS handshake failed: the other end does not speak our TLS"
		    : r == -ECANCELED ? "stopped during the TLS handshake"
				      : "the connection ended during the TLS handshake");
	else
		r = tm_identity_exchange(l, t, h, ret_authed, ret_text);
	if (r < 0) {
		tm_peer_close(&l->link);
		return r;
	}
	ret_authed->ktls = l->ktls;
	l->deadline_ms = 0;
	*ret_l = &l->link;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer/preamble.c - the 64 clear bytes before TLS; see wire/PROTOCOL.md. Daemon only.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include "peer/peer.h"

#define MAGIC	"TIDEMARK"
#define COVERED 48
#define MAC_LEN 16

static const uint8_t no_id[TM_POLICY_ID_LEN];

static int preamble_mac(const uint8_t raw[COVERED], const uint8_t secret[TM_SECRET_LEN],
			uint8_t mac[MAC_LEN])
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (!HMAC(EVP_sha256(), secret, TM_SECRET_LEN, raw, COVERED, md, &n) || n < MAC_LEN)
		return -EIO;
	memcpy(mac, md, MAC_LEN);
	return 0;
}

int tm_preamble_put(uint8_t out[TM_PREAMBLE_LEN], const uint8_t id[TM_POLICY_ID_LEN],
		    const uint8_t *secret)
{
	uint8_t raw[TM_PREAMBLE_LEN] = MAGIC;
	int r;

	raw[8] = TM_PROTO_VERSION;
	memcpy(raw + 16, id, TM_POLICY_ID_LEN);
	if (getrandom(raw + 32, 16, 0) != 16)
		return -EIO;
	if (secret) {
		r = preamble_mac(raw, secret, raw + COVERED);
		if (r < 0)
			return r;
	}
	memcpy(out, raw, sizeof(raw));
	return 0;
}

int tm_preamble_get(const uint8_t in[TM_PREAMBLE_LEN], struct tm_preamble *ret)
{
	struct tm_rd r = tm_rd(in, TM_PREAMBLE_LEN);
	struct tm_preamble p;
	char magic[8];
	uint64_t zero;

	tm_get_raw(&r, magic, sizeof(magic));
	p.version = tm_get_u16(&r);
	zero = tm_get_u16(&r);
	zero |= tm_get_u32(&r);
	tm_get_raw(&r, p.id, sizeof(p.id));
	tm_get_raw(&r, p.nonce, sizeof(p.nonce));
	tm_get_raw(&r, p.mac, sizeof(p.mac));
	if (tm_rd_end(&r) < 0 || memcmp(magic, MAGIC, sizeof(magic)) || zero || !p.version)
		return -EBADMSG;
	/* Pairing has no secret yet, so a MAC there is none of ours. */
	if (!memcmp(p.id, no_id, sizeof(no_id)) && memcmp(p.mac, no_id, sizeof(p.mac)))
		return -EBADMSG;
	memcpy(p.raw, in, sizeof(p.raw));
	*ret = p;
	return 0;
}

bool tm_preamble_check(const struct tm_preamble *p, const uint8_t secret[TM_SECRET_LEN])
{
	uint8_t mac[MAC_LEN];

	return !preamble_mac(p->raw, secret, mac) && !CRYPTO_memcmp(mac, p->mac, MAC_LEN);
}

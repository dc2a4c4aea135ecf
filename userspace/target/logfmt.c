/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/logfmt.c - the bytes of the commit log; see logfmt.h.
 */
#include "target/logfmt.h"

#include <xxhash.h>

static const char magic[8] = { 'T', 'M', 'L', 'O', 'G', '0', '0', '1' };

static void put64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

uint64_t tm_clog_hash(const void *p, size_t n)
{
	return XXH3_64bits(p, n);
}

void tm_clog_head_put(uint8_t p[TM_CLOG_HEAD], uint64_t gen)
{
	memset(p, 0, TM_CLOG_HEAD);
	memcpy(p, magic, sizeof(magic));
	put64(p + 8, gen);
	put64(p + 16, XXH3_64bits(p, 16));
}

int tm_clog_head_get(const uint8_t p[TM_CLOG_HEAD], uint64_t *ret_gen)
{
	struct tm_rd r = tm_rd(p + 8, 16);
	uint64_t gen = tm_get_u64(&r), sum = tm_get_u64(&r);

	if (memcmp(p, magic, sizeof(magic)) || sum != XXH3_64bits(p, 16))
		return -EBADMSG;
	for (size_t i = 24; i < TM_CLOG_HEAD; i++)
		if (p[i])
			return -EBADMSG;
	*ret_gen = gen;
	return 0;
}

static uint64_t rec_sum(uint64_t gen, uint64_t off, uint16_t type, const void *payload,
			uint32_t len)
{
	uint64_t body = XXH3_64bits(payload, len);
	uint8_t h[32];

	put64(h, gen);
	put64(h + 8, off);
	put64(h + 16, (uint64_t)type << 32 | len);
	put64(h + 24, body);
	return XXH3_64bits(h, sizeof(h));
}

uint64_t tm_clog_rec_put(uint8_t h[TM_CLOG_REC_HEAD], uint64_t gen, uint64_t off, uint16_t type,
			 const void *payload, uint32_t len)
{
	uint64_t sum = rec_sum(gen, off, type, payload, len);

	put64(h, (uint64_t)type << 32 | len);
	put64(h + 8, gen);
	put64(h + 16, sum);
	return sum;
}

uint64_t tm_clog_sum_add(uint64_t sum, uint64_t rec)
{
	uint8_t h[16];

	put64(h, sum);
	put64(h + 8, rec);
	return XXH3_64bits(h, sizeof(h));
}

void tm_clog_trailer_put(struct tm_buf *b, const struct tm_clog_trailer *t)
{
	tm_put_u64(b, t->seq);
	tm_put_u64(b, t->records);
	tm_put_u64(b, t->sum);
	tm_put_u32(b, t->flags);
}

static int trailer_get(const uint8_t *p, uint32_t len, struct tm_clog_trailer *t)
{
	struct tm_rd r = tm_rd(p, len);

	t->seq = tm_get_u64(&r);
	t->records = tm_get_u64(&r);
	t->sum = tm_get_u64(&r);
	t->flags = tm_get_u32(&r);
	return tm_rd_end(&r);
}

static int read_exactly(const struct tm_clog_src *src, void *p, size_t n, uint64_t off)
{
	ssize_t k = src->read(src->ctx, p, n, off);

	if (k < 0)
		return (int)k;
	return (size_t)k == n ? 0 : -ENODATA;
}

struct rec {
	uint16_t type;
	uint32_t len;
	uint64_t gen;
	uint64_t sum;
};

static int rec_read(const struct tm_clog_src *src, uint64_t gen, uint64_t off, uint8_t *payload,
		    struct rec *ret)
{
	uint8_t h[TM_CLOG_REC_HEAD];
	struct tm_rd r = tm_rd(h, sizeof(h));
	int err = read_exactly(src, h, sizeof(h), off);

	if (err)
		return err;
	ret->len = tm_get_u32(&r);
	ret->type = tm_get_u16(&r);
	if (tm_get_u16(&r) != 0)
		return -ENODATA;
	ret->gen = tm_get_u64(&r);
	ret->sum = tm_get_u64(&r);
	if (ret->gen != gen || ret->len > TM_CLOG_REC_MAX)
		return -ENODATA;
	err = read_exactly(src, payload, ret->len, off + sizeof(h));
	if (err)
		return err;
	return rec_sum(gen, off, ret->type, payload, ret->len) == ret->sum ? 0 : -ENODATA;
}

static int scan(const struct tm_clog_src *src, uint64_t gen, uint8_t *payload, tm_clog_fn fn,
		void *arg, struct tm_clog_trailer *ret)
{
	struct tm_clog_trailer t;
	uint64_t off = TM_CLOG_HEAD, records = 0, sum = 0;
	struct rec rec = { 0 };
	int r;

	for (;;) {
		r = rec_read(src, gen, off, payload, &rec);
		if (r < 0)
			return r;
		if (rec.type == TM_CLOG_TRAILER)
			break;
		if (rec.type != TM_CLOG_DATA && rec.type != TM_CLOG_STEP)
			return -ENODATA;
		r = fn(arg, rec.type, off + TM_CLOG_REC_HEAD, payload, rec.len);
		if (r < 0)
			return r;
		sum = tm_clog_sum_add(sum, rec.sum);
		records++;
		off += TM_CLOG_REC_HEAD + (uint64_t)rec.len;
	}
	if (trailer_get(payload, rec.len, &t) < 0 || t.records != records || t.sum != sum)
		return -ENODATA;
	*ret = t;
	return 0;
}

int tm_clog_scan(const struct tm_clog_src *src, tm_clog_fn fn, void *arg,
		 struct tm_clog_trailer *ret)
{
	_cleanup_free_ uint8_t *payload = malloc(TM_CLOG_REC_MAX);
	uint64_t gen;
	int r;

	if (!payload)
		return -ENOMEM;
	r = read_exactly(src, payload, TM_CLOG_HEAD, 0);
	if (r < 0)
		return r;
	if (tm_clog_head_get(payload, &gen) < 0)
		return -ENODATA;
	return scan(src, gen, payload, fn, arg, ret);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/buf.c - the bounded encoder and decoder; see buf.h. Pure.
 */
#include "lib/buf.h"

static size_t buf_limit(const struct tm_buf *b)
{
	return b->max ? b->max : TM_BUF_MAX;
}

static void buf_fail(struct tm_buf *b, int error)
{
	if (!b->error)
		b->error = error;
}

void tm_buf_init(struct tm_buf *b, size_t max)
{
	*b = (struct tm_buf){ .max = max };
}

void tm_buf_free(struct tm_buf *b)
{
	if (!b)
		return;
	free(b->data);
	*b = (struct tm_buf){ .max = b->max };
}

void tm_buf_reset(struct tm_buf *b)
{
	b->len = 0;
	b->error = 0;
}

int tm_buf_error(const struct tm_buf *b)
{
	return b->error;
}

uint8_t *tm_buf_reserve(struct tm_buf *b, size_t n)
{
	size_t limit = buf_limit(b), cap;
	uint8_t *data;

	if (b->error)
		return NULL;
	/* Subtract, never add: @n may be anything. */
	if (b->len > limit || n > limit - b->len) {
		buf_fail(b, -EMSGSIZE);
		return NULL;
	}
	if (b->data && n <= b->cap - b->len)
		return b->data + b->len;
	cap = b->cap ? b->cap : 64;
	while (cap < b->len + n)
		cap = cap > limit / 2 ? limit : cap * 2;
	data = realloc(b->data, cap);
	if (!data) {
		buf_fail(b, -ENOMEM);
		return NULL;
	}
	b->data = data;
	b->cap = cap;
	return b->data + b->len;
}

void tm_buf_consume(struct tm_buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
		return;
	}
	if (n) {
		memmove(b->data, b->data + n, b->len - n);
		b->len -= n;
	}
}

void tm_put_raw(struct tm_buf *b, const void *p, size_t n)
{
	uint8_t *dst = tm_buf_reserve(b, n);

	if (!dst)
		return;
	if (n)
		memcpy(dst, p, n);
	b->len += n;
}

/* Little-endian, byte by byte: no alignment and no host order assumed. */
static void put_le(struct tm_buf *b, uint64_t v, size_t n)
{
	uint8_t raw[8];

	for (size_t i = 0; i < n; i++)
		raw[i] = (uint8_t)(v >> (8 * i));
	tm_put_raw(b, raw, n);
}

void tm_put_u8(struct tm_buf *b, uint8_t v)
{
	put_le(b, v, 1);
}

void tm_put_u16(struct tm_buf *b, uint16_t v)
{
	put_le(b, v, 2);
}

void tm_put_u32(struct tm_buf *b, uint32_t v)
{
	put_le(b, v, 4);
}

void tm_put_u64(struct tm_buf *b, uint64_t v)
{
	put_le(b, v, 8);
}

void tm_put_bytes(struct tm_buf *b, const void *p, size_t n)
{
	/* The length and the bytes or neither: half a string must not stay in the buffer. */
	if (n > UINT32_MAX || n > SIZE_MAX - 4) {
		buf_fail(b, -EMSGSIZE);
		return;
	}
	if (!tm_buf_reserve(b, n + 4))
		return;
	tm_put_u32(b, (uint32_t)n);
	tm_put_raw(b, p, n);
}

void tm_put_str(struct tm_buf *b, const char *s)
{
	tm_put_bytes(b, s ? s : "", s ? strlen(s) : 0);
}

void tm_put_oid(struct tm_buf *b, struct tm_oid o)
{
	if (!tm_buf_reserve(b, 16))
		return;
	tm_put_u64(b, o.ino);
	tm_put_u32(b, o.gen);
	tm_put_u32(b, o.subvol);
}

void tm_buf_patch_u32(struct tm_buf *b, size_t at, uint32_t v)
{
	if (b->error)
		return;
	if (b->len < 4 || at > b->len - 4) {
		buf_fail(b, -EMSGSIZE);
		return;
	}
	for (size_t i = 0; i < 4; i++)
		b->data[at + i] = (uint8_t)(v >> (8 * i));
}

void tm_rd_fail(struct tm_rd *r, int error)
{
	if (!r->error)
		r->error = error;
}

/* Step over @n bytes and return where they are, or NULL with the error set. */
static const uint8_t *rd_take(struct tm_rd *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->error)
		return NULL;
	if (n > r->len) {
		tm_rd_fail(r, -EBADMSG);
		return NULL;
	}
	if (n) {
		r->p += n;
		r->len -= n;
	}
	return p;
}

static uint64_t get_le(struct tm_rd *r, size_t n)
{
	const uint8_t *p = rd_take(r, n);
	uint64_t v = 0;

	if (!p)
		return 0;
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

uint8_t tm_get_u8(struct tm_rd *r)
{
	return (uint8_t)get_le(r, 1);
}

uint16_t tm_get_u16(struct tm_rd *r)
{
	return (uint16_t)get_le(r, 2);
}

uint32_t tm_get_u32(struct tm_rd *r)
{
	return (uint32_t)get_le(r, 4);
}

uint64_t tm_get_u64(struct tm_rd *r)
{
	return get_le(r, 8);
}

struct tm_oid tm_get_oid(struct tm_rd *r)
{
	struct tm_oid o;

	o.ino = tm_get_u64(r);
	o.gen = tm_get_u32(r);
	o.subvol = tm_get_u32(r);
	/* All or nothing: a truncated identity must not look like a real one. */
	return r->error ? TM_OID_NONE : o;
}

void tm_get_raw(struct tm_rd *r, void *dst, size_t n)
{
	const uint8_t *p = rd_take(r, n);

	if (!n)
		return;
	if (p && !r->error)
		memcpy(dst, p, n);
	else
		memset(dst, 0, n);
}

const uint8_t *tm_get_bytes(struct tm_rd *r, size_t max, size_t *ret_n)
{
	size_t n = tm_get_u32(r);
	const uint8_t *p;

	if (r->error)
		return NULL;
	if (n > max || n > r->len) {
		tm_rd_fail(r, -EBADMSG);
		return NULL;
	}
	p = rd_take(r, n);
	*ret_n = n;
	/* NULL means error, so an empty string in an empty reader needs an address too. */
	return p ? p : (const uint8_t *)"";
}

void tm_get_str(struct tm_rd *r, char *dst, size_t cap)
{
	const uint8_t *p;
	size_t n = 0;

	if (!cap) {
		tm_rd_fail(r, -EBADMSG);
		return;
	}
	dst[0] = 0;
	p = tm_get_bytes(r, cap - 1, &n);
	if (!p)
		return;
	if (memchr(p, 0, n)) {
		tm_rd_fail(r, -EBADMSG);
		return;
	}
	memcpy(dst, p, n);
	dst[n] = 0;
}

int tm_rd_end(const struct tm_rd *r)
{
	if (r->error)
		return r->error;
	return r->len ? -EBADMSG : 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire/compare.c - records of a comparison: block hashes, and what was found; see msg.h. Pure.
 */
#include "lib/beneath.h"
#include "wire/msg.h"

#define FOUND_OBJECT (TM_FOUND_CONTENT | TM_FOUND_ATTRS | TM_FOUND_MISSING)

void tm_hashes_put(struct tm_buf *b, const struct tm_hashes *h)
{
	tm_put_oid(b, h->oid);
	tm_put_u32(b, h->flags);
	tm_put_u64(b, h->size);
	tm_put_u32(b, h->block);
	tm_put_u64(b, h->first);
	tm_put_bytes(b, h->hash, (size_t)h->n * TM_HASH_LEN);
}

int tm_hashes_get(struct tm_rd *r, struct tm_hashes *h)
{
	uint64_t blocks;
	size_t n = 0;

	if (!r->error && !r->len)
		return -ENODATA;
	h->oid = tm_get_oid(r);
	h->flags = tm_get_u32(r);
	h->size = tm_get_u64(r);
	h->block = tm_get_u32(r);
	h->first = tm_get_u64(r);
	h->hash = tm_get_bytes(r, (size_t)TM_HASHES_MAX * TM_HASH_LEN, &n);
	h->n = (uint32_t)(n / TM_HASH_LEN);
	if (r->error)
		return r->error;
	if (tm_oid_is_none(h->oid) || (h->flags & ~(uint32_t)TM_HF_SETTLED) || h->size > INT64_MAX ||
	    n % TM_HASH_LEN || h->block < TM_BLOCK_MIN || h->block > TM_BLOCK_MAX ||
	    (h->block & (h->block - 1))) {
		tm_rd_fail(r, -EBADMSG);
		return r->error;
	}
	/* Nothing but an empty file has no block in its record. */
	blocks = tm_blocks_of(h->size, h->block);
	if (h->first > blocks || h->n > blocks - h->first || (!h->n && blocks))
		tm_rd_fail(r, -EBADMSG);
	return r->error;
}

void tm_found_put(struct tm_buf *b, const struct tm_found *f)
{
	tm_put_u8(b, f->what);
	if (f->what != TM_FOUND_FOREIGN) {
		tm_put_oid(b, f->oid);
		return;
	}
	tm_put_oid(b, f->parent);
	tm_put_bytes(b, f->name, f->name_len);
}

int tm_found_get(struct tm_rd *r, struct tm_found *f)
{
	struct tm_oid oid;
	size_t n = 0;

	if (!r->error && !r->len)
		return -ENODATA;
	*f = (struct tm_found){ .what = tm_get_u8(r) };
	oid = tm_get_oid(r);
	if (tm_oid_is_none(oid))
		tm_rd_fail(r, -EBADMSG);
	if (f->what != TM_FOUND_FOREIGN) {
		f->oid = oid;
		if (!f->what || (f->what & ~(uint32_t)FOUND_OBJECT))
			tm_rd_fail(r, -EBADMSG);
		return r->error;
	}
	f->parent = oid;
	f->name = (const char *)tm_get_bytes(r, TM_NAME_LEN_MAX, &n);
	f->name_len = (uint32_t)n;
	if (!r->error && !tm_name_ok(f->name, n))
		tm_rd_fail(r, -EBADMSG);
	return r->error;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * changes/change.c - the bytes of one change record; see change.h. Pure.
 *
 *	u8  kind
 *	u32 flags
 *	oid dir, oid obj		16 bytes each
 *	u32 length and name
 *	u32 count and ranges		u64 start, u64 end
 *
 * This is the format of the runtime directory and of the socket pair between
 * daemon and worker, never of the wire. One value has one encoding: a decoded
 * record encodes to the same bytes.
 */
#include "changes/change.h"

#define CHANGE_FIXED (1 + 4 + 16 + 16 + 4 + 4)

static bool name_ok(const char *name, size_t len)
{
	if (!name || !len || len > TM_NAME_MAX)
		return false;
	if (memchr(name, '/', len) || memchr(name, 0, len))
		return false;
	return !(name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')));
}

bool tm_change_ok(const struct tm_change *c)
{
	if (c->flags & ~TM_CF_KNOWN)
		return false;
	if (c->kind != TM_CHANGE_INODE && c->n_ranges)
		return false;
	if (c->n_ranges > TM_CHANGE_RANGES_MAX)
		return false;
	for (uint32_t i = 0; i < c->n_ranges; i++)
		if (c->ranges[i].start >= c->ranges[i].end)
			return false;
	switch (c->kind) {
	case TM_CHANGE_NAME: return !tm_oid_is_none(c->dir) && name_ok(c->name, c->name_len);
	case TM_CHANGE_INODE:
		return !tm_oid_is_none(c->obj) && (!c->name_len || name_ok(c->name, c->name_len));
	case TM_CHANGE_DIR:
	case TM_CHANGE_SUBTREE: return !tm_oid_is_none(c->dir) && !c->name_len;
	case TM_CHANGE_ALL: return !c->name_len;
	}
	return false;
}

void tm_change_put(struct tm_buf *b, const struct tm_change *c)
{
	size_t need;

	if (!tm_change_ok(c)) {
		/* What the decoder would refuse must not reach the disk. */
		if (!b->error)
			b->error = -EINVAL;
		return;
	}
	need = CHANGE_FIXED + c->name_len + (size_t)c->n_ranges * 16;
	if (!tm_buf_reserve(b, need))
		return;
	tm_put_u8(b, (uint8_t)c->kind);
	tm_put_u32(b, c->flags);
	tm_put_oid(b, c->dir);
	tm_put_oid(b, c->obj);
	tm_put_bytes(b, c->name, c->name_len);
	tm_put_u32(b, c->n_ranges);
	for (uint32_t i = 0; i < c->n_ranges; i++) {
		tm_put_u64(b, c->ranges[i].start);
		tm_put_u64(b, c->ranges[i].end);
	}
}

int tm_change_get(struct tm_rd *r, struct tm_change *ret,
		  struct tm_range ranges[TM_CHANGE_RANGES_MAX])
{
	struct tm_change c = { 0 };
	unsigned int kind;
	size_t name_len = 0;

	kind = tm_get_u8(r);
	c.flags = tm_get_u32(r);
	c.dir = tm_get_oid(r);
	c.obj = tm_get_oid(r);
	c.name = (const char *)tm_get_bytes(r, TM_NAME_MAX, &name_len);
	c.name_len = (uint32_t)name_len;
	c.n_ranges = tm_get_u32(r);
	if (r->error || c.n_ranges > TM_CHANGE_RANGES_MAX)
		goto bad;
	for (uint32_t i = 0; i < c.n_ranges; i++) {
		ranges[i].start = tm_get_u64(r);
		ranges[i].end = tm_get_u64(r);
	}
	c.kind = kind;
	c.ranges = ranges;
	if (r->error || !tm_change_ok(&c))
		goto bad;
	*ret = c;
	return 0;
bad:
	tm_rd_fail(r, -EBADMSG);
	return -EBADMSG;
}

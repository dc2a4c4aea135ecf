/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/step.c - steps of a plan and their bytes in the log; see step.h.
 */
#include "target/step.h"

#include "lib/beneath.h"

/* clang-format off */
static const char *const names[] = {
	[TM_STEP_ROW] = "ROW", [TM_STEP_MOVE] = "MOVE", [TM_STEP_EXCHANGE] = "EXCHANGE",
	[TM_STEP_LINK] = "LINK", [TM_STEP_UNLINK] = "UNLINK", [TM_STEP_PURGE] = "PURGE",
	[TM_STEP_CONTENT] = "CONTENT", [TM_STEP_PATCH] = "PATCH", [TM_STEP_RMTREE] = "RMTREE",
	[TM_STEP_ATTR] = "ATTR", [TM_STEP_TIMES] = "TIMES",
};
/* clang-format on */

const char *tm_step_name(uint8_t type)
{
	return type < TM_ARRAY_SIZE(names) && names[type] ? names[type] : "?";
}

/* Which parts a step of this type has. */
#define HAS_FROM 1u
#define HAS_TO	 2u
#define HAS_OID2 4u
#define HAS_ROW	 8u

static unsigned int parts(uint8_t type)
{
	switch (type) {
	case TM_STEP_MOVE:
	case TM_STEP_EXCHANGE: return HAS_FROM | HAS_TO | HAS_OID2;
	case TM_STEP_LINK: return HAS_FROM | HAS_TO;
	case TM_STEP_UNLINK:
	case TM_STEP_PURGE:
	case TM_STEP_CONTENT:
	case TM_STEP_RMTREE: return HAS_FROM;
	case TM_STEP_ROW:
	case TM_STEP_ATTR:
	case TM_STEP_TIMES:
	case TM_STEP_PATCH: return HAS_ROW;
	default: return 0;
	}
}

static void put_place(struct tm_buf *b, const struct tm_place *p)
{
	tm_put_oid(b, p->dir);
	tm_put_bytes(b, p->name, p->len);
}

static void put_patch(struct tm_buf *b, const struct tm_patch *p)
{
	tm_put_u64(b, p->old_size);
	tm_put_u64(b, p->new_size);
	tm_put_u32(b, p->n);
	for (uint32_t i = 0; i < p->n; i++) {
		tm_put_u64(b, p->v[i].off);
		tm_put_u64(b, p->v[i].len);
		tm_put_u64(b, p->v[i].log_off);
		tm_put_u64(b, p->v[i].sum);
	}
}

void tm_step_put(struct tm_buf *b, const struct tm_step *s)
{
	unsigned int has = parts(s->type);

	tm_put_u8(b, s->type);
	tm_put_u8(b, s->flags);
	tm_put_oid(b, s->oid);
	tm_put_u64(b, s->tino);
	if (has & HAS_OID2) {
		tm_put_oid(b, s->oid2);
		tm_put_u64(b, s->tino2);
	}
	if (has & HAS_FROM)
		put_place(b, &s->from);
	if (has & HAS_TO)
		put_place(b, &s->to);
	if (has & HAS_ROW)
		tm_row_put(b, &s->row);
	if (s->type == TM_STEP_PATCH)
		put_patch(b, &s->patch);
	if (s->type == TM_STEP_ATTR)
		tm_put_bytes(b, s->xattrs, s->xattrs_len);
}

static int get_place(struct tm_rd *r, struct tm_arena *a, struct tm_place *p)
{
	const uint8_t *name;
	size_t n = 0;

	p->dir = tm_get_oid(r);
	name = tm_get_bytes(r, TM_NAME_LEN_MAX, &n);
	if (!name || !tm_name_ok((const char *)name, n)) {
		tm_rd_fail(r, -EBADMSG);
		return r->error;
	}
	p->name = tm_arena_dup(a, name, n);
	p->len = (uint32_t)n;
	return p->name ? 0 : -ENOMEM;
}

static int get_patch(struct tm_rd *r, struct tm_patch *p)
{
	p->old_size = tm_get_u64(r);
	p->new_size = tm_get_u64(r);
	p->n = tm_get_u32(r);
	if (r->error || p->n > TM_STEP_PATCH_RANGES || p->n > r->len / 32) {
		p->n = 0;
		tm_rd_fail(r, -EBADMSG);
		return r->error;
	}
	p->cap = p->n;
	p->v = calloc(p->n ? p->n : 1, sizeof(*p->v));
	if (!p->v)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->n; i++) {
		p->v[i].off = tm_get_u64(r);
		p->v[i].len = tm_get_u64(r);
		p->v[i].log_off = tm_get_u64(r);
		p->v[i].sum = tm_get_u64(r);
		if (p->v[i].off > INT64_MAX || p->v[i].len > INT64_MAX - p->v[i].off)
			tm_rd_fail(r, -EBADMSG);
	}
	return r->error;
}

static int get_parts(struct tm_rd *r, struct tm_arena *a, struct tm_step *s)
{
	unsigned int has = parts(s->type);
	size_t n = 0;
	int err = 0;

	if (has & HAS_OID2) {
		s->oid2 = tm_get_oid(r);
		s->tino2 = tm_get_u64(r);
	}
	if (has & HAS_FROM)
		err = get_place(r, a, &s->from);
	if (!err && (has & HAS_TO))
		err = get_place(r, a, &s->to);
	if (!err && (has & HAS_ROW))
		err = tm_row_get(r, &s->row);
	if (!err && s->type == TM_STEP_PATCH)
		err = get_patch(r, &s->patch);
	if (!err && s->type == TM_STEP_ATTR) {
		s->xattrs = tm_get_bytes(r, TM_XATTRS_MAX, &n);
		s->xattrs_len = (uint32_t)n;
	}
	return err ? err : tm_rd_end(r);
}

int tm_step_get(struct tm_rd *r, struct tm_arena *a, struct tm_step *s)
{
	int err;

	memset(s, 0, sizeof(*s));
	s->type = tm_get_u8(r);
	s->flags = tm_get_u8(r);
	s->oid = tm_get_oid(r);
	s->tino = tm_get_u64(r);
	if (!r->error && !parts(s->type))
		tm_rd_fail(r, -EBADMSG);
	err = r->error ? r->error : get_parts(r, a, s);
	if (err) {
		free(s->patch.v);
		s->patch.v = NULL;
		s->patch.n = 0;
	}
	return err;
}

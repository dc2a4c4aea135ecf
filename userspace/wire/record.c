/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire/record.c - what a batch consists of: assertions, needs, files, xattrs; see msg.h. Pure.
 *
 * Records stand one after another in a frame, so their decoders stop at the record's end and leave
 * the rest to the next call.
 */
#include "lib/beneath.h"
#include "wire/msg.h"

#define NSEC_PER_SEC	   1000000000u
#define XATTR_NAME_LEN_MAX 255

void tm_attrs_put(struct tm_buf *b, const struct tm_attrs *a)
{
	tm_put_u8(b, a->kind);
	tm_put_u32(b, a->mode);
	tm_put_u32(b, a->uid);
	tm_put_u32(b, a->gid);
	tm_put_u32(b, a->nlink);
	tm_put_u64(b, a->size);
	tm_put_u64(b, a->rdev);
	tm_put_u64(b, (uint64_t)a->mtime_s);
	tm_put_u32(b, a->mtime_ns);
	tm_put_u64(b, (uint64_t)a->ctime_s);
	tm_put_u32(b, a->ctime_ns);
	tm_put_u64(b, a->blocks);
}

int tm_attrs_get(struct tm_rd *r, struct tm_attrs *a)
{
	a->kind = tm_get_u8(r);
	a->mode = tm_get_u32(r);
	a->uid = tm_get_u32(r);
	a->gid = tm_get_u32(r);
	a->nlink = tm_get_u32(r);
	a->size = tm_get_u64(r);
	a->rdev = tm_get_u64(r);
	a->mtime_s = (int64_t)tm_get_u64(r);
	a->mtime_ns = tm_get_u32(r);
	a->ctime_s = (int64_t)tm_get_u64(r);
	a->ctime_ns = tm_get_u32(r);
	a->blocks = tm_get_u64(r);
	/* A size beyond INT64_MAX would turn negative as an off_t. */
	if (a->kind < TM_KIND_REG || a->kind > TM_KIND_BLK || a->mode > 07777 ||
	    a->size > INT64_MAX || a->mtime_ns >= NSEC_PER_SEC || a->ctime_ns >= NSEC_PER_SEC)
		tm_rd_fail(r, -EBADMSG);
	return r->error;
}

static struct tm_oid get_real_oid(struct tm_rd *r)
{
	struct tm_oid o = tm_get_oid(r);

	if (tm_oid_is_none(o))
		tm_rd_fail(r, -EBADMSG);
	return o;
}

static void get_name(struct tm_rd *r, struct tm_assert *a)
{
	size_t n = 0;
	const uint8_t *p = tm_get_bytes(r, TM_NAME_LEN_MAX, &n);

	if (!p)
		return;
	if (!tm_name_ok((const char *)p, n)) {
		tm_rd_fail(r, -EBADMSG);
		return;
	}
	a->name = (const char *)p;
	a->name_len = (uint32_t)n;
}

/* A symlink's target is bytes of any kind except NUL, and never empty. */
static void get_symlink(struct tm_rd *r, struct tm_assert *a)
{
	size_t n = 0;
	const uint8_t *p = tm_get_bytes(r, TM_SYMLINK_MAX, &n);

	if (!p)
		return;
	if (!n || memchr(p, 0, n)) {
		tm_rd_fail(r, -EBADMSG);
		return;
	}
	a->symlink = (const char *)p;
	a->symlink_len = (uint32_t)n;
}

static void put_object(struct tm_buf *b, const struct tm_assert *a)
{
	tm_put_u32(b, a->flags);
	tm_put_oid(b, a->oid);
	tm_attrs_put(b, &a->attrs);
	if (a->attrs.kind == TM_KIND_LNK)
		tm_put_bytes(b, a->symlink, a->symlink_len);
}

static void get_object(struct tm_rd *r, struct tm_assert *a)
{
	a->flags = tm_get_u32(r);
	if (a->flags & ~(uint32_t)(TM_AF_DATA | TM_AF_WHOLE | TM_AF_ATTR | TM_AF_COMPARE))
		tm_rd_fail(r, -EBADMSG);
	a->oid = get_real_oid(r);
	tm_attrs_get(r, &a->attrs);
	if (!r->error && a->attrs.kind == TM_KIND_LNK)
		get_symlink(r, a);
}

void tm_assert_put(struct tm_buf *b, const struct tm_assert *a)
{
	tm_put_u8(b, a->type);
	switch (a->type) {
	case TM_ASSERT_ENTRY:
	case TM_ASSERT_ABSENT:
		tm_put_oid(b, a->parent);
		tm_put_bytes(b, a->name, a->name_len);
		if (a->type == TM_ASSERT_ENTRY)
			put_object(b, a);
		break;
	case TM_ASSERT_OBJECT: put_object(b, a); break;
	default: tm_put_oid(b, a->oid);
	}
}

int tm_assert_get(struct tm_rd *r, struct tm_assert *a)
{
	if (!r->error && !r->len)
		return -ENODATA;
	*a = (struct tm_assert){ .type = tm_get_u8(r) };
	switch (a->type) {
	case TM_ASSERT_ENTRY:
	case TM_ASSERT_ABSENT:
		a->parent = get_real_oid(r);
		get_name(r, a);
		if (a->type == TM_ASSERT_ENTRY)
			get_object(r, a);
		break;
	case TM_ASSERT_OBJECT: get_object(r, a); break;
	case TM_ASSERT_LISTED: a->oid = get_real_oid(r); break;
	default: tm_rd_fail(r, -EBADMSG);
	}
	return r->error;
}

void tm_need_put(struct tm_buf *b, const struct tm_need *n)
{
	tm_put_u8(b, n->what);
	tm_put_oid(b, n->oid);
}

int tm_need_get(struct tm_rd *r, struct tm_need *n)
{
	if (!r->error && !r->len)
		return -ENODATA;
	n->what = tm_get_u8(r);
	n->oid = get_real_oid(r);
	if (n->what < TM_NEED_LIST || n->what > TM_NEED_WHOLE)
		tm_rd_fail(r, -EBADMSG);
	return r->error;
}

void tm_xattr_put(struct tm_buf *b, const char *name, const void *value, uint32_t value_len)
{
	tm_put_str(b, name);
	tm_put_bytes(b, value, value_len);
}

int tm_xattr_get(struct tm_rd *r, char name[256], const uint8_t **ret_value, uint32_t *ret_len)
{
	char text[XATTR_NAME_LEN_MAX + 1] = "";
	const uint8_t *value;
	size_t n = 0;

	if (!r->error && !r->len)
		return -ENODATA;
	tm_get_str(r, text, sizeof(text));
	if (!text[0])
		tm_rd_fail(r, -EBADMSG);
	value = tm_get_bytes(r, TM_XATTRS_MAX, &n);
	if (r->error)
		return r->error;
	memcpy(name, text, sizeof(text));
	*ret_value = value;
	*ret_len = (uint32_t)n;
	return 0;
}

/* The list is checked as a whole when the message comes, so that nobody meets its bad end half-way. */
static void check_xattrs(struct tm_rd *r, const struct tm_msg_file *m)
{
	struct tm_rd list = tm_rd(m->xattrs, m->xattrs_len);
	char name[256];
	const uint8_t *value;
	uint32_t n;
	int err;

	do
		err = tm_xattr_get(&list, name, &value, &n);
	while (!err);
	if (err != -ENODATA)
		tm_rd_fail(r, -EBADMSG);
}

void tm_msg_file_put(struct tm_buf *b, const struct tm_msg_file *m)
{
	tm_put_oid(b, m->oid);
	tm_put_u32(b, m->flags);
	tm_attrs_put(b, &m->attrs);
	tm_put_bytes(b, m->xattrs, m->xattrs_len);
}

int tm_msg_file_get(struct tm_rd *r, struct tm_msg_file *m)
{
	size_t n = 0;

	m->oid = get_real_oid(r);
	m->flags = tm_get_u32(r);
	tm_attrs_get(r, &m->attrs);
	m->xattrs = tm_get_bytes(r, TM_XATTRS_MAX, &n);
	m->xattrs_len = (uint32_t)n;
	if (m->flags & ~(uint32_t)(TM_FF_WHOLE | TM_FF_ATTR_ONLY))
		tm_rd_fail(r, -EBADMSG);
	if ((m->flags & TM_FF_WHOLE) && (m->flags & TM_FF_ATTR_ONLY))
		tm_rd_fail(r, -EBADMSG);
	if (!r->error)
		check_xattrs(r, m);
	return tm_rd_end(r);
}

void tm_msg_file_end_put(struct tm_buf *b, const struct tm_msg_file_end *m)
{
	tm_put_u8(b, m->result);
	tm_put_u32(b, (uint32_t)m->err);
}

int tm_msg_file_end_get(struct tm_rd *r, struct tm_msg_file_end *m)
{
	m->result = tm_get_u8(r);
	m->err = (int32_t)tm_get_u32(r);
	if (m->result < TM_FILE_OK || m->result > TM_FILE_UNREADABLE)
		tm_rd_fail(r, -EBADMSG);
	return tm_rd_end(r);
}

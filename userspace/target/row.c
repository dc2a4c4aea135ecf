/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/row.c - what the target remembers of one object; see row.h.
 */
#include "target/row.h"

#include <stdio.h>

void tm_park_name(struct tm_oid o, char name[TM_PARK_NAME])
{
	snprintf(name, TM_PARK_NAME, "%016llx-%08x-%08x", (unsigned long long)o.ino, o.gen,
		 o.subvol);
}

void tm_row_from_attrs(struct tm_row *row, const struct tm_attrs *a)
{
	row->kind = a->kind;
	row->mode = a->mode;
	row->uid = a->uid;
	row->gid = a->gid;
	row->nlink = a->nlink;
	row->size = a->size;
	row->rdev = a->rdev;
	row->mtime_s = a->mtime_s;
	row->mtime_ns = a->mtime_ns;
	row->ctime_s = a->ctime_s;
	row->ctime_ns = a->ctime_ns;
}

void tm_row_put(struct tm_buf *b, const struct tm_row *row)
{
	tm_put_oid(b, row->oid);
	tm_put_u8(b, row->kind);
	tm_put_u8(b, row->flags);
	tm_put_u32(b, row->mode);
	tm_put_u32(b, row->uid);
	tm_put_u32(b, row->gid);
	tm_put_u32(b, row->nlink);
	tm_put_u64(b, row->size);
	tm_put_u64(b, row->rdev);
	tm_put_u64(b, (uint64_t)row->mtime_s);
	tm_put_u32(b, row->mtime_ns);
	tm_put_u64(b, (uint64_t)row->ctime_s);
	tm_put_u32(b, row->ctime_ns);
	tm_put_u64(b, row->tino);
	tm_put_u64(b, row->data_seq);
}

int tm_row_get(struct tm_rd *r, struct tm_row *row)
{
	memset(row, 0, sizeof(*row));
	row->oid = tm_get_oid(r);
	row->kind = tm_get_u8(r);
	row->flags = tm_get_u8(r);
	row->mode = tm_get_u32(r);
	row->uid = tm_get_u32(r);
	row->gid = tm_get_u32(r);
	row->nlink = tm_get_u32(r);
	row->size = tm_get_u64(r);
	row->rdev = tm_get_u64(r);
	row->mtime_s = (int64_t)tm_get_u64(r);
	row->mtime_ns = tm_get_u32(r);
	row->ctime_s = (int64_t)tm_get_u64(r);
	row->ctime_ns = tm_get_u32(r);
	row->tino = tm_get_u64(r);
	row->data_seq = tm_get_u64(r);
	if (!r->error && (row->kind < TM_KIND_REG || row->kind > TM_KIND_BLK))
		tm_rd_fail(r, -EBADMSG);
	return r->error;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire/ctl.c - messages between the daemon and one of its workers; see ctl.h. Pure.
 */
#include "wire/ctl.h"

static const char *const ctl_names[] = {
	[TM_C_START] = "START",
	[TM_C_CONN] = "CONN",
	[TM_C_SIGNED] = "SIGNED",
	[TM_C_GO] = "GO",
	[TM_C_STOP] = "STOP",
	[TM_C_CHANGES] = "CHANGES",
	[TM_C_CHANGES_END] = "CHANGES_END",
	[TM_C_ABORT] = "ABORT",
	[TM_C_NOTICE] = "NOTICE",
	[TM_C_PAIR_STATE] = "PAIR_STATE",
	[TM_C_PAIR_REQUEST] = "PAIR_REQUEST",
	[TM_C_READY] = "READY",
	[TM_C_FAILED] = "FAILED",
	[TM_C_SIGN] = "SIGN",
	[TM_C_AUTHED] = "AUTHED",
	[TM_C_IDLE] = "IDLE",
	[TM_C_PROGRESS] = "PROGRESS",
	[TM_C_REQUEUE] = "REQUEUE",
	[TM_C_DONE] = "DONE",
	[TM_C_FILE_FAILED] = "FILE_FAILED",
	[TM_C_STOPPED] = "STOPPED",
	[TM_C_CLOSED] = "CLOSED",
	[TM_C_NOTICED] = "NOTICED",
	[TM_C_PAIR_REQUESTED] = "PAIR_REQUESTED",
	[TM_C_PAIR_STATED] = "PAIR_STATED",
	[TM_C_LOG] = "LOG",
};

const char *tm_ctl_name(uint16_t type)
{
	if (type >= TM_ARRAY_SIZE(ctl_names) || !ctl_names[type])
		return "?";
	return ctl_names[type];
}

void tm_ctl_begin(struct tm_buf *b, uint16_t type)
{
	tm_put_u16(b, type);
	tm_put_u16(b, 0);
}

int tm_ctl_open(const void *p, size_t n, uint16_t *ret_type, struct tm_rd *ret_payload)
{
	struct tm_rd r = tm_rd(p, n);
	uint16_t type = tm_get_u16(&r);
	uint16_t zero = tm_get_u16(&r);

	if (r.error || zero || n > TM_CTL_MAX)
		return -EBADMSG;
	if (type >= TM_ARRAY_SIZE(ctl_names) || !ctl_names[type])
		return -EBADMSG;
	*ret_type = type;
	*ret_payload = r;
	return 0;
}

static void put_text(struct tm_buf *b, const char *s, size_t cap)
{
	tm_put_bytes(b, s, strnlen(s, cap - 1));
}

#define START_FLAGS                                                                                \
	(TM_START_ALLOW_DEVICES | TM_START_ALLOW_SUID | TM_START_HAVE_VERSIONS |                   \
	 TM_START_CONTINUOUS)

void tm_ctl_start_put(struct tm_buf *b, const struct tm_ctl_start *m)
{
	tm_put_u8(b, m->role);
	tm_put_u8(b, m->log_level);
	tm_put_u32(b, m->flags);
	tm_put_raw(b, m->id, TM_POLICY_ID_LEN);
	tm_put_raw(b, m->own_key, TM_KEY_LEN);
	tm_put_raw(b, m->peer_key, TM_KEY_LEN);
	put_text(b, m->name, sizeof(m->name));
	put_text(b, m->cluster, sizeof(m->cluster));
	put_text(b, m->root, sizeof(m->root));
	tm_put_u64(b, m->root_dev);
	tm_put_u64(b, m->root_ino);
	tm_put_u32(b, m->uid);
	tm_put_u32(b, m->n_versions);
	tm_put_u32(b, m->batch_objects);
	tm_put_u64(b, m->batch_bytes);
	tm_put_u32(b, m->handshake_timeout_ms);
	tm_put_u32(b, m->barrier_interval_ms);
	tm_put_u32(b, m->brake_percent);
	tm_put_u64(b, m->brake_objects);
}

int tm_ctl_start_get(struct tm_rd *r, struct tm_ctl_start *m)
{
	m->role = tm_get_u8(r);
	m->log_level = tm_get_u8(r);
	m->flags = tm_get_u32(r);
	tm_get_raw(r, m->id, TM_POLICY_ID_LEN);
	tm_get_raw(r, m->own_key, TM_KEY_LEN);
	tm_get_raw(r, m->peer_key, TM_KEY_LEN);
	tm_get_str(r, m->name, sizeof(m->name));
	tm_get_str(r, m->cluster, sizeof(m->cluster));
	tm_get_str(r, m->root, sizeof(m->root));
	m->root_dev = tm_get_u64(r);
	m->root_ino = tm_get_u64(r);
	m->uid = tm_get_u32(r);
	m->n_versions = tm_get_u32(r);
	m->batch_objects = tm_get_u32(r);
	m->batch_bytes = tm_get_u64(r);
	m->handshake_timeout_ms = tm_get_u32(r);
	m->barrier_interval_ms = tm_get_u32(r);
	m->brake_percent = tm_get_u32(r);
	m->brake_objects = tm_get_u64(r);
	if (m->role < TM_ROLE_SOURCE || m->role > TM_ROLE_PAIR_TARGET ||
	    (m->flags & ~(uint32_t)START_FLAGS))
		tm_rd_fail(r, -EBADMSG);
	return tm_rd_end(r);
}

void tm_ctl_sign_put(struct tm_buf *b, const struct tm_ctl_sign *m)
{
	tm_put_u8(b, m->kind);
	tm_put_raw(b, m->self_fp, sizeof(m->self_fp));
	tm_put_raw(b, m->peer_fp, sizeof(m->peer_fp));
	tm_put_raw(b, m->exporter, sizeof(m->exporter));
}

int tm_ctl_sign_get(struct tm_rd *r, struct tm_ctl_sign *m)
{
	m->kind = tm_get_u8(r);
	tm_get_raw(r, m->self_fp, sizeof(m->self_fp));
	tm_get_raw(r, m->peer_fp, sizeof(m->peer_fp));
	tm_get_raw(r, m->exporter, sizeof(m->exporter));
	if (m->kind < 1 || m->kind > 2)
		tm_rd_fail(r, -EBADMSG);
	return tm_rd_end(r);
}

void tm_ctl_authed_put(struct tm_buf *b, const struct tm_ctl_authed *m)
{
	tm_put_raw(b, m->key, TM_KEY_LEN);
	put_text(b, m->cluster, sizeof(m->cluster));
	put_text(b, m->version, sizeof(m->version));
	tm_put_u64(b, m->features);
	tm_put_u8(b, m->ktls);
}

int tm_ctl_authed_get(struct tm_rd *r, struct tm_ctl_authed *m)
{
	tm_get_raw(r, m->key, TM_KEY_LEN);
	tm_get_str(r, m->cluster, sizeof(m->cluster));
	tm_get_str(r, m->version, sizeof(m->version));
	m->features = tm_get_u64(r);
	m->ktls = tm_get_u8(r);
	if (m->ktls > 1)
		tm_rd_fail(r, -EBADMSG);
	return tm_rd_end(r);
}

void tm_ctl_set_put(struct tm_buf *b, const struct tm_ctl_set *m)
{
	tm_put_u64(b, m->set_id);
	tm_put_u32(b, m->flags);
	tm_put_u64(b, (uint64_t)m->taken_ns);
}

int tm_ctl_set_get(struct tm_rd *r, struct tm_ctl_set *m)
{
	m->set_id = tm_get_u64(r);
	m->flags = tm_get_u32(r);
	m->taken_ns = (int64_t)tm_get_u64(r);
	if (m->flags & ~(uint32_t)(TM_SET_CONFIRMED | TM_SET_LOOK))
		tm_rd_fail(r, -EBADMSG);
	return tm_rd_end(r);
}

/* The counters of a progress message in wire order: one list for both directions. */
static const size_t progress_u64[] = {
	offsetof(struct tm_ctl_progress, batches),
	offsetof(struct tm_ctl_progress, files),
	offsetof(struct tm_ctl_progress, deleted),
	offsetof(struct tm_ctl_progress, renamed),
	offsetof(struct tm_ctl_progress, refused),
	offsetof(struct tm_ctl_progress, skipped),
	offsetof(struct tm_ctl_progress, payload_bytes),
	offsetof(struct tm_ctl_progress, wire_bytes),
	offsetof(struct tm_ctl_progress, read_bytes),
	offsetof(struct tm_ctl_progress, sendfile_bytes),
	offsetof(struct tm_ctl_progress, ktls_bytes),
	offsetof(struct tm_ctl_progress, copy_bytes),
	offsetof(struct tm_ctl_progress, verified_files),
	offsetof(struct tm_ctl_progress, verified_bytes),
	offsetof(struct tm_ctl_progress, mismatched),
	offsetof(struct tm_ctl_progress, files_done),
	offsetof(struct tm_ctl_progress, files_total),
	offsetof(struct tm_ctl_progress, bytes_done),
	offsetof(struct tm_ctl_progress, bytes_total),
	offsetof(struct tm_ctl_progress, objects),
	offsetof(struct tm_ctl_progress, last_seq),
};

void tm_ctl_progress_put(struct tm_buf *b, const struct tm_ctl_progress *m)
{
	for (size_t i = 0; i < TM_ARRAY_SIZE(progress_u64); i++)
		tm_put_u64(b, *(const uint64_t *)((const char *)m + progress_u64[i]));
	tm_put_u8(b, m->phase);
}

int tm_ctl_progress_get(struct tm_rd *r, struct tm_ctl_progress *m)
{
	for (size_t i = 0; i < TM_ARRAY_SIZE(progress_u64); i++)
		*(uint64_t *)((char *)m + progress_u64[i]) = tm_get_u64(r);
	m->phase = tm_get_u8(r);
	if (m->phase > 3)
		tm_rd_fail(r, -EBADMSG);
	return tm_rd_end(r);
}

void tm_ctl_done_put(struct tm_buf *b, const struct tm_ctl_done *m)
{
	tm_put_u64(b, m->set_id);
	tm_put_u64(b, (uint64_t)m->taken_ns);
	tm_put_u64(b, m->requeued);
}

int tm_ctl_done_get(struct tm_rd *r, struct tm_ctl_done *m)
{
	m->set_id = tm_get_u64(r);
	m->taken_ns = (int64_t)tm_get_u64(r);
	m->requeued = tm_get_u64(r);
	return tm_rd_end(r);
}

void tm_ctl_file_failed_put(struct tm_buf *b, const struct tm_ctl_file_failed *m)
{
	tm_put_u32(b, (uint32_t)m->err);
	tm_put_u32(b, m->op);
	put_text(b, m->path, sizeof(m->path));
}

int tm_ctl_file_failed_get(struct tm_rd *r, struct tm_ctl_file_failed *m)
{
	m->err = (int32_t)tm_get_u32(r);
	m->op = tm_get_u32(r);
	tm_get_str(r, m->path, sizeof(m->path));
	if (m->op < 1 || m->op > 6)
		tm_rd_fail(r, -EBADMSG);
	return tm_rd_end(r);
}

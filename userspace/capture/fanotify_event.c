/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/fanotify_event.c - parse what a fanotify group yields; see fanotify_event.h. Pure.
 *
 *	struct fanotify_event_metadata
 *	struct fanotify_event_info_header, fsid, struct file_handle, name NUL	(repeated)
 *
 * Everything is copied out with memcpy: nothing promises alignment inside a batch.
 */
#include "capture/fanotify_event.h"

#include <fcntl.h>
#include <sys/fanotify.h>

#define META_LEN sizeof(struct fanotify_event_metadata)
#define INFO_LEN sizeof(struct fanotify_event_info_header)
/* info header, fsid, then handle_bytes and handle_type */
#define FID_FIXED (INFO_LEN + sizeof(__kernel_fsid_t) + 2 * sizeof(uint32_t))

/* The name behind the handle: NUL-terminated inside @room bytes, then padding. */
static int parse_name(const uint8_t *p, size_t room, struct tm_fan_id *id)
{
	const uint8_t *nul = memchr(p, 0, room);
	size_t n;

	if (!nul)
		return -EBADMSG;
	n = (size_t)(nul - p);
	if (n > 255 || memchr(p, '/', n))
		return -EBADMSG;
	/* "." stands for the directory itself; ".." never comes. */
	if (n == 2 && !memcmp(p, "..", 2))
		return -EBADMSG;
	if (n == 1 && p[0] == '.')
		n = 0;
	id->name = (const char *)p;
	id->name_len = (uint32_t)n;
	return 0;
}

/* One info record of @len bytes that identifies something. */
static int parse_fid(const uint8_t *p, size_t len, bool named, struct tm_fan_id *ret)
{
	struct tm_fan_id id = { .present = true };
	uint32_t handle_bytes, handle_type;
	int r;

	if (len < FID_FIXED)
		return -EBADMSG;
	memcpy(&handle_bytes, p + FID_FIXED - 8, 4);
	memcpy(&handle_type, p + FID_FIXED - 4, 4);
	if (handle_bytes > MAX_HANDLE_SZ || handle_bytes > len - FID_FIXED)
		return -EBADMSG;
	id.handle_type = (int)handle_type;
	id.handle = p + FID_FIXED;
	id.handle_len = handle_bytes;
	if (named) {
		r = parse_name(id.handle + handle_bytes, len - FID_FIXED - handle_bytes, &id);
		if (r < 0)
			return r;
	}
	/* A root-less or anonymous object has an empty handle: no identity. */
	if (!handle_bytes)
		return 0;
	*ret = id;
	return 0;
}

static int parse_info(const uint8_t *p, size_t len, struct tm_fan_event *ev)
{
	while (len) {
		struct fanotify_event_info_header h;
		int r = 0;

		if (len < INFO_LEN)
			return -EBADMSG;
		memcpy(&h, p, INFO_LEN);
		if (h.len < INFO_LEN || h.len > len)
			return -EBADMSG;
		switch (h.info_type) {
		case FAN_EVENT_INFO_TYPE_FID: r = parse_fid(p, h.len, false, &ev->obj); break;
		case FAN_EVENT_INFO_TYPE_DFID: r = parse_fid(p, h.len, false, &ev->entry); break;
		case FAN_EVENT_INFO_TYPE_DFID_NAME:
			r = parse_fid(p, h.len, true, &ev->entry);
			break;
		case FAN_EVENT_INFO_TYPE_OLD_DFID_NAME:
			r = parse_fid(p, h.len, true, &ev->old_entry);
			break;
		case FAN_EVENT_INFO_TYPE_NEW_DFID_NAME:
			r = parse_fid(p, h.len, true, &ev->new_entry);
			break;
		default: break;
		}
		if (r < 0)
			return r;
		p += h.len;
		len -= h.len;
	}
	return 0;
}

int tm_fan_event_next(const void *batch, size_t len, size_t *pos, struct tm_fan_event *ret)
{
	struct tm_fan_event ev = { .fd = FAN_NOFD };
	struct fanotify_event_metadata m;
	const uint8_t *p;
	int r;

	if (*pos > len)
		return -EBADMSG;
	if (*pos == len)
		return 0;
	if (len - *pos < META_LEN)
		return -EBADMSG;
	p = (const uint8_t *)batch + *pos;
	memcpy(&m, p, META_LEN);
	if (m.vers != FANOTIFY_METADATA_VERSION || m.metadata_len < META_LEN ||
	    m.event_len < m.metadata_len || m.event_len > len - *pos)
		return -EBADMSG;
	ev.mask = m.mask;
	ev.fd = m.fd;
	r = parse_info(p + m.metadata_len, m.event_len - m.metadata_len, &ev);
	if (r < 0)
		return r;
	*pos += m.event_len;
	*ret = ev;
	return 1;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/fanotify_event.h - the bytes that a fanotify group yields. Pure.
 *
 * For groups with FAN_REPORT_DFID_NAME_TARGET. The bytes come from the kernel, but they are checked
 * like any others: a length that does not fit ends the batch, and an ended batch is a gap.
 */
#ifndef TM_CAPTURE_FANOTIFY_EVENT_H
#define TM_CAPTURE_FANOTIFY_EVENT_H

#include "lib/base.h"

/* One object, or one directory entry (with a name). Pointers lead into the batch. */
struct tm_fan_id {
	bool present;
	int handle_type;
	const uint8_t *handle;
	uint32_t handle_len; /* at most MAX_HANDLE_SZ */
	const char *name;    /* not counting its NUL; only in entries */
	uint32_t name_len;   /* 0: no name, or "." (the directory itself) */
};

struct tm_fan_event {
	uint64_t mask;		    /* FAN_* */
	int fd;			    /* FAN_NOFD in these groups; else to be closed */
	struct tm_fan_id obj;	    /* what it happened to */
	struct tm_fan_id entry;	    /* its directory and name */
	struct tm_fan_id old_entry; /* FAN_RENAME */
	struct tm_fan_id new_entry;
};

/*
 * The event at *@pos of a batch of @len bytes; moves *@pos behind it. Unknown info records are
 * skipped. Returns 1; 0 at the end; -EBADMSG when the rest cannot be understood.
 */
int tm_fan_event_next(const void *batch, size_t len, size_t *pos, struct tm_fan_event *ret);

#endif

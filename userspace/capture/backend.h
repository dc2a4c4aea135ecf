/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/backend.h - what a capture backend offers to capture.c. Internal to this room.
 *
 * capture.c owns struct tm_capture and checks arguments (slot in range, options filled in:
 * every size is non-zero, every string non-NULL); a backend keeps its own state behind @b
 * and needs to know nothing of the front. The contract of each call is the one of the
 * tm_capture_*() function of the same name in capture.h.
 *
 * Records are delivered by opts->ops only from within drain(); on_incomplete() may be called from
 * add_root() and drain(). @opts stays valid (a copy, strings too) until close().
 */
#ifndef TM_CAPTURE_BACKEND_H
#define TM_CAPTURE_BACKEND_H

#include "capture/capture.h"

struct tm_backend_ops {
	enum tm_backend id;

	/*
	 * *@ret_b is the backend's state. Returns 0; -EPERM, -EOPNOTSUPP: cannot work on this
	 * kernel (AUTO then tries the next backend); other -errno. Reasons go to tm_backend_why().
	 */
	int (*open)(const struct tm_capture_opts *opts, void **ret_b);
	void (*close)(void *b);

	int (*add_root)(void *b, unsigned int slot, int rootfd, uint64_t key, bool *ret_resumed);
	int (*del_root)(void *b, unsigned int slot);

	int (*fd)(const void *b);
	int (*timeout_ms)(const void *b);
	int (*drain)(void *b, bool barrier);

	void (*stats)(const void *b, unsigned int slot, struct tm_capture_stats *ret);
	/* NULL: who writes is not known (-EOPNOTSUPP). */
	int (*top)(const void *b, unsigned int slot, struct tm_capture_writer *ret, size_t max);
	/* NULL: no versions (-EOPNOTSUPP). */
	int (*version_fd)(const void *b, uint32_t *ret_n);

	/* Lines "name\tstate\tdetail\n", new string; NULL: no memory. */
	char *(*report)(const void *b);
	/* The same kind of lines without a running capture. */
	char *(*probe)(void);
	/* One sentence, static; "" if nothing is missed. */
	const char *(*blind_spots)(const void *b);
};

extern const struct tm_backend_ops tm_backend_bpf;	/* bpf.c */
extern const struct tm_backend_ops tm_backend_fanotify;	/* fanotify.c */

/* Note why something cannot work: shown by tm_capture_why(). Keeps the last text, cut at 511 bytes. */
void tm_backend_why(const char *fmt, ...) _printf_(1, 2);

#endif

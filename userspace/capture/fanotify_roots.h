/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/fanotify_roots.h - which policy roots is this directory below?
 *
 * For the roots of one file system. An event names a directory by its handle; the answer is
 * found by opening it and walking "..", and kept in a bounded cache until a directory is renamed. In doubt
 * the answer is every root: marking wider costs a look, marking narrower a change.
 *
 * A walk that races with a rename of a directory may misjudge. The event of that rename
 * comes later in the queue and marks what was moved in; the periodic metadata pass finds the rest.
 *
 * Masks: bit n is slot n. Needs CAP_DAC_READ_SEARCH (open_by_handle_at).
 */
#ifndef TM_CAPTURE_FANOTIFY_ROOTS_H
#define TM_CAPTURE_FANOTIFY_ROOTS_H

#include "capture/fanotify_event.h"
#include "lib/oid.h"

/* The reserved directory, directly in a root: staging, canary, scratch. Never tracked. */
#define TM_RESERVED_DIR ".tidemark"

struct tm_fan_roots;

struct tm_fan_roots *tm_fan_roots_new(void);
void tm_fan_roots_free(struct tm_fan_roots *r);

/*
 * Add the root behind @rootfd (borrowed). Makes the reserved directory (0700) where it can; a
 * user's own entry of that name is left alone and is user data. Returns 0; -EEXIST when the slot
 * is taken; -errno.
 */
int tm_fan_roots_add(struct tm_fan_roots *r, unsigned int slot, int rootfd);
void tm_fan_roots_del(struct tm_fan_roots *r, unsigned int slot);
uint64_t tm_fan_roots_all(const struct tm_fan_roots *r);
/* A directory moved, or nobody knows: forget what was found out. */
void tm_fan_roots_flush(struct tm_fan_roots *r);

/* Who is it? Returns 0; -ESTALE when it is gone; -errno. */
int tm_fan_roots_oid(struct tm_fan_roots *r, const struct tm_fan_id *id, struct tm_oid *ret);
/* Roots that the directory @id (identity @oid) is or is below of, outside their reserved directory. */
uint64_t tm_fan_roots_of_dir(struct tm_fan_roots *r, const struct tm_fan_id *id, struct tm_oid oid);
/* Roots whose reserved directory is the entry @name of @dir, being @obj. */
uint64_t tm_fan_roots_reserved(const struct tm_fan_roots *r, struct tm_oid dir, const char *name,
			       size_t name_len, struct tm_oid obj);
/* Has the file more than one name? False when it is gone. */
bool tm_fan_roots_linked(struct tm_fan_roots *r, const struct tm_fan_id *id);

/*
 * A reserved directory of any root, for the canary: borrowed descriptor and identity; made anew if it was
 * removed. -ENOENT when none can be made.
 */
int tm_fan_roots_canary_dir(struct tm_fan_roots *r, struct tm_oid *ret);

#endif

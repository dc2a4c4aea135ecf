/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/guest/capture/sink.h - a capture whose records are kept, and questions to ask of them.
 *
 * One capture at a time (the globals). Names are looked up relative to the root @rootfd.
 */
#ifndef TM_TESTS_CAPTURE_SINK_H
#define TM_TESTS_CAPTURE_SINK_H

#include "capture/capture.h"
#include "lib/oid.h"

#define PIN_DIR "/sys/fs/bpf/tidemark/capture-test/v1"

struct rec {
	unsigned int slot;
	enum tm_change_kind kind;
	uint32_t flags;
	struct tm_oid dir, obj;
	char name[TM_NAME_MAX + 1];
	struct tm_range ranges[16];
	uint32_t n_ranges;
};

extern struct tm_capture *cap;
extern struct rec recs[65536];
extern size_t n_recs;
extern char incomplete[256];	/* "slot:reason slot:reason" since the last settle() */
extern int sink_error;		/* what on_change() answers */

extern bool missed_told;	/* "recursion-miss" was ever announced */

/* Open @pin_dir with these sizes (0: the defaults). Returns 0 or -errno. */
int cap_open(const char *pin_dir, uint32_t dirty_entries, uint32_t ring_bytes);
void cap_close(void);
/* Track @fd in @slot; returns 1 if resumed, 0 if new, -errno. */
int cap_add(unsigned int slot, int fd);

/* Drain with a barrier and forget what came. */
void settle(void);
/* Drain with a barrier; what came is in recs. Returns how many. */
int take(void);
/* Print what came, as TAP comments. */
void show(void);

struct tm_oid oid_in(int dirfd, const char *name);
/* The only record of that kind and object (or name, if @name); NULL when there is none or several. */
const struct rec *the(enum tm_change_kind kind, struct tm_oid obj);
const struct rec *the_name(int dirfd, const char *name);
size_t count(enum tm_change_kind kind);
/* Is every byte of [start, end) of @obj in some record, for @slot? */
bool covered(unsigned int slot, struct tm_oid obj, uint64_t start, uint64_t end);
/* Bytes that the records of @obj name, joined. */
uint64_t named_bytes(unsigned int slot, struct tm_oid obj);
/* One record, INODE, with exactly these flags and this one range ([0,0): none). */
bool only_range(struct tm_oid obj, uint32_t flags, uint64_t start, uint64_t end);

#endif

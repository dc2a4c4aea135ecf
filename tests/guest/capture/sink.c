/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/guest/capture/sink.c - see sink.h. */
#include "sink.h"

#include <stdio.h>
#include <stdlib.h>

struct tm_capture *cap;
struct rec recs[65536];
size_t n_recs;
char incomplete[256];
int sink_error;
bool missed_told;

static int on_change(void *arg, unsigned int slot, const struct tm_change *c)
{
	struct rec *r = &recs[n_recs];

	(void)arg;
	if (sink_error)
		return sink_error;
	if (n_recs == TM_ARRAY_SIZE(recs))
		return -ENOSPC;
	*r = (struct rec){ .slot = slot, .kind = c->kind, .flags = c->flags, .dir = c->dir, .obj = c->obj };
	if (c->name_len)
		memcpy(r->name, c->name, c->name_len);
	r->n_ranges = TM_MIN(c->n_ranges, (uint32_t)TM_ARRAY_SIZE(r->ranges));
	if (r->n_ranges)
		memcpy(r->ranges, c->ranges, r->n_ranges * sizeof(r->ranges[0]));
	n_recs++;
	return 0;
}

static void on_incomplete(void *arg, unsigned int slot, const char *reason, const char *scope)
{
	size_t n = strlen(incomplete);

	(void)arg;
	(void)scope;
	snprintf(incomplete + n, sizeof(incomplete) - n, "%s%u:%s", n ? " " : "", slot, reason);
	missed_told |= !strcmp(reason, "recursion-miss");
}

int cap_open(const char *pin_dir, uint32_t dirty_entries, uint32_t ring_bytes)
{
	struct tm_capture_opts o = {
		.sz = sizeof(o), .backend = TM_BACKEND_BPF, .runtime_dir = "/tmp", .pin_dir = pin_dir,
		.dirty_entries = dirty_entries, .ring_bytes = ring_bytes,
		.ops = { .on_change = on_change, .on_incomplete = on_incomplete },
		.no_guards = getenv("TM_NO_GUARDS"),
	};

	return tm_capture_open(&o, &cap);
}

void cap_close(void)
{
	tm_capture_close(cap);
	cap = NULL;
}

int cap_add(unsigned int slot, int fd)
{
	bool resumed = false;
	int r = tm_capture_add_root(cap, slot, fd, 1000 + slot, &resumed);

	return r ? r : resumed;
}

int take(void)
{
	n_recs = 0;
	incomplete[0] = '\0';
	return tm_capture_drain(cap, true);
}

void settle(void)
{
	take();
	n_recs = 0;
	incomplete[0] = '\0';
}

void show(void)
{
	static const char *const kinds[] = { "?", "NAME", "INODE", "DIR", "SUBTREE", "ALL" };

	for (size_t i = 0; i < n_recs && i < 30; i++) {
		const struct rec *r = &recs[i];

		printf("#   slot %u %s flags %x dir %llu obj %llu.%u '%s'", r->slot, kinds[r->kind], r->flags,
		       (unsigned long long)r->dir.ino, (unsigned long long)r->obj.ino, r->obj.gen, r->name);
		for (uint32_t j = 0; j < r->n_ranges; j++)
			printf(" [%llu,%lld)", (unsigned long long)r->ranges[j].start,
			       (long long)r->ranges[j].end);
		printf("\n");
	}
	printf("#   %zu records; incomplete: %s\n", n_recs, incomplete[0] ? incomplete : "no");
}

struct tm_oid oid_in(int dirfd, const char *name)
{
	struct tm_oid o = TM_OID_NONE;

	(void)tm_oid_at(dirfd, name, &o);
	return o;
}

const struct rec *the(enum tm_change_kind kind, struct tm_oid obj)
{
	const struct rec *found = NULL;

	for (size_t i = 0; i < n_recs; i++) {
		bool dir = kind == TM_CHANGE_DIR || kind == TM_CHANGE_SUBTREE;
		struct tm_oid o = dir ? recs[i].dir : recs[i].obj;

		if (recs[i].kind != kind || !tm_oid_eq(o, obj))
			continue;
		if (found)
			return NULL;
		found = &recs[i];
	}
	return found;
}

const struct rec *the_name(int dirfd, const char *name)
{
	struct tm_oid dir = oid_in(dirfd, "");
	const struct rec *found = NULL;

	for (size_t i = 0; i < n_recs; i++) {
		if (recs[i].kind != TM_CHANGE_NAME || !tm_streq(recs[i].name, name) ||
		    !tm_oid_eq(recs[i].dir, dir))
			continue;
		if (found)
			return NULL;
		found = &recs[i];
	}
	return found;
}

size_t count(enum tm_change_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < n_recs; i++)
		n += recs[i].kind == kind;
	return n;
}

static int collect(unsigned int slot, struct tm_oid obj, struct tm_ranges *all)
{
	for (size_t i = 0; i < n_recs; i++) {
		const struct rec *r = &recs[i];

		if (r->slot != slot || r->kind != TM_CHANGE_INODE || !tm_oid_eq(r->obj, obj))
			continue;
		if (r->flags & TM_CF_WHOLE && tm_ranges_add(all, 0, TM_RANGE_EOF))
			return -ENOMEM;
		if (tm_ranges_add_all(all, r->ranges, r->n_ranges))
			return -ENOMEM;
	}
	return 0;
}

bool covered(unsigned int slot, struct tm_oid obj, uint64_t start, uint64_t end)
{
	struct tm_ranges all = { 0 };
	bool yes = !collect(slot, obj, &all) && tm_ranges_cover(&all, start, end);

	tm_ranges_free(&all);
	return yes;
}

uint64_t named_bytes(unsigned int slot, struct tm_oid obj)
{
	struct tm_ranges all = { 0 };
	uint64_t n = collect(slot, obj, &all) ? 0 : tm_ranges_bytes(&all, TM_RANGE_EOF);

	tm_ranges_free(&all);
	return n;
}

bool only_range(struct tm_oid obj, uint32_t flags, uint64_t start, uint64_t end)
{
	const struct rec *r = the(TM_CHANGE_INODE, obj);

	if (n_recs != 1 || !r || r->flags != flags)
		return false;
	if (start == end)
		return r->n_ranges == 0;
	return r->n_ranges == 1 && r->ranges[0].start == start && r->ranges[0].end == end;
}

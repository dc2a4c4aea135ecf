/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/selftest.c - see selftest.h.
 */
#include "capture/selftest.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "capture/selftest_ops.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/oid.h"
#include "lib/text.h"

#define SCRATCH		"selftest"
#define AGAIN_MS	10000
#define NOTES_MAX	512

struct note {
	enum tm_change_kind kind;
	uint32_t flags;
	struct tm_oid dir, obj;
	char name[24];
};

/* What came of the last test of one superblock. */
struct result {
	bool done;
	unsigned int seen, impossible;
	char missing[200];		/* names of operations, "" if none */
	char trouble[100];		/* why it could not be tried, "" if it could */
	const char *fs;
};

struct tm_selftest {
	struct note notes[NOTES_MAX];
	size_t n;
	uint32_t due;			/* bit: index of the superblock */
	uint64_t again_ms;		/* those that failed: not before */
	struct result result[TM_SBS];
	char blind[320];
};

static struct tm_selftest *state(struct tm_kern *k)
{
	if (!k->selftest)
		k->selftest = calloc(1, sizeof(*k->selftest));
	return k->selftest;
}

void tm_selftest_free(struct tm_kern *k)
{
	free(k->selftest);
	k->selftest = NULL;
}

void tm_selftest_note(struct tm_kern *k, const struct tm_change *c)
{
	struct tm_selftest *s = k->selftest;
	struct note *n;

	if (!s || s->n == NOTES_MAX)
		return;
	n = &s->notes[s->n++];
	*n = (struct note){ .kind = c->kind, .flags = c->flags, .dir = c->dir, .obj = c->obj };
	memcpy(n->name, c->name_len ? c->name : "", TM_MIN((size_t)c->name_len, sizeof(n->name) - 1));
}

static bool noted(const struct tm_selftest *s, const struct tm_selftest_op *op, struct tm_oid dir,
	struct tm_oid obj)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct note *n = &s->notes[i];

		/* The ring was full: that tells it too. */
		if (n->kind == TM_CHANGE_DIR && tm_oid_eq(n->dir, dir) && !op->flags)
			return true;
		if (op->flags) {
			if (n->kind == TM_CHANGE_INODE && tm_oid_eq(n->obj, obj) &&
			    (n->flags & op->flags) == op->flags)
				return true;
		} else if (n->kind == TM_CHANGE_NAME && tm_oid_eq(n->dir, dir) && tm_streq(n->name,
			op->name)) {
			return true;
		}
	}
	return false;
}

/* ---- one file system */

static void sweep_out(int dir)
{
	for (const struct tm_selftest_op *op = tm_selftest_ops; op->name; op++) {
		(void)unlinkat(dir, op->name, 0);
		(void)unlinkat(dir, op->name, AT_REMOVEDIR);
	}
}

/* The scratch directory below the root @slot. */
static int scratch_open(const struct tm_kern *k, unsigned int slot)
{
	_cleanup_close_ int dir = tm_bpf_reserved_open(k, slot);
	int fd;

	if (dir < 0)
		return dir;
	if (mkdirat(dir, SCRATCH, 0700) && errno != EEXIST)
		return -errno;
	fd = openat(dir, SCRATCH, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void scratch_remove(const struct tm_kern *k, unsigned int slot)
{
	_cleanup_close_ int dir = tm_bpf_reserved_open(k, slot);

	if (dir >= 0)
		(void)unlinkat(dir, SCRATCH, AT_REMOVEDIR);
}

static void judge(struct tm_selftest *s, struct result *res, int dir, const bool *acted)
{
	struct tm_oid d = TM_OID_NONE;

	(void)tm_oid_at(dir, "", &d);
	for (size_t i = 0; tm_selftest_ops[i].name; i++) {
		const struct tm_selftest_op *op = &tm_selftest_ops[i];
		struct tm_oid obj = TM_OID_NONE;
		size_t at = strlen(res->missing);

		if (!acted[i]) {
			res->impossible++;
			continue;
		}
		if (op->flags)
			(void)tm_oid_at(dir, op->name, &obj);
		if (noted(s, op, d, obj)) {
			res->seen++;
			continue;
		}
		snprintf(res->missing + at, sizeof(res->missing) - at, "%s%s", at ? ", " : "", op->name);
	}
}

/* Make all changes between two drains. Records of other roots are delivered as ever. */
static int run(struct tm_kern *k, struct result *res, int dir)
{
	struct tm_selftest *s = k->selftest;
	bool acted[TM_SELFTEST_OPS_MAX] = { false };
	int r;

	sweep_out(dir);
	for (const struct tm_selftest_op *op = tm_selftest_ops; op->name; op++)
		if (op->prepare)
			(void)op->prepare(dir, op->name);
	r = tm_bpf_take_all(k);
	s->n = 0;
	if (r)
		return r;
	for (size_t i = 0; tm_selftest_ops[i].name; i++)
		acted[i] = !tm_selftest_ops[i].act(dir, tm_selftest_ops[i].name);
	r = tm_bpf_take_all(k);
	if (!r)
		judge(s, res, dir, acted);
	sweep_out(dir);
	return r;
}

/* No room to try anything: that says nothing about tracking. */
static bool is_full(int dir)
{
	struct statvfs v;

	return fstatvfs(dir, &v) || v.f_bavail * v.f_frsize < 1 << 20 || (v.f_files && v.f_favail < 32);
}

static int test_sb(struct tm_kern *k, uint32_t i)
{
	struct result res = { .done = true };
	unsigned int slot;
	int dir = -ENOENT, r = 0;

	for (slot = 0; slot < TM_CAPTURE_ROOTS_MAX && dir < 0; slot++)
		if ((k->ctl->sb[i].roots & k->claimed) >> slot & 1) {
			dir = scratch_open(k, slot);
			res.fs = k->fs[slot] ? k->fs[slot]->name : "?";
			if (dir >= 0)
				break;
		}
	if (dir < 0 || is_full(dir)) {
		snprintf(res.trouble, sizeof(res.trouble), "%s", dir < 0 ? strerror(-dir) : "no room");
	} else {
		r = tm_bpf_scratch_on(k, dir);
		if (!r)
			r = run(k, &res, dir);
		tm_bpf_scratch_off(k);
	}
	tm_close(dir);
	if (slot < TM_CAPTURE_ROOTS_MAX)
		scratch_remove(k, slot);
	if (!r && res.missing[0])
		r = tm_bpf_deliver_all(k, k->ctl->sb[i].roots, "self-test");
	if (!r)
		k->selftest->result[i] = res;
	return r;
}

/* ---- the room's side */

void tm_selftest_due(struct tm_kern *k, unsigned int slot)
{
	struct tm_selftest *s = state(k);

	for (uint32_t i = 0; s && i < k->ctl->n_sbs; i++)
		if (k->ctl->sb[i].dev == k->ctl->root[slot].dev && k->ctl->sb[i].roots >> slot & 1)
			s->due |= 1u << i;
}

static void blind_text(struct tm_kern *k)
{
	struct tm_selftest *s = k->selftest;

	s->blind[0] = '\0';
	for (uint32_t i = 0; i < TM_SBS; i++) {
		const struct result *r = &s->result[i];
		size_t at = strlen(s->blind);

		if (k->ctl->sb[i].roots && r->missing[0])
			snprintf(s->blind + at, sizeof(s->blind) - at, "%sthe self-test on %s did not see: %s",
				 at ? "; " : "", r->fs, r->missing);
	}
}

int tm_selftest(struct tm_kern *k)
{
	struct tm_selftest *s = k->selftest;
	uint64_t now = tm_mono_ms();

	if (!s)
		return 0;
	for (uint32_t i = 0; i < TM_SBS; i++) {
		bool again = s->result[i].missing[0] && now >= s->again_ms;
		int r;

		if (!(s->due >> i & 1) && !again)
			continue;
		if (k->ctl->sb[i].roots & k->claimed) {
			r = test_sb(k, i);
			if (r)
				return r;
		} else {
			s->result[i] = (struct result){ 0 };
		}
		s->due &= ~(1u << i);
		s->again_ms = tm_mono_ms() + AGAIN_MS;
		blind_text(k);
	}
	return 0;
}

const char *tm_selftest_blind(const struct tm_kern *k)
{
	return k->selftest ? k->selftest->blind : "";
}

int tm_selftest_report(const struct tm_kern *k, char **text)
{
	const struct tm_selftest *s = k->selftest;

	for (uint32_t i = 0; s && i < TM_SBS; i++) {
		const struct result *r = &s->result[i];
		_cleanup_free_ char *before = NULL;

		if (!r->done || !(k->ctl->sb[i].roots & k->claimed))
			continue;
		before = *text;
		*text = NULL;
		if (r->trouble[0])
			*text = tm_asprintf("%sself-test-%s\tuntried\t%s\n", before ?: "", r->fs, r->trouble);
		else if (r->missing[0])
			*text = tm_asprintf("%sself-test-%s\tfailed\tnot seen: %s\n", before ?: "", r->fs, r->missing);
		else
			*text = tm_asprintf("%sself-test-%s\tok\t%u operations seen, %u not possible here\n",
					    before ?: "", r->fs, r->seen, r->impossible);
		if (!*text)
			return -ENOMEM;
	}
	return 0;
}

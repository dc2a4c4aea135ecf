/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/guest/matrix/judge.c - marks against causes, and a replica that only marks may change.
 *
 * The replica is what a target would have: it starts as the tree at begin() and takes over from the
 * tree only what records name. Equal afterwards means: nothing was silent and every changed byte was
 * contained.
 */
#include "judge.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/sink.h"
#include "lib/clock.h"
#include "lib/version.h"
#include "tree.h"

#define CAUSES_MAX 64
#define MARKS_MAX 4096
#define LATE_MS 15000

const char *const outcome_names[] = { "BROKEN", "SILENT", "stray", "unlevel", "n/a", "incomplete", "contained",
				      "exact" };

enum cause_kind { DATA, FROM, WHOLE, ATTR, MAY, NAME, LIST, SUBTREE };	/* up to MAY: of an object */

struct cause {
	enum cause_kind kind;
	struct tm_oid oid;	/* object, or the directory of NAME, LIST and SUBTREE */
	uint64_t start, end;
	char name[256];
};

/* All that was marked of one inode. */
struct mark {
	struct tm_oid oid;
	uint32_t flags;
	struct tm_ranges ranges;
};

/* A record about names, kept until the row has said all its causes. */
struct seen {
	struct rec rec;
	/* its directory is in scope; the name's meaning is another one since begin() */
	bool known, changed;
};

static struct seen *seen;
static size_t n_seen, cap_seen;
static struct cause causes[CAUSES_MAX];
static size_t n_causes;
static struct mark marks[MARKS_MAX];
static size_t n_marks;
static struct tree replica, first;	/* first: as it was at begin() */
static bool begun, told;		/* told: the root was said to be incomplete */
static unsigned int strays, wides;
static unsigned int slot_now;
static char na_why[200], stray_text[4][200];

int outcome_of(const char *name)
{
	for (int i = 0; i <= OUT_EXACT; i++)
		if (!strcmp(outcome_names[i], name))
			return i;
	return -1;
}

const char *judge_na(void)
{
	return na_why;
}

int na(const char *why)
{
	snprintf(na_why, sizeof(na_why), "%s", why);
	return 1;
}

int failed(const char *file, int line, const char *what)
{
	printf("# %s:%d: %s: %m\n", file, line, what);
	return -1;
}

/* ---- causes */

static struct cause *cause(enum cause_kind kind, struct tm_oid oid)
{
	static struct cause none;

	if (n_causes == CAUSES_MAX)
		return &none;
	causes[n_causes] = (struct cause){ .kind = kind, .oid = oid };
	return &causes[n_causes++];
}

void cause_data(int fd, uint64_t start, uint64_t end)
{
	struct cause *c = cause(DATA, oid_in(fd, ""));

	c->start = start;
	c->end = end;
}

void cause_pages(int fd, uint64_t start, uint64_t end)
{
	cause_data(fd, start / PAGE * PAGE, (end + PAGE - 1) / PAGE * PAGE);
}

void cause_from(int fd, uint64_t start)
{
	struct cause *c = cause(FROM, oid_in(fd, ""));

	c->start = start;
	c->end = EOF_;
}

void cause_whole(int fd)
{
	cause(WHOLE, oid_in(fd, ""))->end = EOF_;
}

void cause_attr(int dirfd, const char *name)
{
	cause(ATTR, oid_in(dirfd, name));
}

void may_attr(int dirfd, const char *name)
{
	cause(MAY, oid_in(dirfd, name));
}

void cause_name(int dirfd, const char *name)
{
	struct cause *c = cause(NAME, oid_in(dirfd, ""));

	snprintf(c->name, sizeof(c->name), "%s", name);
}

void cause_list(int dirfd)
{
	cause(LIST, oid_in(dirfd, ""));
}

void cause_subtree(int dirfd)
{
	cause(SUBTREE, oid_in(dirfd, ""));
}

static bool caused(enum cause_kind kind, struct tm_oid oid, const char *name)
{
	for (size_t i = 0; i < n_causes; i++)
		if (causes[i].kind == kind && tm_oid_eq(causes[i].oid, oid) &&
		    (!name || !strcmp(causes[i].name, name)))
			return true;
	return false;
}

static bool caused_any(struct tm_oid oid)
{
	for (size_t i = 0; i < n_causes; i++)
		if (tm_oid_eq(causes[i].oid, oid))
			return true;
	return false;
}

/* ---- marks */

static struct mark *mark_of(struct tm_oid oid)
{
	for (size_t i = 0; i < n_marks; i++)
		if (tm_oid_eq(marks[i].oid, oid))
			return &marks[i];
	if (n_marks == MARKS_MAX)
		return NULL;
	marks[n_marks] = (struct mark){ .oid = oid };
	return &marks[n_marks++];
}

static void stray(const struct rec *r)
{
	static const char *const kinds[] = { "?", "NAME", "INODE", "DIR", "SUBTREE", "ALL" };

	if (strays < 4)
		snprintf(stray_text[strays], sizeof(stray_text[0]),
			 "%s dir %llu object %llu '%.40s' flags %x %u ranges [%llu,%lld)", kinds[r->kind],
			 (unsigned long long)r->dir.ino, (unsigned long long)r->obj.ino, r->name, r->flags,
				r->n_ranges,
			 (unsigned long long)r->ranges[0].start, (long long)r->ranges[0].end);
	strays++;
}

static void keep_seen(const struct rec *r, const struct tree *now)
{
	const struct ent *a = tree_ent(&first, r->dir, r->name), *b = tree_ent(now, r->dir, r->name);

	if (n_seen == cap_seen) {
		cap_seen = cap_seen ? 2 * cap_seen : 256;
		seen = realloc(seen, cap_seen * sizeof(*seen));
		if (!seen)
			exit(2);
	}
	seen[n_seen++] = (struct seen){
		.rec = *r,
		.known = tree_obj(&first, r->dir) || tree_obj(now, r->dir),
		.changed = !a != !b || (a && !tm_oid_eq(a->obj, b->obj)),
	};
}

/* A name that changed since begin() needs no declared cause to be told. */
static void weigh_name(const struct seen *s)
{
	const struct rec *r = &s->rec;

	if (r->kind != TM_CHANGE_NAME) {
		if (caused(r->kind == TM_CHANGE_DIR ? LIST : SUBTREE, r->dir, NULL))
			return;
		if (caused_any(r->dir))
			wides++;
		else
			stray(r);
		return;
	}
	if (caused(NAME, r->dir, r->name) || caused(LIST, r->dir, NULL) || caused(SUBTREE, r->dir, NULL))
		return;
	if (s->known && s->changed)
		wides++;
	else
		stray(r);
}

static void note(const struct rec *r, const struct tree *now)
{
	struct mark *m;

	switch (r->kind) {
	case TM_CHANGE_ALL:
		told = true;
		break;
	case TM_CHANGE_DIR:
	case TM_CHANGE_SUBTREE:
	case TM_CHANGE_NAME:
		keep_seen(r, now);
		break;
	case TM_CHANGE_INODE:
		m = mark_of(r->obj);
		if (!m) {
			stray(r);
			break;
		}
		m->flags |= r->flags;
		if (r->flags & TM_CF_WHOLE)
			(void)tm_ranges_add(&m->ranges, 0, EOF_);
		(void)tm_ranges_add_all(&m->ranges, r->ranges, r->n_ranges);
		break;
	}
}

static int apply(const struct rec *r, const struct tree *now)
{
	const struct ent *ent;
	int e;

	switch (r->kind) {
	case TM_CHANGE_ALL:
		return tree_copy_subtree(&replica, now, replica.top);
	case TM_CHANGE_DIR:
		return tree_copy_dir(&replica, now, r->dir);
	case TM_CHANGE_SUBTREE:
		return tree_copy_subtree(&replica, now, r->dir);
	case TM_CHANGE_NAME:
		return tree_copy_name(&replica, now, r->dir, r->name);
	case TM_CHANGE_INODE:
		break;
	}
	/* The hint leads a source to an object that the target does not know. */
	ent = tree_ent(now, r->dir, r->name);
	if (ent && tm_oid_eq(ent->obj, r->obj) && !tree_obj(&replica, r->obj))
		return tree_copy_name(&replica, now, r->dir, r->name);
	e = tree_copy_attrs(&replica, now, r->obj);
	if (!e && r->flags & TM_CF_WHOLE)
		e = tree_copy_range(&replica, now, r->obj, 0, EOF_);
	for (uint32_t i = 0; !e && i < r->n_ranges; i++)
		e = tree_copy_range(&replica, now, r->obj, r->ranges[i].start, r->ranges[i].end);
	return e;
}

static bool is_mapped(struct tm_oid oid)
{
	/* A control: without the cleaning the rows with stores must be found out. */
	if (getenv("TM_MATRIX_NO_CLEAN"))
		return false;
	for (size_t i = 0; i < n_recs; i++)
		if (recs[i].kind == TM_CHANGE_INODE && recs[i].flags & TM_CF_MMAP && tm_oid_eq(recs[i].obj,
			oid))
			return true;
	return false;
}

int elsewhere(const char *path)
{
	int fd = keep(open(path, O_RDONLY | O_DIRECTORY));

	DO(fd >= 0);
	dirfd_ = outfd = fd;
	if (!capturing)
		return 0;
	DO(cap_add(1, fd) >= 0);
	slot_now = 1;
	return 0;
}

int begin(void)
{
	if (!capturing)
		return 0;
	settle();
	settle();
	tree_free(&replica);
	tree_free(&first);
	DO(!tree_load(&replica, dirfd_, NULL));
	DO(!tree_load(&first, dirfd_, NULL));
	settle();
	begun = true;
	return 0;
}

/* Drain, clean what was stored through mappings, read, take over. *@ret_equal: replica and tree. */
static int update(bool *ret_equal)
{
	struct tree now;
	int r = tm_capture_drain(cap, true);

	if (r < 0)
		return r;
	told |= incomplete[0] != '\0';
	r = tree_load(&now, dirfd_, is_mapped);
	for (size_t i = 0; !r && i < n_recs; i++) {
		if (recs[i].slot != slot_now)
			continue;
		note(&recs[i], &now);
		r = apply(&recs[i], &now);
	}
	tree_prune(&replica);
	*ret_equal = !r && !tree_diff(&replica, &now, NULL);
	tree_free(&now);
	n_recs = 0;
	incomplete[0] = '\0';
	return r;
}

int step(void)
{
	bool equal;

	if (!capturing)
		return 0;
	n_recs = 0;
	incomplete[0] = '\0';
	DO(!update(&equal));
	return 0;
}

bool replica_has(int fd, uint64_t start, uint64_t end)
{
	struct tm_oid oid = oid_in(fd, "");
	const struct obj *o;
	char *p;
	bool same;

	if (!capturing)
		return true;
	o = tree_obj(&replica, oid);
	p = malloc(end - start);
	same = o && p && o->size >= end &&
	       pread(fd, p, end - start, (off_t)start) == (ssize_t)(end - start) &&
	       !memcmp(p, o->data + start, end - start);
	free(p);
	return same;
}

/* ---- the verdict */

static void causes_of(struct tm_oid oid, struct tm_ranges *all, bool *ret_attr)
{
	for (size_t i = 0; i < n_causes; i++) {
		const struct cause *c = &causes[i];

		if (c->kind > MAY || !tm_oid_eq(c->oid, oid))
			continue;
		*ret_attr |= c->kind == ATTR || c->kind == MAY || c->kind == FROM || c->kind == WHOLE;
		(void)tm_ranges_add(all, c->start, c->end);
	}
}

static bool within(const struct tm_ranges *small, const struct tm_ranges *large)
{
	for (uint32_t i = 0; i < small->n; i++)
		if (!tm_ranges_cover(large, small->v[i].start, small->v[i].end))
			return false;
	return true;
}

/* Is every mark of @m explained? Counts what is wider, and what has no cause at all. */
static void weigh(const struct mark *m, unsigned int flags)
{
	struct rec r = { .kind = TM_CHANGE_INODE, .obj = m->oid, .flags = m->flags };
	struct tm_ranges all = { 0 };
	bool attr = false;

	if (m->ranges.n) {
		r.n_ranges = m->ranges.n;
		r.ranges[0] = m->ranges.v[0];
	}
	if (!caused_any(m->oid)) {
		/* Created by the row: whatever is marked of it is right. */
		if (!tree_obj(&first, m->oid) && tree_obj(&replica, m->oid))
			return;
		if (flags & FOREIGN)
			wides++;
		else
			stray(&r);
		return;
	}
	causes_of(m->oid, &all, &attr);
	if (!within(&m->ranges, &all) || (m->flags & TM_CF_ATTR && !attr)) {
		wides++;
		for (uint32_t i = 0; i < TM_MIN(m->ranges.n, 4u); i++)
			printf("#   marked [%llu, %lld) flags %x\n", (unsigned long long)m->ranges.v[i].start,
			       (long long)m->ranges.v[i].end, m->flags);
	}
	tm_ranges_free(&all);
}

/* What the row says it did and no mark tells, even if the bytes happen to be equal. */
static unsigned int untold(void)
{
	unsigned int n = 0;

	for (size_t i = 0; i < n_causes; i++) {
		const struct cause *c = &causes[i];
		const struct mark *m = NULL;

		if (c->kind > ATTR || !tree_obj(&first, c->oid))
			continue;
		for (size_t j = 0; j < n_marks; j++)
			if (tm_oid_eq(marks[j].oid, c->oid))
				m = &marks[j];
		if (m && (c->kind == ATTR || tm_ranges_cover(&m->ranges, c->start, c->end)))
			continue;
		printf("#   no mark tells: object %llu [%llu, %lld)\n", (unsigned long long)c->oid.ino,
		       (unsigned long long)c->start, (long long)c->end);
		n++;
	}
	return n;
}

static unsigned int unlevel(void)
{
	static const struct tm_version *v;
	static uint32_t n;
	unsigned int bad = 0;

	if (!v) {
		int fd = tm_capture_version_fd(cap, &n);

		v = mmap(NULL, n * sizeof(*v), PROT_READ, MAP_SHARED, fd, 0);
		close(fd);
		if (v == MAP_FAILED)
			return 0;
	}
	for (uint32_t i = 0; i < n; i++)
		bad += v[i].begun != v[i].ended;
	return bad;
}

void judge_reset(void)
{
	for (size_t i = 0; i < n_marks; i++)
		tm_ranges_free(&marks[i].ranges);
	n_marks = n_causes = n_seen = 0;
	strays = wides = 0;
	begun = told = false;
	na_why[0] = '\0';
	if (slot_now)
		(void)tm_capture_del_root(cap, slot_now);
	slot_now = 0;
	if (replica.objs)
		tree_free(&replica);
	if (first.objs)
		tree_free(&first);
}

static void silence(void)
{
	struct tree now;

	if (!tree_load(&now, dirfd_, NULL))
		(void)tree_diff(&replica, &now, "#   silent: ");
	tree_free(&now);
}

enum outcome judge(const struct row *row)
{
	uint64_t until = tm_mono_ms() + LATE_MS;
	static unsigned int open_before;
	unsigned int open_now;
	bool equal = false;

	n_recs = 0;
	incomplete[0] = '\0';
	if (!begun || update(&equal)) {
		printf("#   the row never began, or the drain failed\n");
		return OUT_BROKEN;
	}
	while (!equal && !told && row->flags & LATE && tm_mono_ms() < until) {
		usleep(200 * 1000);
		if (update(&equal))
			return OUT_BROKEN;
	}
	open_now = unlevel();
	if (told)
		return OUT_INCOMPLETE;
	if (!equal) {
		silence();
		return OUT_SILENT;
	}
	if (untold())
		return OUT_SILENT;
	for (size_t i = 0; i < n_marks; i++)
		weigh(&marks[i], row->flags);
	for (size_t i = 0; i < n_seen; i++)
		weigh_name(&seen[i]);
	for (unsigned int i = 0; i < TM_MIN(strays, 4u); i++)
		printf("#   no cause: %s\n", stray_text[i]);
	if (strays)
		return OUT_STRAY;
	if (open_now > open_before) {
		printf("#   %u version pairs stayed open\n", open_now - open_before);
		open_before = open_now;
		return OUT_UNLEVEL;
	}
	return wides ? OUT_CONTAINED : OUT_EXACT;
}

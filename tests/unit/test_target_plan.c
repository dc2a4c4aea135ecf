/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_target_plan.c - the planner against a file system in memory.
 *
 * A model tree is copied, mutated at random, and what changed is asserted in one to three batches,
 * also twice, also things that did not change. The plans are carried out on a second model, that
 * refuses what rename(2), link(2) and unlink(2) would refuse. At the end both must be equal.
 */
#include "target/plan.h"

#include <stdio.h>

#include "lib/map.h"
#include "tests/unit/tap.h"

/* ---- the model: objects by number, entries in one list ---- */

#define MAX_OBJ 400
#define MAX_ENT 800
#define ROOT	1

struct ent {
	struct tm_oid dir;
	char name[48];
	struct tm_oid oid;
	bool live;
};

struct model {
	uint8_t kind[MAX_OBJ]; /* 0: there is none */
	uint32_t n_obj;
	struct ent e[MAX_ENT];
	uint32_t n_ent;
};

static struct tm_oid oid_of(uint32_t i)
{
	return (struct tm_oid){ .ino = i, .gen = 7 };
}

static struct ent *find(struct model *m, struct tm_oid dir, const char *name)
{
	for (uint32_t i = 0; i < m->n_ent; i++)
		if (m->e[i].live && tm_oid_eq(m->e[i].dir, dir) && !strcmp(m->e[i].name, name))
			return &m->e[i];
	return NULL;
}

static void put(struct model *m, struct tm_oid dir, const char *name, struct tm_oid oid)
{
	struct ent *e = find(m, dir, name);

	for (uint32_t i = 0; !e && i < m->n_ent; i++)
		if (!m->e[i].live)
			e = &m->e[i];
	if (!e) {
		if (m->n_ent == MAX_ENT)
			abort();
		e = &m->e[m->n_ent++];
	}
	*e = (struct ent){ .dir = dir, .oid = oid, .live = true };
	snprintf(e->name, sizeof(e->name), "%s", name);
}

static uint32_t links(const struct model *m, struct tm_oid oid)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->n_ent; i++)
		n += m->e[i].live && tm_oid_eq(m->e[i].oid, oid);
	return n;
}

static uint8_t kind_of(const struct model *m, struct tm_oid oid)
{
	if (tm_oid_reserved(oid))
		return TM_KIND_DIR;
	return oid.ino < MAX_OBJ ? m->kind[oid.ino] : 0;
}

static bool empty(const struct model *m, struct tm_oid dir)
{
	for (uint32_t i = 0; i < m->n_ent; i++)
		if (m->e[i].live && tm_oid_eq(m->e[i].dir, dir))
			return false;
	return true;
}

static struct ent *place(struct model *m, struct tm_oid oid)
{
	for (uint32_t i = 0; i < m->n_ent; i++)
		if (m->e[i].live && tm_oid_eq(m->e[i].oid, oid))
			return &m->e[i];
	return NULL;
}

/* Is directory @a the directory @b or above it? */
static bool above(struct model *m, struct tm_oid a, struct tm_oid b)
{
	for (int depth = 0; depth < MAX_OBJ; depth++) {
		struct ent *e;

		if (tm_oid_eq(a, b))
			return true;
		e = place(m, b);
		if (!e)
			return false;
		b = e->dir;
	}
	return true;
}

/* ---- view of a model ---- */

static int v_object(void *ctx, struct tm_oid oid, struct tm_row *ret)
{
	const struct model *m = ctx;

	if (tm_oid_reserved(oid) || !kind_of(m, oid))
		return -ENOENT;
	*ret = (struct tm_row){ .oid = oid,
				.kind = kind_of(m, oid),
				.tino = oid.ino,
				.nlink = links(m, oid),
				.flags = TM_ROW_COMPLETE | TM_ROW_ATTRS };
	return 0;
}

static int v_name(void *ctx, struct tm_oid dir, const char *name, uint32_t len, struct tm_oid *ret)
{
	char n[256];
	struct ent *e;

	memcpy(n, name, len);
	n[len] = 0;
	e = find(ctx, dir, n);
	if (e)
		*ret = e->oid;
	return e ? 0 : -ENOENT;
}

static int v_walk(struct model *m, struct tm_oid oid, bool children, tm_view_fn fn, void *arg)
{
	for (uint32_t i = 0; i < m->n_ent; i++) {
		struct ent *e = &m->e[i];
		int r;

		if (!e->live || !tm_oid_eq(children ? e->dir : e->oid, oid))
			continue;
		r = fn(arg, (struct tm_place){ e->dir, e->name, (uint32_t)strlen(e->name) },
		       e->oid);
		if (r)
			return r;
	}
	return 0;
}

static int v_names_of(void *ctx, struct tm_oid oid, tm_view_fn fn, void *arg)
{
	return v_walk(ctx, oid, false, fn, arg);
}

static int v_children(void *ctx, struct tm_oid oid, tm_view_fn fn, void *arg)
{
	return v_walk(ctx, oid, true, fn, arg);
}

/* ---- carrying out steps, as strict as the kernel ---- */

static char why[400];

static bool bad(const struct tm_step *s, const char *what)
{
	snprintf(why, sizeof(why), "%s of %llu from (%llu,%s) to (%llu,%s): %s",
		 tm_step_name(s->type), (unsigned long long)s->oid.ino,
		 (unsigned long long)s->from.dir.ino, s->from.name ? s->from.name : "",
		 (unsigned long long)s->to.dir.ino, s->to.name ? s->to.name : "", what);
	return false;
}

static void drop(struct model *m, struct ent *e)
{
	struct tm_oid oid = e->oid;

	e->live = false;
	if (links(m, oid))
		return;
	for (uint32_t i = 0; i < m->n_ent; i++)
		if (m->e[i].live && tm_oid_eq(m->e[i].dir, oid))
			drop(m, &m->e[i]);
	if (!tm_oid_reserved(oid))
		m->kind[oid.ino] = 0;
}

static bool dir_there(struct model *m, struct tm_oid dir)
{
	return tm_oid_reserved(dir) || dir.ino == ROOT ||
	       (kind_of(m, dir) == TM_KIND_DIR && place(m, dir));
}

static bool do_move(struct model *m, const struct tm_step *s)
{
	struct ent *a = find(m, s->from.dir, s->from.name), *b = find(m, s->to.dir, s->to.name);
	bool is_dir = kind_of(m, s->oid) == TM_KIND_DIR;

	if (!a || !tm_oid_eq(a->oid, s->oid))
		return bad(s, "is not there");
	if (!dir_there(m, s->to.dir))
		return bad(s, "no such directory");
	if (is_dir && above(m, s->oid, s->to.dir))
		return bad(s, "below itself");
	if (is_dir != !!(s->flags & TM_SF_DIR))
		return bad(s, "wrong DIR flag");
	if (b && !(s->flags & TM_SF_REPLACE))
		return bad(s, "destination is taken");
	if (b && (is_dir || kind_of(m, b->oid) == TM_KIND_DIR || !tm_oid_eq(b->oid, s->oid2)))
		return bad(s, "cannot replace that");
	if (b && tm_oid_eq(b->oid, s->oid))
		return bad(s, "onto a name of the same object");
	if (b)
		drop(m, b);
	a->live = false;
	put(m, s->to.dir, s->to.name, s->oid);
	return true;
}

static bool do_exchange(struct model *m, const struct tm_step *s)
{
	struct ent *a = find(m, s->from.dir, s->from.name), *b = find(m, s->to.dir, s->to.name);

	if (!a || !b || !tm_oid_eq(a->oid, s->oid) || !tm_oid_eq(b->oid, s->oid2))
		return bad(s, "not both there");
	if (kind_of(m, s->oid) == TM_KIND_DIR && above(m, s->oid, s->to.dir))
		return bad(s, "one above the other");
	if (kind_of(m, s->oid2) == TM_KIND_DIR && above(m, s->oid2, s->from.dir))
		return bad(s, "one above the other");
	a->oid = s->oid2;
	b->oid = s->oid;
	return true;
}

static bool do_step(struct model *m, const struct tm_step *s)
{
	struct ent *e;

	switch (s->type) {
	case TM_STEP_ROW: m->kind[s->oid.ino] = s->row.kind; return true;
	case TM_STEP_MOVE: return do_move(m, s);
	case TM_STEP_EXCHANGE: return do_exchange(m, s);
	case TM_STEP_LINK:
		e = find(m, s->from.dir, s->from.name);
		if (!e || !tm_oid_eq(e->oid, s->oid) || kind_of(m, s->oid) == TM_KIND_DIR)
			return bad(s, "is not there");
		if (!dir_there(m, s->to.dir) || find(m, s->to.dir, s->to.name))
			return bad(s, "destination");
		put(m, s->to.dir, s->to.name, s->oid);
		return true;
	case TM_STEP_UNLINK:
		e = find(m, s->from.dir, s->from.name);
		if (!e || !tm_oid_eq(e->oid, s->oid) || kind_of(m, s->oid) == TM_KIND_DIR)
			return bad(s, "is not there");
		drop(m, e);
		return true;
	case TM_STEP_RMTREE:
		e = find(m, s->from.dir, s->from.name);
		if (!e || !tm_oid_eq(e->dir, TM_OID_PARK))
			return bad(s, "not parked");
		drop(m, e);
		return true;
	default: return true;
	}
}

/* ---- the source: mutations ---- */

static uint64_t rng;

static uint32_t rnd(uint32_t n)
{
	rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(rng >> 33) % n;
}

/* A live entry at random, or NULL. */
static struct ent *any(struct model *m, uint8_t kind)
{
	for (int tries = 0; tries < 60 && m->n_ent; tries++) {
		struct ent *e = &m->e[rnd(m->n_ent)];

		if (e->live && (!kind || kind_of(m, e->oid) == kind))
			return e;
	}
	return NULL;
}

static struct tm_oid any_dir(struct model *m)
{
	struct ent *e = rnd(4) ? any(m, TM_KIND_DIR) : NULL;

	return e ? e->oid : oid_of(ROOT);
}

static const char *any_name(void)
{
	static char n[4][8];
	static int k;

	k = (k + 1) % 4;
	snprintf(n[k], sizeof(n[k]), "%c", 'a' + (char)rnd(6));
	return n[k];
}

static void mut_create(struct model *m)
{
	struct tm_oid dir = any_dir(m);
	const char *name = any_name();
	struct tm_oid o;

	if (m->n_obj + 1 >= MAX_OBJ || find(m, dir, name))
		return;
	o = oid_of(++m->n_obj);
	m->kind[o.ino] = rnd(2) ? TM_KIND_DIR : rnd(5) ? TM_KIND_REG : TM_KIND_LNK;
	put(m, dir, name, o);
}

static void mut_remove(struct model *m)
{
	struct ent *e = any(m, 0);

	if (e && (rnd(3) == 0 || kind_of(m, e->oid) != TM_KIND_DIR || empty(m, e->oid)))
		drop(m, e);
}

static void mut_rename(struct model *m)
{
	struct ent *e = any(m, 0), *t;
	struct tm_oid dir = any_dir(m);
	const char *name = any_name();

	if (!e || (kind_of(m, e->oid) == TM_KIND_DIR && above(m, e->oid, dir)))
		return;
	t = find(m, dir, name);
	if (t == e || (t && tm_oid_eq(t->oid, e->oid)))
		return;
	if (t && (kind_of(m, t->oid) == TM_KIND_DIR) != (kind_of(m, e->oid) == TM_KIND_DIR))
		return;
	if (t && kind_of(m, t->oid) == TM_KIND_DIR && !empty(m, t->oid))
		return;
	if (t)
		drop(m, t);
	e->dir = dir;
	snprintf(e->name, sizeof(e->name), "%s", name);
}

static void mut_exchange(struct model *m)
{
	struct ent *a = any(m, 0), *b = any(m, 0);
	struct tm_oid o;

	if (!a || !b || a == b)
		return;
	if (kind_of(m, a->oid) == TM_KIND_DIR && above(m, a->oid, b->dir))
		return;
	if (kind_of(m, b->oid) == TM_KIND_DIR && above(m, b->oid, a->dir))
		return;
	o = a->oid;
	a->oid = b->oid;
	b->oid = o;
}

static void mut_link(struct model *m)
{
	struct ent *e = any(m, TM_KIND_REG);
	struct tm_oid dir = any_dir(m), oid;
	const char *name = any_name();

	if (!e || find(m, dir, name))
		return;
	oid = e->oid; /* put() may move the list */
	put(m, dir, name, oid);
}

/* Parent and child change places: a/b becomes b/a. */
static void mut_invert(struct model *m)
{
	struct ent *b = any(m, TM_KIND_DIR), *a = b ? place(m, b->dir) : NULL;
	struct tm_oid dir;
	char name[48];

	if (!a || find(m, b->oid, "inner"))
		return;
	dir = a->dir;
	memcpy(name, a->name, sizeof(name));
	a->dir = b->oid;
	snprintf(a->name, sizeof(a->name), "%s", "inner");
	b->dir = dir;
	memcpy(b->name, name, sizeof(name));
}

static void mutate(struct model *m, uint32_t n)
{
	while (n--) {
		switch (rnd(10)) {
		case 0:
		case 1: mut_create(m); break;
		case 2: mut_remove(m); break;
		case 3:
		case 4:
		case 5: mut_rename(m); break;
		case 6:
		case 7: mut_exchange(m); break;
		case 8: mut_link(m); break;
		default: mut_invert(m);
		}
	}
}

/* ---- the source: assertions ---- */

static void attrs_for(const struct model *m, struct tm_oid oid, struct tm_attrs *a)
{
	*a = (struct tm_attrs){ .kind = kind_of(m, oid), .mode = 0644, .nlink = links(m, oid) };
	if (a->kind == TM_KIND_DIR)
		a->nlink = 0;
}

static int assert_entry(struct tm_batch *b, struct model *m, struct tm_oid dir, const char *name)
{
	struct ent *e = find(m, dir, name);
	struct tm_assert a = { .type = e ? TM_ASSERT_ENTRY : TM_ASSERT_ABSENT,
			       .parent = dir,
			       .name = name,
			       .name_len = (uint32_t)strlen(name) };

	if (e) {
		a.oid = e->oid;
		attrs_for(m, e->oid, &a.attrs);
		a.symlink = "x";
		a.symlink_len = 1;
	}
	return tm_batch_add(b, &a);
}

/* What need.c and stage.c would have done. */
static void prepare(struct tm_batch *b, struct model *target)
{
	for (size_t i = 0; i < b->n_objs; i++) {
		struct tm_bobj *o = b->objs[i];

		if (v_object(target, o->oid, &o->row) == 0) {
			o->known = true;
			continue;
		}
		if (!o->asserted || o->result == TM_FILE_TORN)
			continue;
		snprintf(o->stage, sizeof(o->stage), "s%zu", i);
		o->stage_tino = o->oid.ino;
		o->result = TM_FILE_OK;
		put(target, TM_OID_STAGE, o->stage, o->oid);
		target->kind[o->oid.ino] = o->attrs.kind;
	}
}

static void staged_away(struct model *target)
{
	for (uint32_t i = 0; i < target->n_ent; i++)
		if (target->e[i].live && tm_oid_eq(target->e[i].dir, TM_OID_STAGE))
			drop(target, &target->e[i]);
}

/* Names that exist before and after must exist throughout. */
struct watch {
	struct tm_oid dir;
	char name[48];
	bool absent;
};

static bool same_tree(struct model *a, struct model *b)
{
	for (uint32_t i = 0; i < a->n_ent; i++) {
		struct ent *e = &a->e[i], *f;

		if (!e->live)
			continue;
		f = find(b, e->dir, e->name);
		if (!f || !tm_oid_eq(f->oid, e->oid)) {
			snprintf(why, sizeof(why), "(%llu,%s) holds %llu, in the other tree %lld",
				 (unsigned long long)e->dir.ino, e->name,
				 (unsigned long long)e->oid.ino, f ? (long long)f->oid.ino : -1);
			return false;
		}
	}
	return true;
}

static bool carry_out(struct model *target, const struct tm_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (!do_step(target, &p->steps[i]))
			return false;
	return true;
}

static bool run_batch(struct tm_batch *b, struct model *target)
{
	struct tm_view view = { v_object, v_name, v_names_of, v_children, target };
	struct tm_plan_in in = { .view = &view, .batch = b, .root = oid_of(ROOT),
				 .lost_found = true };
	struct tm_plan plan;
	struct model *before = malloc(sizeof(*before));
	bool ok;
	int r;

	/* The planner sees the table: without what is staged. */
	*before = *target;
	prepare(b, target);
	view.ctx = before;
	r = tm_plan_make(&in, &plan);
	ok = r == 0;
	if (r)
		snprintf(why, sizeof(why), "plan: error %d", r);
	else
		ok = carry_out(target, &plan);
	staged_away(target);
	tm_plan_free(&plan);
	free(before);
	return ok;
}

/* Entries that differ between two trees, in random order. */
static uint32_t changed(struct model *a, struct model *b, struct watch *w)
{
	uint32_t n = 0;

	for (int pass = 0; pass < 2; pass++) {
		struct model *x = pass ? b : a, *y = pass ? a : b;

		for (uint32_t i = 0; i < x->n_ent; i++) {
			struct ent *e = &x->e[i], *f;

			if (!e->live)
				continue;
			f = find(y, e->dir, e->name);
			if (f && (pass || tm_oid_eq(f->oid, e->oid)))
				continue;
			if (!kind_of(b, e->dir))
				continue; /* the directory itself is gone: nobody lists it */
			w[n].dir = e->dir;
			memcpy(w[n++].name, e->name, sizeof(e->name));
		}
	}
	for (uint32_t i = n; i > 1; i--) {
		uint32_t j = rnd(i);
		struct watch t = w[i - 1];

		w[i - 1] = w[j];
		w[j] = t;
	}
	return n;
}

static struct model *tree_new(uint32_t mutations)
{
	struct model *m = calloc(1, sizeof(*m));

	m->kind[ROOT] = TM_KIND_DIR;
	m->n_obj = ROOT;
	mutate(m, mutations);
	return m;
}

static int batch_new(struct tm_batch *b, uint32_t flags)
{
	static uint64_t seq;
	struct tm_msg_batch head = { .seq = ++seq, .flags = flags };

	return tm_batch_init(b, &head);
}

/*
 * Directories that are new to the target must be listed, and entries in directories that are gone
 * are not told. So one round: changed entries in 1-3 batches; entries of a new directory come in
 * any batch after it was known or in the same; the last batch lists again what was not known when
 * its entries came (as a source does on NEED LIST).
 */
static bool round_trip(struct model *source, struct model *target, uint32_t n_batches)
{
	static struct watch w[2 * MAX_ENT];
	uint32_t n = changed(target, source, w), at = 0;
	bool ok = true;

	for (uint32_t k = 0; k < n_batches && ok; k++) {
		uint32_t end = k + 1 == n_batches ? n : at + rnd(n - at + 1);
		struct tm_batch b;

		if (batch_new(&b, k + 1 == n_batches ? TM_BATCH_LAST : 0) < 0)
			return false;
		for (; at < end; at++)
			if (assert_entry(&b, source, w[at].dir, w[at].name) < 0)
				return false;
		/* Told again, and told without need. */
		for (uint32_t i = 0; i < 3 && n; i++) {
			struct watch *x = &w[rnd(n)];
			struct ent *e = any(source, 0);

			assert_entry(&b, source, x->dir, x->name);
			if (e)
				assert_entry(&b, source, e->dir, e->name);
		}
		if (k + 1 == n_batches) {
			/* Everything below directories that the target does not have yet. */
			for (uint32_t i = 0; i < source->n_ent; i++) {
				struct ent *e = &source->e[i];

				if (e->live &&
				    (!kind_of(target, e->dir) || !find(target, e->dir, e->name)))
					assert_entry(&b, source, e->dir, e->name);
			}
		}
		ok = run_batch(&b, target);
		tm_batch_free(&b);
	}
	return ok && same_tree(source, target) && same_tree(target, source);
}

static void many(uint64_t seed, uint32_t size, uint32_t mutations, uint32_t batches,
		 uint32_t rounds)
{
	for (uint32_t i = 0; i < rounds; i++) {
		struct model *source, *target;
		bool ok;

		rng = seed + i;
		source = tree_new(size);
		target = malloc(sizeof(*target));
		*target = *source;
		mutate(source, mutations);
		target->n_obj = source->n_obj;
		ok = round_trip(source, target, 1 + (batches > 1 ? rnd(batches) : 0));
		free(source);
		free(target);
		if (!ok)
			printf("# seed %llu: %s\n", (unsigned long long)(seed + i), why);
		CHECK(ok);
	}
}

TEST(small_trees_with_few_changes_become_equal)
{
	many(1, 8, 2, 1, 20000);
}

TEST(small_trees_with_many_changes_become_equal)
{
	many(100000, 12, 10, 1, 20000);
}

TEST(large_trees_with_many_changes_become_equal)
{
	many(200000, 120, 80, 1, 1500);
}

TEST(changes_spread_over_several_batches_become_equal)
{
	many(300000, 20, 15, 3, 10000);
}

TEST(a_first_sync_builds_the_whole_tree)
{
	for (uint32_t i = 0; i < 500; i++) {
		struct model *source, *target;
		bool ok;

		rng = 400000 + i;
		source = tree_new(60);
		target = calloc(1, sizeof(*target));
		target->kind[ROOT] = TM_KIND_DIR;
		ok = round_trip(source, target, 1);
		free(source);
		free(target);
		if (!ok)
			printf("# seed %u: %s\n", 400000 + i, why);
		CHECK(ok);
	}
}

/* ---- single cases, told by name ---- */

static struct model *m_new(void)
{
	struct model *m = calloc(1, sizeof(*m));

	m->kind[ROOT] = TM_KIND_DIR;
	m->n_obj = ROOT;
	return m;
}

static struct tm_oid add(struct model *m, struct tm_oid dir, const char *name, uint8_t kind)
{
	struct tm_oid o = oid_of(++m->n_obj);

	m->kind[o.ino] = kind;
	put(m, dir, name, o);
	return o;
}

/* Plan one batch that asserts all differences; count the steps on names. */
static struct tm_plan plan_of(struct model *from, struct model *to, struct tm_batch *b,
			      uint32_t flags)
{
	static struct watch w[2 * MAX_ENT];
	struct tm_view view = { v_object, v_name, v_names_of, v_children, from };
	struct tm_plan_in in = { .view = &view, .batch = b, .root = oid_of(ROOT),
				 .lost_found = true };
	struct model *staging = malloc(sizeof(*staging));
	struct tm_plan p;
	uint32_t n;

	*staging = *from;
	batch_new(b, flags);
	n = changed(from, to, w);
	for (uint32_t i = 0; i < n; i++)
		assert_entry(b, to, w[i].dir, w[i].name);
	prepare(b, staging);
	free(staging);
	if (tm_plan_make(&in, &p) < 0)
		abort();
	return p;
}

static size_t count(const struct tm_plan *p, uint8_t type)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->steps[i].type == type;
	return n;
}

TEST(a_directory_rename_is_one_step_whatever_is_below)
{
	struct model *a = m_new(), *b = malloc(sizeof(*b));
	struct tm_oid d = add(a, oid_of(ROOT), "d", TM_KIND_DIR);
	struct tm_batch batch;
	struct tm_plan p;

	for (int i = 0; i < 100; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		add(a, d, name, TM_KIND_REG);
	}
	*b = *a;
	find(b, oid_of(ROOT), "d")->name[0] = 'e';
	p = plan_of(a, b, &batch, TM_BATCH_LAST);
	CHECK_EQ(count(&p, TM_STEP_MOVE), 1);
	CHECK_EQ(count(&p, TM_STEP_EXCHANGE) + count(&p, TM_STEP_LINK) + count(&p, TM_STEP_UNLINK) +
			 count(&p, TM_STEP_RMTREE),
		 0);
	CHECK_EQ(p.renamed, 1);
	CHECK_EQ(p.doomed, 0);
	tm_plan_free(&p);
	tm_batch_free(&batch);
	free(a);
	free(b);
}

TEST(two_that_change_places_are_one_exchange)
{
	struct model *a = m_new(), *b = malloc(sizeof(*b));
	struct tm_oid f = add(a, oid_of(ROOT), "f", TM_KIND_REG),
		      d = add(a, oid_of(ROOT), "d", TM_KIND_DIR);
	struct tm_batch batch;
	struct tm_plan p;

	*b = *a;
	find(b, oid_of(ROOT), "f")->oid = d;
	find(b, oid_of(ROOT), "d")->oid = f;
	p = plan_of(a, b, &batch, TM_BATCH_LAST);
	CHECK_EQ(count(&p, TM_STEP_EXCHANGE), 1);
	CHECK_EQ(count(&p, TM_STEP_MOVE), 0);
	tm_plan_free(&p);
	tm_batch_free(&batch);
	free(a);
	free(b);
}

/* At every moment each of @names holds something. */
static bool never_absent(struct model *m, const struct tm_plan *p, const char *const *names)
{
	for (size_t i = 0; i < p->n; i++) {
		if (!do_step(m, &p->steps[i]))
			return false;
		for (int k = 0; names[k]; k++)
			if (!find(m, oid_of(ROOT), names[k])) {
				snprintf(why, sizeof(why), "%s is absent after step %zu", names[k],
					 i);
				return false;
			}
	}
	return true;
}

static void chain(uint8_t k0, uint8_t k1, uint8_t k2, uint32_t flags)
{
	static const char *const names[] = { "x1", "x2", NULL };
	struct model *a = m_new(), *b = malloc(sizeof(*b));
	struct tm_oid o0 = add(a, oid_of(ROOT), "x0", k0), o1 = add(a, oid_of(ROOT), "x1", k1);
	struct tm_batch batch;
	struct tm_plan p;
	bool ok;

	add(a, oid_of(ROOT), "x2", k2);
	*b = *a;
	/* As log files are rotated: 2 is dropped, 1 becomes 2, 0 becomes 1. */
	drop(b, find(b, oid_of(ROOT), "x2"));
	drop(b, find(b, oid_of(ROOT), "x0"));
	b->kind[o0.ino] = k0;
	find(b, oid_of(ROOT), "x1")->oid = o0;
	put(b, oid_of(ROOT), "x2", o1);
	p = plan_of(a, b, &batch, flags);
	ok = never_absent(a, &p, names);
	if (!ok)
		printf("# %s\n", why);
	tm_plan_free(&p);
	tm_batch_free(&batch);
	CHECK(ok);
	CHECK(tm_oid_eq(find(a, oid_of(ROOT), "x1")->oid, o0));
	CHECK(tm_oid_eq(find(a, oid_of(ROOT), "x2")->oid, o1));
	free(a);
	free(b);
}

TEST(a_chain_of_renames_leaves_no_name_absent)
{
	for (int i = 0; i < 8; i++)
		for (uint32_t flags = 0; flags <= TM_BATCH_LAST; flags += TM_BATCH_LAST)
			chain(i & 1 ? TM_KIND_DIR : TM_KIND_REG, i & 2 ? TM_KIND_DIR : TM_KIND_REG,
			      i & 4 ? TM_KIND_DIR : TM_KIND_REG, flags);
}

TEST(replacing_by_a_new_object_leaves_no_name_absent)
{
	static const char *const names[] = { "x", NULL };

	for (int i = 0; i < 8; i++) {
		struct model *a = m_new(), *b = malloc(sizeof(*b));
		struct tm_oid o;
		struct tm_batch batch;
		struct tm_plan p;
		bool ok;

		add(a, oid_of(ROOT), "x", i & 1 ? TM_KIND_DIR : TM_KIND_REG);
		*b = *a;
		drop(b, find(b, oid_of(ROOT), "x"));
		o = add(b, oid_of(ROOT), "x", i & 2 ? TM_KIND_DIR : TM_KIND_REG);
		p = plan_of(a, b, &batch, i & 4 ? TM_BATCH_LAST : 0);
		for (size_t k = 0; k < batch.n_objs; k++)
			put(a, TM_OID_STAGE, batch.objs[k]->stage, batch.objs[k]->oid),
				a->kind[o.ino] = batch.objs[k]->attrs.kind;
		ok = never_absent(a, &p, names);
		if (!ok)
			printf("# %s\n", why);
		CHECK(ok);
		CHECK(tm_oid_eq(find(a, oid_of(ROOT), "x")->oid, o));
		tm_plan_free(&p);
		tm_batch_free(&batch);
		free(a);
		free(b);
	}
}

TEST(what_lost_its_name_waits_for_the_last_batch)
{
	struct model *m = m_new(), *gone = malloc(sizeof(*gone));
	struct tm_oid d = add(m, oid_of(ROOT), "d", TM_KIND_DIR);
	struct tm_batch b;
	bool ok;

	add(m, d, "f", TM_KIND_REG);
	*gone = *m;
	drop(gone, find(gone, oid_of(ROOT), "d"));
	batch_new(&b, 0);
	assert_entry(&b, gone, oid_of(ROOT), "d");
	ok = run_batch(&b, m);
	tm_batch_free(&b);
	CHECK(ok);
	CHECK(!find(m, oid_of(ROOT), "d"));
	CHECK(place(m, d) && tm_oid_eq(place(m, d)->dir, TM_OID_PARK));
	CHECK(find(m, d, "f"));
	/* Claimed under another name: it was a rename. */
	batch_new(&b, TM_BATCH_LAST);
	*gone = *m;
	put(gone, oid_of(ROOT), "e", d);
	assert_entry(&b, gone, oid_of(ROOT), "e");
	ok = run_batch(&b, m);
	tm_batch_free(&b);
	CHECK(ok);
	CHECK(find(m, oid_of(ROOT), "e") && find(m, d, "f"));
	CHECK(empty(m, TM_OID_PARK));
	free(m);
	free(gone);
}

TEST(nobody_claims_it_and_it_is_deleted_with_all_below)
{
	struct model *m = m_new(), *gone = malloc(sizeof(*gone));
	struct tm_oid d = add(m, oid_of(ROOT), "d", TM_KIND_DIR), f = add(m, d, "f", TM_KIND_REG);
	struct tm_batch b;
	struct tm_plan p;

	*gone = *m;
	drop(gone, find(gone, oid_of(ROOT), "d"));
	p = plan_of(m, gone, &b, TM_BATCH_LAST);
	CHECK_EQ(p.doomed, 2);
	CHECK(carry_out(m, &p));
	tm_plan_free(&p);
	tm_batch_free(&b);
	CHECK(!kind_of(m, d) && !kind_of(m, f));
	free(m);
	free(gone);
}

TEST(a_new_object_whose_content_did_not_come_leaves_the_old_one_in_place)
{
	struct model *m = m_new();
	struct tm_oid old = add(m, oid_of(ROOT), "f", TM_KIND_REG);
	struct tm_batch b;
	struct tm_assert a = { .type = TM_ASSERT_ENTRY,
			       .parent = oid_of(ROOT),
			       .name = "f",
			       .name_len = 1,
			       .oid = oid_of(99),
			       .attrs = { .kind = TM_KIND_REG, .nlink = 1 } };
	bool ok;

	batch_new(&b, TM_BATCH_LAST);
	CHECK_EQ(tm_batch_add(&b, &a), 0);
	tm_batch_obj(&b, oid_of(99))->result = TM_FILE_TORN;
	a = (struct tm_assert){ .type = TM_ASSERT_LISTED, .oid = oid_of(ROOT) };
	CHECK_EQ(tm_batch_add(&b, &a), 0);
	ok = run_batch(&b, m);
	tm_batch_free(&b);
	CHECK(ok);
	CHECK(find(m, oid_of(ROOT), "f") && tm_oid_eq(find(m, oid_of(ROOT), "f")->oid, old));
	free(m);
}

TEST(a_listed_directory_keeps_only_what_was_asserted)
{
	struct model *m = m_new();
	struct tm_batch b;
	struct tm_assert a = { .type = TM_ASSERT_LISTED, .oid = oid_of(ROOT) };
	bool ok;

	add(m, oid_of(ROOT), "keep", TM_KIND_REG);
	add(m, oid_of(ROOT), "go", TM_KIND_REG);
	add(m, oid_of(ROOT), "lost+found", TM_KIND_DIR);
	batch_new(&b, TM_BATCH_LAST);
	assert_entry(&b, m, oid_of(ROOT), "keep");
	CHECK_EQ(tm_batch_add(&b, &a), 0);
	ok = run_batch(&b, m);
	tm_batch_free(&b);
	CHECK(ok);
	CHECK(find(m, oid_of(ROOT), "keep"));
	CHECK(!find(m, oid_of(ROOT), "go"));
	CHECK(find(m, oid_of(ROOT), "lost+found"));
	free(m);
}

TEST(sightings_that_form_a_circle_delete_nothing)
{
	struct model *m = m_new();
	struct tm_oid x = add(m, oid_of(ROOT), "x", TM_KIND_DIR),
		      y = add(m, oid_of(ROOT), "y", TM_KIND_DIR);
	struct tm_batch b;
	struct tm_assert a = { .type = TM_ASSERT_ENTRY,
			       .attrs = { .kind = TM_KIND_DIR },
			       .name_len = 1 };
	bool ok;

	add(m, x, "f", TM_KIND_REG);
	batch_new(&b, TM_BATCH_LAST);
	a.parent = x, a.name = "y", a.oid = y;
	CHECK_EQ(tm_batch_add(&b, &a), 0);
	a.parent = y, a.name = "x", a.oid = x;
	CHECK_EQ(tm_batch_add(&b, &a), 0);
	a.type = TM_ASSERT_ABSENT, a.parent = oid_of(ROOT), a.name = "x";
	CHECK_EQ(tm_batch_add(&b, &a), 0);
	a.name = "y";
	CHECK_EQ(tm_batch_add(&b, &a), 0);
	ok = run_batch(&b, m);
	tm_batch_free(&b);
	if (!ok)
		printf("# %s\n", why);
	CHECK(ok);
	CHECK(kind_of(m, x) && kind_of(m, y) && find(m, x, "f"));
	free(m);
}

TEST(entries_of_a_directory_nobody_knows_are_left_alone)
{
	struct model *m = m_new();
	struct tm_oid f = add(m, oid_of(ROOT), "f", TM_KIND_REG);
	struct tm_batch b;
	struct tm_assert a = { .type = TM_ASSERT_ENTRY,
			       .parent = oid_of(300),
			       .name = "f",
			       .name_len = 1,
			       .oid = f,
			       .attrs = { .kind = TM_KIND_REG, .nlink = 1 } };
	bool ok;

	batch_new(&b, TM_BATCH_LAST);
	CHECK_EQ(tm_batch_add(&b, &a), 0);
	ok = run_batch(&b, m);
	tm_batch_free(&b);
	CHECK(ok);
	CHECK(find(m, oid_of(ROOT), "f"));
	free(m);
}

TEST(reserved_identities_are_refused)
{
	struct tm_batch b;
	struct tm_assert a = {
		.type = TM_ASSERT_ABSENT, .parent = TM_OID_PARK, .name = "f", .name_len = 1
	};

	batch_new(&b, 0);
	CHECK_EQ(tm_batch_add(&b, &a), -EBADMSG);
	a.parent = TM_OID_ALIAS(5);
	CHECK_EQ(tm_batch_add(&b, &a), -EBADMSG);
	tm_batch_free(&b);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}

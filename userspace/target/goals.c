/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/goals.c - what each directory entry must hold when the batch is done; see plan.h.
 *
 * Of contradicting sightings the newest is believed: a directory, and a file seen with one link, is
 * only where it was seen last. What cannot be (a directory below itself, a parent nobody knows) is
 * left as it is, and then nothing is deleted for good: the change that explains it is still on its
 * way.
 */
#include "target/plan_int.h"

/* Reserved at the top: our own state, and what fsck owns. */
static bool reserved_name(const struct pstate *s, const struct tm_place *at)
{
	if (!pl_is(at->dir, s->in->root))
		return false;
	return tm_streq(at->name, ".tidemark") ||
	       (s->in->lost_found && tm_streq(at->name, "lost+found"));
}

/* Pass 1: where was each object seen last? */
static int sightings(struct pstate *s)
{
	const struct tm_batch *b = s->in->batch;

	for (size_t i = 0; i < b->n_ents; i++) {
		const struct tm_bent *be = b->ents[i];
		struct pobj *d, *o = NULL;
		struct pent *e;
		int r = pl_obj(s, be->at.dir, &d);

		if (r == 0 && be->obj && pl_attachable(be->obj))
			r = pl_obj(s, be->obj->oid, &o);
		if (r < 0)
			return r;
		if (!d || !d->is_dir || reserved_name(s, &be->at)) {
			s->out->held |= o && o->known;
			continue;
		}
		r = pl_ent(s, be->at.dir, be->at.name, be->at.len, &e);
		if (r < 0)
			return r;
		e->bent = be;
		if (!o || pl_is(o->oid, s->in->root))
			continue;
		if (!o->last || o->last->bent->order < be->order)
			o->last = e;
		o->single = o->is_dir || o->last->bent->nlink <= 1;
	}
	return 0;
}

/* Does the batch say that this entry no longer holds what it holds? */
static bool leaves(const struct pstate *s, const struct pent *e)
{
	const struct tm_bobj *d;

	if (reserved_name(s, &e->at))
		return false;
	if (e->bent)
		return !e->bent->obj ||
		       (pl_attachable(e->bent->obj) && !pl_is(e->bent->obj->oid, e->cur->oid));
	d = tm_batch_obj(s->in->batch, e->at.dir);
	return d && d->listed;
}

/* The directory above @d at the end; *ret NULL: nowhere. */
static int parent_at_end(struct pstate *s, struct pobj *d, struct pobj **ret)
{
	int r;

	*ret = NULL;
	if (d->last)
		return pl_obj(s, d->last->at.dir, ret);
	if (!d->known)
		return 0;
	r = pl_load_names(s, d);
	if (r < 0 || !d->n_at)
		return r;
	if (leaves(s, d->at[0]))
		return pl_obj(s, TM_OID_PARK, ret);
	return pl_obj(s, d->at[0]->at.dir, ret);
}

/* A circle was found at @d: disbelieve its oldest sighting. */
static int break_circle(struct pstate *s, struct pobj *d)
{
	struct pobj *oldest = NULL, *o = d;

	do {
		int r;

		if (o->last && (!oldest || o->last->bent->order < oldest->last->bent->order))
			oldest = o;
		r = parent_at_end(s, o, &o);
		if (r < 0)
			return r;
	} while (o && o != d);
	if (!oldest)
		return -EUCLEAN; /* the table itself holds a circle */
	oldest->last = NULL;
	s->out->held = true;
	return 0;
}

static void mark(struct pstate *s, struct pobj *from, struct pobj *end, uint8_t reach)
{
	while (from && from != end && from->reach == REACH_WALKING) {
		from->reach = reach;
		if (parent_at_end(s, from, &from) < 0)
			return;
	}
}

/*
 * The way up from @d ends nowhere: a directory that is known stays where it is, its entries are as
 * valid as ever. Returns whether there is one whose sighting can be given up.
 */
static bool give_up_sighting(struct pstate *s, struct pobj *d)
{
	struct pobj *known = NULL;

	for (struct pobj *o = d; o && o->reach == REACH_WALKING;) {
		if (o->known && o->last)
			known = o;
		if (parent_at_end(s, o, &o) < 0)
			return false;
	}
	mark(s, d, NULL, known ? REACH_UNKNOWN : REACH_BAD);
	if (!known)
		return false;
	known->last = NULL;
	s->out->held = true;
	return true;
}

/* Is @d connected to the root (or parked) at the end? Sets d->reach to OK or BAD. */
static int reach(struct pstate *s, struct pobj *d)
{
	struct pobj *o;
	int r;

again:
	for (o = d; o && o->reach == REACH_UNKNOWN;) {
		o->reach = REACH_WALKING;
		r = parent_at_end(s, o, &o);
		if (r < 0)
			return r;
	}
	if (o && o->reach == REACH_WALKING) {
		mark(s, d, NULL, REACH_UNKNOWN);
		r = break_circle(s, o);
		if (r < 0)
			return r;
		goto again;
	}
	if (o && o->reach == REACH_OK)
		mark(s, d, o, REACH_OK);
	else if (give_up_sighting(s, d))
		goto again;
	return 0;
}

static void set_goal(struct pent *e, struct pobj *o)
{
	e->goal = o;
	e->has_goal = true;
}

/* Pass 2: circles must be broken before anybody relies on a sighting. */
static int reach_all(struct pstate *s)
{
	for (size_t i = 0; i < s->n_objs; i++) {
		struct pobj *o = s->objs[i];
		int r = o->is_dir && (o->last || o->b) ? reach(s, o) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* Pass 3: what the batch says about entries. */
static int asserted(struct pstate *s)
{
	for (size_t i = 0; i < s->n_ents; i++) {
		struct pent *e = s->ents[i];
		struct pobj *d, *o = NULL;
		int r;

		if (!e->bent)
			continue;
		r = pl_obj(s, e->at.dir, &d);
		if (r == 0 && e->bent->obj && pl_attachable(e->bent->obj))
			r = pl_obj(s, e->bent->obj->oid, &o);
		if (r == 0 && d->reach == REACH_UNKNOWN)
			r = reach(s, d);
		if (r < 0)
			return r;
		if (d->reach != REACH_OK) {
			s->out->held |= o && o->known;
			if (o && o->last == e)
				o->last = NULL;
			continue;
		}
		if (!e->bent->obj)
			set_goal(e, NULL);
		else if (!o || pl_is(o->oid, s->in->root))
			continue; /* its content did not come: whatever stands there stays */
		else if (o->single && o->last != e)
			set_goal(e, o->last || e->cur != o ? NULL : o);
		else
			set_goal(e, o);
	}
	return 0;
}

/* Pass 4: names that go because their object was seen elsewhere. */
static int implied(struct pstate *s)
{
	for (size_t i = 0; i < s->n_objs; i++) {
		struct pobj *o = s->objs[i];
		struct pent *l = o->last;
		int r;

		if (!l || !o->known || l->goal != o)
			continue;
		if (l->cur == o && (o->is_dir || o->row.nlink <= 1))
			continue;
		r = pl_load_names(s, o);
		if (r < 0)
			return r;
		for (uint32_t k = 0; k < o->n_at; k++) {
			struct pent *e = o->at[k];

			if (e != l &&
			    (pl_hidden(e) || (o->single && (!e->has_goal || e->goal == o))))
				set_goal(e, NULL);
		}
	}
	return 0;
}

struct child_list {
	struct pstate *s;
	struct tm_place *v;
	struct tm_oid *oids;
	size_t n, cap, cap_oids;
};

static int collect_child(void *arg, struct tm_place at, struct tm_oid oid)
{
	struct child_list *l = arg;
	char *name;

	if (tm_batch_ent(l->s->in->batch, at.dir, at.name, at.len) || reserved_name(l->s, &at))
		return 0;
	name = tm_arena_dup(l->s->arena, at.name, at.len);
	if (!name || pl_grow(&l->v, l->n, &l->cap, sizeof(*l->v)) < 0 ||
	    pl_grow(&l->oids, l->n, &l->cap_oids, sizeof(*l->oids)) < 0)
		return -ENOMEM;
	l->v[l->n] = (struct tm_place){ at.dir, name, at.len };
	l->oids[l->n++] = oid;
	return 0;
}

/* Pass 5: a listed directory holds nothing but what was asserted. */
static int listed(struct pstate *s)
{
	const struct tm_batch *b = s->in->batch;
	struct child_list l = { .s = s };
	int r = 0;

	for (size_t i = 0; i < b->n_objs && r >= 0; i++) {
		if (b->objs[i]->listed && (b->objs[i]->known || !b->objs[i]->asserted))
			r = s->in->view->children(s->in->view->ctx, b->objs[i]->oid, collect_child,
						  &l);
		if (r == -ENOENT)
			r = 0;
	}
	for (size_t i = 0; i < l.n && r >= 0; i++) {
		struct pobj *o;
		struct pent *e;

		r = pl_obj(s, l.oids[i], &o);
		if (r == 0)
			r = pl_ent_holding(s, l.v[i], o, &e);
		if (r == 0 && !e->has_goal)
			set_goal(e, NULL);
	}
	free(l.v);
	free(l.oids);
	return r;
}

int pl_goals(struct pstate *s)
{
	int r = sightings(s);

	if (r == 0)
		r = reach_all(s);
	if (r == 0)
		r = asserted(s);
	if (r == 0)
		r = implied(s);
	if (r == 0)
		r = listed(s);
	/* Whatever loses a name: how many others has it? */
	for (size_t i = 0; i < s->n_ents && r == 0; i++) {
		struct pent *e = s->ents[i];

		if (e->has_goal && e->cur && e->cur != e->goal)
			r = pl_load_names(s, e->cur);
	}
	return r;
}

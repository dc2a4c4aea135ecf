/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/order.c - the steps on names, each possible when its turn comes; see plan.h.
 *
 * settle() brings one token to its end. Its parent directory is settled first, so nothing ever
 * moves below itself. Where something stands that goes on elsewhere, the newcomer is taken "in
 * hand" (a name in PARK, unless it is hidden already) and exchanged with it: then that one is in
 * hand, and so on to the end of the chain. Begun at the head of a chain, no name on it is ever
 * absent.
 */
#include "target/plan_int.h"

#include <stdio.h>

static struct tm_step step_of(uint8_t type, const struct pobj *o)
{
	return (struct tm_step){
		.type = type, .oid = o->oid, .tino = o->row.tino, .flags = o->is_dir ? TM_SF_DIR : 0
	};
}

static int touch(struct pstate *s, const struct pent *e)
{
	struct pobj *d;
	int r = pl_obj(s, e->at.dir, &d);

	if (r == 0 && d)
		d->touched = true;
	return r;
}

static int emit(struct pstate *s, const struct tm_step *st, const struct pent *a,
		const struct pent *b)
{
	int r = pl_step(s, st);

	if (r == 0)
		r = touch(s, a);
	if (r == 0 && b)
		r = touch(s, b);
	return r;
}

static void tok_move_src(struct ptok *t, struct pent *src)
{
	if (t->src && t->src->out == t)
		t->src->out = NULL;
	t->src = src;
	if (src)
		src->out = t;
}

/* @src moves to @dst; a non-directory that stands there is replaced by the rename. */
static int emit_move(struct pstate *s, struct pent *src, struct pent *dst)
{
	struct pobj *x = src->cur, *victim = dst->cur;
	struct tm_step st = step_of(TM_STEP_MOVE, x);

	st.from = src->at;
	st.to = dst->at;
	if (victim) {
		st.flags |= TM_SF_REPLACE;
		st.oid2 = victim->oid;
		st.tino2 = victim->row.tino;
		pl_detach(dst);
		if (!victim->n_at)
			s->out->deleted++;
	}
	pl_detach(src);
	if (pl_attach(dst, x) < 0)
		return -ENOMEM;
	return emit(s, &st, src, dst);
}

static int emit_exchange(struct pstate *s, struct pent *a, struct pent *b)
{
	struct pobj *x = a->cur, *y = b->cur;
	struct tm_step st = step_of(TM_STEP_EXCHANGE, x);

	st.flags = x->is_dir || y->is_dir ? TM_SF_DIR : 0;
	st.oid2 = y->oid;
	st.tino2 = y->row.tino;
	st.from = a->at;
	st.to = b->at;
	pl_detach(a);
	pl_detach(b);
	if (pl_attach(a, y) < 0 || pl_attach(b, x) < 0)
		return -ENOMEM;
	return emit(s, &st, a, b);
}

static int emit_link(struct pstate *s, struct pobj *x, struct pent *dst)
{
	struct tm_step st = step_of(TM_STEP_LINK, x);

	if (!x->n_at)
		return -EUCLEAN;
	st.from = x->at[0]->at;
	st.to = dst->at;
	if (pl_attach(dst, x) < 0)
		return -ENOMEM;
	return emit(s, &st, dst, NULL);
}

static int emit_unlink(struct pstate *s, struct pent *e)
{
	struct pobj *o = e->cur;
	struct tm_step st = step_of(TM_STEP_UNLINK, o);

	st.from = e->at;
	pl_detach(e);
	if (!o->n_at)
		s->out->deleted++;
	return emit(s, &st, e, NULL);
}

/* An unused name in PARK. */
static int hand_ent(struct pstate *s, struct pent **ret)
{
	char name[48];
	int n = snprintf(name, sizeof(name), "h%llu-%u", (unsigned long long)s->in->batch->head.seq,
			 s->hands++);

	return pl_ent_holding(s, (struct tm_place){ TM_OID_PARK, name, (uint32_t)n }, NULL, ret);
}

/* The final name in PARK of something that lost its last name. */
static int park(struct pstate *s, struct pent *e)
{
	char name[TM_PARK_NAME];
	struct pent *to;
	int r;

	tm_park_name(e->cur->oid, name);
	r = pl_ent(s, TM_OID_PARK, name, (uint32_t)strlen(name), &to);
	if (r < 0 || to == e)
		return r;
	if (to->cur)
		r = hand_ent(s, &to);
	return r == 0 ? emit_move(s, e, to) : r;
}

/* What stands at @e is on its way out. */
static int retire(struct pstate *s, struct pent *e)
{
	if (!e->cur->is_dir && (e->cur->n_at > 1 || s->last))
		return emit_unlink(s, e);
	return park(s, e);
}

/* Bring what @t carries to a hidden name. */
static int take_in_hand(struct pstate *s, struct ptok *t, struct pent **ret)
{
	int r;

	if (t->src && pl_hidden(t->src)) {
		*ret = t->src;
		return 0;
	}
	r = hand_ent(s, ret);
	if (r < 0)
		return r;
	if (!t->src)
		return emit_link(s, t->obj, *ret);
	r = emit_move(s, t->src, *ret);
	tok_move_src(t, *ret);
	return r;
}

static void tok_done(struct ptok *t)
{
	tok_move_src(t, NULL);
	t->done = true;
}

/* Is directory @x above @e? Only meaningful while both are where the picture says. */
static int is_above(struct pstate *s, const struct pobj *x, const struct pent *e, bool *ret)
{
	struct tm_oid at = e->at.dir;
	struct pobj *o;

	*ret = false;
	for (size_t i = 0; x->is_dir && i <= s->n_objs; i++) {
		int r = pl_obj(s, at, &o);

		if (r == 0 && o == x)
			*ret = true;
		if (r < 0 || !o || o == x)
			return r;
		r = pl_load_names(s, o);
		if (r < 0 || !o->n_at)
			return r;
		at = o->at[0]->at.dir;
	}
	return 0;
}

static int settle(struct pstate *s, struct ptok *t, bool follow);

/* @d and everything above it come to where they end. Iterative: depth is the peer's choice. */
static int settle_dir(struct pstate *s, struct pobj *d)
{
	struct pobj *o;
	int r = 0;

	if (d->settled)
		return 0;
	s->n_chain = 0;
	for (o = d; o && !o->settled;) {
		const struct pent *e;

		if (pl_grow(&s->chain, s->n_chain, &s->cap_chain, sizeof(*s->chain)) < 0)
			return -ENOMEM;
		s->chain[s->n_chain++] = o;
		r = pl_load_names(s, o);
		if (r < 0)
			return r;
		if (!o->n_at || s->n_chain > s->n_objs)
			return -EUCLEAN;
		e = o->at[0];
		r = pl_obj(s,
			   e->out	 ? e->out->dst->at.dir
			   : pl_dying(e) ? TM_OID_PARK
					 : e->at.dir,
			   &o);
		if (r < 0 || !o)
			return r < 0 ? r : -EUCLEAN;
	}
	for (size_t i = s->n_chain; i-- > 0 && r == 0;) {
		o = s->chain[i];
		if (o->at[0]->out)
			r = settle(s, o->at[0]->out, false);
		else if (pl_dying(o->at[0]))
			r = park(s, o->at[0]);
		o->settled = true;
	}
	return r;
}

/* Something that goes for good (or loses a name) stands where @t ends. */
static int replace_dying(struct pstate *s, struct ptok *t)
{
	struct pent *e = t->dst, *h = t->src;
	struct pobj *y = e->cur;
	int r = 0;

	if (!t->obj->is_dir && !y->is_dir && (y->n_at > 1 || s->last)) {
		if (!h)
			r = take_in_hand(s, t, &h);
		return r == 0 ? emit_move(s, h, e) : r;
	}
	r = take_in_hand(s, t, &h);
	if (r == 0)
		r = emit_exchange(s, h, e);
	return r == 0 ? retire(s, h) : r;
}

/* Two that want each other's place: one exchange, unless one is above the other. */
static int try_swap(struct pstate *s, struct ptok *t, struct ptok *u, bool follow, bool *ret_done)
{
	struct pent *e0 = t->src, *e1 = t->dst;
	struct pobj *d;
	bool above;
	int r;

	*ret_done = false;
	if (!e0 || pl_hidden(e0) || u->dst != e0)
		return 0;
	r = pl_obj(s, e0->at.dir, &d);
	if (r < 0 || !d || (!d->settled && !follow))
		return r;
	r = settle_dir(s, d);
	if (r < 0 || t->done || u->done || t->src != e0 || u->src != e1)
		return r;
	r = is_above(s, t->obj, e1, &above);
	if (r == 0 && !above)
		r = is_above(s, u->obj, e0, &above);
	if (r < 0 || above)
		return r;
	r = emit_exchange(s, e0, e1);
	tok_done(t);
	tok_done(u);
	*ret_done = true;
	return r;
}

static int settle(struct pstate *s, struct ptok *t, bool follow)
{
	while (t && !t->done) {
		struct pent *e = t->dst, *h;
		struct ptok *u;
		struct pobj *d;
		bool swapped;
		int r = pl_obj(s, e->at.dir, &d);

		if (r == 0)
			r = d ? settle_dir(s, d) : -EUCLEAN;
		if (r < 0 || t->done)
			return r;
		u = e->out;
		if (!u) {
			if (e->cur)
				r = replace_dying(s, t);
			else
				r = t->src ? emit_move(s, t->src, e) : emit_link(s, t->obj, e);
			tok_done(t);
			return r;
		}
		r = try_swap(s, t, u, follow, &swapped);
		if (r < 0 || swapped)
			return r;
		if (t->done || e->out != u)
			continue; /* settling on the way changed the picture: look again */
		r = take_in_hand(s, t, &h);
		if (r == 0)
			r = emit_exchange(s, h, e);
		if (r < 0)
			return r;
		tok_done(t);
		tok_move_src(u, h);
		t = follow ? u : NULL;
	}
	return 0;
}

/* A head: nothing will come to where this token starts. */
static bool is_head(const struct ptok *t)
{
	return !t->src || pl_hidden(t->src) || !t->src->in;
}

static int settle_all(struct pstate *s, bool heads)
{
	int r = 0;

	for (size_t i = 0; i < s->n_toks && r == 0; i++)
		if (!s->toks[i]->done && (!heads || is_head(s->toks[i])))
			r = settle(s, s->toks[i], true);
	return r;
}

/* Does directory @d go with all below it? */
static int doomed_dir(struct pstate *s, struct tm_oid dir, bool *ret)
{
	struct pobj *o, *top;
	uint8_t doom = 0;
	int r = pl_obj(s, dir, &o);

	for (top = o; r == 0 && !doom;) {
		if (!top || top->doom) {
			doom = top ? top->doom : 1;
		} else if (pl_is(top->oid, TM_OID_PARK)) {
			doom = 2;
		} else if (pl_is(top->oid, TM_OID_STAGE) || pl_is(top->oid, s->in->root)) {
			doom = 1;
		} else {
			r = pl_load_names(s, top);
			if (r == 0 && (!top->n_at || pl_dying(top->at[0])))
				doom = 2;
			else if (r == 0)
				r = pl_obj(s, top->at[0]->at.dir, &top);
		}
	}
	for (; r == 0 && o && o != top && !o->doom; r = pl_obj(s, o->at[0]->at.dir, &o))
		o->doom = doom;
	*ret = doom == 2;
	return r;
}

/* What lost its name and was not replaced by anything. */
static int sweep(struct pstate *s)
{
	int r = 0;

	for (size_t i = 0; i < s->n_ents && r == 0; i++) {
		struct pent *e = s->ents[i];
		bool doomed = false;

		if (!pl_dying(e) || e->goal)
			continue;
		/* It goes together with the directory, in one step. */
		if (s->last)
			r = doomed_dir(s, e->at.dir, &doomed);
		if (r == 0 && !doomed)
			r = retire(s, e);
		else if (r == 0 && e->cur->n_at == 1)
			r = pl_count_tree(s, e->cur, &s->out->deleted);
	}
	return r;
}

static int purge(struct pstate *s)
{
	int r = 0;

	for (size_t i = 0; i < s->in->n_foreign && r == 0; i++) {
		const struct tm_foreign *f = &s->in->foreign[i];
		const struct pent *e = pl_ent_find(s, f->at.dir, f->at.name, f->at.len);
		struct tm_step st = { .type = TM_STEP_PURGE, .tino = f->tino, .from = f->at };
		struct pobj *d;

		if (e && e->cur)
			continue; /* what was put there has displaced it */
		r = pl_obj(s, f->at.dir, &d);
		if (r == 0 && d) {
			d->touched = true;
			r = pl_step(s, &st);
		}
	}
	return r;
}

int pl_order(struct pstate *s)
{
	int r = settle_all(s, true);

	if (r == 0)
		r = settle_all(s, false);
	if (r == 0)
		r = sweep(s);
	return r == 0 ? purge(s) : r;
}

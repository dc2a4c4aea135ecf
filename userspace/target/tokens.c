/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/tokens.c - which name goes where, and how much is lost; see plan.h.
 *
 * Each entry has at most one token that leaves it and one that arrives, so tokens form
 * chains and circles; order.c walks them.
 */
#include "target/plan_int.h"

static int tok_new(struct pstate *s, struct pobj *o, struct pent *src, struct pent *dst)
{
	struct ptok *t = tm_arena_alloc(s->arena, sizeof(*t));

	if (!t || pl_grow(&s->toks, s->n_toks, &s->cap_toks, sizeof(*s->toks)) < 0)
		return -ENOMEM;
	*t = (struct ptok){ .obj = o, .src = src, .dst = dst };
	if (src)
		src->out = t;
	dst->in = t;
	s->toks[s->n_toks++] = t;
	return 0;
}

static void push(struct pent **list, struct pent *e)
{
	e->next = *list;
	*list = e;
}

/* A name that @o loses and that no token takes yet. */
static struct pent *pop_removed(struct pobj *o)
{
	for (uint32_t i = 0; i < o->n_at; i++) {
		struct pent *e = o->at[i];
		bool goes = e->has_goal ? e->goal != o : !o->known && pl_hidden(e);

		if (goes && !e->out)
			return e;
	}
	return NULL;
}

static int pair(struct pstate *s, struct pobj *o)
{
	while (o->added) {
		struct pent *dst = o->added, *src = pop_removed(o);
		int r;

		o->added = dst->next;
		/* A directory has one name: it cannot come without leaving. */
		if (o->is_dir && !src)
			return -EUCLEAN;
		r = tok_new(s, o, src, dst);
		if (r < 0)
			return r;
		if (src && !pl_is(src->at.dir, TM_OID_STAGE))
			s->out->renamed++;
	}
	return 0;
}

/* Everything below a directory, as far as no entry there has a goal of its own. */
struct below {
	struct pstate *s;
	struct tm_oid *v;
	size_t n, cap;
};

static int below_one(void *arg, struct tm_place at, struct tm_oid oid)
{
	struct below *b = arg;
	struct pent *e = pl_ent_find(b->s, at.dir, at.name, at.len);

	if (e && e->has_goal)
		return 0;
	if (pl_grow(&b->v, b->n, &b->cap, sizeof(*b->v)) < 0)
		return -ENOMEM;
	b->v[b->n++] = oid;
	return 0;
}

int pl_count_tree(struct pstate *s, const struct pobj *o, uint64_t *count)
{
	struct below b = { .s = s };
	struct tm_oid at = o->oid;
	int r = 0;

	(*count)++;
	if (!o->is_dir || !o->known)
		return 0;
	for (;;) {
		r = s->in->view->children(s->in->view->ctx, at, below_one, &b);
		if ((r < 0 && r != -ENOENT) || !b.n)
			break;
		at = b.v[--b.n];
		(*count)++;
	}
	free(b.v);
	return r == -ENOENT ? 0 : r;
}

/* Does the object itself go with this name? Counted once, at the first of its names. */
static bool goes(const struct pent *e)
{
	const struct pobj *o = e->cur;

	if (!o || !o->n_at || o->at[0] != e || !o->known || pl_hidden(e))
		return false;
	for (uint32_t i = 0; i < o->n_at; i++)
		if (!pl_dying(o->at[i]))
			return false;
	return true;
}

static int count_losses(struct pstate *s)
{
	int r = 0;

	for (size_t i = 0; i < s->n_ents && r == 0; i++) {
		const struct pent *e = s->ents[i];

		if (goes(e))
			r = pl_count_tree(s, e->cur, &s->out->doomed);
		else if (e->out && pl_is(e->at.dir, TM_OID_PARK))
			r = pl_count_tree(s, e->cur, &s->out->claimed);
	}
	s->out->doomed += s->in->n_foreign;
	return r;
}

int pl_tokens(struct pstate *s)
{
	int r = 0;

	for (size_t i = s->n_ents; i-- > 0;) {
		struct pent *e = s->ents[i];

		if (e->has_goal && e->goal && e->goal != e->cur)
			push(&e->goal->added, e);
	}
	for (size_t i = 0; i < s->n_objs && r == 0; i++)
		r = pair(s, s->objs[i]);
	return r == 0 ? count_losses(s) : r;
}

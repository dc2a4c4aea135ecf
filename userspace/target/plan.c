/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/plan.c - the planner's picture of the tree, and its stages; see plan.h.
 */
#include "target/plan_int.h"

#define PLAN_BYTES_MAX ((size_t)2 << 30)
#define PLAN_STEPS_MAX ((size_t)64 << 20)

int pl_grow(void *list, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap ? *cap * 2 : 64;
	void *v;

	if (n < *cap)
		return 0;
	v = realloc(*(void **)list, want * size);
	if (!v)
		return -ENOMEM;
	*(void **)list = v;
	*cap = want;
	return 0;
}

int pl_step(struct pstate *s, const struct tm_step *step)
{
	struct tm_plan *p = s->out;

	if (p->n >= PLAN_STEPS_MAX)
		return -E2BIG;
	if (pl_grow(&p->steps, p->n, &p->cap, sizeof(*p->steps)) < 0)
		return -ENOMEM;
	p->steps[p->n++] = *step;
	return 0;
}

static int obj_new(struct pstate *s, struct tm_oid oid, struct pobj **ret)
{
	struct pobj *o = tm_arena_alloc(s->arena, sizeof(*o));

	if (!o || pl_grow(&s->objs, s->n_objs, &s->cap_objs, sizeof(*s->objs)) < 0)
		return -ENOMEM;
	o->oid = oid;
	if (tm_map_put(s->obj_map, &oid, sizeof(oid), o, NULL) < 0)
		return -ENOMEM;
	s->objs[s->n_objs++] = o;
	*ret = o;
	return 0;
}

static int stage_ent(struct pstate *s, struct pobj *o)
{
	struct tm_place at = { TM_OID_STAGE, o->b->stage, (uint32_t)strlen(o->b->stage) };
	struct pent *e;

	o->names_loaded = true;
	return pl_ent_holding(s, at, o, &e);
}

int pl_obj(struct pstate *s, struct tm_oid oid, struct pobj **ret)
{
	struct pobj *o = tm_map_get(s->obj_map, &oid, sizeof(oid));
	const struct tm_bobj *b;
	struct tm_row row;
	int r;

	*ret = o;
	if (o)
		return 0;
	if (pl_is(oid, TM_OID_PARK) || pl_is(oid, TM_OID_STAGE)) {
		r = obj_new(s, oid, &o);
		if (r < 0)
			return r;
		o->is_dir = o->known = o->names_loaded = o->settled = true;
		o->reach = REACH_OK;
		*ret = o;
		return 0;
	}
	b = tm_batch_obj(s->in->batch, oid);
	if (b && b->known) {
		row = b->row;
	} else if (b && b->asserted) {
		if (!b->stage[0])
			return 0;
		row = (struct tm_row){ .oid = oid, .kind = b->attrs.kind, .tino = b->stage_tino };
	} else {
		r = s->in->view->object(s->in->view->ctx, oid, &row);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
	}
	r = obj_new(s, oid, &o);
	if (r < 0)
		return r;
	o->b = b;
	o->row = row;
	o->known = !b || b->known || !b->asserted;
	o->is_dir = row.kind == TM_KIND_DIR;
	if (!o->known)
		r = stage_ent(s, o);
	else if (pl_is(oid, s->in->root))
		o->names_loaded = o->settled = true, o->reach = REACH_OK;
	*ret = o;
	return r;
}

struct pent *pl_ent_find(const struct pstate *s, struct tm_oid dir, const char *name, uint32_t len)
{
	uint8_t key[TM_PLACE_KEY];

	return tm_map_get(s->ent_map, key, tm_place_key(dir, name, len, key));
}

int pl_attach(struct pent *e, struct pobj *o)
{
	size_t cap = o->cap_at;

	if (pl_grow(&o->at, o->n_at, &cap, sizeof(*o->at)) < 0)
		return -ENOMEM;
	o->cap_at = (uint32_t)cap;
	o->at[o->n_at++] = e;
	e->cur = o;
	return 0;
}

void pl_detach(struct pent *e)
{
	struct pobj *o = e->cur;

	for (uint32_t i = 0; i < o->n_at; i++) {
		if (o->at[i] != e)
			continue;
		o->at[i] = o->at[--o->n_at];
		break;
	}
	e->cur = NULL;
}

int pl_ent_holding(struct pstate *s, struct tm_place at, struct pobj *cur, struct pent **ret)
{
	struct pent *e = pl_ent_find(s, at.dir, at.name, at.len);
	uint8_t key[TM_PLACE_KEY];

	*ret = e;
	if (e)
		return 0;
	e = tm_arena_alloc(s->arena, sizeof(*e));
	if (!e || pl_grow(&s->ents, s->n_ents, &s->cap_ents, sizeof(*s->ents)) < 0)
		return -ENOMEM;
	e->at = at;
	e->at.name = tm_arena_dup(s->arena, at.name, at.len);
	if (!e->at.name ||
	    tm_map_put(s->ent_map, key, tm_place_key(at.dir, at.name, at.len, key), e, NULL) < 0)
		return -ENOMEM;
	s->ents[s->n_ents++] = e;
	*ret = e;
	return cur ? pl_attach(e, cur) : 0;
}

int pl_ent(struct pstate *s, struct tm_oid dir, const char *name, uint32_t len, struct pent **ret)
{
	struct pobj *cur = NULL, *d;
	struct tm_oid oid;
	int r;

	*ret = pl_ent_find(s, dir, name, len);
	if (*ret)
		return 0;
	r = pl_obj(s, dir, &d);
	if (r < 0)
		return r;
	if (d && d->known) {
		r = s->in->view->name(s->in->view->ctx, dir, name, len, &oid);
		if (r == 0)
			r = pl_obj(s, oid, &cur);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return pl_ent_holding(s, (struct tm_place){ dir, name, len }, cur, ret);
}

struct load {
	struct pstate *s;
	struct pobj *o;
};

static int load_one(void *arg, struct tm_place at, struct tm_oid oid _unused_)
{
	struct load *l = arg;
	struct pent *e;

	return pl_ent_holding(l->s, at, l->o, &e);
}

int pl_load_names(struct pstate *s, struct pobj *o)
{
	struct load l = { s, o };
	int r;

	if (o->names_loaded)
		return 0;
	r = s->in->view->names_of(s->in->view->ctx, o->oid, load_one, &l);
	if (r < 0 && r != -ENOENT)
		return r;
	o->names_loaded = true;
	return 0;
}

static void state_free(struct pstate *s)
{
	for (size_t i = 0; i < s->n_objs; i++)
		free(s->objs[i]->at);
	free(s->objs);
	free(s->ents);
	free(s->toks);
	free(s->chain);
	tm_map_free(s->obj_map, NULL);
	tm_map_free(s->ent_map, NULL);
}

int tm_plan_make(const struct tm_plan_in *in, struct tm_plan *ret)
{
	struct pstate s = { .in = in, .out = ret, .arena = &ret->arena };
	int r = -ENOMEM;

	*ret = (struct tm_plan){ 0 };
	tm_arena_init(&ret->arena, PLAN_BYTES_MAX);
	s.last = in->batch->head.flags & TM_BATCH_LAST;
	s.obj_map = tm_map_new();
	s.ent_map = tm_map_new();
	if (s.obj_map && s.ent_map)
		r = pl_goals(&s);
	if (ret->held)
		s.last = false;
	if (r == 0)
		r = pl_tokens(&s);
	if (r == 0)
		r = pl_rows(&s);
	if (r == 0)
		r = pl_order(&s);
	if (r == 0)
		r = pl_finish(&s);
	state_free(&s);
	return r;
}

void tm_plan_free(struct tm_plan *p)
{
	free(p->steps);
	tm_arena_free(&p->arena);
	*p = (struct tm_plan){ 0 };
}

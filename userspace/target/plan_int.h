/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/plan_int.h - the planner's picture of the tree; between plan.c, goals.c, tokens.c, order.c
 * and finish.c only.
 *
 * Entries and objects are loaded from the view when something asks for them, then live in the
 * picture: "cur" is what the entry holds after the steps emitted so far, "goal" what it must hold
 * at the end.
 */
#ifndef TM_TARGET_PLAN_INT_H
#define TM_TARGET_PLAN_INT_H

#include "target/plan.h"

struct ptok;

struct pobj {
	struct tm_oid oid;
	const struct tm_bobj *b; /* NULL: the batch does not assert it */
	struct tm_row row;	 /* known ones; of new ones kind and tino */
	bool known;
	bool is_dir;
	bool names_loaded;
	bool settled;	   /* directory: it and all above it stand where they end */
	uint8_t reach;	   /* directory: enum below */
	uint8_t doom;	   /* directory: 1 stays, 2 goes with all below it; 0: not known yet */
	bool touched;	   /* directory: a step changed its entries */
	struct pent *last; /* entry of the newest sighting */
	bool single;	   /* it has only that one name */
	struct pent **at;  /* current names that are loaded */
	uint32_t n_at, cap_at;
	struct pent *added; /* names it will get, while tokens are made */
};

enum { REACH_UNKNOWN = 0, REACH_WALKING, REACH_OK, REACH_BAD };

struct pent {
	struct tm_place at;
	struct pobj *cur;
	struct pobj *goal;
	bool has_goal;
	const struct tm_bent *bent; /* asserted so */
	struct ptok *in;	    /* ends here */
	struct ptok *out;	    /* stands here and goes on */
	struct pent *next;	    /* in pobj.added */
};

/* One name of one object on its way. */
struct ptok {
	struct pobj *obj;
	struct pent *src; /* NULL: one more name for an object that has one */
	struct pent *dst;
	bool done;
};

struct pstate {
	const struct tm_plan_in *in;
	struct tm_plan *out;
	struct tm_arena *arena; /* of the plan */
	struct tm_map *obj_map;
	struct tm_map *ent_map;
	struct pobj **objs;
	size_t n_objs, cap_objs;
	struct pent **ents;
	size_t n_ents, cap_ents;
	struct ptok **toks;
	size_t n_toks, cap_toks;
	struct pobj **chain; /* scratch of settle_dir() */
	size_t n_chain, cap_chain;
	uint32_t hands; /* temporary names made so far */
	bool last;	/* LAST and nothing was contradicting */
};

/* plan.c: the picture */
int pl_obj(struct pstate *s, struct tm_oid oid, struct pobj **ret); /* *ret NULL: there is none */
int pl_ent(struct pstate *s, struct tm_oid dir, const char *name, uint32_t len, struct pent **ret);
int pl_ent_holding(struct pstate *s, struct tm_place at, struct pobj *cur, struct pent **ret);
struct pent *pl_ent_find(const struct pstate *s, struct tm_oid dir, const char *name, uint32_t len);
int pl_load_names(struct pstate *s, struct pobj *o);
int pl_attach(struct pent *e, struct pobj *o);
void pl_detach(struct pent *e);
int pl_count_tree(struct pstate *s, const struct pobj *o,
		  uint64_t *count); /* adds @o and all below it */
int pl_step(struct pstate *s, const struct tm_step *step);
int pl_grow(void *list, size_t n, size_t *cap, size_t size);

static inline bool pl_is(struct tm_oid a, struct tm_oid b)
{
	return tm_oid_eq(a, b);
}

/* Not a directory that a reader sees. */
static inline bool pl_hidden(const struct pent *e)
{
	return pl_is(e->at.dir, TM_OID_PARK) || pl_is(e->at.dir, TM_OID_STAGE);
}

/* Its name goes, and the object was not seen under another one instead. */
static inline bool pl_dying(const struct pent *e)
{
	return e->cur && e->has_goal && e->goal != e->cur && !e->out;
}

/* Can this object get a name: known, or new with its content staged? */
static inline bool pl_attachable(const struct tm_bobj *b)
{
	return b->known || b->stage[0];
}

/* The stages, in order. */
int pl_goals(struct pstate *s);	 /* goals.c: what each entry must hold */
int pl_tokens(struct pstate *s); /* tokens.c: which name goes where, and what is lost */
int pl_order(struct pstate *s);	 /* order.c: the steps on names */
int pl_rows(struct pstate *s);	 /* finish.c: before them, what the table remembers */
int pl_finish(struct pstate *s); /* finish.c: after them, content, deletions, attributes */

#endif

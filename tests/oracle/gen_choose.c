// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * gen_choose.c - which operation comes next: a function of the seed, the
 * thread, the index and the options, and of nothing that happened before.
 */
#include <string.h>

#include "gen.h"

#define PURGE_OPS	20000

uint64_t gen_mix(uint64_t v)
{
	v += 0x9e3779b97f4a7c15ull;
	v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9ull;
	v = (v ^ (v >> 27)) * 0x94d049bb133111ebull;
	return v ^ (v >> 31);
}

uint64_t gen_next(struct gen_rng *r)
{
	uint64_t v = gen_mix(r->s);

	r->s += 0x9e3779b97f4a7c15ull;
	return v;
}

uint32_t gen_below(struct gen_rng *r, uint32_t n)
{
	return n ? (gen_next(r) >> 32) * n >> 32 : 0;
}

static bool allowed(const struct gen_config *cfg, enum gen_kind kind)
{
	switch (kind) {
	case GEN_MMAP:
		return cfg->mmap;
	case GEN_FA_KEEP ... GEN_FA_INSERT:
		return cfg->falloc;
	case GEN_RENAME_OUT ... GEN_WRITE_OUT:
		return cfg->outside >= 0;
	default:
		return true;
	}
}

static enum gen_kind choose_kind(const struct gen_config *cfg, struct gen_rng *r)
{
	uint32_t sum = 0, at;

	for (int k = 0; k < GEN_KINDS; k++)
		sum += allowed(cfg, k) ? gen_kinds[k].weight : 0;
	at = gen_below(r, sum);
	for (int k = 0; k < GEN_KINDS; k++) {
		uint32_t w = allowed(cfg, k) ? gen_kinds[k].weight : 0;

		if (at < w)
			return k;
		at -= w;
	}
	return GEN_CREATE;
}

/* Mostly @usual; the other sorts of names in small shares. */
static void choose_leaf(const struct gen_config *cfg, struct gen_rng *r, enum gen_leaf usual,
			struct gen_path *p)
{
	uint32_t roll = gen_below(r, 100);

	if (roll < 7 && cfg->hostile) {
		p->leaf = LEAF_HOSTILE;
		p->number = gen_below(r, gen_hostile_count());
	} else if (roll < 9) {
		p->leaf = LEAF_LONG;
		p->number = gen_below(r, 4);
	} else {
		p->leaf = roll < 12 ? (usual == LEAF_DIR ? LEAF_FILE : LEAF_DIR) : usual;
		p->number = gen_below(r, p->leaf == LEAF_DIR ? GEN_DIRS : GEN_FILES);
	}
}

static void choose_path(const struct gen_config *cfg, struct gen_rng *r, enum gen_leaf usual,
			struct gen_path *p)
{
	uint32_t roll = gen_below(r, 100);

	memset(p, 0, sizeof(*p));
	p->depth = roll < 35 ? 0 : roll < 72 ? 1 : roll < 92 ? 2 : 3;
	for (int i = 0; i < p->depth; i++)
		p->dir[i] = gen_below(r, GEN_DIRS);
	choose_leaf(cfg, r, usual, p);
}

static void choose_outside(const struct gen_config *cfg, struct gen_rng *r, struct gen_path *p)
{
	choose_path(cfg, r, LEAF_FILE, p);
	p->outside = true;
	p->depth = 0;
}

static bool wants_dir(enum gen_kind kind)
{
	return kind == GEN_MKDIR || kind == GEN_RMDIR || kind == GEN_RMTREE ||
	       kind == GEN_RENAME_DIR || kind == GEN_RENAME_EMPTY || kind == GEN_DEEP ||
	       kind == GEN_ACL_DEFAULT;
}

static bool metadata(enum gen_kind kind)
{
	return kind >= GEN_CHMOD && kind <= GEN_RMACL;
}

/* Sizes: mostly small, some unaligned, a few large. */
static uint32_t choose_len(struct gen_rng *r)
{
	uint32_t roll = gen_below(r, 100);

	if (roll < 30)
		return 1 + gen_below(r, 200);
	if (roll < 80)
		return 1 + gen_below(r, 16384);
	if (roll < 90)
		return 4096 << gen_below(r, 4);
	return roll < 99 ? 1 + gen_below(r, 131072) : 1 + gen_below(r, GEN_BUFFER);
}

static uint64_t choose_off(struct gen_rng *r)
{
	uint32_t roll = gen_below(r, 100);

	if (roll < 35)
		return 0;
	if (roll < 65)
		return 4096ull * gen_below(r, 32);
	return roll < 95 ? gen_below(r, 65536) : gen_below(r, 1 << 20);
}

static void choose_paths(const struct gen_config *cfg, struct gen_rng *r, struct gen_op *op)
{
	enum gen_leaf usual = wants_dir(op->kind) ? LEAF_DIR : LEAF_FILE;

	/* Metadata goes to directories as well, and exchanges swap both. */
	if ((metadata(op->kind) || op->kind == GEN_RENAME_EXCHANGE) && gen_below(r, 3) == 0)
		usual = LEAF_DIR;
	choose_path(cfg, r, usual, &op->a);
	choose_path(cfg, r, op->kind == GEN_RENAME_EXCHANGE && gen_below(r, 4) == 0 ?
		    LEAF_DIR : usual, &op->b);
	if ((op->kind == GEN_RENAME_OUT || op->kind == GEN_RENAME_IN) && gen_below(r, 4) == 0)
		op->a.leaf = op->b.leaf = LEAF_DIR, op->a.number %= GEN_DIRS, op->b.number %= GEN_DIRS;
	if (op->kind == GEN_RENAME_OUT || op->kind == GEN_LINK_OUT)
		choose_outside(cfg, r, &op->b);
	if (op->kind == GEN_RENAME_IN || op->kind == GEN_WRITE_OUT)
		choose_outside(cfg, r, &op->a);
	if (op->kind == GEN_BIG) {
		memset(&op->a, 0, sizeof(op->a));
		op->a.leaf = LEAF_BIG;
		op->a.number = gen_below(r, 2);
		op->b = op->a;
		op->b.number ^= 1;
	}
}

void gen_choose(struct gen_thread *t, struct gen_op *ret)
{
	const struct gen_config *cfg = t->cfg;
	struct gen_op op = { .thread = t->id, .index = t->next++ };
	struct gen_rng r = { gen_mix(cfg->seed ^ gen_mix(t->id + 1)) + op.index * 0x632be59bd9b4e019ull };

	r.s = gen_mix(r.s);
	op.kind = choose_kind(cfg, &r);
	if (t->planned_bytes > cfg->max_bytes / (2 * cfg->threads) || t->planned_ops >= PURGE_OPS) {
		op.kind = GEN_PURGE;
		t->planned_bytes = t->planned_ops = 0;
	}
	choose_paths(cfg, &r, &op);
	op.parents = gen_below(&r, 100) < 40;
	op.off = choose_off(&r);
	op.len = choose_len(&r);
	op.arg = gen_next(&r);
	op.rng = gen_next(&r);
	/* Metadata and names store little; sqlite and bursts a few times len. */
	t->planned_bytes += op.kind < GEN_MKDIR ? op.len : 4096;
	if (op.kind >= GEN_OPEN_UNLINK && op.kind != GEN_BIG)
		t->planned_bytes += 3 * op.len;
	t->planned_ops++;
	*ret = op;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/bpf_guard.c - what depends on whether programs may be skipped.
 *
 * none, voluntary: never, so nothing is needed but an eye on recursion_misses, and tm_hot may be used.
 * full, RT: guard slots. lazy: guard slots from the first miss on. Asked once a second, because a
 * PREEMPT_DYNAMIC kernel changes its mode while it runs.
 */
#include <bpf/bpf.h>
#include <stdio.h>

#include "capture/bpf.h"
#include "lib/clock.h"
#include "lib/text.h"

#define SWEEP_MS	50
#define SLOW_MS		50	/* an operation open for so long may be without an exit program */
#define SLOW_MAX_MS	5000

/* Programs whose skipped runs a slot makes good; what follows the file system's name in a link's. */
static const char *const covered[] = {
	"tm_write_in", "tm_write_out", "tm_write3_in", "tm_write3_out",
	"tm_falloc_in", "tm_falloc_out", "tm_remap_in", "tm_remap_out",
};

bool tm_bpf_guard_covers(const struct tm_kern *k, const char *link)
{
	const char *prog = strchr(link, '-');

	for (size_t i = 0; prog && k->hot && k->hot->guard && i < TM_ARRAY_SIZE(covered); i++)
		if (tm_streq(prog + 1, covered[i]))
			return true;
	return false;
}

/*
 * tm_hot knows inodes by address, which is right only while every freed inode is forgotten: not where
 * that program may be skipped, nor where it could not be attached.
 */
static void hot_decide(struct tm_kern *k)
{
	uint32_t on = k->preempt == TM_PREEMPT_NO && !k->missed && tm_bpf_links_has(k, "vfs-tm_inode_free");

	if (__atomic_exchange_n(&k->hot->on, on, __ATOMIC_SEQ_CST) == on)
		return;
	tm_bpf_forget_places(k);
}

static bool guards_wanted(const struct tm_kern *k)
{
	if (k->opts->no_guards || k->guard_failed)
		return false;
	return k->preempt == TM_PREEMPT_FULL || k->missed;
}

static int guards_attach(struct tm_kern *k)
{
	_cleanup_free_ char *linkdir = tm_bpf_linkdir(k);
	unsigned int n;
	int r;

	if (!linkdir)
		return -ENOMEM;
	if (!tm_lsm_active())
		return -EOPNOTSUPP;
	r = tm_bpf_links_ensure(k, linkdir, "guard", tm_guard_hooks, NULL, &n);
	tm_btf_forget();
	if (!r)
		k->ctl->n_links = (uint32_t)k->n_links;
	return r;
}

/*
 * Slots are used from the moment the flag is up. An operation that was under way then has none, so a root
 * that is tracked already is compared once; its versions look torn until they are levelled.
 */
static int guards_decide(struct tm_kern *k)
{
	bool on = guards_wanted(k);

	if (on && !k->guard_ready) {
		k->guard_ready = !guards_attach(k);
		k->guard_failed = !k->guard_ready;
		on = k->guard_ready;
	}
	if (on == !!k->hot->guard)
		return 0;
	__atomic_store_n(&k->hot->guard, on, __ATOMIC_SEQ_CST);
	/* Other programs count from now on. */
	k->ctl->misses_told = tm_bpf_links_misses(k, NULL);
	return tm_bpf_deliver_all(k, k->claimed, "preemption");
}

int tm_bpf_guard(struct tm_kern *k)
{
	k->preempt = tm_preempt_mode();
	hot_decide(k);
	return guards_decide(k);
}

/* ---- the sweep */

/* A slot that was found open, and when to tell it next. */
struct slow {
	uint64_t since_ns;
	uint64_t next_ms;
	uint32_t wait_ms;
};

void tm_bpf_guard_close(struct tm_kern *k)
{
	tm_map_free(k->slow, free);
	k->slow = NULL;
}

static int slot_deliver(struct tm_kern *k, const struct tm_guard *g)
{
	struct tm_range range = { g->start, g->end };
	struct tm_change c = {
		.kind = TM_CHANGE_INODE, .flags = TM_CF_DATA | (g->end ? 0 : TM_CF_WHOLE),
		.dir = tm_bpf_oid(&g->parent), .obj = tm_bpf_oid(&g->key.id),
		.ranges = g->end ? &range : NULL, .n_ranges = !!g->end,
	};
	int r = tm_bpf_deliver(k, g->roots, &c);

	return r < 0 ? r : 0;
}

/*
 * An operation may really be that slow: its exit program will mark what it did. If it never runs, what was
 * delivered too early is delivered again, ever more seldom, until the thread's next operation or its end
 * settles it.
 */
static int slot_look(struct tm_kern *k, uint32_t tid, const struct tm_guard *g, bool all)
{
	struct slow *s = tm_map_get(k->slow, &tid, sizeof(tid));
	uint64_t now = tm_mono_ms();
	int r;

	if (!all && now < g->since_ns / 1000000 + SLOW_MS)
		return 0;
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s || tm_map_put(k->slow, &tid, sizeof(tid), s, NULL)) {
			free(s);
			return -ENOMEM;
		}
	}
	if (s->since_ns != g->since_ns)
		*s = (struct slow){ .since_ns = g->since_ns, .wait_ms = SLOW_MS };
	if (!all && now < s->next_ms)
		return 0;
	r = slot_deliver(k, g);
	if (!r && !all) {
		s->wait_ms = TM_MIN(2 * s->wait_ms, (uint32_t)SLOW_MAX_MS);
		s->next_ms = now + s->wait_ms;
	}
	return r;
}

/* Threads that are gone took their slots along. */
static void slow_purge(struct tm_kern *k)
{
	int fd = k->map_fd[TM_MAP_GUARDS];
	struct tm_guard g;
	const void *key;
	size_t at = 0, n;
	void *v;

	while (tm_map_next(k->slow, &at, &key, &n, &v))
		if (bpf_map_lookup_elem(fd, key, &g) || !g.open)
			free(tm_map_del(k->slow, key, n));
}

int tm_bpf_guard_sweep(struct tm_kern *k, bool all)
{
	uint32_t tid, *before = NULL, next;
	int fd = k->map_fd[TM_MAP_GUARDS], r = 0;
	uint64_t now = tm_mono_ms();
	struct tm_guard g;

	if (!k->hot->guard || (!all && now - k->guard_sweep_ms < SWEEP_MS))
		return 0;
	k->guard_sweep_ms = now;
	k->slow = k->slow ?: tm_map_new();
	if (!k->slow)
		return -ENOMEM;
	/* A key that goes meanwhile starts the walk anew; the bound keeps that from going on for ever. */
	for (unsigned int i = 0; !r && i < 2 * TM_GUARDS && !bpf_map_get_next_key(fd, before, &next); i++) {
		tid = next;
		before = &tid;
		if (!bpf_map_lookup_elem(fd, &tid, &g) && g.open)
			r = slot_look(k, tid, &g, all);
	}
	slow_purge(k);
	return r;
}

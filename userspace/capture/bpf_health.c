/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/bpf_health.c - does it still see? What is checked when.
 *
 * Skipped programs are counted by the kernel (10 times a second); links, canaries, the tracing switch and
 * unmounts are looked at every second (canary.c), the self-test runs when it is due (selftest.c). Each ends in "incomplete"
 * and ALL for the roots that it touches.
 *
 * Version pairs that stay unequal (a skipped program, an operation under way while we attached) would make
 * their files look torn for ever; after a minute without movement they are levelled.
 */
#include "capture/bpf.h"
#include "capture/selftest.h"
#include "lib/clock.h"

#define CANARY_MS	1000
#define MISSES_MS	100
#define SWEEP_MS	5000
#define LEVEL_MS	60000
#define SWEEP_MAX	1024
#define REPIN_EVERY	10	/* of those */

/* Unequal pairs being watched. */
struct tm_sweep {
	struct {
		uint32_t slot;
		struct tm_version v;
		uint64_t since_ms;
	} at[SWEEP_MAX];
	size_t n;
	uint64_t rounds;
};

int tm_bpf_health_open(struct tm_kern *k)
{
	k->sweep = calloc(1, sizeof(*k->sweep));
	return k->sweep ? 0 : -ENOMEM;
}

void tm_bpf_health_close(struct tm_kern *k)
{
	free(k->sweep);
	k->sweep = NULL;
	tm_selftest_free(k);
}

/* ---- skipped programs */

/* The claimed roots on the file systems of @fs (bits of tm_fs_table). */
static uint64_t roots_on(const struct tm_kern *k, uint64_t fs)
{
	uint64_t roots = 0;

	for (unsigned int i = 0; i < TM_CAPTURE_ROOTS_MAX; i++)
		if (k->claimed >> i & 1 && k->fs[i] && fs >> (k->fs[i] - tm_fs_table) & 1)
			roots |= 1ULL << i;
	return roots;
}

static int misses(struct tm_kern *k)
{
	uint64_t fs, now;
	int r;

	now = tm_bpf_links_misses(k, &fs);
	k->missed_fs |= fs;
	if (now == k->ctl->misses_told) {
		k->missed_fs = 0;
		return 0;
	}
	r = tm_bpf_deliver_all(k, roots_on(k, k->missed_fs), "recursion-miss");
	if (r)
		return r;
	k->missed_fs = 0;
	k->ctl->misses_told = now;
	k->missed = true;
	return 0;
}

/* Nobody can take a held link away, but what is not the same any more is not trusted. */
static int links(struct tm_kern *k)
{
	bool intact = tm_bpf_links_intact(k);
	int r = 0;

	if (!intact && !k->links_changed)
		r = tm_bpf_deliver_all(k, k->claimed, "detached");
	if (!r)
		k->links_changed = !intact;
	if (++k->sweep->rounds % REPIN_EVERY == 0)
		tm_bpf_links_repin(k);
	return r;
}

/* ---- versions */

static size_t watched(const struct tm_sweep *s, uint32_t slot)
{
	size_t i;

	for (i = 0; i < s->n && s->at[i].slot != slot; i++)
		;
	return i;
}

static void watch_drop(struct tm_sweep *s, size_t i)
{
	s->at[i] = s->at[--s->n];
}

static void sweep(struct tm_kern *k, uint64_t now)
{
	struct tm_sweep *s = k->sweep;

	for (size_t i = s->n; i-- > 0;) {
		struct tm_version *v = &k->versions[s->at[i].slot];

		if (v->begun != s->at[i].v.begun || v->ended != s->at[i].v.ended)
			watch_drop(s, i);
	}
	for (uint32_t slot = 0; slot < TM_VERSIONS; slot++) {
		struct tm_version *v = &k->versions[slot], seen;
		size_t i;

		seen.begun = __atomic_load_n(&v->begun, __ATOMIC_RELAXED);
		seen.ended = __atomic_load_n(&v->ended, __ATOMIC_RELAXED);
		if (seen.begun == seen.ended)
			continue;
		i = watched(s, slot);
		if (i == s->n) {
			if (s->n == SWEEP_MAX)
				continue;
			s->at[s->n].slot = slot;
			s->at[s->n].v = seen;
			s->at[s->n++].since_ms = now;
			continue;
		}
		if (now - s->at[i].since_ms < LEVEL_MS)
			continue;
		/* An operation still under way then unlevels it once more, and waits another minute. */
		__atomic_compare_exchange_n(&v->ended, &seen.ended, seen.begun, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST);
		watch_drop(s, i);
	}
	/* Directory renames the same way: with nothing in flight the pair is equal. */
	for (uint32_t i = 0; i < k->ctl->n_sbs; i++) {
		struct tm_sb *sb = &k->ctl->sb[i];

		if (sb->moves_begun != sb->moves_ended && sb->moves_begun == k->moves_seen[i])
			__atomic_store_n(&sb->moves_ended, sb->moves_begun, __ATOMIC_SEQ_CST);
		k->moves_seen[i] = sb->moves_begun;
	}
}

int tm_bpf_health(struct tm_kern *k)
{
	uint64_t now = tm_mono_ms();
	int r = 0;

	if (now - k->misses_ms >= MISSES_MS) {
		k->misses_ms = now;
		r = misses(k);
	}
	if (!r && now - k->canary_ms >= CANARY_MS) {
		k->canary_ms = now;
		r = tm_bpf_remounted(k);
		r = r ?: tm_bpf_tracing(k);
		r = r ?: tm_bpf_canaries(k);
		r = r ?: links(k);
		r = r ?: tm_selftest(k);
	}
	if (!r && now - k->sweep_ms >= SWEEP_MS) {
		k->sweep_ms = now;
		sweep(k, now);
	}
	return r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/bpf_health.c - does it still see?
 *
 * Every second the canary of each file system is written: its mark must have been counted when
 * write() returns, or tracing has gone blind (kernel.ftrace_enabled=0 does that without moving a counter).
 * Skipped programs are counted by the kernel. Both end in "incomplete" and ALL.
 *
 * Version pairs that stay unequal (a skipped program, an operation under way while we attached) would make
 * their files look torn for ever; after a minute without movement they are levelled.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/bpf.h"
#include "lib/clock.h"
#include "lib/fd.h"

#define CANARY_MS	1000
#define CANARY_MISSES	2
#define MISSES_MS	100
#define SWEEP_MS	5000
#define LEVEL_MS	60000
#define SWEEP_MAX	1024
#define REPIN_EVERY	10	/* canaries */

/* Unequal pairs being watched. */
struct tm_sweep {
	struct {
		uint32_t slot;
		struct tm_version v;
		uint64_t since_ms;
	} at[SWEEP_MAX];
	size_t n;
	uint64_t canaries;
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
}

/* ---- canary */

/* The canary of @slot, opened anew each time: holding it would keep the file system busy. */
static int canary_open(const struct tm_kern *k, unsigned int slot, uint64_t ino)
{
	_cleanup_close_ int root = -EBADF, dir = -EBADF, fd = -EBADF;
	struct stat st;

	if (!k->paths[slot])
		return -ENOENT;
	root = open(k->paths[slot], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	dir = openat(root, ".tidemark", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	fd = openat(dir, "canary", O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	return st.st_ino == ino ? tm_take_fd(fd) : -ESTALE;
}

/* 0: its mark came; 1: it did not; negative: could not be tried. */
static int canary_try(struct tm_kern *k, struct tm_sb *sb)
{
	uint64_t before = __atomic_load_n(&sb->canary, __ATOMIC_SEQ_CST), beat[2] = { tm_mono_ns(), before };

	for (unsigned int i = 0; i < TM_ROOTS; i++) {
		_cleanup_close_ int fd = -EBADF;

		if (!((sb->roots & k->claimed) >> i & 1))
			continue;
		fd = canary_open(k, i, sb->canary_ino);
		if (fd < 0)
			continue;
		if (pwrite(fd, beat, sizeof(beat), 0) != sizeof(beat))
			return -EIO;
		return __atomic_load_n(&sb->canary, __ATOMIC_SEQ_CST) == before;
	}
	return -ENOENT;
}

static int canaries(struct tm_kern *k)
{
	for (uint32_t i = 0; i < k->ctl->n_sbs; i++) {
		struct tm_sb *sb = &k->ctl->sb[i];
		int r;

		if (!sb->roots || !sb->canary_ino)
			continue;
		r = canary_try(k, sb);
		if (r <= 0) {
			k->canary_missed[i] = r ? k->canary_missed[i] : 0;
			continue;
		}
		/* Told once it is sure, and again while it lasts: ALL heals only what happened before. */
		if (++k->canary_missed[i] < CANARY_MISSES)
			continue;
		k->canary_missed[i] = 0;
		r = tm_bpf_deliver_all(k, sb->roots, "canary");
		if (r)
			return r;
	}
	if (++k->sweep->canaries % REPIN_EVERY == 0)
		tm_bpf_links_repin(k);
	return 0;
}

/* ---- skipped programs */

static int misses(struct tm_kern *k)
{
	uint64_t now = tm_bpf_links_misses(k);
	int r;

	if (now == k->ctl->misses_told)
		return 0;
	r = tm_bpf_deliver_all(k, k->claimed, "recursion-miss");
	if (r)
		return r;
	k->ctl->misses_told = now;
	k->missed = true;
	return 0;
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
		r = tm_bpf_remounted(k) ?: canaries(k);
	}
	if (!r && now - k->sweep_ms >= SWEEP_MS) {
		k->sweep_ms = now;
		sweep(k, now);
	}
	return r;
}

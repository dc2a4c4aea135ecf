/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/canary.c - is tracing on, right now?
 *
 * Once a second the canary of each file system is written: its mark must have been counted when write()
 * returns. kernel.ftrace_enabled=0 blinds every program without moving a counter, so that switch is read
 * too. What was blind is told when it is found, again while it lasts, and once more when it is over: each
 * telling heals only what happened before it.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/bpf.h"
#include "lib/clock.h"
#include "lib/fd.h"

#define AGAIN_MS 10000

static bool due(struct tm_blind *b, uint64_t now)
{
	if (b->since_ms && now - b->told_ms < AGAIN_MS)
		return false;
	b->since_ms = b->since_ms ?: now;
	b->told_ms = now;
	return true;
}

/* Seen blind (@blind) or seeing: is it to be told now? */
static bool turn(struct tm_blind *b, bool blind, uint64_t now)
{
	if (blind)
		return due(b, now);
	if (!b->since_ms)
		return false;
	*b = (struct tm_blind){ 0 };
	return true;
}

/* The canary of @slot, opened anew each time: holding it would keep the file system busy. */
static int canary_open(const struct tm_kern *k, unsigned int slot, uint64_t ino)
{
	_cleanup_close_ int dir = tm_bpf_reserved_open(k, slot), fd = -EBADF;
	struct stat st;

	if (dir < 0)
		return dir;
	fd = openat(dir, "canary", O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	return st.st_ino == ino ? tm_take_fd(fd) : -ESTALE;
}

/* 0: its mark came; 1: it did not; negative: could not be tried. */
static int canary_try(struct tm_kern *k, struct tm_sb *sb)
{
	uint64_t before = __atomic_load_n(&sb->canary, __ATOMIC_SEQ_CST), beat[2] = { tm_mono_ns(), before };

	for (unsigned int i = 0; i < TM_CAPTURE_ROOTS_MAX; i++) {
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

int tm_bpf_canaries(struct tm_kern *k)
{
	uint64_t now = tm_mono_ms();

	for (uint32_t i = 0; i < k->ctl->n_sbs; i++) {
		struct tm_sb *sb = &k->ctl->sb[i];
		struct tm_blind before = k->blind_canary[i];
		int r;

		if (!sb->roots || !sb->canary_ino) {
			k->blind_canary[i] = (struct tm_blind){ 0 };
			continue;
		}
		r = canary_try(k, sb);
		if (r < 0 || !turn(&k->blind_canary[i], r, now))
			continue;
		r = tm_bpf_deliver_all(k, sb->roots, "canary");
		if (r) {
			k->blind_canary[i] = before;
			return r;
		}
	}
	return 0;
}

/* A kernel without the file has no such switch. */
static bool tracing_is_off(void)
{
	_cleanup_close_ int fd = open("/proc/sys/kernel/ftrace_enabled", O_RDONLY | O_CLOEXEC);
	char c = '1';

	return fd >= 0 && read(fd, &c, 1) == 1 && c == '0';
}

int tm_bpf_tracing(struct tm_kern *k)
{
	struct tm_blind before = k->blind_tracing;
	int r;

	k->tracing_off = tracing_is_off();
	if (!turn(&k->blind_tracing, k->tracing_off, tm_mono_ms()))
		return 0;
	r = tm_bpf_deliver_all(k, k->claimed, "tracing-off");
	if (r)
		k->blind_tracing = before;
	return r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/moment.c - is what was read one moment of the file? See moment.h.
 */
#include "source/moment.h"

#include <fcntl.h>
#include <sched.h>

#define FLIGHT_SPINS 32

int src_moment_get(int fd, const struct tm_version *version, struct src_moment *m)
{
	if (version) {
		m->ended = __atomic_load_n(&version->ended, __ATOMIC_ACQUIRE);
		m->begun = __atomic_load_n(&version->begun, __ATOMIC_ACQUIRE);
		return 0;
	}
	if (statx(fd, "", AT_EMPTY_PATH, STATX_MTIME | STATX_CTIME | STATX_SIZE, &m->stx) < 0)
		return -errno;
	return 0;
}

bool src_moment_in_flight(const struct tm_version *version, const struct src_moment *m)
{
	return version && m->begun != m->ended;
}

static bool time_eq(struct statx_timestamp a, struct statx_timestamp b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool src_moment_eq(const struct tm_version *version, const struct src_moment *a,
		   const struct src_moment *b)
{
	if (version)
		return a->begun == b->begun && a->ended == b->ended;
	return a->stx.stx_size == b->stx.stx_size && time_eq(a->stx.stx_mtime, b->stx.stx_mtime) &&
	       time_eq(a->stx.stx_ctime, b->stx.stx_ctime);
}

/* They are short, or we go on and see it torn. */
int src_moment_quiet(int fd, const struct tm_version *version, struct src_moment *m)
{
	int r = 0;

	for (int i = 0; i < FLIGHT_SPINS; i++) {
		r = src_moment_get(fd, version, m);
		if (r < 0 || !src_moment_in_flight(version, m))
			return r;
		sched_yield();
	}
	return r;
}

int src_clean_mapped(int fd, uint64_t off, uint64_t n)
{
	if (sync_file_range(fd, (off_t)off, (off_t)n,
			    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
			    SYNC_FILE_RANGE_WAIT_AFTER) == 0)
		return 0;
	/* tmpfs and others that write nothing back */
	return errno == EINVAL || errno == ESPIPE || errno == ENOSYS ? 0 : -errno;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/guest/matrix/uring.c - see uring.h. */
#include "uring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENTRIES 32

int uring_open(struct uring *u, unsigned int flags)
{
	struct io_uring_params p = { .flags = flags, .sq_thread_idle = 1000 };
	size_t size;
	char *m;

	memset(u, 0, sizeof(*u));
	u->fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &p);
	if (u->fd < 0)
		return -errno;
	u->flags = flags;
	/* One mapping for both rings since 5.4. */
	size = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	if (size < p.sq_off.array + p.sq_entries * sizeof(unsigned int))
		size = p.sq_off.array + p.sq_entries * sizeof(unsigned int);
	m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, u->fd, IORING_OFF_SQ_RING);
	u->sqes = mmap(NULL, p.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, u->fd, IORING_OFF_SQES);
	if (m == MAP_FAILED || u->sqes == MAP_FAILED)
		return -ENOMEM;
	u->sq_head = (void *)(m + p.sq_off.head);
	u->sq_tail = (void *)(m + p.sq_off.tail);
	u->sq_flags = (void *)(m + p.sq_off.flags);
	u->sq_mask = (void *)(m + p.sq_off.ring_mask);
	u->sq_array = (void *)(m + p.sq_off.array);
	u->cq_head = (void *)(m + p.cq_off.head);
	u->cq_tail = (void *)(m + p.cq_off.tail);
	u->cq_mask = (void *)(m + p.cq_off.ring_mask);
	u->cqes = (void *)(m + p.cq_off.cqes);
	return 0;
}

void uring_close(struct uring *u)
{
	close(u->fd);
}

struct io_uring_sqe *uring_sqe(struct uring *u)
{
	unsigned int tail = *u->sq_tail, i = tail & *u->sq_mask;
	struct io_uring_sqe *sqe = (struct io_uring_sqe *)u->sqes + i;

	memset(sqe, 0, sizeof(*sqe));
	u->sq_array[i] = i;
	/*
	 * Without SQPOLL nobody looks before io_uring_enter(); with it the callers fill one entry
	 * and then run.
	 */
	if (!(u->flags & IORING_SETUP_SQPOLL))
		__atomic_store_n(u->sq_tail, tail + 1, __ATOMIC_RELEASE);
	return sqe;
}

int uring_run(struct uring *u, unsigned int n, int *res)
{
	unsigned int enter = IORING_ENTER_GETEVENTS, got = 0;

	if (u->flags & IORING_SETUP_SQPOLL) {
		__atomic_store_n(u->sq_tail, *u->sq_tail + n, __ATOMIC_SEQ_CST);
		enter |= IORING_ENTER_SQ_WAKEUP;
	}
	while (got < n) {
		unsigned int head = *u->cq_head;

		if (head == __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE)) {
			unsigned int submit = *u->sq_tail - __atomic_load_n(u->sq_head, __ATOMIC_ACQUIRE);

			if (u->flags & IORING_SETUP_SQPOLL)
				submit = 0;
			if (syscall(SYS_io_uring_enter, u->fd, submit, 1, enter, NULL, 0) < 0 &&
				errno != EINTR)
				return -errno;
			continue;
		}
		res[u->cqes[head & *u->cq_mask].user_data & 31] = u->cqes[head & *u->cq_mask].res;
		__atomic_store_n(u->cq_head, head + 1, __ATOMIC_RELEASE);
		got++;
	}
	return 0;
}

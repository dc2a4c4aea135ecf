/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/guest/matrix/uring.h - the few lines of io_uring that the rows need, by its system calls.
 */
#ifndef TM_TESTS_MATRIX_URING_H
#define TM_TESTS_MATRIX_URING_H

#include <linux/io_uring.h>
#include <stdint.h>

#ifndef IORING_OP_FTRUNCATE_
#define IORING_OP_FTRUNCATE_ 55	/* IORING_OP_FTRUNCATE of 6.9; newer than the headers here */
#endif

struct uring {
	int fd;
	unsigned int flags;
	void *sq, *sqes;
	unsigned int *sq_head, *sq_tail, *sq_flags, *sq_mask, *sq_array;
	unsigned int *cq_head, *cq_tail, *cq_mask;
	struct io_uring_cqe *cqes;
};

/* A ring of 32 entries with these IORING_SETUP_ flags. 0 or -errno. */
int uring_open(struct uring *u, unsigned int flags);
void uring_close(struct uring *u);
/* The next free entry, zeroed; queued by uring_run(). At most 32 before that. */
struct io_uring_sqe *uring_sqe(struct uring *u);
/*
 * Submit what was queued, wait for as many completions; results by user_data (0..31) into @res. 0
 * or -errno.
 */
int uring_run(struct uring *u, unsigned int n, int *res);

#endif

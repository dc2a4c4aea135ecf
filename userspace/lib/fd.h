/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/fd.h - descriptors: closing, whole reads and writes, passing.
 *
 * None of these resolve a path. All retry EINTR.
 */
#ifndef TM_LIB_FD_H
#define TM_LIB_FD_H

#include "lib/base.h"

/* Close unless negative; keeps errno. Returns -EBADF, so: fd = tm_close(fd). */
int tm_close(int fd);

static inline void tm_closep(int *fd)
{
	tm_close(*fd);
}

#define _cleanup_close_ _cleanup_(tm_closep)

/* Read until @n bytes or end of file. Returns bytes read, or -errno. */
ssize_t tm_read_full(int fd, void *p, size_t n);
ssize_t tm_pread_full(int fd, void *p, size_t n, off_t off);
/* Write all. Returns 0 or -errno. */
int tm_write_full(int fd, const void *p, size_t n);
int tm_pwrite_full(int fd, const void *p, size_t n, off_t off);

int tm_set_nonblock(int fd, bool on);
int tm_set_cloexec(int fd, bool on);

/*
 * One SOCK_SEQPACKET message with up to TM_FDS_MAX descriptors. @fds stay the
 * sender's. Returns 0; -EAGAIN when a non-blocking socket is full; -errno.
 */
#define TM_FDS_MAX 4
int tm_send_packet(int sock, const void *p, size_t n, const int *fds, size_t nfds);
/*
 * Receive one message of at most @cap bytes. Received descriptors are
 * CLOEXEC and owned by the caller; those beyond TM_FDS_MAX are closed.
 * Returns its length; 0 when the other end closed; -EMSGSIZE when it was
 * longer than @cap (it is lost); -EAGAIN; other -errno.
 */
ssize_t tm_recv_packet(int sock, void *p, size_t cap, int fds[TM_FDS_MAX], size_t *ret_nfds);

/* poll(2) one descriptor. Returns revents, 0 on timeout, -errno. timeout_ms < 0: forever. */
int tm_poll(int fd, short events, int timeout_ms);

#endif

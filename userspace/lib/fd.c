/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/fd.c - closing, whole reads and writes, passing; see fd.h.
 */
#include "lib/fd.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"

int tm_close(int fd)
{
	int saved = errno;

	/* No retry on EINTR: Linux has released the number already. */
	if (fd >= 0)
		close(fd);
	errno = saved;
	return -EBADF;
}

ssize_t tm_read_full(int fd, void *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = read(fd, (char *)p + done, n - done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

ssize_t tm_pread_full(int fd, void *p, size_t n, off_t off)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = pread(fd, (char *)p + done, n - done, off + (off_t)done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

int tm_write_full(int fd, const void *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = write(fd, (const char *)p + done, n - done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		/* write(2) of n > 0 bytes yields 0 on odd devices only: do not spin there. */
		if (!r)
			return -EIO;
		done += (size_t)r;
	}
	return 0;
}

int tm_pwrite_full(int fd, const void *p, size_t n, off_t off)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = pwrite(fd, (const char *)p + done, n - done, off + (off_t)done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			return -EIO;
		done += (size_t)r;
	}
	return 0;
}

int tm_set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int tm_set_cloexec(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags < 0)
		return -errno;
	flags = on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC;
	return fcntl(fd, F_SETFD, flags) < 0 ? -errno : 0;
}

int tm_send_packet(int sock, const void *p, size_t n, const int *fds, size_t nfds)
{
	union {
		struct cmsghdr hdr;
		char room[CMSG_SPACE(TM_FDS_MAX * sizeof(int))];
	} ctl;
	struct iovec iov = { .iov_base = (void *)p, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
	ssize_t r;

	if (nfds > TM_FDS_MAX)
		return -E2BIG;
	if (nfds) {
		memset(&ctl, 0, sizeof(ctl));
		msg.msg_control = &ctl;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	do {
		r = sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return (size_t)r == n ? 0 : -EIO;
}

/* Take the descriptors out of @msg; what does not fit into fds[] is closed, never leaked. */
static size_t collect_fds(struct msghdr *msg, int fds[TM_FDS_MAX])
{
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (n < TM_FDS_MAX)
				fds[n++] = fd;
			else
				tm_close(fd);
		}
	}
	return n;
}

ssize_t tm_recv_packet(int sock, void *p, size_t cap, int fds[TM_FDS_MAX], size_t *ret_nfds)
{
	/* SCM_MAX_FD is 253: with room for all of them none is dropped unseen. */
	union {
		struct cmsghdr hdr;
		char room[CMSG_SPACE(253 * sizeof(int))];
	} ctl;
	int got[TM_FDS_MAX];
	struct iovec iov = { .iov_base = p, .iov_len = cap };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl, .msg_controllen = sizeof(ctl)
	};
	size_t n;
	ssize_t r;

	do {
		r = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	n = collect_fds(&msg, got);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		while (n)
			tm_close(got[--n]);
		return -EMSGSIZE;
	}
	memcpy(fds, got, n * sizeof(int));
	*ret_nfds = n;
	return r;
}

int tm_poll(int fd, short events, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	uint64_t end = timeout_ms > 0 ? tm_mono_ms() + (uint64_t)timeout_ms : 0;
	int r;

	for (;;) {
		r = poll(&pfd, 1, timeout_ms);
		if (r > 0)
			return pfd.revents;
		if (!r)
			return 0;
		if (errno != EINTR)
			return -errno;
		/* Signals must not stretch the wait. */
		if (timeout_ms > 0) {
			uint64_t now = tm_mono_ms();

			timeout_ms = now >= end ? 0 : (int)(end - now);
		}
	}
}

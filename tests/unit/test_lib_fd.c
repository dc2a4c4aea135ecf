/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_lib_fd.c - whole reads and writes, packets with descriptors.
 */
#include "lib/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tap.h"

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

TEST(closing_keeps_errno_and_takes_negative_numbers)
{
	int fd = dup(0);

	errno = ENOTTY;
	CHECK_EQ(tm_close(fd), -EBADF);
	CHECK_EQ(errno, ENOTTY);
	CHECK_EQ(fcntl(fd, F_GETFD), -1);
	CHECK_EQ(tm_close(-EBADF), -EBADF);
}

TEST(a_read_goes_on_over_short_pieces_and_stops_at_the_end)
{
	int p[2];
	char b[8] = "";

	CHECK_EQ(pipe(p), 0);
	CHECK_EQ(tm_write_full(p[1], "abc", 3), 0);
	if (!fork()) {
		usleep(20000);
		_exit(write(p[1], "de", 2) == 2 ? 0 : 1);
	}
	close(p[1]);
	CHECK_EQ(tm_read_full(p[0], b, 8), 5);
	CHECK_STR(b, "abcde");
	close(p[0]);
}

TEST(positions_are_kept_apart)
{
	int fd = memfd_create("t", MFD_CLOEXEC);
	char b[8] = "";

	CHECK_EQ(tm_pwrite_full(fd, "xyz", 3, 5), 0);
	CHECK_EQ(tm_pread_full(fd, b, 8, 4), 4);
	CHECK(!memcmp(b, "\0xyz", 4));
	CHECK_EQ(tm_pread_full(fd, b, 8, 100), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	close(fd);
}

TEST(errors_are_negative_numbers)
{
	char c;

	CHECK_EQ(tm_read_full(-1, &c, 1), -EBADF);
	CHECK_EQ(tm_write_full(-1, &c, 1), -EBADF);
	CHECK_EQ(tm_set_nonblock(-1, true), -EBADF);
}

TEST(a_packet_carries_its_bytes_and_descriptors)
{
	int s[2], p[2], fds[TM_FDS_MAX] = { -1, -1, -1, -1 };
	size_t n = 99;
	char b[16];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
	CHECK_EQ(pipe(p), 0);
	CHECK_EQ(tm_send_packet(s[0], "hello", 5, p, 2), 0);
	CHECK_EQ(tm_recv_packet(s[1], b, sizeof(b), fds, &n), 5);
	CHECK(!memcmp(b, "hello", 5));
	CHECK_EQ(n, 2);
	CHECK(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	CHECK_EQ(write(fds[1], "!", 1), 1);
	CHECK_EQ(read(p[0], b, 1), 1);
	CHECK_EQ(b[0], '!');
	CHECK_EQ(tm_send_packet(s[0], "x", 1, NULL, 0), 0);
	CHECK_EQ(tm_recv_packet(s[1], b, sizeof(b), fds, &n), 1);
	CHECK_EQ(n, 0);
	CHECK_EQ(tm_send_packet(s[0], "x", 1, fds, TM_FDS_MAX + 1), -E2BIG);
	close(s[0]);
	CHECK_EQ(tm_recv_packet(s[1], b, sizeof(b), fds, &n), 0);
	close(s[1]);
}

/* A sender that is not ours may pass more than the contract allows. */
static void send_many(int sock, int count, const char *text)
{
	char ctl[CMSG_SPACE(64 * sizeof(int))];
	struct iovec iov = { (void *)text, strlen(text) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl,
			    .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int)) };
	struct cmsghdr *c;

	memset(ctl, 0, sizeof(ctl));
	c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
	for (int i = 0; i < count; i++)
		((int *)CMSG_DATA(c))[i] = 0;
	if (sendmsg(sock, &m, 0) < 0)
		abort();
}

TEST(descriptors_beyond_the_limit_are_closed)
{
	int s[2], fds[TM_FDS_MAX], before;
	size_t n;
	char b[16];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
	before = count_fds();
	send_many(s[0], 60, "many");
	CHECK_EQ(tm_recv_packet(s[1], b, sizeof(b), fds, &n), 4);
	CHECK_EQ(n, TM_FDS_MAX);
	CHECK_EQ(count_fds(), before + TM_FDS_MAX);
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	close(s[0]);
	close(s[1]);
}

TEST(a_packet_that_is_too_long_is_an_error_and_leaks_nothing)
{
	int s[2], fds[TM_FDS_MAX], before;
	size_t n = 77;
	char b[3];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
	before = count_fds();
	send_many(s[0], 2, "long");
	CHECK_EQ(tm_recv_packet(s[1], b, sizeof(b), fds, &n), -EMSGSIZE);
	CHECK_EQ(n, 77);
	CHECK_EQ(count_fds(), before);
	CHECK_EQ(tm_set_nonblock(s[1], true), 0);
	CHECK_EQ(tm_recv_packet(s[1], b, sizeof(b), fds, &n), -EAGAIN);
	close(s[0]);
	close(s[1]);
}

TEST(a_full_socket_says_try_again)
{
	static char big[16384];
	int s[2], r = 0;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
	CHECK_EQ(tm_set_nonblock(s[0], true), 0);
	for (int i = 0; i < 10000 && !r; i++)
		r = tm_send_packet(s[0], big, sizeof(big), NULL, 0);
	CHECK_EQ(r, -EAGAIN);
	close(s[0]);
	close(s[1]);
}

TEST(waiting_ends_on_time_or_on_an_event)
{
	int p[2];
	uint64_t t0 = tm_mono_ms();

	CHECK_EQ(pipe(p), 0);
	CHECK_EQ(tm_poll(p[0], POLLIN, 30), 0);
	CHECK(tm_mono_ms() - t0 >= 29);
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK_EQ(tm_poll(p[0], POLLIN, -1), POLLIN);
	close(p[0]);
	close(p[1]);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}

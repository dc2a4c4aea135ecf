// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/spawn.c - fork and exec of a worker.
 *
 * The helper thread that opens the capture may be alive: between fork and exec only
 * async-signal-safe calls.
 */
#include "daemon/spawn.h"
#include "lib/text.h"
#include "lib/fd.h"
#include "wire/ctl.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef TM_LIBEXECDIR
#define TM_LIBEXECDIR "/usr/libexec/tidemark"
#endif
#define WORKER_NAME "tidemark-worker"

/* Room for a whole burst: a change set is handed over in 64 KiB packets. */
#define CTL_SNDBUF (512 * 1024)

int tm_pidfd_kill(int pidfd)
{
	return syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0 ? -errno : 0;
}

int tm_dup(int fd)
{
	int n = fcntl(fd, F_DUPFD_CLOEXEC, 4);

	return n < 0 ? -errno : n;
}

/* Move a descriptor above those the child is given, so that dup2() never overwrites one it still needs. */
static int high_fd(int fd)
{
	int n = fd < 0 ? -EBADF : fcntl(fd, F_DUPFD_CLOEXEC, 10);

	tm_close(fd);
	return n;
}

/* The worker's program as an open descriptor: beside ourselves first, as in the build directory. */
static int worker_open(void)
{
	char own[PATH_MAX];
	ssize_t n = readlinkat(AT_FDCWD, "/proc/self/exe", own, sizeof(own) - 1);
	char *slash;
	int fd = -1;

	if (n > 0) {
		own[n] = 0;
		slash = strrchr(own, '/');
		if (slash && (size_t)(slash + 1 - own) + sizeof(WORKER_NAME) <= sizeof(own)) {
			strcpy(slash + 1, WORKER_NAME);
			fd = openat(AT_FDCWD, own, O_PATH | O_CLOEXEC);
		}
	}
	if (fd < 0)
		fd = openat(AT_FDCWD, TM_LIBEXECDIR "/" WORKER_NAME, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void __attribute__((noreturn))
child(int exe, int sock, int null, char *const argv[], char *const envp[])
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(null, 0) < 0 || dup2(2, 1) < 0)
		_exit(126);
	/*
	 * 3 is the socket, 4 the program, and nothing else comes along. Both were moved out of
	 * the way before.
	 */
	if (dup2(sock, TM_CTL_FD) < 0 || dup3(exe, 4, O_CLOEXEC) < 0)
		_exit(126);
	syscall(SYS_close_range, 5, ~0U, 0);
	execveat(4, "", argv, envp, AT_EMPTY_PATH);
	_exit(127);
}

int tm_spawn_worker(const char *role, const char *name, pid_t *ret_pid, int *ret_pidfd,
		    int *ret_sock)
{
	_cleanup_close_ int exe = -EBADF, ours = -EBADF, theirs = -EBADF, null = -EBADF,
			    pidfd = -EBADF;
	/* All in one word: the worker takes no arguments, this is for the process list. */
	char title[192];
	char *const argv[] = { title, NULL };
#ifdef TM_FAULTS
	char *const envp[] = { (char *)"LC_ALL=C", tm_asprintf("TM_FAULT=%s", getenv("TM_FAULT") ?: ""),
			       NULL };
#else
	char *const envp[] = { (char *)"LC_ALL=C", NULL };
#endif
	int raw[2], size = CTL_SNDBUF, fd;
	pid_t pid;

	snprintf(title, sizeof(title), "%s: %s %s", WORKER_NAME, role, name);
	fd = worker_open();
	if (fd < 0)
		return fd;
	exe = high_fd(fd);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, raw) < 0)
		return -errno;
	ours = raw[0];
	theirs = high_fd(raw[1]);
	null = high_fd(openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC));
	if (exe < 0 || theirs < 0 || null < 0)
		return -EMFILE;
	(void)setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)setsockopt(theirs, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (tm_set_nonblock(ours, true) < 0)
		return -EIO;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child(exe, theirs, null, argv, envp);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		int r = -errno;

		kill(pid, SIGKILL);
		return r;
	}
	*ret_pid = pid;
	*ret_pidfd = tm_take_fd(pidfd);
	*ret_sock = tm_take_fd(ours);
	return 0;
}

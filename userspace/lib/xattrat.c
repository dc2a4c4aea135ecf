/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/xattrat.c - extended attributes of a name in a held directory; see xattrat.h.
 */
#include "lib/xattrat.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/beneath.h"
#include "lib/fd.h"

/* There is one working directory for all threads. */
static pthread_mutex_t cwd_lock = PTHREAD_MUTEX_INITIALIZER;

/* Returns 0, with the lock held; *ret_before -EBADF: the present one cannot be held. */
static int cwd_take(int dirfd, const char *name, int *ret_before)
{
	int before, err;

	if (!tm_name_ok(name, strlen(name)))
		return -EINVAL;
	pthread_mutex_lock(&cwd_lock);
	before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fchdir(dirfd) == 0) {
		*ret_before = before < 0 ? -EBADF : before;
		return 0;
	}
	err = errno;
	tm_close(before < 0 ? -EBADF : before);
	pthread_mutex_unlock(&cwd_lock);
	return -err;
}

/* @n of a system call, with its errno; what it comes to. */
static ssize_t cwd_back(int before, ssize_t n)
{
	int err = errno;

	/* Should it fail: as documented, it stays where it is. */
	if (before >= 0)
		(void)!fchdir(before);
	tm_close(before);
	pthread_mutex_unlock(&cwd_lock);
	return n < 0 ? -err : n;
}

ssize_t tm_xattrat_list(int dirfd, const char *name, char *buf, size_t cap)
{
	int before, r = cwd_take(dirfd, name, &before);

	return r < 0 ? r : cwd_back(before, llistxattr(name, buf, cap));
}

ssize_t tm_xattrat_get(int dirfd, const char *name, const char *attr, void *buf, size_t cap)
{
	int before, r = cwd_take(dirfd, name, &before);

	return r < 0 ? r : cwd_back(before, lgetxattr(name, attr, buf, cap));
}

int tm_xattrat_set(int dirfd, const char *name, const char *attr, const void *value, size_t len)
{
	int before, r = cwd_take(dirfd, name, &before);

	return r < 0 ? r : (int)cwd_back(before, lsetxattr(name, attr, value, len, 0));
}

int tm_xattrat_remove(int dirfd, const char *name, const char *attr)
{
	int before, r = cwd_take(dirfd, name, &before);

	return r < 0 ? r : (int)cwd_back(before, lremovexattr(name, attr));
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/start.c - directories, lock, store, network monitor.
 */
#include "daemon/start.h"
#include "daemon/pairing.h"
#include "daemon/source_end.h"
#include "lib/beneath.h"
#include "lib/fd.h"
#include "lib/text.h"
#include "netmon/netmon.h"

#include <time.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static struct tm_netmon *netmon;
static sd_event_source *netmon_io;

static char *absolute(const char *path)
{
	char cwd[TM_REC_PATH_MAX];

	if (path[0] == '/')
		return strdup(path);
	return getcwd(cwd, sizeof(cwd)) ? tm_asprintf("%s/%s", cwd, path) : NULL;
}

int tm_start_names(struct tm_daemon *d, const char *state, const char *runtime)
{
	int r = tm_boot_id(d->boot_id);

	d->state_dir = absolute(state);
	d->runtime_dir = absolute(runtime);
	if (r < 0 || !d->state_dir || !d->runtime_dir) {
		tm_err("cannot start: %s", r < 0 ? "the boot id cannot be read" : "out of memory");
		return r < 0 ? r : -ENOMEM;
	}
	return 0;
}

/* mkdir -p, component by component on held directories; @mode is the last one's. Returns it open. */
static int dir_make(const char *path, mode_t mode)
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int fd = tm_open_admin_dir("/");
	char *save = NULL, *part, *next;
	int r;

	if (!copy)
		return -ENOMEM;
	if (fd < 0)
		return fd;
	for (part = strtok_r(copy, "/", &save); part; part = next) {
		int sub;

		next = strtok_r(NULL, "/", &save);
		if (mkdirat(fd, part, next ? 0755 : mode) < 0 && errno != EEXIST)
			return -errno;
		/* An admin's path may lead through symlinks, as /var/run does. */
		sub = openat(fd, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (sub < 0)
			return -errno;
		tm_close(fd);
		fd = sub;
	}
	r = tm_take_fd(fd);
	return r;
}

/* The real path of an open directory: two ways to the same state are the same instance. */
static int instance_name(struct tm_daemon *d)
{
	char link[64], real[TM_REC_PATH_MAX];
	uint64_t h[2] = { 0xcbf29ce484222325ULL, 0x84222325cbf29ce4ULL };
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", d->statefd);
	n = readlinkat(AT_FDCWD, link, real, sizeof(real));
	if (n <= 0)
		return -errno;
	for (int k = 0; k < 2; k++)
		for (ssize_t i = 0; i < n; i++)
			h[k] = (h[k] ^ (uint8_t)real[i]) * 0x100000001b3ULL;
	snprintf(d->instance, sizeof(d->instance), "%016llx%016llx", (unsigned long long)h[0],
		 (unsigned long long)h[1]);
	return 0;
}

/*
 * A worker that was being started when the daemon before us was killed holds its descriptors until it
 * executes its program: a moment, worth waiting for.
 */
static int take_lock(int dirfd, int *ret_fd, const char *what, const char *path)
{
	const struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };
	int r = 0;

	*ret_fd = tm_open_name(dirfd, "lock", O_RDWR | O_CREAT, 0600);
	if (*ret_fd < 0)
		r = *ret_fd;
	for (int i = 0; r == 0 && flock(*ret_fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if (errno != EWOULDBLOCK || i >= 30)
			r = -errno;
		else
			nanosleep(&pause, NULL);
	}
	if (r < 0)
		tm_err("the %s directory %s: %s", what, path,
		       r == -EWOULDBLOCK ? "another tidemarkd uses it" : strerror(-r));
	return r;
}

int tm_start_dirs(struct tm_daemon *d)
{
	int r;

	d->statefd = dir_make(d->state_dir, 0700);
	if (d->statefd < 0) {
		tm_err("the state directory %s cannot be used: %s", d->state_dir,
		       strerror(-d->statefd));
		return d->statefd;
	}
	r = take_lock(d->statefd, &d->lockfd, "state", d->state_dir);
	if (r < 0)
		return r;
	d->runfd = dir_make(d->runtime_dir, 0755);
	if (d->runfd < 0) {
		tm_err("the runtime directory %s cannot be used: %s", d->runtime_dir,
		       strerror(-d->runfd));
		return d->runfd;
	}
	/* It holds the socket and the journals: sharing it would take both from the other. */
	r = take_lock(d->runfd, &d->runlockfd, "runtime", d->runtime_dir);
	if (r < 0)
		return r;
	if (mkdirat(d->runfd, "policies", 0700) < 0 && errno != EEXIST)
		return -errno;
	d->polfd = tm_open_name(d->runfd, "policies", O_RDONLY | O_DIRECTORY, 0);
	if (d->polfd < 0) {
		tm_err("%s/policies cannot be used: %s", d->runtime_dir, strerror(-d->polfd));
		return d->polfd;
	}
	r = instance_name(d);
	if (r < 0)
		tm_err("the state directory has no path: %s", strerror(-r));
	return r;
}

int tm_start_store(struct tm_daemon *d)
{
	_cleanup_free_ char *path = tm_asprintf("%s/policies.db", d->state_dir), *why = NULL;
	int r;

	if (!path)
		return -ENOMEM;
	r = tm_store_sqlite_open(path, &d->store, &why);
	if (r < 0)
		tm_err("the policies cannot be opened: %s", why ?: strerror(-r));
	return r;
}

void tm_start_clean(struct tm_daemon *d)
{
	bool good = d->store != NULL;

	tm_policy_foreach(d, p)
	{
		_cleanup_close_ int fd = -EBADF;

		if (p->rec.role != TM_REC_SOURCE || p->rec.auth != TM_REC_AUTHORIZED || p->embryo)
			continue;
		fd = tm_open_admin_dir(p->rec.source_dir);
		/*
		 * A file system that is away cannot be synced: what was sent from it may be ahead
		 * of its disk.
		 */
		good = fd >= 0 && syncfs(fd) == 0 && good;
	}
	if (good)
		(void)d->store->ops->meta_put(d->store, "clean_stop", d->boot_id);
}

void tm_start_dirs_free(struct tm_daemon *d)
{
	tm_close(d->polfd);
	tm_close(d->runfd);
	tm_close(d->runlockfd);
	tm_close(d->lockfd);
	tm_close(d->statefd);
	free(d->state_dir);
	free(d->runtime_dir);
	d->state_dir = d->runtime_dir = NULL;
}

static int on_network(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct tm_daemon *d = arg;

	(void)s;
	(void)fd;
	(void)revents;
	if (tm_netmon_read(netmon) <= 0)
		return 0;
	tm_debug("the network changed: lost peers are dialled at once");
	tm_policy_foreach(d, p) tm_source_end_hurry(p);
	return 0;
}

void tm_start_netmon(struct tm_daemon *d)
{
	int r = tm_netmon_open(&netmon);

	if (r == 0)
		r = sd_event_add_io(d->ev, &netmon_io, tm_netmon_fd(netmon), EPOLLIN, on_network,
				    d);
	if (r < 0)
		tm_info("network changes are not watched: %s", strerror(-r));
}

void tm_start_netmon_stop(struct tm_daemon *d)
{
	(void)d;
	netmon_io = sd_event_source_disable_unref(netmon_io);
	tm_netmon_close(netmon);
	netmon = NULL;
}

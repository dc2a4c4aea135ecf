// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/rest_socket.c - api.sock for root and the group tidemark, web.sock for the page's process.
 */
#include "conf/settings.h"
#include "daemon/rest_int.h"
#include "lib/fd.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char *socket_name(const struct tm_rest *r)
{
	return r->web ? "web.sock" : "api.sock";
}

/* Bound, and for nobody but us yet. */
static int bind_private(const struct tm_rest *r)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -EBADF;
	mode_t old;
	int n, ret;

	n = snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s", r->d->runtime_dir, socket_name(r));
	/* A long path is reached through the held directory. */
	if (n < 0 || (size_t)n >= sizeof(sa.sun_path))
		snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/%s", r->d->runfd,
			 socket_name(r));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* The lock on the runtime directory says that whoever left it is gone. */
	(void)unlinkat(r->d->runfd, socket_name(r), 0);
	old = umask(r->web ? 0177 : 0117);
	ret = bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : 0;
	umask(old);
	return ret < 0 ? ret : tm_take_fd(fd);
}

static void give_to_group(struct tm_rest *r)
{
	struct group gr, *found = NULL;
	char buf[8192];

	if (getgrnam_r("tidemark", &gr, buf, sizeof(buf), &found) != 0 || !found)
		return;
	r->group = found->gr_gid;
	r->have_group = true;
	if (fchownat(r->d->runfd, socket_name(r), (uid_t)-1, r->group, AT_SYMLINK_NOFOLLOW) < 0)
		tm_warn("api.sock cannot be given to the group tidemark: only root may use it");
}

/* -ENOENT: no such user, or none wanted. */
static int web_owner(struct tm_rest *r)
{
	const char *name = tm_settings_text(r->d->cfg.settings, TM_SET_WEB_USER);
	struct passwd pw, *found = NULL;
	char buf[8192];

	if (!name[0])
		return -ENOENT;
	if (getpwnam_r(name, &pw, buf, sizeof(buf), &found) != 0 || !found) {
		tm_info("there is no user %s (web.user): web.sock is not made", name);
		return -ENOENT;
	}
	r->owner = found->pw_uid;
	return 0;
}

int tm_rest_socket(struct tm_rest *r)
{
	_cleanup_close_ int fd = -EBADF;
	int ret = r->web ? web_owner(r) : 0;

	if (ret < 0) {
		(void)unlinkat(r->d->runfd, socket_name(r), 0);
		return ret;
	}
	fd = bind_private(r);
	if (fd < 0)
		return fd;
	if (!r->web)
		give_to_group(r);
	else if (fchownat(r->d->runfd, socket_name(r), r->owner, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (listen(fd, 128) < 0)
		return -errno;
	r->listen_fd = tm_take_fd(fd);
	return 0;
}

void tm_rest_socket_remove(struct tm_rest *r)
{
	(void)unlinkat(r->d->runfd, socket_name(r), 0);
}

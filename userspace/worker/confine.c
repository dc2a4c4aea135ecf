/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker/confine.c - a private mount namespace that holds a clone of the root and nothing else.
 *
 * The root is opened after unshare(2): a descriptor from before belongs to the old namespace's
 * mounts, cannot be cloned, and would be a way out. The host's own mount of the root is not
 * touched.
 */
#include "worker/confine.h"

#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/beneath.h"
#include "lib/fd.h"

static int because(char why[TM_TEXT_LEN_MAX + 1], int err, const char *fmt, ...) _printf_(3, 4);

static int because(char why[TM_TEXT_LEN_MAX + 1], int err, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(why, TM_TEXT_LEN_MAX + 1, fmt, ap);
	va_end(ap);
	if (n >= 0 && n < TM_TEXT_LEN_MAX)
		snprintf(why + n, (size_t)(TM_TEXT_LEN_MAX + 1 - n), ": %s", strerror(-err));
	return err;
}

/* The root as it is in this namespace, if it is still the directory the policy was made for. */
static int open_root(const struct tm_confine *c, char *why)
{
	_cleanup_close_ int fd = tm_open_admin_dir(c->root);
	struct stat st;

	if (fd < 0)
		return because(why, fd, "the directory %s cannot be opened", c->root);
	if (fstat(fd, &st) < 0)
		return because(why, -errno, "the directory %s", c->root);
	if ((c->root_dev && c->root_dev != st.st_dev) ||
	    (c->root_ino && c->root_ino != st.st_ino)) {
		snprintf(
			why, TM_TEXT_LEN_MAX + 1,
			"%s is not the directory it was: its file system is not mounted, or it was replaced",
			c->root);
		return -ESTALE;
	}
	return tm_take_fd(fd);
}

/*
 * A mount of only the root: without what is mounted below it, without devices, set-user-id,
 * programs.
 */
static int clone_root(const struct tm_confine *c, int root, char *why)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					       MOUNT_ATTR_NOEXEC };
	_cleanup_close_ int tree = -EBADF;

	tree = open_tree(root, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0)
		return because(why, -errno, "%s cannot be cloned into a private mount namespace",
			       c->root);
	if (c->role == TM_ROLE_SOURCE)
		attr.attr_set |= MOUNT_ATTR_RDONLY;
	if (mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return because(why, -errno, "the clone of %s cannot be restricted", c->root);
	return tm_take_fd(tree);
}

/* Pairing sees no file at all. */
static int empty_root(char *why)
{
	_cleanup_close_ int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	int tree;

	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "size", "4k", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0555", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return because(why, -errno, "an empty root cannot be made");
	tree = fsmount(fs, FSMOUNT_CLOEXEC,
		       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			       MOUNT_ATTR_NOEXEC);
	return tree < 0 ? because(why, -errno, "an empty root cannot be mounted") : tree;
}

/*
 * In a plain chroot "/" is no mount point. In our own namespace leaving that chroot is allowed: from a root
 * that lies elsewhere go up to the top of the namespace.
 */
static int leave_chroot(void)
{
	_cleanup_close_ int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int aside = -EBADF;
	char why[TM_TEXT_LEN_MAX + 1];
	struct stat a, b;

	aside = empty_root(why);
	if (old < 0 || aside < 0 || fchdir(aside) < 0 || chroot(".") < 0 || fchdir(old) < 0)
		return -errno;
	for (int depth = 0; depth < 256; depth++) {
		if (stat(".", &a) < 0 || chdir("..") < 0 || stat(".", &b) < 0)
			return -errno;
		if (a.st_dev == b.st_dev && a.st_ino == b.st_ino)
			break;
	}
	return chroot(".") < 0 ? -errno : 0;
}

/*
 * From here on nothing that is mounted or unmounted in this namespace is seen outside. Without this nothing
 * may go on: unmounting the old root would take the host's shared mounts along.
 */
static int make_private(char *why)
{
	int r = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);

	if (r < 0 && errno == EINVAL) {
		r = leave_chroot();
		if (r < 0)
			return because(why, r, "this process is in a chroot and cannot leave it");
		r = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	}
	return r < 0 ? because(why, -errno, "mounts cannot be made private") : 0;
}

/*
 * Make @tree the root of this process and its namespace; the old root goes with all that is mounted
 * on it.
 */
static int enter(int tree, char *why)
{
	if (fchdir(tree) < 0)
		return because(why, -errno, "the new root cannot be entered");
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return because(why, -errno, "pivot_root");
	/* Old and new root are stacked on the same place; the old one is on top. */
	if (umount2(".", MNT_DETACH) < 0)
		return because(why, -errno, "the old root cannot be unmounted");
	if (chdir("/") < 0)
		return because(why, -errno, "the new root");
	return 0;
}

int tm_confine_mounts(const struct tm_confine *c, char ret_why[TM_TEXT_LEN_MAX + 1])
{
	bool pair = tm_confine_is_pair(c->role);
	_cleanup_close_ int root = -EBADF, tree = -EBADF;
	int r;

	if (unshare(CLONE_NEWNS | CLONE_NEWIPC) < 0)
		return because(ret_why, -errno, "no private mount namespace");
	/* By its path as the admin sees it: before a chroot is left. */
	root = pair ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : open_root(c, ret_why);
	if (root < 0)
		return pair ? because(ret_why, -errno, "the present root cannot be opened") : root;
	r = make_private(ret_why);
	if (r < 0)
		return r;
	tree = pair ? empty_root(ret_why) : clone_root(c, root, ret_why);
	if (tree < 0)
		return tree;
	/*
	 * Some place to put it, so that it can be pivoted to: on the root directory itself. Only we
	 * see that.
	 */
	if (move_mount(tree, "", root, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return because(ret_why, -errno, "the clone cannot be mounted");
	return enter(tree, ret_why);
}

int tm_confine(const struct tm_confine *c, int *ret_rootfd, char ret_why[TM_TEXT_LEN_MAX + 1])
{
	_cleanup_close_ int rootfd = -EBADF;
	int r = tm_confine_mounts(c, ret_why);

	if (r < 0)
		return r;
	r = tm_confine_privileges(c, ret_why);
	if (r < 0)
		return r;
	if (!tm_confine_is_pair(c->role)) {
		rootfd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (rootfd < 0)
			return because(ret_why, -errno, "the root cannot be read as user %u",
				       c->uid);
	}
	r = tm_confine_landlock(c->role, c->allow_devices);
	if (r == -EOPNOTSUPP && c->warn)
		c->warn(c->arg,
			"this kernel has no Landlock: the worker is confined by its mount namespace, user, "
			"capabilities and seccomp only");
	else if (r < 0 && r != -EOPNOTSUPP)
		return because(ret_why, r, "Landlock refused");
	r = tm_confine_seccomp(c->role, c->allow_devices);
	if (r < 0)
		return because(ret_why, r, "seccomp refused");
	*ret_rootfd = tm_take_fd(rootfd);
	return 0;
}

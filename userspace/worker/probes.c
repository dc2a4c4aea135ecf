/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker/probes.c - what the self-test tries from inside a confined worker, one function for each
 * question.
 *
 * These are the calls a worker must never make, or must see fail; so this file, alone, resolves
 * paths.
 */
#include "worker/selftest.h"

#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/oid.h"

static int result(long r)
{
	return r < 0 ? errno : 0;
}

/* ---- what kills ---- */

static int try_execve(struct room *r)
{
	char *argv[] = { NULL };

	(void)r;
	return result(execve("/bin/true", argv, argv));
}

static int try_execveat(struct room *r)
{
	char *argv[] = { NULL };

	(void)r;
	return result(syscall(SYS_execveat, AT_FDCWD, "x", argv, argv, 0));
}

static int try_socket(struct room *r)
{
	(void)r;
	return result(socket(AF_INET, SOCK_STREAM, 0));
}

static int try_socketpair(struct room *r)
{
	int sv[2];

	(void)r;
	return result(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
}

static int try_mount(struct room *r)
{
	(void)r;
	return result(mount("none", "/", "tmpfs", 0, NULL));
}

static int try_open_tree(struct room *r)
{
	(void)r;
	return result(open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE));
}

static int try_chroot(struct room *r)
{
	(void)r;
	return result(chroot("/"));
}

static int try_unshare(struct room *r)
{
	(void)r;
	return result(unshare(CLONE_NEWUSER));
}

static int try_setns(struct room *r)
{
	(void)r;
	return result(setns(0, 0));
}

static int try_clone_namespace(struct room *r)
{
	(void)r;
	return result(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL));
}

static int try_ptrace(struct room *r)
{
	(void)r;
	return result(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int try_bpf(struct room *r)
{
	(void)r;
	return result(syscall(SYS_bpf, BPF_MAP_CREATE, NULL, 0));
}

static int try_perf(struct room *r)
{
	(void)r;
	return result(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}

static int try_handle(struct room *r)
{
	return result(open_by_handle_at(r->rootfd, r->handle, O_RDONLY));
}

static int try_keyctl(struct room *r)
{
	(void)r;
	return result(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
}

static int try_io_uring(struct room *r)
{
	(void)r;
	return result(syscall(SYS_io_uring_setup, 1, NULL));
}

static int try_module(struct room *r)
{
	(void)r;
	return result(syscall(SYS_finit_module, 0, "", 0));
}

/* ---- what fails ---- */

static int try_fork(struct room *r)
{
	(void)r;
	return result(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
}

static int try_exec_memory(struct room *r)
{
	(void)r;
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? errno
		       : 0;
}

static int try_setuid(struct room *r)
{
	(void)r;
	return result(setresuid(0, 0, 0));
}

static int try_kill(struct room *r)
{
	(void)r;
	return result(kill(getppid(), 0));
}

static int open_path(const char *path)
{
	return result(open(path, O_RDONLY | O_CLOEXEC));
}

static int try_passwd(struct room *r)
{
	(void)r;
	return open_path("/etc/passwd");
}

static int try_up(struct room *r)
{
	(void)r;
	return open_path("/../../../../../etc/passwd");
}

static int try_up_from_root(struct room *r)
{
	return result(openat(r->rootfd, "../etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int try_outside(struct room *r)
{
	return open_path(r->outside);
}

static int try_proc(struct room *r)
{
	(void)r;
	return open_path("/proc/self/mem");
}

/* Landlock alone lets these through. */
static int try_chmod_outside(struct room *r)
{
	return result(fchmodat(AT_FDCWD, r->outside, 0777, 0));
}

static int try_chown_outside(struct room *r)
{
	return result(fchownat(AT_FDCWD, r->outside, 12345, 12345, 0));
}

static int try_utimes_outside(struct room *r)
{
	return result(utimensat(AT_FDCWD, r->outside, NULL, 0));
}

static int try_xattr_outside(struct room *r)
{
	return result(setxattr(r->outside, "user.tidemark", "x", 1, 0));
}

static int try_truncate_outside(struct room *r)
{
	return result(truncate(r->outside, 0));
}

/*
 * A symlink that a local user left inside: its target is resolved in a root that has no such place.
 */
static int try_symlink(struct room *r)
{
	(void)r;
	return open_path("/link-to-outside");
}

static int try_create(struct room *r)
{
	return result(
		openat(r->rootfd, "written-by-self-test", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int try_write_existing(struct room *r)
{
	return result(openat(r->rootfd, "file", O_WRONLY | O_CLOEXEC));
}

static int try_remount(struct room *r)
{
	struct mount_attr attr = { .attr_clr = MOUNT_ATTR_RDONLY };

	return result(mount_setattr(r->rootfd, "", AT_EMPTY_PATH, &attr, sizeof(attr)));
}

static int try_mkdir(struct room *r)
{
	return result(mkdirat(r->rootfd, "made-by-self-test", 0700));
}

static int try_device(struct room *r)
{
	return result(mknodat(r->rootfd, "device-by-self-test", S_IFCHR | 0600, makedev(1, 3)));
}

/* Without CAP_SYS_ADMIN these are refused whatever else is allowed. */
static int try_trusted_xattr(struct room *r)
{
	return result(fsetxattr(r->rootfd, "trusted.tidemark", "x", 1, 0));
}

/* ---- what must hold ---- */

static int caps_are_exact(struct room *r)
{
	uint64_t want = tm_confine_caps(r->conf.role, r->conf.allow_devices), eff = 0, perm = 0,
		 inh = 0;
	cap_t caps = cap_get_proc();

	if (!caps)
		return errno;
	for (cap_value_t c = 0; c <= CAP_LAST_CAP; c++) {
		cap_flag_value_t v;

		if (!cap_get_flag(caps, c, CAP_EFFECTIVE, &v) && v)
			eff |= (uint64_t)1 << c;
		if (!cap_get_flag(caps, c, CAP_PERMITTED, &v) && v)
			perm |= (uint64_t)1 << c;
		if (!cap_get_flag(caps, c, CAP_INHERITABLE, &v) && v)
			inh |= (uint64_t)1 << c;
	}
	return eff == want && perm == want && !inh ? 0 : EPERM;
}

static int user_is_not_root(struct room *r)
{
	uid_t a, b, c;
	gid_t x, y, z;

	if (getresuid(&a, &b, &c) < 0 || getresgid(&x, &y, &z) < 0)
		return errno;
	return a == r->conf.uid && b == a && c == a && x == a && y == a && z == a && a &&
			       !getgroups(0, NULL)
		       ? 0
		       : EPERM;
}

static int root_is_readable(struct room *r)
{
	_cleanup_close_ int fd = openat(r->rootfd, "secret", O_RDONLY | O_CLOEXEC);
	char c;

	return fd < 0 || read(fd, &c, 1) != 1 ? errno : 0;
}

static int mount_is_restricted(struct room *r)
{
	struct statfs st;
	long want =
		MS_NOSUID | MS_NODEV | MS_NOEXEC | (r->conf.role == TM_ROLE_TARGET ? 0 : MS_RDONLY);

	if (statfs("/", &st) < 0)
		return errno;
	return (st.f_flags & want) == want ? 0 : EPERM;
}

static int nothing_outside_is_open(struct room *r)
{
	struct stat root, st;

	if (r->rootfd >= 0 && fstat(r->rootfd, &root) < 0)
		return errno;
	for (int fd = 0; fd < 1024; fd++) {
		if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
			continue;
		if (r->rootfd < 0 || st.st_dev != root.st_dev || st.st_ino != root.st_ino)
			return ENOTDIR;
	}
	return 0;
}

static int no_core_no_escape(struct room *r)
{
	struct rlimit core, files;

	(void)r;
	if (getrlimit(RLIMIT_CORE, &core) < 0 || getrlimit(RLIMIT_NOFILE, &files) < 0)
		return errno;
	return !core.rlim_max && files.rlim_max <= 65536 ? 0 : EPERM;
}

static int empty_root_is_empty(struct room *r)
{
	(void)r;
	return open_path("/file") == ENOENT && open("/x", O_CREAT | O_WRONLY | O_CLOEXEC, 0600) < 0
		       ? 0
		       : EPERM;
}

static int target_can_work(struct room *r)
{
	int fd = openat(r->rootfd, "by-target", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct stat st;
	int bad;

	if (fd < 0)
		return errno;
	bad = write(fd, "x", 1) != 1 || fchown(fd, 4321, 4321) < 0 || fchmod(fd, 0640) < 0 ||
	      fsync(fd) < 0 || ftruncate(fd, 4096) < 0 || fstat(fd, &st) < 0 || st.st_uid != 4321;
	close(fd);
	if (bad)
		return errno ? errno : EIO;
	if (mkdirat(r->rootfd, "dir-by-target", 0755) < 0 && errno != EEXIST)
		return errno;
	if (renameat(r->rootfd, "by-target", r->rootfd, "dir-by-target/moved") < 0 ||
	    linkat(r->rootfd, "dir-by-target/moved", r->rootfd, "by-target", 0) < 0 ||
	    symlinkat("anywhere", r->rootfd, "symlink-by-target") < 0 ||
	    mknodat(r->rootfd, "fifo-by-target", S_IFIFO | 0600, 0) < 0)
		return errno;
	if (unlinkat(r->rootfd, "symlink-by-target", 0) < 0 ||
	    unlinkat(r->rootfd, "fifo-by-target", 0) < 0 ||
	    unlinkat(r->rootfd, "by-target", 0) < 0 ||
	    unlinkat(r->rootfd, "dir-by-target/moved", 0) < 0 ||
	    unlinkat(r->rootfd, "dir-by-target", AT_REMOVEDIR) < 0)
		return errno;
	return 0;
}

static int identity_is_readable(struct room *r)
{
	struct tm_oid oid;
	int err = tm_oid_at(r->rootfd, "file", &oid);

	return err < 0 ? -err : tm_oid_is_none(oid) ? EIO : 0;
}

const struct probe tm_probes[] = {
	{ "the user is the one given, and no group of root", ALL, user_is_not_root, HOLDS },
	{ "capabilities are exactly those of the role", ALL, caps_are_exact, HOLDS },
	{ "no descriptor of a directory outside is open", ALL, nothing_outside_is_open, HOLDS },
	{ "no core files, few descriptors", ALL, no_core_no_escape, HOLDS },
	{ "the root is mounted nosuid, nodev, noexec (and read-only)", ALL, mount_is_restricted,
	  HOLDS },
	{ "a file of another user with mode 0600 is readable in the root", FILES, root_is_readable,
	  HOLDS },
	{ "identities of files in the root are readable", FILES, identity_is_readable, HOLDS },
	{ "the target can create, own, link, rename and remove in its root", TGT, target_can_work,
	  HOLDS },
	{ "the root of a pairing worker is empty and stays so", PAIR, empty_root_is_empty, HOLDS },
	{ "execve kills", ALL, try_execve, KILLED },
	{ "execveat kills", ALL, try_execveat, KILLED },
	{ "socket kills", ALL, try_socket, KILLED },
	{ "socketpair kills", ALL, try_socketpair, KILLED },
	{ "mount kills", ALL, try_mount, KILLED },
	{ "open_tree kills", ALL, try_open_tree, KILLED },
	{ "mount_setattr kills", FILES, try_remount, KILLED },
	{ "chroot kills", ALL, try_chroot, KILLED },
	{ "unshare kills", ALL, try_unshare, KILLED },
	{ "setns kills", ALL, try_setns, KILLED },
	{ "clone with a namespace kills", ALL, try_clone_namespace, KILLED },
	{ "ptrace kills", ALL, try_ptrace, KILLED },
	{ "bpf kills", ALL, try_bpf, KILLED },
	{ "perf_event_open kills", ALL, try_perf, KILLED },
	{ "open_by_handle_at kills", FILES, try_handle, KILLED },
	{ "keyctl kills", ALL, try_keyctl, KILLED },
	{ "io_uring_setup kills", ALL, try_io_uring, KILLED },
	{ "finit_module kills", ALL, try_module, KILLED },
	{ "fork is refused", ALL, try_fork, EPERM },
	{ "executable memory is refused", ALL, try_exec_memory, EPERM },
	{ "becoming root again is refused", ALL, try_setuid, EPERM },
	{ "signals to others are refused", ALL, try_kill, EPERM },
	{ "/etc/passwd does not exist", ALL, try_passwd, ENOENT },
	{ "going up leads nowhere", ALL, try_up, ENOENT },
	{ "going up from the root descriptor leads nowhere", FILES, try_up_from_root, ENOENT },
	{ "an absolute path outside does not exist", FILES, try_outside, ENOENT },
	{ "/proc does not exist", ALL, try_proc, ENOENT },
	{ "a symlink to the outside leads nowhere", FILES, try_symlink, ENOENT },
	{ "chmod outside finds nothing", TGT, try_chmod_outside, ENOENT },
	{ "chown outside finds nothing", TGT, try_chown_outside, ENOENT },
	{ "utimes outside finds nothing", TGT, try_utimes_outside, ENOENT },
	{ "setxattr outside finds nothing", TGT, try_xattr_outside, ENOENT },
	{ "truncate outside finds nothing", TGT, try_truncate_outside, ENOENT },
	{ "a source cannot create", SRC, try_create, EROFS },
	{ "a source cannot open for writing", SRC, try_write_existing, EROFS },
	{ "a source cannot make directories", SRC, try_mkdir, EPERM },
	{ "a source cannot change modes", SRC, try_chmod_outside, EPERM },
	{ "a target makes no device nodes unless allowed", TGT, try_device, EPERM },
	{ "trusted attributes are refused", TGT, try_trusted_xattr, EPERM },
};

const size_t tm_n_probes = TM_ARRAY_SIZE(tm_probes);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_worker_confine.c - the worker's own proof of its confinement, on several file
 * systems, and in a chroot. Needs root and the built program: beside this test's build directory,
 * or $TM_WORKER.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base.h"
#include "tap.h"

static char worker[4096];
static char top[64];

static void find_worker(void)
{
	const char *env = getenv("TM_WORKER");
	ssize_t n;

	if (env) {
		snprintf(worker, sizeof(worker), "%s", env);
		return;
	}
	/* O/tests/unit/test_x -> O/tidemark-worker */
	n = readlink("/proc/self/exe", worker, sizeof(worker) - 32);
	worker[n > 0 ? n : 0] = 0;
	for (int up = 0; up < 3 && strrchr(worker, '/'); up++)
		*strrchr(worker, '/') = 0;
	strcat(worker, "/tidemark-worker");
}

/* In a child with its own mounts: prepare, then run the self-test and show what it did not like. */
static int self_test(const char *role, int (*prepare)(void), const char *root)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(77);
		if (prepare && prepare() < 0)
			_exit(77);
		/* Its own TAP lines are notes here. */
		if (setenv("TM_ROLE", role, 1) || setenv("TM_ROOT", root, 1) ||
		    setenv("TM_W", worker, 1))
			_exit(77);
		execl("/bin/sh", "sh", "-c",
		      "out=$(\"$TM_W\" --self-test \"$TM_ROLE\" \"$TM_ROOT\" 2>&1); rc=$?; "
		      "printf '%s\\n' \"$out\" | grep -v -e '^ok' -e '^TAP' -e '^1\\.\\.' "
		      "| sed 's/^/# /'; exit $rc",
		      NULL);
		_exit(126);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static void check(const char *role, int (*prepare)(void), const char *root)
{
	int r;

	if (geteuid())
		SKIP("needs root");
	if (access(worker, X_OK) < 0)
		SKIP("tidemark-worker is not built");
	r = self_test(role, prepare, root);
	if (r == 77)
		SKIP("the file system of this test cannot be mounted here");
	CHECK_EQ(r, 0);
}

static char plain[96], mounted[96], source_dir[96];

TEST(a_source_worker_is_confined)
{
	check("source", NULL, plain);
}

TEST(a_target_worker_is_confined)
{
	check("target", NULL, plain);
}

TEST(a_pairing_worker_sees_no_file_at_all)
{
	check("pair", NULL, plain);
}

static int on_tmpfs(void)
{
	return mount("none", mounted, "tmpfs", 0, NULL);
}

TEST(a_target_on_tmpfs_is_confined)
{
	check("target", on_tmpfs, mounted);
}

static int on_overlay(void)
{
	char opts[512];

	if (mount("none", source_dir, "tmpfs", 0, NULL) < 0)
		return -1;
	snprintf(opts, sizeof(opts), "mkdir -p %s/l %s/u %s/w", source_dir, source_dir, source_dir);
	if (system(opts))
		return -1;
	snprintf(opts, sizeof(opts), "lowerdir=%s/l,upperdir=%s/u,workdir=%s/w", source_dir,
		 source_dir, source_dir);
	return mount("none", mounted, "overlay", 0, opts);
}

TEST(a_target_on_overlayfs_is_confined)
{
	check("target", on_overlay, mounted);
}

static int on_image(const char *mkfs)
{
	char cmd[512];

	snprintf(
		cmd, sizeof(cmd),
		"truncate -s 320M %s/image && %s %s/image >/dev/null 2>&1 && "
		"mount -o loop %s/image %s 2>/dev/null",
		top, mkfs, top, top, mounted);
	return system(cmd) ? -1 : 0;
}

static int on_ext4(void)
{
	return on_image("mkfs.ext4 -F -q");
}

static int on_xfs(void)
{
	return on_image("mkfs.xfs -f -q");
}

static int on_btrfs(void)
{
	return on_image("mkfs.btrfs -f -q");
}

TEST(a_source_on_ext4_is_confined)
{
	check("source", on_ext4, mounted);
}

TEST(a_target_on_ext4_is_confined)
{
	check("target", on_ext4, mounted);
}

TEST(a_target_on_xfs_is_confined)
{
	check("target", on_xfs, mounted);
}

TEST(a_target_on_btrfs_is_confined)
{
	check("target", on_btrfs, mounted);
}

/*
 * pivot_root refuses in a chroot that is no mount point: a bare installation is tried out in one.
 */
static int in_chroot(void)
{
	char cmd[sizeof(worker) + 1024];

	snprintf(
		cmd, sizeof(cmd),
		"set -e; r=%s/jail; mkdir -p $r/dev $r%s; "
		"for d in bin sbin lib lib64 usr etc; do "
		"test ! -e /$d || { mkdir -p $r/$d; mount --rbind /$d $r/$d; }; done; "
		"touch $r/dev/null; mount --bind /dev/null $r/dev/null; cp %s $r/worker",
		top, plain, worker);
	if (system(cmd))
		return -1;
	snprintf(cmd, sizeof(cmd), "%s/jail", top);
	snprintf(worker, sizeof(worker), "/worker");
	return chroot(cmd) < 0 || chdir("/") < 0 ? -1 : 0;
}

TEST(a_source_in_a_chroot_is_confined)
{
	check("source", in_chroot, plain);
}

TEST(a_pairing_worker_in_a_chroot_is_confined)
{
	check("pair", in_chroot, plain);
}

int main(int argc, char **argv)
{
	char cmd[256];
	int r;

	strcpy(top, "/tmp/tm-confine-XXXXXX");
	if (!mkdtemp(top))
		return 1;
	/* mkdtemp makes it 0700: a worker is another user, and its capabilities must do. */
	snprintf(plain, sizeof(plain), "%s/plain", top);
	snprintf(mounted, sizeof(mounted), "%s/mounted", top);
	snprintf(source_dir, sizeof(source_dir), "%s/layers", top);
	if (mkdir(plain, 0755) < 0 || mkdir(mounted, 0755) < 0 || mkdir(source_dir, 0755) < 0)
		return 1;
	find_worker();
	r = tap_main(argc, argv);
	snprintf(cmd, sizeof(cmd), "rm -rf --one-file-system %s", top);
	return system(cmd) ? 1 : r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_lib_beneath.c - the path resolver under attack, with openat2 and with the walk.
 */
#include "lib/beneath.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "tap.h"

/*
 * BASE/root/{file,dir/file,dir/sub,link->dir,abs->/etc,up->../outside,fifo}, BASE/outside/file
 */
static char base[32];
static int basefd = -1, rootfd = -1;

static void put(int dirfd, const char *name, const char *text)
{
	int fd = openat(dirfd, name, O_CREAT | O_WRONLY | O_TRUNC, 0600);

	if (fd < 0 || tm_write_full(fd, text, strlen(text)))
		abort();
	close(fd);
}

static void setup(void)
{
	strcpy(base, "/tmp/tm-ben-XXXXXX");
	if (!mkdtemp(base))
		abort();
	basefd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(basefd, "root", 0700) || mkdirat(basefd, "outside", 0700) ||
	    mkdirat(basefd, "root/dir", 0700) || mkdirat(basefd, "root/dir/sub", 0700) ||
	    symlinkat("dir", basefd, "root/link") || symlinkat("/etc", basefd, "root/abs") ||
	    symlinkat("../outside", basefd, "root/up") || mkfifoat(basefd, "root/fifo", 0600))
		abort();
	put(basefd, "root/file", "in");
	put(basefd, "root/dir/file", "in");
	put(basefd, "outside/file", "OUT");
	rootfd = openat(basefd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void teardown(void)
{
	static const char *const files[] = { "root/file", "root/dir/file",  "root/link",
					     "root/abs",  "root/up",	    "root/fifo",
					     "root/new",  "root/dir/new",   "outside/file",
					     "root/flip", "root/flip/file", "root/real/file" };
	static const char *const dirs[] = { "root/dir/sub", "root/dir", "root/flip",
					    "root/real",    "root",	"outside" };

	if (basefd < 0)
		return;
	for (size_t i = 0; i < TM_ARRAY_SIZE(files); i++)
		unlinkat(basefd, files[i], 0);
	for (size_t i = 0; i < TM_ARRAY_SIZE(dirs); i++)
		unlinkat(basefd, dirs[i], AT_REMOVEDIR);
	close(rootfd);
	close(basefd);
	rmdir(base);
}

static int try(const char *rel, int flags)
{
	return tm_open_beneath(rootfd, rel, flags, 0600);
}

/* Every answer once by openat2 and once by the walk. */
static void both_ways(void (*check)(void))
{
	tm_beneath_force_walk(false);
	check();
	tm_beneath_force_walk(true);
	check();
	tm_beneath_force_walk(false);
}

static void check_plain(void)
{
	char b[8] = "";
	int fd = try("dir/file", O_RDONLY);

	CHECK(fd >= 0);
	CHECK_EQ(tm_read_full(fd, b, 8), 2);
	CHECK_STR(b, "in");
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	CHECK((fd = try("dir/sub", O_RDONLY | O_DIRECTORY)) >= 0);
	close(fd);
	CHECK((fd = try("dir", O_PATH)) >= 0);
	close(fd);
	CHECK_EQ(try("dir/none", O_RDONLY), -ENOENT);
	CHECK_EQ(try("file/x", O_RDONLY), -ENOTDIR);
	CHECK_EQ(try("file", O_RDONLY | O_DIRECTORY), -ENOTDIR);
	CHECK_EQ(try("dir", O_RDWR), -EISDIR);
}

TEST(plain_paths_open)
{
	both_ways(check_plain);
}

static void check_root(void)
{
	struct stat a, b;
	int fd;

	CHECK_EQ(fstat(rootfd, &a), 0);
	for (int i = 0; i < 2; i++) {
		CHECK((fd = try(i ? "." : "", O_RDONLY | O_DIRECTORY)) >= 0);
		CHECK_EQ(fstat(fd, &b), 0);
		CHECK(a.st_ino == b.st_ino);
		close(fd);
	}
}

TEST(the_empty_path_and_dot_are_the_root)
{
	both_ways(check_root);
}

static void check_refused(void)
{
	static const char *const bad[] = { "/etc",
					   "/",
					   "..",
					   "../outside",
					   "dir/..",
					   "dir/../file",
					   "dir//file",
					   "dir/",
					   "./file",
					   "dir/./file",
					   "dir/../../outside/file" };

	for (size_t i = 0; i < TM_ARRAY_SIZE(bad); i++)
		CHECK_EQ(try(bad[i], O_RDONLY), -EINVAL);
}

TEST(paths_that_are_not_plain_components_are_refused)
{
	both_ways(check_refused);
}

static void check_symlinks(void)
{
	static const char *const bad[] = {
		"link", "link/file", "abs", "abs/passwd", "up", "up/file"
	};
	int fd;

	for (size_t i = 0; i < TM_ARRAY_SIZE(bad); i++) {
		CHECK_EQ(try(bad[i], O_RDONLY), -ELOOP);
		CHECK_EQ(try(bad[i], O_WRONLY | O_TRUNC), -ELOOP);
	}
	/* The link itself, as an object, may be held. */
	CHECK((fd = try("up", O_PATH)) >= 0);
	close(fd);
}

TEST(symlinks_are_never_followed)
{
	both_ways(check_symlinks);
}

static void check_create(void)
{
	struct stat st;
	int fd;

	CHECK((fd = try("dir/new", O_CREAT | O_EXCL | O_WRONLY)) >= 0);
	close(fd);
	CHECK_EQ(try("dir/new", O_CREAT | O_EXCL | O_WRONLY), -EEXIST);
	CHECK((fd = try("dir/new", O_CREAT | O_WRONLY)) >= 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0600);
	close(fd);
	CHECK_EQ(try("up", O_CREAT | O_EXCL | O_WRONLY), -EEXIST);
	CHECK_EQ(try("up", O_CREAT | O_WRONLY), -ELOOP);
	CHECK_EQ(try("up/new", O_CREAT | O_WRONLY), -ELOOP);
	CHECK_EQ(fstatat(basefd, "outside/new", &st, 0), -1);
	CHECK_EQ(unlinkat(rootfd, "dir/new", 0), 0);
	CHECK_EQ(try("dir/none/new", O_CREAT | O_WRONLY), -ENOENT);
}

TEST(creating_stays_below_the_root)
{
	both_ways(check_create);
}

static void check_tmpfile(void)
{
	struct stat st;
	int fd = try("dir", O_TMPFILE | O_RDWR);

	if (fd == -EOPNOTSUPP)
		return;
	CHECK(fd >= 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_nlink, 0);
	close(fd);
}

TEST(unnamed_files_work_both_ways)
{
	both_ways(check_tmpfile);
}

static void check_fifo(void)
{
	uint64_t t0 = tm_mono_ms();
	int fd = try("fifo", O_RDONLY);

	CHECK(fd >= 0);
	close(fd);
	CHECK_EQ(try("fifo", O_WRONLY), -ENXIO);
	CHECK(tm_mono_ms() - t0 < 1000);
}

TEST(a_fifo_does_not_stall_an_open)
{
	both_ways(check_fifo);
}

static void check_name(void)
{
	int fd;

	CHECK((fd = tm_open_name(rootfd, "file", O_RDONLY, 0)) >= 0);
	close(fd);
	CHECK_EQ(tm_open_name(rootfd, "dir/file", O_RDONLY, 0), -EINVAL);
	CHECK_EQ(tm_open_name(rootfd, "..", O_RDONLY, 0), -EINVAL);
	CHECK_EQ(tm_open_name(rootfd, ".", O_RDONLY, 0), -EINVAL);
	CHECK_EQ(tm_open_name(rootfd, "", O_RDONLY, 0), -EINVAL);
	CHECK_EQ(tm_open_name(rootfd, "up", O_RDONLY, 0), -ELOOP);
}

TEST(a_name_is_one_component)
{
	both_ways(check_name);
}

TEST(names_are_judged_by_their_bytes)
{
	char long_name[257];

	memset(long_name, 'n', sizeof(long_name));
	CHECK(tm_name_ok("a", 1));
	CHECK(tm_name_ok("...", 3));
	CHECK(tm_name_ok(".a", 2));
	CHECK(tm_name_ok("\xff\n", 2));
	CHECK(tm_name_ok(long_name, 255));
	CHECK(!tm_name_ok(long_name, 256));
	CHECK(!tm_name_ok("", 0));
	CHECK(!tm_name_ok(NULL, 1));
	CHECK(!tm_name_ok(".", 1));
	CHECK(!tm_name_ok("..", 2));
	CHECK(!tm_name_ok("a/b", 3));
	CHECK(!tm_name_ok("a\0b", 3));
}

TEST(stat_of_a_name_does_not_follow_and_does_not_descend)
{
	struct stat st = { .st_ino = 7 };

	CHECK_EQ(tm_stat_name(rootfd, "up", &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	st.st_ino = 7;
	CHECK_EQ(tm_stat_name(rootfd, "dir/file", &st), -EINVAL);
	CHECK_EQ(tm_stat_name(rootfd, "none", &st), -ENOENT);
	CHECK_EQ(st.st_ino, 7);
}

TEST(an_admins_directory_is_absolute_and_a_directory)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/root/link", base);
	CHECK((fd = tm_open_admin_dir(path)) >= 0); /* an admin's symlink is followed */
	close(fd);
	snprintf(path, sizeof(path), "%s/root/file", base);
	CHECK_EQ(tm_open_admin_dir(path), -ENOTDIR);
	CHECK_EQ(tm_open_admin_dir("tmp"), -EINVAL);
}

static void check_mounts(void)
{
	CHECK_EQ(try("dir/sub", O_RDONLY | O_DIRECTORY), -EXDEV);
	CHECK_EQ(try("dir/sub/x", O_CREAT | O_WRONLY), -EXDEV);
	CHECK_EQ(try("dir/sub/dir/file", O_RDONLY), -EXDEV);
}

/* Mounts are per process here: a child gets its own namespace and reports by its status. */
static int in_namespace(bool bind)
{
	char path[64];
	pid_t pid = fork();
	int st;

	if (!pid) {
		if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
			_exit(4);
		snprintf(path, sizeof(path), "%s/root/dir/sub", base);
		if (bind ? mount(base, path, NULL, MS_BIND, NULL)
			 : mount("none", path, "tmpfs", 0, NULL))
			_exit(4);
		/* The held root is of the old namespace: take it anew. */
		snprintf(path, sizeof(path), "%s/root", base);
		rootfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (setjmp(tap_out)) {
			fprintf(stderr, "# %s\n", tap_why);
			_exit(1);
		}
		both_ways(check_mounts);
		_exit(0);
	}
	waitpid(pid, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 255;
}

TEST(another_file_system_below_the_root_is_refused)
{
	int r = in_namespace(false);

	if (r == 4)
		SKIP("needs CAP_SYS_ADMIN for a mount namespace");
	CHECK_EQ(r, 0);
}

TEST(a_bind_mount_of_the_same_file_system_is_refused)
{
	int r = in_namespace(true);

	if (r == 4)
		SKIP("needs CAP_SYS_ADMIN for a mount namespace");
	CHECK_EQ(r, 0);
}

/*
 * A local user flips root/flip between a directory and a symlink to outside,
 * as fast as the machine can. "file" inside is "in", outside it is "OUT".
 */
static pid_t start_flipper(void)
{
	pid_t pid;

	if (mkdirat(rootfd, "real", 0700))
		abort();
	put(rootfd, "real/file", "in");
	if (symlinkat("../outside", rootfd, "flip"))
		abort();
	pid = fork();
	if (!pid) {
		for (;;)
			syscall(SYS_renameat2, rootfd, "real", rootfd, "flip", 2 /* EXCHANGE */);
	}
	return pid;
}

static void stop_flipper(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* Whichever way it stood. */
	unlinkat(rootfd, "flip/file", 0);
	if (unlinkat(rootfd, "flip", 0))
		unlinkat(rootfd, "flip", AT_REMOVEDIR);
	unlinkat(rootfd, "real/file", 0);
	if (unlinkat(rootfd, "real", 0))
		unlinkat(rootfd, "real", AT_REMOVEDIR);
	put(basefd, "outside/file", "OUT");
}

/* Opens for @ms; returns how often the outside was reached. */
static int race(int ms, int *ret_in, int *ret_refused)
{
	uint64_t end = tm_mono_ms() + (uint64_t)ms, last = end + 20000;
	int out = 0;

	*ret_in = *ret_refused = 0;
	/* On one busy CPU the two sides take long turns: go on until both were seen. */
	while (tm_mono_ms() < end ||
	       ((*ret_in <= 10 || *ret_refused <= 10) && tm_mono_ms() < last)) {
		char b[4] = "";
		int fd = try("flip/file", O_RDONLY);

		if (fd < 0) {
			(*ret_refused)++;
			continue;
		}
		if (tm_read_full(fd, b, 3) == 3)
			out++;
		else
			(*ret_in)++;
		close(fd);
	}
	return out;
}

TEST(a_flipped_parent_never_leads_outside)
{
	int in, refused, out = 0;

	for (int walk = 0; walk < 2; walk++) {
		pid_t pid = start_flipper();

		tm_beneath_force_walk(walk);
		out += race(700, &in, &refused);
		tm_beneath_force_walk(false);
		stop_flipper(pid);
		/* The race was real only if both sides of the flip were seen. */
		printf("# %s: %d inside, %d refused, %d outside\n", walk ? "walk" : "openat2", in,
		       refused, out);
		CHECK(in > 10);
		CHECK(refused > 10);
		CHECK_EQ(out, 0);
	}
}

TEST(a_flipped_last_name_never_leads_outside)
{
	for (int walk = 0; walk < 2; walk++) {
		int in = 0, refused = 0, out = 0;
		uint64_t end, last;
		pid_t pid;

		/* Exchange a regular file with a symlink to the file outside. */
		put(rootfd, "real", "in");
		if (symlinkat("../outside/file", rootfd, "flip"))
			abort();
		pid = fork();
		if (!pid) {
			for (;;)
				syscall(SYS_renameat2, rootfd, "real", rootfd, "flip", 2);
		}
		tm_beneath_force_walk(walk);
		/* On one busy CPU the two sides take long turns: go on until both were seen. */
		end = tm_mono_ms() + 500;
		last = tm_mono_ms() + 20000;
		while (tm_mono_ms() < end ||
		       ((in <= 10 || refused <= 10) && tm_mono_ms() < last)) {
			char b[4] = "";
			int fd = try("flip", O_RDONLY);

			if (fd < 0) {
				refused++;
				continue;
			}
			if (tm_read_full(fd, b, 3) == 3)
				out++;
			else
				in++;
			close(fd);
		}
		tm_beneath_force_walk(false);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		unlinkat(rootfd, "flip", 0);
		unlinkat(rootfd, "real", 0);
		CHECK(in > 10 && refused > 10);
		CHECK_EQ(out, 0);
	}
}

/* Somebody privileged mounts the file outside over the one inside, and off again. */
static int mount_race(void)
{
	char over[64], from[64], root[64];
	int in = 0, refused = 0, out = 0;
	uint64_t end;
	pid_t pid;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 4;
	snprintf(over, sizeof(over), "%s/root/file", base);
	snprintf(from, sizeof(from), "%s/outside/file", base);
	/* The held root is of the old namespace: take it anew. */
	snprintf(root, sizeof(root), "%s/root", base);
	rootfd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid = fork();
	if (!pid) {
		for (;;) {
			mount(from, over, NULL, MS_BIND, NULL);
			umount2(over, MNT_DETACH);
		}
	}
	tm_beneath_force_walk(true);
	end = tm_mono_ms() + 1500;
	while (tm_mono_ms() < end) {
		char b[4] = "";
		int fd = try("file", O_RDONLY);

		if (fd == -EXDEV || fd == -EAGAIN)
			refused++;
		if (fd < 0)
			continue;
		if (tm_read_full(fd, b, 3) == 3)
			out++;
		else
			in++;
		close(fd);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	fprintf(stderr, "# mounts: %d inside, %d refused, %d outside\n", in, refused, out);
	return in > 10 && refused > 0 && !out ? 0 : 1;
}

TEST(a_mount_flipped_over_the_file_never_leads_outside)
{
	pid_t pid = fork();
	int st;

	if (!pid)
		_exit(mount_race());
	waitpid(pid, &st, 0);
	if (WEXITSTATUS(st) == 4)
		SKIP("needs CAP_SYS_ADMIN for a mount namespace");
	CHECK_EQ(st, 0);
}

int main(int argc, char **argv)
{
	int r;

	setup();
	r = tap_main(argc, argv);
	teardown();
	return r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/guest/matrix/rows_moves.c - renames in all their forms, mounts below the root, ways in from
 * elsewhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "matrix.h"

static int rename2(int a, const char *from, int b, const char *to, unsigned int flags)
{
	return (int)syscall(SYS_renameat2, a, from, b, to, flags);
}

static int dir_at(int at, const char *name)
{
	if (mkdirat(at, name, 0755))
		return -1;
	return keep(openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int n09_same(void)
{
	closed(file("a", 5000));
	DO(!begin() && !renameat(dirfd_, "a", dirfd_, "b"));
	cause_name(dirfd_, "a");
	cause_name(dirfd_, "b");
	return 0;
}

static int n09_across(void)
{
	int d = dir_at(dirfd_, "d"), e = dir_at(dirfd_, "e");

	closed(file_at(d, "a", 5000));
	DO(!begin() && !renameat(d, "a", e, "b"));
	cause_name(d, "a");
	cause_name(e, "b");
	return 0;
}

static int n09_over(void)
{
	closed(file("a", 5000));
	closed(file("b", 7000));
	DO(!begin() && !rename2(dirfd_, "a", dirfd_, "b", 0) && rename2(dirfd_, "b", dirfd_, "none/x", 0));
	cause_name(dirfd_, "a");
	cause_name(dirfd_, "b");
	return 0;
}

/* Away and back by two renames in one epoch, and a swap by three. */
static int n09_chain(void)
{
	closed(file("a", 5000));
	closed(file("b", 7000));
	DO(!begin() && !renameat(dirfd_, "a", dirfd_, "t") && !renameat(dirfd_, "b", dirfd_, "a"));
	DO(!renameat(dirfd_, "t", dirfd_, "b"));
	cause_name(dirfd_, "a");
	cause_name(dirfd_, "b");
	cause_name(dirfd_, "t");
	return 0;
}

static int n10_exchange(void)
{
	int d = dir_at(dirfd_, "d");

	closed(file("a", 5000));
	closed(file_at(d, "x", 100));
	DO(!begin());
	if (rename2(dirfd_, "a", dirfd_, "d", RENAME_EXCHANGE))
		return na("no RENAME_EXCHANGE");
	cause_name(dirfd_, "a");
	cause_name(dirfd_, "d");
	return 0;
}

static int n11_whiteout(void)
{
	closed(file("a", 5000));
	DO(!begin());
	if (rename2(dirfd_, "a", dirfd_, "b", RENAME_WHITEOUT))
		return na("no RENAME_WHITEOUT");
	cause_name(dirfd_, "a");
	cause_name(dirfd_, "b");
	return 0;
}

static int n12_in(void)
{
	int d = dir_at(outfd, "d"), e = dir_at(d, "e"), fd = file_at(e, "f", 5000);

	DO(fd >= 0 && !begin() && !renameat(outfd, "d", dirfd_, "d"));
	DO(pwrite(fd, fresh(10), 10, 99) == 10);
	cause_name(dirfd_, "d");
	cause_subtree(d);
	cause_data(fd, 99, 109);
	return 0;
}

static int n12_out(void)
{
	int d = dir_at(dirfd_, "d"), fd = file_at(d, "f", 5000);

	DO(fd >= 0 && !begin() && !renameat(dirfd_, "d", outfd, "d2") && !step());
	/* Outside now: no mark. */
	DO(pwrite(fd, fresh(10), 10, 99) == 10);
	cause_name(dirfd_, "d");
	return 0;
}

static int n12_within(void)
{
	int d = dir_at(dirfd_, "d"), e = dir_at(dirfd_, "e"), fd = file_at(d, "f", 5000);

	DO(fd >= 0 && !begin() && !renameat(dirfd_, "d", e, "d") && pwrite(fd, fresh(10), 10, 99) == 10);
	cause_name(dirfd_, "d");
	cause_name(e, "d");
	cause_data(fd, 99, 109);
	return 0;
}

/* Out, changed there, and in again: nobody saw the change. */
static int n12_out_and_in(void)
{
	int d = dir_at(dirfd_, "d"), fd = file_at(d, "f", 5000);

	DO(fd >= 0 && !begin() && !renameat(dirfd_, "d", outfd, "d3") && pwrite(fd, fresh(10), 10, 99) == 10);
	DO(!renameat(outfd, "d3", dirfd_, "d"));
	cause_name(dirfd_, "d");
	cause_subtree(d);
	return 0;
}

static int n12_file_out_and_in(void)
{
	int fd = file("f", 5000);

	DO(fd >= 0 && !begin() && !renameat(dirfd_, "f", outfd, "f3") && pwrite(fd, fresh(10), 10, 99) == 10);
	DO(!renameat(outfd, "f3", dirfd_, "f"));
	cause_name(dirfd_, "f");
	cause_whole(fd);
	return 0;
}

/* Writers below a directory that is moved to and fro meanwhile: walks are torn, marks must not be lost. */
static int n12_writers(void)
{
	int d = dir_at(dirfd_, "d"), e = dir_at(dirfd_, "e"), sub = dir_at(d, "sub"), status;
	int fd[2] = { file_at(sub, "f0", 400000), file_at(sub, "f1", 400000) };
	pid_t pid[2];

	DO(e >= 0 && fd[0] >= 0 && fd[1] >= 0 && !begin());
	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			char *b = fresh(256);

			for (int j = 0; j < 3000; j++)
				if (pwrite(fd[i], b + j % 32, 128, j * 128) != 128)
					_exit(1);
			_exit(0);
		}
	}
	for (int i = 0; i < 100; i++)
		DO(!renameat(i & 1 ? e : d, "sub", i & 1 ? d : e, "sub"));
	for (int i = 0; i < 2; i++)
		DO(waitpid(pid[i], &status, 0) == pid[i] && !status);
	for (int i = 0; i < 2; i++)
		cause_data(fd[i], 0, 3000 * 128);
	cause_name(d, "sub");
	cause_name(e, "sub");
	cause_subtree(sub);
	return 0;
}

static int n18_mount(void)
{
	int d = dir_at(dirfd_, "mnt");

	DO(d >= 0 && !begin());
	/* What is mounted there is another root's affair: no mark, and nothing below it is followed. */
	DO(!sh("mount -t tmpfs none '%s' && echo x > '%s' && umount '%s'", in("mnt"), in("mnt/f"), in("mnt")));
	return 0;
}

static int n18_bind(void)
{
	int d = dir_at(dirfd_, "mnt"), fd = file_at(outfd, "f", 5000);

	DO(d >= 0 && fd >= 0 && !begin());
	DO(!sh("mount --bind '%s' '%s' && echo text >> '%s' && echo n > '%s' && umount '%s'", out(""), in("mnt"),
	       in("mnt/f"), in("mnt/n"), in("mnt")));
	return 0;
}

static int n19_bind_write(void)
{
	int fd = file("f", 5000);

	DO(fd >= 0 && !begin());
	DO(!sh("mkdir -p /tmp/mx-bind && mount --bind '%s' /tmp/mx-bind && printf hello | "
	       "dd of=/tmp/mx-bind/f bs=1 seek=70 conv=notrunc; s=$?; umount /tmp/mx-bind; exit $s", in("")));
	cause_data(fd, 70, 75);
	return 0;
}

/* A program in a chroot and a mount namespace of its own. */
static int n19_container(void)
{
	int fd = file("f", 5000), status;
	pid_t pid;

	DO(fd >= 0 && !begin());
	pid = fork();
	if (!pid) {
		int f;

		if (unshare(CLONE_NEWNS) || chroot(in("")) || chdir("/"))
			_exit(1);
		f = open("/f", O_WRONLY);
		if (pwrite(f, fresh(10), 10, 300) != 10)
			_exit(2);
		f = open("/made", O_CREAT | O_WRONLY, 0644);
		_exit(f < 0);
	}
	DO(waitpid(pid, &status, 0) == pid && !status);
	cause_data(fd, 300, 310);
	cause_name(dirfd_, "made");
	return 0;
}

/* The link outside is written with nothing in the dentry cache. */
static int n20_cold(void)
{
	int fd = file("f", 5000), o;

	DO(fd >= 0 && !linkat(dirfd_, "f", outfd, "hard", 0) && !fsync(fd) && !begin());
	DO(!sh("echo 3 > /proc/sys/vm/drop_caches"));
	o = keep(openat(outfd, "hard", O_WRONLY));
	DO(o >= 0 && pwrite(o, fresh(10), 10, 44) == 10);
	cause_data(fd, 44, 54);
	return 0;
}

/* Links that are all outside: a mark comes, user space drops it. */
static int n20_foreign(void)
{
	int fd = file_at(outfd, "p", 5000);

	DO(fd >= 0 && !linkat(outfd, "p", outfd, "q", 0) && !begin() && pwrite(fd, fresh(10), 10, 44) == 10);
	return 0;
}

const struct row rows_moves[] = {
	{ "N09", "rename in a directory", ALL_FS, "", 0, n09_same },
	{ "N09b", "rename across directories", ALL_FS, "", 0, n09_across },
	{ "N09c", "rename over an existing file", ALL_FS, "", 0, n09_over },
	{ "N09d", "two files swapped by three renames", ALL_FS, "", 0, n09_chain },
	{ "N10", "RENAME_EXCHANGE of file and directory", ALL_FS, "", 0, n10_exchange },
	{ "N11", "RENAME_WHITEOUT", ALL_FS, "", 0, n11_whiteout },
	{ "N12", "a directory moves in", ALL_FS, "", 0, n12_in },
	{ "N12b", "a directory moves out", ALL_FS, "", 0, n12_out },
	{ "N12c", "a directory moves within", ALL_FS, "", 0, n12_within },
	{ "N12d", "a directory out, changed, in again", ALL_FS, "", 0, n12_out_and_in },
	{ "N12e", "a file out, changed, in again", ALL_FS, "", 0, n12_file_out_and_in },
	{ "N12f", "two writers below a directory on the move", ALL_FS, "", 0, n12_writers },
	{ "N18", "a mount below the root", ALL_FS, "", ALONE, n18_mount },
	{ "N18b", "a bind mount of the outside below the root", ALL_FS, "", ALONE, n18_bind },
	{ "N19", "written through a bind mount", ALL_FS, "", 0, n19_bind_write },
	{ "N19b", "written from a chroot in another mount namespace", ALL_FS, "", 0, n19_container },
	{ "N20", "hard link outside, cold dentry cache", ALL_FS, "", 0, n20_cold },
	{ "N20b", "links that are all outside", ALL_FS, "", FOREIGN, n20_foreign },
	{ 0 },
};

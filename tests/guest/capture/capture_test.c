/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/guest/capture/capture_test.c - the bpf backend on a real file system, record by record.
 *
 * Runs as root in the guest: capture_test DIR [PATTERN], DIR on the file system to test. Every operation is
 * done below DIR/root; the records of one drain must contain it and nothing else.
 */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/version.h"
#include "sink.h"
#include "tap.h"

#ifndef FALLOC_FL_KEEP_SIZE
#include <linux/falloc.h>
#endif

static const char *base;
static int basefd, root;	/* DIR, DIR/root */
static char zeros[1 << 16];

#define HAVE(e)									\
	do {									\
		if (!(e))							\
			show();							\
		CHECK(e);							\
	} while (0)

/* A file of @size bytes that is not dirty any more. */
static int file(const char *name, off_t size)
{
	int fd = openat(root, name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	if (fd < 0)
		return fd;
	for (off_t at = 0; at < size; at += (off_t)sizeof(zeros))
		if (pwrite(fd, zeros, TM_MIN((size_t)(size - at), sizeof(zeros)), at) < 0)
			return -1;
	settle();
	return fd;
}

static bool on_tmpfs(void)
{
	struct statfs st;

	return !fstatfs(root, &st) && st.f_type == TMPFS_MAGIC;
}

static const char *in_root(const char *name)
{
	static char path[2][512];
	static int which;

	which ^= 1;
	snprintf(path[which], sizeof(path[which]), "%s/root/%s", base, name);
	return path[which];
}

/* ---- content */

TEST(a_pwrite_is_marked_with_its_range_and_name)
{
	int fd = file("w", 8192);
	const struct rec *r;

	CHECK_EQ(pwrite(fd, "0123456789", 10, 100), 10);
	CHECK_EQ(take(), 1);
	HAVE(only_range(oid_in(root, "w"), TM_CF_DATA, 100, 110));
	r = the(TM_CHANGE_INODE, oid_in(root, "w"));
	CHECK_STR(r->name, "w");
	CHECK(tm_oid_eq(r->dir, oid_in(root, "")));
	close(fd);
}

TEST(write_pwritev_and_append_are_exact)
{
	struct iovec v[2] = { { zeros, 5 }, { zeros, 7 } };
	int fd = file("v", 4096);
	int ap;

	CHECK_EQ(pwritev(fd, v, 2, 1000), 12);
	take();
	HAVE(only_range(oid_in(root, "v"), TM_CF_DATA, 1000, 1012));
	CHECK_EQ(lseek(fd, 50, SEEK_SET), 50);
	CHECK_EQ(write(fd, "ab", 2), 2);
	CHECK_EQ(write(fd, "cd", 2), 2);
	take();
	HAVE(only_range(oid_in(root, "v"), TM_CF_DATA, 50, 54));
	ap = openat(root, "v", O_WRONLY | O_APPEND);
	CHECK_EQ(write(ap, "xyz", 3), 3);
	take();
	HAVE(only_range(oid_in(root, "v"), TM_CF_DATA, 4096, 4099));
	close(ap);
	close(fd);
}

TEST(reads_and_files_outside_are_not_marked)
{
	int fd = file("r", 4096), out = openat(basefd, "outside", O_RDWR | O_CREAT, 0644);
	char buf[64];
	struct stat st;

	CHECK_EQ(pread(fd, buf, sizeof(buf), 0), (ssize_t)sizeof(buf));
	CHECK(!fstatat(root, "r", &st, 0));
	CHECK_EQ(pwrite(out, "hello", 5, 0), 5);
	CHECK(!fchmod(out, 0600));
	CHECK(!renameat(basefd, "outside", basefd, "outside2"));
	CHECK(!unlinkat(basefd, "outside2", 0));
	CHECK(!mkdirat(basefd, "outdir", 0755));
	CHECK(!unlinkat(basefd, "outdir", AT_REMOVEDIR));
	take();
	HAVE(n_recs == 0);
	close(out);
	close(fd);
}

TEST(truncation_marks_everything_from_the_new_size_on)
{
	int fd = file("t", 10000), fd2;

	CHECK(!ftruncate(fd, 5000));
	take();
	HAVE(only_range(oid_in(root, "t"), TM_CF_DATA | TM_CF_SIZE | TM_CF_ATTR, 5000, TM_RANGE_EOF));
	CHECK(!truncate(in_root("t"), 7000));
	take();
	HAVE(only_range(oid_in(root, "t"), TM_CF_DATA | TM_CF_SIZE | TM_CF_ATTR, 7000, TM_RANGE_EOF));
	fd2 = openat(root, "t", O_WRONLY | O_TRUNC);
	CHECK(fd2 >= 0);
	take();
	HAVE(only_range(oid_in(root, "t"), TM_CF_DATA | TM_CF_SIZE | TM_CF_ATTR, 0, TM_RANGE_EOF));
	close(fd2);
	close(fd);
}

TEST(scattered_writes_stay_exact_beyond_what_the_kernel_keeps)
{
	int fd = file("s", 1 << 20);
	struct tm_oid o = oid_in(root, "s");
	size_t n = 0;

	for (int i = 0; i < 40; i++)
		CHECK_EQ(pwrite(fd, "x", 1, (off_t)i * 20011), 1);
	take();
	for (int i = 0; i < 40; i++)
		HAVE(covered(0, o, (uint64_t)i * 20011, (uint64_t)i * 20011 + 1));
	CHECK_EQ(named_bytes(0, o), 40);
	for (size_t i = 0; i < n_recs; i++)
		n += recs[i].n_ranges;
	CHECK_EQ(n, 40);
	close(fd);
}

TEST(fallocate_marks_the_range_or_all_behind_it)
{
	int fd = file("fa", 65536);
	struct tm_oid o = oid_in(root, "fa");

	CHECK(!fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 4096, 8192));
	take();
	HAVE(only_range(o, TM_CF_DATA, 4096, 12288));
	if (fallocate(fd, FALLOC_FL_ZERO_RANGE, 100, 200) && errno == EOPNOTSUPP)
		SKIP("this file system only punches holes");
	take();
	HAVE(only_range(o, TM_CF_DATA, 100, 300));
	CHECK(!fallocate(fd, 0, 65536, 4096));
	take();
	HAVE(only_range(o, TM_CF_DATA, 65536, 69632));
	if (fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 4096, 4096) && errno == EOPNOTSUPP)
		SKIP("this file system cannot collapse ranges");
	take();
	HAVE(only_range(o, TM_CF_DATA | TM_CF_SIZE, 4096, TM_RANGE_EOF));
	close(fd);
}

TEST(copies_inside_the_kernel_are_exact)
{
	int from = file("c1", 8192), to = file("c2", 16384), p[2];
	struct tm_oid o = oid_in(root, "c2");
	loff_t a = 10, b = 100;

	CHECK_EQ(copy_file_range(from, &a, to, &b, 500, 0), 500);
	take();
	HAVE(only_range(o, TM_CF_DATA, 100, 600));
	CHECK_EQ(lseek(to, 2000, SEEK_SET), 2000);
	CHECK_EQ(sendfile(to, from, NULL, 300), 300);
	take();
	HAVE(only_range(o, TM_CF_DATA, 2000, 2300));
	CHECK(!pipe(p));
	CHECK_EQ(write(p[1], zeros, 77), 77);
	b = 3000;
	CHECK_EQ(splice(p[0], NULL, to, &b, 77, 0), 77);
	take();
	HAVE(only_range(o, TM_CF_DATA, 3000, 3077));
	close(p[0]);
	close(p[1]);
	close(from);
	close(to);
}

TEST(a_store_through_a_mapping_marks_its_page)
{
	int fd = file("m", 65536);
	char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *q = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	struct tm_oid o = oid_in(root, "m");

	CHECK(p != MAP_FAILED && q != MAP_FAILED);
	q[100] = 1;
	CHECK_EQ(p[200], 0);
	take();
	HAVE(n_recs == 0);
	if (on_tmpfs()) {
		/* There only a first access that is a store shows. */
		munmap(p, 65536);
		p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		CHECK(p != MAP_FAILED);
	}
	p[5 * 4096 + 7] = 1;
	take();
	HAVE(covered(0, o, 5 * 4096, 6 * 4096));
	HAVE(the(TM_CHANGE_INODE, o) && the(TM_CHANGE_INODE, o)->flags & TM_CF_MMAP);
	/* Large folios widen it to 2 MiB; that is the whole file here. */
	HAVE(only_range(o, TM_CF_DATA | TM_CF_MMAP, 5 * 4096, 6 * 4096) || named_bytes(0, o) >= 65536);
	/* tmpfs has no write-back, so nothing protects the page again: tm_capture_blind_spots() says so. */
	CHECK_EQ(tm_capture_blind_spots(cap)[0] != '\0', on_tmpfs());
	if (on_tmpfs())
		return;
	/* The reading rule: once cleaned, the next store is seen again. */
	CHECK(!sync_file_range(fd, 0, 65536, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
			       SYNC_FILE_RANGE_WAIT_AFTER));
	settle();
	p[5 * 4096 + 8] = 2;
	take();
	HAVE(covered(0, o, 5 * 4096, 6 * 4096));
	munmap(p, 65536);
	munmap(q, 65536);
	close(fd);
}

TEST(direct_writes_are_exact_when_they_complete_later_too)
{
	_cleanup_free_ void *buf = aligned_alloc(4096, 8192);
	int fd, plain = file("d", 65536);
	struct tm_oid o = oid_in(root, "d");
	struct iocb cb = { .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_nbytes = 8192, .aio_offset = 16384 };
	struct iocb *cbs[] = { &cb };
	aio_context_t ctx = 0;
	struct io_event ev;

	memset(buf, 'd', 8192);
	CHECK(!fsync(plain));
	fd = openat(root, "d", O_RDWR | O_DIRECT);
	if (fd < 0)
		SKIP("no O_DIRECT on this file system");
	CHECK_EQ(pwrite(fd, buf, 8192, 4096), 8192);
	take();
	HAVE(only_range(o, TM_CF_DATA, 4096, 12288));
	cb.aio_fildes = (uint32_t)fd;
	cb.aio_buf = (uint64_t)(uintptr_t)buf;
	CHECK(!syscall(SYS_io_setup, 4, &ctx));
	CHECK_EQ(syscall(SYS_io_submit, ctx, 1, cbs), 1);
	CHECK_EQ(syscall(SYS_io_getevents, ctx, 1, 1, &ev, NULL), 1);
	CHECK_EQ(ev.res, 8192);
	take();
	HAVE(only_range(o, TM_CF_DATA, 16384, 24576));
	syscall(SYS_io_destroy, ctx);
	close(fd);
	close(plain);
}

TEST(a_file_with_several_links_is_marked_through_a_name_outside)
{
	int fd = file("h", 100), out;
	struct tm_oid o = oid_in(root, "h");

	CHECK(!linkat(root, "h", basefd, "h-outside", 0));
	settle();
	close(fd);
	out = openat(basefd, "h-outside", O_WRONLY);
	CHECK_EQ(pwrite(out, "hard", 4, 20), 4);
	take();
	HAVE(covered(0, o, 20, 24));
	HAVE(named_bytes(0, o) == 4);
	close(out);
	CHECK(!unlinkat(basefd, "h-outside", 0));
	settle();
}

TEST(a_write_from_a_kernel_thread_is_seen)
{
	const char *module = getenv("TM_TESTMOD");
	char cmd[1024];
	int fd;

	if (!module)
		SKIP("the test module is built for 6.1 only");
	fd = file("kt", 4096);
	snprintf(cmd, sizeof(cmd), "insmod %s path=%s offset=123 text=hello && rmmod tm_testmod", module,
		 in_root("kt"));
	CHECK(!system(cmd));
	take();
	HAVE(only_range(oid_in(root, "kt"), TM_CF_DATA, 123, 128));
	close(fd);
}

TEST(a_loop_device_over_a_file_is_seen)
{
	int fd = file("loop", 1 << 20);
	struct tm_oid o = oid_in(root, "loop");
	char cmd[1024];

	/* sync: what the loop driver wrote counts, not what its page cache holds. */
	snprintf(cmd, sizeof(cmd),
		 "modprobe loop; losetup /dev/loop5 %s && "
		 "dd if=/dev/zero of=/dev/loop5 bs=4096 count=2 seek=3 conv=notrunc,fsync 2>/dev/null && "
		 "losetup -d /dev/loop5",
		 in_root("loop"));
	if (system(cmd))
		SKIP("no loop devices in this guest");
	take();
	HAVE(covered(0, o, 3 * 4096, 5 * 4096));
	close(fd);
}

/* ---- names */

TEST(every_kind_of_creation_is_one_name)
{
	int fd;

	settle();
	fd = openat(root, "n1", O_CREAT | O_EXCL | O_WRONLY, 0644);
	CHECK(fd >= 0);
	close(fd);
	take();
	HAVE(n_recs == 1 && the_name(root, "n1"));
	CHECK(tm_oid_eq(the_name(root, "n1")->obj, oid_in(root, "n1")));
	CHECK(!mkdirat(root, "n2", 0755));
	CHECK(!mknodat(root, "n3", S_IFIFO | 0600, 0));
	CHECK(!symlinkat("nowhere", root, "n4"));
	CHECK(!linkat(root, "n1", root, "n5", 0));
	take();
	HAVE(the_name(root, "n2") && the_name(root, "n3") && the_name(root, "n4") && the_name(root, "n5"));
	HAVE(count(TM_CHANGE_NAME) == 4 && n_recs == 4);
	CHECK(tm_oid_eq(the_name(root, "n5")->obj, oid_in(root, "n1")));
}

TEST(a_nameless_file_is_told_when_it_gets_a_name)
{
	char path[64];
	int fd;

	settle();
	fd = openat(root, ".", O_TMPFILE | O_RDWR, 0600);
	if (fd < 0)
		SKIP("no O_TMPFILE here");
	take();
	HAVE(count(TM_CHANGE_NAME) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK(!linkat(AT_FDCWD, path, root, "named", AT_SYMLINK_FOLLOW));
	take();
	HAVE(the_name(root, "named"));
	HAVE(count(TM_CHANGE_NAME) == 1);
	close(fd);
}

TEST(unlink_and_rmdir_say_that_the_name_is_gone)
{
	int fd = file("u", 10);

	close(fd);
	CHECK(!mkdirat(root, "ud", 0755));
	settle();
	CHECK(!unlinkat(root, "u", 0));
	CHECK(!unlinkat(root, "ud", AT_REMOVEDIR));
	take();
	HAVE(n_recs == 2 && the_name(root, "u") && the_name(root, "ud"));
	CHECK_EQ(the_name(root, "u")->flags, TM_CF_GONE);
	CHECK_EQ(the_name(root, "ud")->flags, TM_CF_GONE);
}

static int rename2(int a, const char *from, int b, const char *to, unsigned int flags)
{
	return (int)syscall(SYS_renameat2, a, from, b, to, flags);
}

TEST(a_rename_is_two_names)
{
	struct tm_oid o1, o2;
	int fd = file("r1", 10);

	close(fd);
	fd = file("r2", 10);
	close(fd);
	o1 = oid_in(root, "r1");
	o2 = oid_in(root, "r2");
	CHECK(!rename2(root, "r1", root, "r3", RENAME_NOREPLACE));
	take();
	HAVE(n_recs == 2 && the_name(root, "r1") && the_name(root, "r3"));
	CHECK_EQ(the_name(root, "r1")->flags, TM_CF_GONE);
	CHECK_EQ(the_name(root, "r3")->flags, 0);
	CHECK(tm_oid_eq(the_name(root, "r3")->obj, o1));
	CHECK(!rename2(root, "r3", root, "r2", RENAME_EXCHANGE));
	take();
	HAVE(n_recs == 2 && the_name(root, "r2") && the_name(root, "r3"));
	CHECK(tm_oid_eq(the_name(root, "r2")->obj, o1));
	CHECK(tm_oid_eq(the_name(root, "r3")->obj, o2));
	CHECK_EQ(the_name(root, "r3")->flags, 0);
	CHECK(!rename2(root, "r3", root, "r2", 0));
	take();
	HAVE(n_recs == 2 && the_name(root, "r2") && the_name(root, "r3"));
	CHECK(tm_oid_eq(the_name(root, "r2")->obj, o2));
	CHECK_EQ(rename2(root, "none", root, "r2", 0), -1);
	take();
	HAVE(n_recs == 0);
	if (rename2(root, "r2", root, "r4", RENAME_WHITEOUT))
		return;
	take();
	HAVE(n_recs >= 2 && the_name(root, "r4"));
	unlinkat(root, "r2", 0);
}

TEST(a_directory_that_moves_in_is_a_subtree_and_within_is_not)
{
	struct tm_oid d;
	int fd;

	CHECK(!mkdirat(basefd, "in", 0755));
	fd = openat(basefd, "in/deep", O_CREAT | O_WRONLY, 0644);
	close(fd);
	d = oid_in(basefd, "in");
	settle();
	CHECK(!renameat(basefd, "in", root, "inside"));
	take();
	HAVE(n_recs == 2 && the_name(root, "inside") && the(TM_CHANGE_SUBTREE, d));
	CHECK(!renameat(root, "inside", root, "inside2"));
	take();
	HAVE(n_recs == 2 && count(TM_CHANGE_SUBTREE) == 0);
	CHECK(!renameat(root, "inside2", basefd, "in"));
	take();
	HAVE(n_recs == 1 && the_name(root, "inside2"));
	CHECK_EQ(the_name(root, "inside2")->flags, TM_CF_GONE);
	unlinkat(basefd, "in/deep", 0);
	unlinkat(basefd, "in", AT_REMOVEDIR);
	settle();
}

TEST(names_of_255_bytes_and_odd_bytes_pass)
{
	char longest[256], odd[] = "a\xff\x01 b\n";

	memset(longest, 'L', 255);
	longest[255] = '\0';
	settle();
	close(openat(root, longest, O_CREAT | O_WRONLY, 0644));
	close(openat(root, odd, O_CREAT | O_WRONLY, 0644));
	take();
	HAVE(n_recs == 2 && the_name(root, longest) && the_name(root, odd));
	unlinkat(root, longest, 0);
	unlinkat(root, odd, 0);
}

/* ---- metadata */

TEST(mode_owner_times_and_xattrs_are_attribute_marks)
{
	struct timespec ts[2] = { { 1, 2 }, { 3, 4 } };
	int fd = file("a", 10);
	struct tm_oid o = oid_in(root, "a");

	CHECK(!fchmod(fd, 0600));
	take();
	HAVE(only_range(o, TM_CF_ATTR, 0, 0));
	CHECK(!fchown(fd, 1, 2));
	take();
	HAVE(only_range(o, TM_CF_ATTR, 0, 0));
	CHECK(!futimens(fd, ts));
	take();
	HAVE(only_range(o, TM_CF_ATTR, 0, 0));
	if (fsetxattr(fd, "user.x", "1", 1, 0))
		SKIP("no user xattrs on this file system");
	take();
	HAVE(only_range(o, TM_CF_ATTR, 0, 0));
	CHECK(!fremovexattr(fd, "user.x"));
	take();
	HAVE(only_range(o, TM_CF_ATTR, 0, 0));
	close(fd);
}

TEST(acls_and_inode_flags_are_attribute_marks)
{
	/* version 2; user::rw- user:1:r-- group::r-- mask::r-- other::r-- */
	static const uint8_t acl[] = {
		2, 0, 0, 0,
		0x01, 0, 6, 0, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 4, 0, 1, 0, 0, 0,
		0x04, 0, 4, 0, 0xff, 0xff, 0xff, 0xff, 0x10, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
		0x20, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
	};
	int fd = file("acl", 10), flags = 0;
	struct tm_oid o = oid_in(root, "acl");

	CHECK(!fsetxattr(fd, "system.posix_acl_access", acl, sizeof(acl), 0));
	take();
	HAVE(only_range(o, TM_CF_ATTR, 0, 0));
	CHECK(!fremovexattr(fd, "system.posix_acl_access"));
	take();
	HAVE(only_range(o, TM_CF_ATTR, 0, 0));
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		SKIP("no inode flags on this file system");
	take();
	HAVE(n_recs == 0);
	flags |= FS_NOATIME_FL;
	CHECK(!ioctl(fd, FS_IOC_SETFLAGS, &flags));
	take();
	HAVE(only_range(o, TM_CF_ATTR, 0, 0));
	close(fd);
}

/* ---- roots */

TEST(what_lies_in_the_reserved_directory_is_not_recorded)
{
	int fd = openat(root, ".tidemark/x", O_CREAT | O_RDWR, 0600);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK(!renameat(root, ".tidemark/x", root, ".tidemark/y"));
	CHECK(!unlinkat(root, ".tidemark/y", 0));
	take();
	HAVE(n_recs == 0);
	close(fd);
}

TEST(nested_and_neighbouring_roots_each_get_their_own)
{
	int inner, other, fd;
	struct tm_oid o;

	CHECK(!mkdirat(root, "nest", 0755) && !mkdirat(basefd, "other", 0755));
	inner = openat(root, "nest", O_RDONLY | O_DIRECTORY);
	other = openat(basefd, "other", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(cap_add(1, inner), 0);
	CHECK_EQ(cap_add(62, other), 0);
	settle();
	fd = openat(inner, "f", O_CREAT | O_WRONLY, 0644);
	CHECK_EQ(write(fd, "abc", 3), 3);
	close(fd);
	o = oid_in(inner, "f");
	take();
	HAVE(n_recs == 4 && covered(0, o, 0, 3) && covered(1, o, 0, 3) && !covered(62, o, 0, 3));
	fd = openat(other, "g", O_CREAT | O_WRONLY, 0644);
	close(fd);
	take();
	HAVE(n_recs == 1 && recs[0].slot == 62);
	CHECK(!tm_capture_del_root(cap, 1) && !tm_capture_del_root(cap, 62));
	fd = openat(other, "h", O_CREAT | O_WRONLY, 0644);
	close(fd);
	fd = openat(inner, "h", O_CREAT | O_WRONLY, 0644);
	close(fd);
	take();
	HAVE(n_recs == 1 && recs[0].slot == 0);
	close(inner);
	close(other);
}

/* ---- surviving */

TEST(an_error_of_the_receiver_delivers_again)
{
	int fd = file("e", 10);

	CHECK_EQ(pwrite(fd, "x", 1, 3), 1);
	CHECK(!mkdirat(root, "e-dir", 0755));
	sink_error = -ENOSPC;
	CHECK_EQ(take(), -ENOSPC);
	sink_error = 0;
	CHECK_EQ(n_recs, 0);
	take();
	HAVE(n_recs == 2 && the_name(root, "e-dir") && covered(0, oid_in(root, "e"), 3, 4));
	close(fd);
}

/* A capture in a child that is then killed; true if it had resumed. */
static bool child_captures(bool *ret_resumed)
{
	int p[2], status, r;
	pid_t pid;
	char c = 'n';

	if (pipe(p))
		return false;
	pid = fork();
	if (!pid) {
		r = cap_open(PIN_DIR, 0, 0);
		if (!r)
			r = cap_add(0, root);
		c = r == 1 ? 'y' : r == 0 ? 'n' : 'e';
		if (write(p[1], &c, 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(p[1]);
	r = read(p[0], &c, 1) == 1;
	close(p[0]);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	*ret_resumed = c == 'y';
	return r && c != 'e';
}

TEST(a_killed_daemon_misses_nothing)
{
	int fd = file("k", 100000);
	struct tm_oid o = oid_in(root, "k");
	bool resumed = false;

	CHECK_EQ(pwrite(fd, "before", 6, 10), 6);
	cap_close();
	CHECK(child_captures(&resumed));
	CHECK(resumed);
	CHECK_EQ(pwrite(fd, "after", 5, 50000), 5);
	CHECK(!mkdirat(root, "k-dir", 0755));
	CHECK_EQ(cap_open(PIN_DIR, 0, 0), 0);
	CHECK_EQ(cap_add(0, root), 1);
	take();
	HAVE(covered(0, o, 10, 16) && covered(0, o, 50000, 50005) && the_name(root, "k-dir"));
	CHECK_EQ(named_bytes(0, o), 11);
	CHECK_STR(incomplete, "");
	close(fd);
}

TEST(a_link_that_was_taken_away_ends_the_epoch)
{
	cap_close();
	CHECK(!system("rm " PIN_DIR "/links-*/vfs-tm_unlink"));
	CHECK_EQ(cap_open(PIN_DIR, 0, 0), 0);
	CHECK_EQ(cap_add(0, root), 0);
	settle();
	close(openat(root, "again", O_CREAT | O_WRONLY, 0644));
	take();
	HAVE(n_recs == 1 && the_name(root, "again"));
	CHECK(!unlinkat(root, "again", 0));
	take();
	HAVE(n_recs == 1 && the_name(root, "again")->flags == TM_CF_GONE);
}

TEST(an_unmounted_file_system_ends_the_epoch)
{
	int fd, other;

	if (access("/dev/vdb", F_OK))
		SKIP("a second disk is needed");
	CHECK(!mkdir("/mnt/second", 0755) || errno == EEXIST);
	CHECK(!system("mkfs.ext4 -q -F /dev/vdb && mount /dev/vdb /mnt/second"));
	fd = open("/mnt/second", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(cap_add(2, fd), 0);
	other = openat(fd, "f", O_CREAT | O_WRONLY, 0644);
	close(other);
	take();
	HAVE(n_recs == 1 && recs[0].slot == 2);
	CHECK_EQ(cap_add(2, fd), 1);
	close(fd);
	CHECK(!system("umount /mnt/second && mount /dev/vdb /mnt/second"));
	fd = open("/mnt/second", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(cap_add(2, fd), 0);
	other = openat(fd, "g", O_CREAT | O_WRONLY, 0644);
	close(other);
	take();
	HAVE(the_name(fd, "g"));
	close(fd);
	/* Nobody adds it again this time: the capture itself finds out once it is back. */
	CHECK(!system("umount /mnt/second && mount /dev/vdb /mnt/second"));
	usleep(1100 * 1000);
	take();
	CHECK_STR(incomplete, "2:unmounted");
	HAVE(count(TM_CHANGE_ALL) == 1);
	CHECK(!tm_capture_del_root(cap, 2));
	CHECK(!system("umount /mnt/second"));
}

/* ---- versions, canary, stress */

TEST(versions_move_with_every_change_and_rest_equal)
{
	uint32_t n = 0, slot;
	int fd = tm_capture_version_fd(cap, &n), f = file("ver", 100);
	const struct tm_version *v = mmap(NULL, n * sizeof(*v), PROT_READ, MAP_SHARED, fd, 0);
	struct tm_version a;

	CHECK(fd >= 0 && v != MAP_FAILED && n == 65536);
	close(fd);
	slot = tm_version_slot(oid_in(root, "ver").ino, n);
	a = v[slot];
	CHECK_EQ(a.begun, a.ended);
	CHECK_EQ(pwrite(f, "1", 1, 0), 1);
	CHECK_EQ(v[slot].begun, a.begun + 1);
	CHECK_EQ(v[slot].ended, a.ended + 1);
	CHECK(!ftruncate(f, 10));
	CHECK(v[slot].begun > a.begun + 1 && v[slot].begun == v[slot].ended);
	munmap((void *)(uintptr_t)v, n * sizeof(*v));
	close(f);
}

#define TORTURE_WRITES 20000

/* Runs that are continued, and jumps. */
static off_t torture_at(long i)
{
	return i + i / 64 * 100;
}

static void *torture(void *arg)
{
	long me = (long)arg;
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "tort%ld", me);
	fd = openat(root, name, O_RDWR | O_CREAT, 0644);
	for (long i = 0; i < TORTURE_WRITES; i++)
		if (pwrite(fd, "z", 1, torture_at(i)) != 1)
			return (void *)1;
	close(fd);
	return NULL;
}

/* Each byte is written once: lost in a flip, it would be missing from the union. */
TEST(no_mark_is_lost_between_the_epochs)
{
	static struct tm_ranges all[4];
	struct tm_oid o[4] = { { 0 } };
	bool running = true;
	pthread_t t[4];
	int flips = 0;

	settle();
	for (long i = 0; i < 4; i++)
		CHECK(!pthread_create(&t[i], NULL, torture, (void *)i));
	for (int last = 0; last < 2; last += !running) {
		CHECK(take() >= 0);
		CHECK_STR(incomplete, "");
		flips++;
		for (size_t i = 0; i < n_recs; i++)
			for (int j = 0; j < 4; j++) {
				char name[16];

				snprintf(name, sizeof(name), "tort%d", j);
				o[j] = tm_oid_is_none(o[j]) ? oid_in(root, name) : o[j];
				if (recs[i].kind == TM_CHANGE_INODE && tm_oid_eq(recs[i].obj, o[j]))
					CHECK(!tm_ranges_add_all(&all[j], recs[i].ranges, recs[i].n_ranges));
			}
		if (running && !pthread_tryjoin_np(t[0], NULL)) {
			for (int i = 1; i < 4; i++)
				pthread_join(t[i], NULL);
			running = false;
		}
	}
	printf("# %d flips\n", flips);
	CHECK(flips > 5);
	/* Bounded sets of ranges may join neighbours, so this asks for what must be there. */
	for (int j = 0; j < 4; j++)
		for (long i = 0; i < TORTURE_WRITES; i++)
			CHECK(tm_ranges_cover(&all[j], (uint64_t)torture_at(i), (uint64_t)torture_at(i) + 1));
}

static void ftrace(const char *v)
{
	int fd = open("/proc/sys/kernel/ftrace_enabled", O_WRONLY);

	if (fd >= 0) {
		if (write(fd, v, 1) != 1)
			perror("# ftrace_enabled");
		close(fd);
	}
}

TEST(tracing_switched_off_is_noticed_by_the_canary)
{
	bool told = false;

	settle();
	ftrace("0");
	for (int i = 0; i < 40 && !told; i++) {
		usleep(200 * 1000);
		incomplete[0] = '\0';
		n_recs = 0;
		tm_capture_drain(cap, false);
		/* The switch is read, and the canary does not come: each is a reason of its own. */
		told = strstr(incomplete, "0:tracing-off") && strstr(incomplete, "0:canary") &&
		       count(TM_CHANGE_ALL) == 2;
	}
	ftrace("1");
	CHECK(told);
	usleep(1200 * 1000);
	settle();
	CHECK_EQ(pwrite(file("seeing", 10), "x", 1, 0), 1);
	take();
	HAVE(covered(0, oid_in(root, "seeing"), 0, 1));
}

TEST(nothing_was_dropped_and_the_books_balance)
{
	struct tm_capture_stats s;

	take();
	tm_capture_stats_get(cap, 0, &s);
	printf("# seen %llu queued %llu coalesced %llu dropped %llu\n", (unsigned long long)s.seen,
	       (unsigned long long)s.queued, (unsigned long long)s.coalesced, (unsigned long long)s.dropped);
	CHECK(s.seen > 100);
	CHECK_EQ(s.seen, s.queued + s.coalesced + s.dropped);
	CHECK_EQ(s.dropped, 0);
}

/* ---- loss is a state: a capture that is far too small */

#define SMALL_PINS PIN_DIR "-small"

TEST(a_full_ring_turns_lost_names_into_their_directory)
{
	int dir, named = 0;
	struct tm_oid d;

	cap_close();
	CHECK_EQ(cap_open(SMALL_PINS, 64, 4096), 0);
	CHECK_EQ(cap_add(0, root), 0);
	CHECK(!mkdirat(root, "flood", 0755));
	settle();
	dir = openat(root, "flood", O_RDONLY | O_DIRECTORY);
	d = oid_in(dir, "");
	for (int i = 0; i < 500; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		CHECK(!mknodat(dir, name, S_IFIFO | 0600, 0));
	}
	take();
	named = (int)count(TM_CHANGE_NAME);
	printf("# %d of 500 names fitted\n", named);
	CHECK(named > 10 && named < 500);
	HAVE(the(TM_CHANGE_DIR, d));
	CHECK_EQ(count(TM_CHANGE_ALL), 0);
	CHECK_STR(incomplete, "");
	close(dir);
}

TEST(a_full_map_makes_its_root_incomplete_and_no_other)
{
	struct tm_capture_stats s;
	int other, fd;

	other = openat(basefd, "other", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(cap_add(5, other), 0);
	fd = openat(other, "exact", O_CREAT | O_RDWR, 0644);
	settle();
	/* Marked first, so it has its place. */
	CHECK_EQ(pwrite(fd, "x", 1, 77), 1);
	for (int i = 0; i < 200; i++) {
		char name[24];
		int f;

		snprintf(name, sizeof(name), "flood/g%d", i);
		f = openat(root, name, O_CREAT | O_WRONLY, 0644);
		CHECK(f >= 0 && write(f, "x", 1) == 1);
		close(f);
	}
	CHECK_EQ(pwrite(fd, "x", 1, 78), 1);
	take();
	CHECK_STR(incomplete, "0:map-full");
	HAVE(count(TM_CHANGE_ALL) == 1);
	HAVE(covered(5, oid_in(other, "exact"), 77, 79));
	tm_capture_stats_get(cap, 0, &s);
	CHECK(s.dropped > 0);
	CHECK_EQ(s.seen, s.queued + s.coalesced + s.dropped);
	tm_capture_stats_get(cap, 5, &s);
	CHECK_EQ(s.dropped, 0);
	/* And it is over once told. */
	take();
	CHECK_STR(incomplete, "");
	close(fd);
	close(other);
	cap_close();
	tm_capture_unpin(SMALL_PINS);
}

int main(int argc, char **argv)
{
	struct tm_capture *c;
	uint64_t start;
	int r;

	if (argc < 2) {
		fprintf(stderr, "usage: capture_test DIR [PATTERN]\n");
		return 2;
	}
	base = argv[1];
	basefd = open(base, O_RDONLY | O_DIRECTORY);
	if (basefd < 0 || (mkdirat(basefd, "root", 0755) && errno != EEXIST)) {
		perror(base);
		return 2;
	}
	root = openat(basefd, "root", O_RDONLY | O_DIRECTORY);
	setvbuf(stdout, NULL, _IOLBF, 0);
	start = tm_mono_ms();
	r = cap_open(PIN_DIR, 0, 0);
	printf("# opened in %llu ms\n", (unsigned long long)(tm_mono_ms() - start));
	if (r == -EPERM) {
		printf("# %s\n", tm_capture_why());
		return 4;
	}
	if (r || cap_add(0, root) != 0) {
		printf("Bail out! capture does not start: %s (%d)\n", tm_capture_why(), r);
		return 1;
	}
	c = cap;
	settle();
	r = tap_main(argc - 1, argv + 1);
	if (cap == c)
		cap_close();
	tm_capture_unpin(PIN_DIR);
	return r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_lib_oid.c - identities: the layouts, and this machine's file systems.
 */
#include "lib/oid.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "tap.h"

static uint8_t raw[128];

/* A handle from 32-bit words, as the kernel builds them. */
static void words(const uint32_t *w, size_t n)
{
	memset(raw, 0xee, sizeof(raw));
	memcpy(raw, w, n * 4);
}

static bool is(struct tm_oid o, uint64_t ino, uint32_t gen, uint32_t subvol)
{
	return tm_oid_eq(o, (struct tm_oid){ ino, gen, subvol });
}

TEST(ext4_and_xfs_handles_are_inode_and_generation)
{
	struct tm_oid o;

	words((uint32_t[]){ 12, 0xdeadbeef }, 2);
	CHECK_EQ(tm_oid_from_handle(1, raw, 8, &o), 0);
	CHECK(is(o, 12, 0xdeadbeef, 0));
	words((uint32_t[]){ 12, 7, 2, 1 }, 4);
	CHECK_EQ(tm_oid_from_handle(2, raw, 16, &o), 0);
	CHECK(is(o, 12, 7, 0));
	words((uint32_t[]){ 0x89abcdef, 0x01234567, 9 }, 3);
	CHECK_EQ(tm_oid_from_handle(0x81, raw, 12, &o), 0);
	CHECK(is(o, 0x0123456789abcdefULL, 9, 0));
}

TEST(tmpfs_handles_begin_with_the_generation)
{
	struct tm_oid o;

	words((uint32_t[]){ 5, 0x89abcdef, 0x01234567 }, 3);
	CHECK_EQ(tm_oid_from_handle(1, raw, 12, &o), 0);
	CHECK(is(o, 0x0123456789abcdefULL, 5, 0));
}

TEST(btrfs_handles_tell_subvolumes_apart)
{
	struct tm_oid o;

	words((uint32_t[]){ 257, 0, 256, 0, 11, 1, 0, 2, 3, 0 }, 10);
	CHECK_EQ(tm_oid_from_handle(0x4d, raw, 20, &o), 0);
	CHECK(is(o, 257, 11, 256));
	CHECK_EQ(tm_oid_from_handle(0x4e, raw, 32, &o), 0);
	CHECK(is(o, 257, 11, 256));
	CHECK_EQ(tm_oid_from_handle(0x4f, raw, 40, &o), 0);
	CHECK(is(o, 257, 11, 256));
	words((uint32_t[]){ 257, 0, 256, 1, 11 }, 5);
	CHECK_EQ(tm_oid_from_handle(0x4d, raw, 20, &o), -EOPNOTSUPP);
}

TEST(a_length_that_does_not_fit_the_type_is_refused)
{
	static const struct {
		int type;
		size_t ok[2];
	} t[] = { { 1, { 8, 12 } },	{ 2, { 16, 16 } },    { 0x81, { 12, 12 } },
		  { 0x82, { 24, 24 } }, { 0x4d, { 20, 20 } }, { 0x4e, { 32, 32 } },
		  { 0x4f, { 40, 40 } } };
	struct tm_oid o = { 42, 42, 42 };

	memset(raw, 0, sizeof(raw));
	raw[0] = raw[4] = 1;
	for (size_t i = 0; i < TM_ARRAY_SIZE(t); i++)
		for (size_t len = 0; len <= sizeof(raw); len++) {
			if (len == t[i].ok[0] || len == t[i].ok[1])
				continue;
			CHECK_EQ(tm_oid_from_handle(t[i].type, raw, len, &o), -EBADMSG);
		}
	CHECK(is(o, 42, 42, 42));
	CHECK_EQ(tm_oid_from_handle(0x97, raw, 8, &o), -EOPNOTSUPP);
	CHECK_EQ(tm_oid_from_handle(-1, raw, 8, &o), -EOPNOTSUPP);
	words((uint32_t[]){ 0, 3 }, 2);
	CHECK_EQ(tm_oid_from_handle(1, raw, 8, &o), -EBADMSG);
}

/* In a scratch directory of the current file system. */
static int scratch(char path[32])
{
	strcpy(path, "/tmp/tm-oid-XXXXXX");
	if (!mkdtemp(path))
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

TEST(an_identity_follows_the_object_not_the_name)
{
	struct tm_oid a, b, link, self;
	char path[32];
	struct stat st;
	int d = scratch(path), fd;

	CHECK(d >= 0);
	fd = openat(d, "f", O_CREAT | O_RDWR, 0600);
	CHECK_EQ(tm_oid_at(d, "f", &a), 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK(a.ino == st.st_ino);
	CHECK_EQ(tm_oid_at(fd, "", &self), 0);
	CHECK(tm_oid_eq(a, self));
	CHECK_EQ(renameat(d, "f", d, "g"), 0);
	CHECK_EQ(tm_oid_at(d, "f", &b), -ENOENT);
	CHECK_EQ(tm_oid_at(d, "g", &b), 0);
	CHECK(tm_oid_eq(a, b));
	CHECK_EQ(linkat(d, "g", d, "h", 0), 0);
	CHECK_EQ(tm_oid_at(d, "h", &b), 0);
	CHECK(tm_oid_eq(a, b));
	CHECK_EQ(symlinkat("h", d, "s"), 0);
	CHECK_EQ(tm_oid_at(d, "s", &link), 0);
	CHECK(!tm_oid_eq(a, link));
	close(fd);
	unlinkat(d, "g", 0);
	unlinkat(d, "h", 0);
	unlinkat(d, "s", 0);
	close(d);
	rmdir(path);
}

TEST(an_o_path_descriptor_is_enough)
{
	struct tm_oid a, b;
	char path[32];
	int d = scratch(path), p;

	CHECK(d >= 0);
	p = open(path, O_PATH | O_CLOEXEC);
	CHECK_EQ(tm_oid_at(d, "", &a), 0);
	CHECK_EQ(tm_oid_at(p, "", &b), 0);
	CHECK(tm_oid_eq(a, b));
	close(p);
	close(d);
	rmdir(path);
}

TEST(the_generation_is_the_one_the_file_system_reports)
{
	struct tm_oid a;
	char path[32];
	int d = scratch(path), fd, gen = 0;
	bool asked;

	CHECK(d >= 0);
	fd = openat(d, "f", O_CREAT | O_RDWR, 0600);
	asked = ioctl(fd, FS_IOC_GETVERSION, &gen) == 0;
	CHECK_EQ(tm_oid_at(d, "f", &a), 0);
	close(fd);
	unlinkat(d, "f", 0);
	close(d);
	rmdir(path);
	if (!asked)
		SKIP("/tmp has no FS_IOC_GETVERSION");
	CHECK(a.gen == (uint32_t)gen);
}

TEST(proc_has_no_handles_and_falls_back_to_the_inode_number)
{
	int d = open("/proc/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct tm_oid a;
	struct stat st;

	CHECK(d >= 0);
	CHECK_EQ(fstatat(d, "kernel", &st, 0), 0);
	CHECK_EQ(tm_oid_at(d, "kernel", &a), 0);
	CHECK(is(a, st.st_ino, 0, 0));
	close(d);
}

TEST(hashes_of_neighbours_differ)
{
	struct tm_oid o = { 2, 0, 0 };
	uint64_t a = tm_oid_hash(o);

	o.ino = 3;
	CHECK(tm_oid_hash(o) != a);
	o = (struct tm_oid){ 2, 1, 0 };
	CHECK(tm_oid_hash(o) != a);
	o = (struct tm_oid){ 2, 0, 1 };
	CHECK(tm_oid_hash(o) != a);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_lib_xattrat.c - extended attributes by held directory and name.
 */
#include "lib/xattrat.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/beneath.h"
#include "lib/fd.h"
#include "tap.h"

#define ACL "system.posix_acl_access"

/* user::rw- user:4242:r-- group::r-- mask::rw- other::--- */
static const uint8_t acl[] = {
	2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 0x92, 0x10, 0, 0,
	4, 0, 4, 0, 255, 255, 255, 255, 16, 0, 6, 0, 255, 255, 255, 255,
	32, 0, 0, 0, 255, 255, 255, 255,
};

static char base[64];
static int dirfd_ = -EBADF;

static void setup(void)
{
	snprintf(base, sizeof(base), "/tmp/tm-xattrat-XXXXXX");
	if (!mkdtemp(base))
		abort();
	dirfd_ = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dirfd_ < 0 || mkfifoat(dirfd_, "fifo", 0640) < 0 ||
	    symlinkat("fifo", dirfd_, "link") < 0 || mkdirat(dirfd_, "sub", 0755) < 0 ||
	    close(openat(dirfd_, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644)) < 0)
		abort();
}

static void cleanup(void)
{
	unlinkat(dirfd_, "fifo", 0);
	unlinkat(dirfd_, "link", 0);
	unlinkat(dirfd_, "file", 0);
	unlinkat(dirfd_, "sub", AT_REMOVEDIR);
	dirfd_ = tm_close(dirfd_);
	rmdir(base);
}

static void need_acls(void)
{
	int r = tm_xattrat_set(dirfd_, "fifo", ACL, acl, sizeof(acl));

	if (r == -EOPNOTSUPP) {
		cleanup();
		SKIP("no ACLs on /tmp");
	}
	CHECK_EQ(r, 0);
}

TEST(a_fifo_gets_lists_gives_and_loses_an_acl)
{
	int r;
	char names[256];
	uint8_t value[256];
	struct stat st;
	ssize_t n;

	setup();
	need_acls();
	n = tm_xattrat_list(dirfd_, "fifo", NULL, 0);
	CHECK(n >= (ssize_t)sizeof(ACL));
	CHECK_EQ(tm_xattrat_list(dirfd_, "fifo", names, sizeof(names)), n);
	CHECK(memmem(names, (size_t)n, ACL, sizeof(ACL)));
	CHECK_EQ(tm_xattrat_get(dirfd_, "fifo", ACL, NULL, 0), sizeof(acl));
	CHECK_EQ(tm_xattrat_get(dirfd_, "fifo", ACL, value, 4), -ERANGE);
	CHECK_EQ(tm_xattrat_get(dirfd_, "fifo", ACL, value, sizeof(value)), sizeof(acl));
	CHECK(!memcmp(value, acl, sizeof(acl)));
	CHECK_EQ(tm_stat_name(dirfd_, "fifo", &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0660);
	CHECK_EQ(tm_xattrat_remove(dirfd_, "fifo", ACL), 0);
	/* Removing an ACL that is not there: file systems and kernels differ. */
	r = tm_xattrat_remove(dirfd_, "fifo", ACL);
	CHECK(r == 0 || r == -ENODATA);
	CHECK_EQ(tm_xattrat_get(dirfd_, "fifo", ACL, value, sizeof(value)), -ENODATA);
	cleanup();
}

TEST(a_symlink_is_not_followed)
{
	uint8_t value[256];

	setup();
	need_acls();
	CHECK(tm_xattrat_get(dirfd_, "link", ACL, value, sizeof(value)) < 0);
	CHECK(tm_xattrat_set(dirfd_, "link", ACL, acl, sizeof(acl)) < 0);
	CHECK(tm_xattrat_remove(dirfd_, "link", ACL) < 0);
	CHECK_EQ(tm_xattrat_get(dirfd_, "fifo", ACL, value, sizeof(value)), sizeof(acl));
	cleanup();
}

TEST(only_single_names_are_taken)
{
	static const char *const bad[] = { "", ".", "..", "sub/x", "/etc", "sub/../file" };

	setup();
	for (size_t i = 0; i < TM_ARRAY_SIZE(bad); i++) {
		CHECK_EQ(tm_xattrat_list(dirfd_, bad[i], NULL, 0), -EINVAL);
		CHECK_EQ(tm_xattrat_get(dirfd_, bad[i], "user.x", NULL, 0), -EINVAL);
		CHECK_EQ(tm_xattrat_set(dirfd_, bad[i], "user.x", "", 0), -EINVAL);
		CHECK_EQ(tm_xattrat_remove(dirfd_, bad[i], "user.x"), -EINVAL);
	}
	cleanup();
}

TEST(the_working_directory_is_put_back_in_every_case)
{
	char before[4096], after[4096];
	int file;

	setup();
	file = openat(dirfd_, "file", O_RDONLY | O_CLOEXEC);
	CHECK(file >= 0);
	CHECK(getcwd(before, sizeof(before)));
	CHECK(strcmp(before, base));
	CHECK(tm_xattrat_list(dirfd_, "file", NULL, 0) >= 0 || errno == EOPNOTSUPP);
	CHECK_STR(getcwd(after, sizeof(after)), before);
	CHECK_EQ(tm_xattrat_list(dirfd_, "nobody", NULL, 0), -ENOENT);
	CHECK_STR(getcwd(after, sizeof(after)), before);
	CHECK_EQ(tm_xattrat_list(file, "file", NULL, 0), -ENOTDIR);
	CHECK_EQ(tm_xattrat_list(-EBADF, "file", NULL, 0), -EBADF);
	CHECK_STR(getcwd(after, sizeof(after)), before);
	tm_close(file);
	cleanup();
}

TEST(no_descriptor_is_left_open)
{
	int a, b;

	setup();
	a = dup(dirfd_);
	tm_close(a);
	for (int i = 0; i < 10; i++) {
		tm_xattrat_list(dirfd_, "file", NULL, 0);
		tm_xattrat_list(dirfd_, "nobody", NULL, 0);
		tm_xattrat_list(-EBADF, "file", NULL, 0);
	}
	b = dup(dirfd_);
	tm_close(b);
	CHECK_EQ(b, a);
	cleanup();
}

TEST(only_the_root_of_an_ext_file_system_has_a_lost_found)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	setup();
	CHECK(!tm_has_lost_found(dirfd_));
	CHECK(!tm_has_lost_found(-EBADF));
	CHECK_EQ(fstat(root, &st), 0);
	/* Every other file system numbers its root differently, or is asked for its type. */
	if (st.st_ino != 2)
		CHECK(!tm_has_lost_found(root));
	cleanup();
}

int main(int argc, char **argv)
{
	umask(0);
	return tap_main(argc, argv);
}

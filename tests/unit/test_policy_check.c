// SPDX-License-Identifier: GPL-2.0-or-later
/* tests/unit/test_policy_check.c - names, paths, addresses, and which roots may overlap. */
#include "policy/check.h"
#include "lib/text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static bool name_good(const char *s, size_t n)
{
	_cleanup_free_ char *why = NULL;
	int r = tm_check_name(s, n, &why);

	CHECK(r == 0 ? why == NULL : r == -EINVAL && why != NULL);
	return r == 0;
}

TEST(ordinary_names_pass)
{
	CHECK(name_good("a", 1));
	CHECK(name_good("web-2.backup_x", 14));
	CHECK(name_good("0123456789012345678901234567890123456789012345678901234567890123", 64));
}

TEST(empty_long_odd_and_id_like_names_are_refused)
{
	CHECK(!name_good("", 0));
	CHECK(!name_good("01234567890123456789012345678901234567890123456789012345678901234", 65));
	CHECK(!name_good("-x", 2));
	CHECK(!name_good(".hidden", 7));
	CHECK(!name_good("a/b", 3));
	CHECK(!name_good("a b", 3));
	CHECK(!name_good("caf\xc3\xa9", 5));
	CHECK(!name_good("a\0b", 3));
	CHECK(!name_good("0123456789abcdef0123456789ABCDEF", 32));
}

TEST(a_refused_name_is_shown_with_its_odd_bytes_escaped)
{
	_cleanup_free_ char *why = NULL;

	CHECK_EQ(tm_check_name("a\x1b[31m\xff", 7, &why), -EINVAL);
	CHECK(strstr(why, "a\\x1b[31m\\xff"));
}

TEST(paths_are_absolute_and_lose_doubled_slashes)
{
	char out[TM_REC_PATH_MAX];
	_cleanup_free_ char *why = NULL, *why2 = NULL, *why3 = NULL;

	CHECK_EQ(tm_check_path("//srv///www/./", 14, out, &why), 0);
	CHECK_STR(out, "/srv/www");
	CHECK_EQ(tm_check_path("/", 1, out, &why), 0);
	CHECK_STR(out, "/");
	CHECK_EQ(tm_check_path("srv", 3, out, &why), -EINVAL);
	CHECK_EQ(tm_check_path("/a/../b", 7, out, &why2), -EINVAL);
	CHECK_EQ(tm_check_path("/a\0b", 4, out, &why3), -EINVAL);
	CHECK_EQ(tm_check_path("/a/..b/c..", 10, out, &why), 0);
}

TEST(addresses_may_be_names_and_numbers_but_nothing_else)
{
	_cleanup_free_ char *why = NULL, *why2 = NULL, *why3 = NULL;

	CHECK_EQ(tm_check_address("192.0.2.7", 9, &why), 0);
	CHECK_EQ(tm_check_address("fe80::1%eth0", 12, &why), 0);
	CHECK_EQ(tm_check_address("backup.example.net", 18, &why), 0);
	CHECK_EQ(tm_check_address("a b", 3, &why), -EINVAL);
	CHECK_EQ(tm_check_address("", 0, &why2), -EINVAL);
	CHECK_EQ(tm_check_address("-oProxy", 7, &why3), -EINVAL);
}

TEST(paths_overlap_by_components_not_by_prefix)
{
	CHECK(tm_paths_overlap("/a", "/a"));
	CHECK(tm_paths_overlap("/a", "/a/b"));
	CHECK(tm_paths_overlap("/a/b", "/a"));
	CHECK(tm_paths_overlap("/", "/x"));
	CHECK(!tm_paths_overlap("/a", "/ab"));
	CHECK(!tm_paths_overlap("/a/b", "/a/c"));
}

TEST(only_source_roots_may_overlap_one_another)
{
	CHECK(tm_roles_may_overlap(TM_REC_SOURCE, TM_REC_SOURCE));
	CHECK(!tm_roles_may_overlap(TM_REC_SOURCE, TM_REC_TARGET));
	CHECK(!tm_roles_may_overlap(TM_REC_TARGET, TM_REC_SOURCE));
	CHECK(!tm_roles_may_overlap(TM_REC_TARGET, TM_REC_TARGET));
}

TEST(a_symlink_does_not_hide_an_overlap)
{
	char top[] = "/tmp/tm-check-XXXXXX", p[128], in[128], link[128], other[128];
	struct tm_dir_chain a, b, c, d;

	CHECK(mkdtemp(top) != NULL);
	snprintf(p, sizeof(p), "%s/p", top);
	snprintf(in, sizeof(in), "%s/p/in", top);
	snprintf(other, sizeof(other), "%s/other", top);
	snprintf(link, sizeof(link), "%s/link", top);
	CHECK(mkdir(p, 0700) == 0 && mkdir(in, 0700) == 0 && mkdir(other, 0700) == 0 &&
	      symlink(in, link) == 0);
	CHECK_EQ(tm_dir_identify(p, &a, NULL), 0);
	CHECK_EQ(tm_dir_identify(link, &b, NULL), 0);
	CHECK_EQ(tm_dir_identify(other, &c, NULL), 0);
	CHECK(tm_dirs_overlap(&a, &b));
	CHECK(tm_dirs_overlap(&b, &a));
	CHECK(tm_dirs_overlap(&b, &b));
	CHECK(!tm_dirs_overlap(&a, &c));
	CHECK(!tm_dirs_overlap(&b, &c));
	snprintf(p, sizeof(p), "%s/none", top);
	CHECK_EQ(tm_dir_identify(p, &d, NULL), -ENOENT);
	CHECK_EQ(tm_dir_identify("/proc/self/status", &d, NULL), -ENOTDIR);
	unlink(link);
	rmdir(in);
	rmdir(other);
	snprintf(p, sizeof(p), "%s/p", top);
	rmdir(p);
	rmdir(top);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* link: daemon */
/*
 * tests/unit/test_daemon_where.c - which change records are about a path.
 */
#include "daemon/where.h"

#include "tap.h"

#define OID(n) ((struct tm_oid){ n, 0, 0 })

static struct tm_where_path w;

/* /a/b/c: root 1, a 2, b 3, c 4 */
static void at(bool c_exists, bool c_is_dir)
{
	memset(&w, 0, sizeof(w));
	w.n = 3;
	w.name[0] = "a";
	w.name[1] = "b";
	w.name[2] = "c";
	w.dir[0] = OID(1);
	w.dir[1] = OID(2);
	w.dir[2] = OID(3);
	w.known = 3;
	if (c_exists)
		w.obj = OID(4);
	if (c_is_dir) {
		w.dir[3] = OID(4);
		w.known = 4;
	}
}

static bool touches(enum tm_change_kind kind, uint64_t dir, const char *name, uint64_t obj)
{
	struct tm_change c = { .kind = kind,
			       .dir = OID(dir),
			       .obj = OID(obj),
			       .name = name,
			       .name_len = (uint32_t)strlen(name) };

	return tm_where_touches(&c, &w);
}

TEST(a_file_is_touched_by_its_inode_its_name_and_every_name_above)
{
	at(true, false);
	CHECK(touches(TM_CHANGE_INODE, 9, "x", 4));
	CHECK(!touches(TM_CHANGE_INODE, 3, "c", 5));
	CHECK(touches(TM_CHANGE_NAME, 3, "c", 0));
	CHECK(touches(TM_CHANGE_NAME, 1, "a", 0));
	CHECK(!touches(TM_CHANGE_NAME, 3, "cc", 0));
	CHECK(!touches(TM_CHANGE_NAME, 3, "b", 0));
	CHECK(!touches(TM_CHANGE_NAME, 4, "c", 0));
}

TEST(it_is_touched_by_what_is_said_of_the_directories_above)
{
	at(true, false);
	CHECK(touches(TM_CHANGE_ALL, 0, "", 0));
	CHECK(touches(TM_CHANGE_SUBTREE, 1, "", 0));
	CHECK(touches(TM_CHANGE_SUBTREE, 3, "", 0));
	CHECK(!touches(TM_CHANGE_SUBTREE, 7, "", 0));
	CHECK(touches(TM_CHANGE_DIR, 3, "", 0));
	CHECK(touches(TM_CHANGE_DIR, 2, "", 0));
	CHECK(!touches(TM_CHANGE_DIR, 8, "", 0));
}

TEST(what_is_gone_is_touched_by_its_name_only)
{
	at(false, false);
	CHECK(touches(TM_CHANGE_NAME, 3, "c", 0));
	CHECK(!touches(TM_CHANGE_INODE, 3, "c", 4));
	/* and where b is gone too, by b's name, not by something that now has an empty identity */
	w.known = 2;
	CHECK(touches(TM_CHANGE_NAME, 2, "b", 0));
	CHECK(!touches(TM_CHANGE_NAME, 3, "c", 0));
	CHECK(!touches(TM_CHANGE_DIR, 0, "", 0));
}

TEST(a_directory_is_touched_by_its_entries)
{
	at(true, true);
	CHECK(touches(TM_CHANGE_NAME, 4, "anything", 0));
	CHECK(touches(TM_CHANGE_DIR, 4, "", 0));
	CHECK(touches(TM_CHANGE_INODE, 4, "anything", 9));
	CHECK(!touches(TM_CHANGE_INODE, 3, "c", 9));
	CHECK(!touches(TM_CHANGE_NAME, 5, "anything", 0));
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}

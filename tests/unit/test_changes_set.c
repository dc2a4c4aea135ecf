/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_changes_set.c - merging keeps everything, overflow says so.
 */
#include "changes/set.h"

#include <stdio.h>

#include "tap.h"

static struct tm_oid oid(uint64_t ino)
{
	return (struct tm_oid){ .ino = ino, .gen = 1 };
}

static struct tm_change named(uint64_t dir, const char *name)
{
	return (struct tm_change){ .kind = TM_CHANGE_NAME,
				   .dir = oid(dir),
				   .name = name,
				   .name_len = (uint32_t)strlen(name) };
}

static struct tm_change inode(uint64_t ino, uint32_t flags)
{
	return (struct tm_change){ .kind = TM_CHANGE_INODE, .obj = oid(ino), .flags = flags };
}

static int add(struct tm_change_set *s, struct tm_change c)
{
	return tm_change_set_add(s, &c);
}

/* The one record of @kind, copied shallowly: valid until the set changes. */
struct one {
	enum tm_change_kind kind;
	struct tm_change c;
	char name[TM_NAME_MAX + 1];
	int n;
};

static int pick(const struct tm_change *c, void *arg)
{
	struct one *o = arg;

	if (c->kind == o->kind) {
		o->c = *c;
		if (c->name_len)
			memcpy(o->name, c->name, c->name_len);
		o->name[c->name_len] = 0;
		o->n++;
	}
	return 0;
}

static struct one only(const struct tm_change_set *s, enum tm_change_kind kind)
{
	struct one o = { .kind = kind };

	tm_change_set_each(s, pick, &o);
	return o;
}

TEST(the_same_place_is_held_once)
{
	struct tm_change_set *s = tm_change_set_new(0);

	CHECK(tm_change_set_empty(s));
	for (int i = 0; i < 1000; i++) {
		CHECK_EQ(add(s, named(2, "a")), 0);
		CHECK_EQ(add(s, inode(7, TM_CF_ATTR)), 0);
		CHECK_EQ(add(s, (struct tm_change){ .kind = TM_CHANGE_DIR, .dir = oid(2) }), 0);
		CHECK_EQ(add(s, (struct tm_change){ .kind = TM_CHANGE_SUBTREE, .dir = oid(2) }), 0);
	}
	CHECK_EQ(tm_change_set_count(s), 4);
	tm_change_set_free(s);
}

TEST(different_places_are_held_apart)
{
	struct tm_change_set *s = tm_change_set_new(0);
	struct tm_change c = inode(7, TM_CF_DATA);

	add(s, named(2, "a"));
	add(s, named(2, "b"));
	add(s, named(3, "a"));
	add(s, named(2, "aa"));
	tm_change_set_add(s, &c);
	c.obj.gen = 2;
	tm_change_set_add(s, &c);
	c.obj.subvol = 5;
	tm_change_set_add(s, &c);
	CHECK_EQ(tm_change_set_count(s), 7);
	tm_change_set_free(s);
}

TEST(flags_and_ranges_add_up)
{
	static const struct tm_range a[] = { { 0, 10 }, { 100, 110 } }, b[] = { { 10, 20 } };
	struct tm_change_set *s = tm_change_set_new(0);
	struct tm_change c = inode(7, TM_CF_DATA);
	struct one o;

	c.ranges = a;
	c.n_ranges = 2;
	tm_change_set_add(s, &c);
	c.ranges = b;
	c.n_ranges = 1;
	c.flags = TM_CF_MMAP;
	tm_change_set_add(s, &c);
	o = only(s, TM_CHANGE_INODE);
	CHECK_EQ(o.n, 1);
	CHECK_EQ(o.c.flags, TM_CF_DATA | TM_CF_MMAP);
	CHECK_EQ(o.c.n_ranges, 2);
	CHECK(o.c.ranges[0].start == 0 && o.c.ranges[0].end == 20);
	c.flags = TM_CF_WHOLE;
	tm_change_set_add(s, &c);
	o = only(s, TM_CHANGE_INODE);
	CHECK_EQ(o.c.flags, TM_CF_DATA | TM_CF_MMAP | TM_CF_WHOLE);
	CHECK_EQ(o.c.n_ranges, 0);
	tm_change_set_free(s);
}

TEST(the_latest_hint_wins)
{
	struct tm_change_set *s = tm_change_set_new(0);
	struct tm_change c = inode(7, TM_CF_DATA), n = named(2, "x");
	struct one o;

	c.dir = oid(2);
	c.name = "old";
	c.name_len = 3;
	tm_change_set_add(s, &c);
	c.dir = oid(3);
	c.name = "newer";
	c.name_len = 5;
	tm_change_set_add(s, &c);
	add(s, inode(7, TM_CF_ATTR)); /* knows no place: keeps the hint */
	o = only(s, TM_CHANGE_INODE);
	CHECK_EQ(o.c.dir.ino, 3);
	CHECK_STR(o.name, "newer");
	n.flags = TM_CF_GONE;
	n.obj = oid(8);
	tm_change_set_add(s, &n);
	n.flags = 0;
	n.obj = oid(9);
	tm_change_set_add(s, &n);
	o = only(s, TM_CHANGE_NAME);
	CHECK_EQ(o.c.flags, 0);
	CHECK_EQ(o.c.obj.ino, 9);
	tm_change_set_free(s);
}

TEST(nothing_borrowed_is_kept)
{
	struct tm_change_set *s = tm_change_set_new(0);
	char name[4] = "abc";
	struct tm_range v = { 5, 6 };
	struct tm_change c = inode(7, TM_CF_DATA);
	struct one o;

	add(s, named(2, name));
	c.dir = oid(2);
	c.name = name;
	c.name_len = 3;
	c.ranges = &v;
	c.n_ranges = 1;
	tm_change_set_add(s, &c);
	memset(name, '!', 3);
	v.start = 0;
	CHECK_STR(only(s, TM_CHANGE_NAME).name, "abc");
	o = only(s, TM_CHANGE_INODE);
	CHECK_STR(o.name, "abc");
	CHECK_EQ(o.c.ranges[0].start, 5);
	tm_change_set_free(s);
}

TEST(beyond_the_limit_it_becomes_all_and_says_so_once)
{
	struct tm_change_set *s = tm_change_set_new(10);
	uint32_t flags = 0;
	char name[16];

	add(s, inode(7, TM_CF_DATA | TM_CF_MMAP));
	for (int i = 0; i < 9; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		CHECK_EQ(add(s, named(2, name)), 0);
	}
	CHECK(!tm_change_set_all(s, &flags));
	CHECK_EQ(add(s, named(2, "n3")), 0); /* known already: no overflow */
	CHECK_EQ(add(s, named(2, "one more")), 1);
	CHECK(tm_change_set_all(s, &flags));
	CHECK_EQ(flags, TM_CF_DATA | TM_CF_MMAP);
	CHECK_EQ(tm_change_set_count(s), 1);
	CHECK_EQ(add(s, named(2, "later")), 0);
	CHECK_EQ(tm_change_set_count(s), 2);
	tm_change_set_clear(s);
	CHECK(tm_change_set_empty(s));
	CHECK(!tm_change_set_all(s, NULL));
	tm_change_set_free(s);
}

TEST(an_added_all_leaves_known_content_changes_in_place)
{
	struct tm_change_set *s = tm_change_set_new(0);
	uint32_t flags = 0;

	add(s, inode(7, TM_CF_DATA));
	add(s, (struct tm_change){ .kind = TM_CHANGE_ALL, .flags = TM_CF_SUSPECT });
	add(s, (struct tm_change){ .kind = TM_CHANGE_ALL });
	CHECK_EQ(tm_change_set_count(s), 2);
	CHECK(tm_change_set_all(s, &flags));
	CHECK_EQ(flags, TM_CF_SUSPECT);
	CHECK_EQ(only(s, TM_CHANGE_ALL).n, 1);
	CHECK_EQ(only(s, TM_CHANGE_INODE).c.obj.ino, 7);
	tm_change_set_free(s);
}

TEST(merging_two_sets_is_adding_every_record)
{
	struct tm_change_set *a = tm_change_set_new(0), *b = tm_change_set_new(0);

	add(a, named(2, "a"));
	add(a, inode(7, TM_CF_ATTR));
	add(b, named(2, "a"));
	add(b, named(2, "b"));
	add(b, inode(7, TM_CF_DATA));
	CHECK_EQ(tm_change_set_merge(a, b), 0);
	CHECK_EQ(tm_change_set_count(a), 3);
	CHECK_EQ(only(a, TM_CHANGE_INODE).c.flags, TM_CF_ATTR | TM_CF_DATA);
	CHECK_EQ(tm_change_set_count(b), 3);
	CHECK_EQ(tm_change_set_merge(a, b), 0);
	CHECK_EQ(tm_change_set_count(a), 3);
	tm_change_set_free(a);
	a = tm_change_set_new(2);
	CHECK_EQ(tm_change_set_merge(a, b), 1);
	CHECK(tm_change_set_all(a, NULL));
	tm_change_set_free(a);
	tm_change_set_free(b);
}

TEST(a_malformed_record_is_refused)
{
	struct tm_change_set *s = tm_change_set_new(0);

	CHECK_EQ(add(s, named(2, "..")), -EINVAL);
	CHECK_EQ(add(s, (struct tm_change){ .kind = TM_CHANGE_INODE }), -EINVAL);
	CHECK(tm_change_set_empty(s));
	tm_change_set_free(s);
	tm_change_set_free(NULL);
}

static int stop_at_three(const struct tm_change *c, void *arg)
{
	(void)c;
	return ++*(int *)arg == 3 ? 42 : 0;
}

TEST(visiting_stops_when_told)
{
	struct tm_change_set *s = tm_change_set_new(0);
	int n = 0;

	for (uint64_t i = 1; i < 10; i++)
		add(s, inode(i, 0));
	CHECK_EQ(tm_change_set_each(s, stop_at_three, &n), 42);
	CHECK_EQ(n, 3);
	tm_change_set_free(s);
}

static int count_ranges(const struct tm_change *c, void *arg)
{
	*(size_t *)arg += c->n_ranges;
	return 0;
}

static int check_cover(const struct tm_change *c, void *arg)
{
	struct tm_ranges r = { .v = (struct tm_range *)c->ranges, .n = c->n_ranges };

	(void)arg;
	for (uint64_t k = 0; k < 200; k++)
		if (!tm_ranges_cover(&r, k * 100, k * 100 + 1))
			return 1;
	return 0;
}

TEST(ranges_of_many_files_have_one_budget)
{
	struct tm_change_set *s = tm_change_set_new(100); /* budget: 4096 ranges */
	size_t total = 0;

	for (uint64_t ino = 1; ino <= 100; ino++)
		for (uint64_t k = 0; k < 200; k++) {
			struct tm_range v = { k * 100, k * 100 + 1 };
			struct tm_change c = inode(ino, TM_CF_DATA);

			c.ranges = &v;
			c.n_ranges = 1;
			CHECK_EQ(tm_change_set_add(s, &c), 0);
		}
	tm_change_set_each(s, count_ranges, &total);
	CHECK(total >= 100);
	CHECK(total <= 4096 + 100);
	/* Wider, but nothing is missing. */
	CHECK_EQ(tm_change_set_each(s, check_cover, NULL), 0);
	tm_change_set_free(s);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_target_log.c - the commit log: what was committed is read back, anything else is
 * not committed.
 */
#include "target/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/cover.h"
#include "tests/unit/tap.h"

static char dir[64];
static int dirfd_;

static struct tm_clog *open_log(void)
{
	struct tm_clog *l;

	snprintf(dir, sizeof(dir), "/tmp/tm-log-XXXXXX");
	if (!mkdtemp(dir))
		abort();
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY);
	if (tm_clog_open(dirfd_, &l) < 0)
		abort();
	return l;
}

static void close_log(struct tm_clog *l)
{
	tm_clog_close(l);
	unlinkat(dirfd_, "log", 0);
	close(dirfd_);
	rmdir(dir);
}

static struct tm_step a_move(const char *from, const char *to)
{
	return (struct tm_step){ .type = TM_STEP_MOVE,
				 .flags = TM_SF_DIR,
				 .oid = { 5, 6, 7 },
				 .tino = 99,
				 .from = { { 1, 2, 3 }, from, (uint32_t)strlen(from) },
				 .to = { { 4, 5, 6 }, to, (uint32_t)strlen(to) } };
}

static int write_batch(struct tm_clog *l, uint64_t seq, int steps)
{
	struct tm_patch_range range = { .off = 4096, .len = 5 };
	struct tm_step s;
	uint64_t off;
	int r = tm_clog_begin(l);

	if (r == 0)
		r = tm_clog_data(l, "bytes", 5, &off);
	range.log_off = off;
	range.sum = tm_clog_hash("bytes", 5);
	for (int i = 0; i < steps && r == 0; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%d", i);
		s = a_move(name, "to");
		r = tm_clog_step(l, &s);
	}
	s = (struct tm_step){ .type = TM_STEP_PATCH,
			      .row = { .kind = TM_KIND_REG },
			      .patch = { .old_size = 10, .new_size = 20, .v = &range, .n = 1 } };
	if (r == 0)
		r = tm_clog_step(l, &s);
	s = (struct tm_step){ .type = TM_STEP_ATTR,
			      .flags = TM_SF_XATTRS,
			      .row = { .kind = TM_KIND_DIR, .mtime_s = -5 },
			      .xattrs = (const uint8_t *)"xx",
			      .xattrs_len = 2 };
	if (r == 0)
		r = tm_clog_step(l, &s);
	return r == 0 ? tm_clog_commit(l, seq, TM_BATCH_LAST) : r;
}

TEST(a_committed_batch_is_read_back_as_it_was)
{
	struct tm_clog *l = open_log();
	struct tm_clog_batch b;
	char bytes[5];

	CHECK_EQ(write_batch(l, 7, 3), 0);
	CHECK_EQ(tm_clog_load(l, &b), 0);
	CHECK_EQ(b.trailer.seq, 7);
	CHECK_EQ(b.trailer.flags, TM_BATCH_LAST);
	CHECK_EQ(b.n, 5);
	CHECK_STR(b.steps[2].from.name, "n2");
	CHECK(tm_oid_eq(b.steps[2].to.dir, (struct tm_oid){ 4, 5, 6 }));
	CHECK_EQ(b.steps[3].patch.n, 1);
	CHECK_EQ(tm_clog_read(l, b.steps[3].patch.v[0].log_off, bytes, 5), 0);
	CHECK_EQ(tm_clog_hash(bytes, 5), b.steps[3].patch.v[0].sum);
	CHECK_EQ(b.steps[4].row.mtime_s, -5);
	CHECK_EQ(b.steps[4].xattrs_len, 2);
	tm_clog_batch_free(&b);
	close_log(l);
}

TEST(a_batch_without_trailer_is_not_committed)
{
	struct tm_clog *l = open_log();
	struct tm_clog_batch b;
	struct tm_step s = a_move("a", "b");

	CHECK_EQ(write_batch(l, 1, 50), 0);
	CHECK_EQ(tm_clog_begin(l), 0);
	CHECK_EQ(tm_clog_step(l, &s), 0);
	/* Data goes out at once, so the old batch is overwritten from its start. */
	CHECK_EQ(tm_clog_data(l, "x", 1, &(uint64_t){ 0 }), 0);
	CHECK_EQ(tm_clog_load(l, &b), -ENODATA);
	tm_clog_batch_free(&b);
	close_log(l);
}

TEST(a_shorter_batch_over_a_longer_one_ends_where_it_ends)
{
	struct tm_clog *l = open_log();
	struct tm_clog_batch b;

	CHECK_EQ(write_batch(l, 1, 500), 0);
	CHECK_EQ(write_batch(l, 2, 1), 0);
	tm_clog_close(l);
	CHECK_EQ(tm_clog_open(dirfd_, &l), 0);
	CHECK_EQ(tm_clog_load(l, &b), 0);
	CHECK_EQ(b.trailer.seq, 2);
	CHECK_EQ(b.n, 3);
	tm_clog_batch_free(&b);
	close_log(l);
}

TEST(data_taken_back_leaves_no_trace)
{
	struct tm_clog *l = open_log();
	struct tm_clog_batch b;
	uint64_t a, c;
	char got[4];

	CHECK_EQ(tm_clog_begin(l), 0);
	CHECK_EQ(tm_clog_data(l, "torn", 4, &a), 0);
	tm_clog_undo_data(l, a);
	CHECK_EQ(tm_clog_data(l, "good", 4, &c), 0);
	CHECK_EQ(a, c);
	CHECK_EQ(tm_clog_commit(l, 3, 0), 0);
	CHECK_EQ(tm_clog_load(l, &b), 0);
	CHECK_EQ(tm_clog_read(l, c, got, 4), 0);
	CHECK(!memcmp(got, "good", 4));
	tm_clog_batch_free(&b);
	close_log(l);
}

/* ---- every byte ---- */

struct mem {
	const uint8_t *p;
	size_t n;
};

static ssize_t mem_read(void *ctx, void *p, size_t n, uint64_t off)
{
	const struct mem *m = ctx;

	if (off >= m->n)
		return 0;
	n = TM_MIN(n, m->n - (size_t)off);
	memcpy(p, m->p + off, n);
	return (ssize_t)n;
}

static int count_record(void *arg, uint16_t type _unused_, uint64_t off _unused_,
			const uint8_t *p _unused_, uint32_t len _unused_)
{
	++*(int *)arg;
	return 0;
}

static size_t image(uint8_t **ret)
{
	struct tm_clog *l = open_log();
	size_t cap = 1 << 16, n;
	int fd;

	*ret = malloc(cap);
	if (write_batch(l, 1, 8) < 0)
		abort();
	n = (size_t)tm_clog_size(l);
	fd = openat(dirfd_, "log", O_RDONLY);
	if (pread(fd, *ret, n, 0) != (ssize_t)n)
		abort();
	close(fd);
	close_log(l);
	return n;
}

TEST(every_flipped_bit_makes_it_uncommitted)
{
	struct tm_clog_trailer t;
	uint8_t *p;
	size_t n = image(&p);
	struct mem m = { p, n };
	struct tm_clog_src src = { mem_read, &m };
	int records = 0;

	CHECK_EQ(tm_clog_scan(&src, count_record, &records, &t), 0);
	CHECK_EQ(records, 11);
	for (size_t i = 0; i < n; i++) {
		for (int bit = 0; bit < 8; bit++) {
			p[i] ^= (uint8_t)(1 << bit);
			if (tm_clog_scan(&src, count_record, &records, &t) != -ENODATA) {
				printf("# byte %zu of %zu, bit %d\n", i, n, bit);
				CHECK(0);
			}
			p[i] ^= (uint8_t)(1 << bit);
		}
	}
	free(p);
}

TEST(every_shorter_log_is_uncommitted)
{
	struct tm_clog_trailer t;
	uint8_t *p;
	size_t n = image(&p);
	int records = 0;

	for (size_t k = 0; k < n; k++) {
		/* A copy of exactly that length: a read beyond it is seen by the sanitizer. */
		uint8_t *cut = malloc(k ? k : 1);
		struct mem m = { cut, k };
		struct tm_clog_src src = { mem_read, &m };

		memcpy(cut, p, k);
		CHECK_EQ(tm_clog_scan(&src, count_record, &records, &t), -ENODATA);
		free(cut);
	}
	free(p);
}

TEST(steps_refuse_what_they_did_not_write)
{
	struct tm_step s = a_move("name", "other"), got;
	struct tm_arena a;
	struct tm_buf b = { 0 };
	struct tm_rd rd;

	tm_arena_init(&a, 1 << 20);
	tm_step_put(&b, &s);
	for (size_t k = 0; k < b.len; k++) {
		rd = tm_rd(b.data, k);
		CHECK(tm_step_get(&rd, &a, &got) < 0);
	}
	rd = tm_rd(b.data, b.len);
	CHECK_EQ(tm_step_get(&rd, &a, &got), 0);
	CHECK_STR(got.to.name, "other");
	b.data[0] = 200;
	rd = tm_rd(b.data, b.len);
	CHECK_EQ(tm_step_get(&rd, &a, &got), -EBADMSG);
	tm_buf_free(&b);
	tm_arena_free(&a);
}

/* ---- cover.h ---- */

TEST(what_is_owed_is_exact)
{
	struct tm_cover c = { 0 };
	bool model[200] = { false };
	uint64_t seed = 1;

	for (int i = 0; i < 20000; i++) {
		uint32_t a, b, lo = 0;
		bool add;

		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		a = (uint32_t)(seed >> 33) % 200;
		b = (uint32_t)(seed >> 45) % 201;
		add = (seed >> 20) & 1;
		CHECK_EQ(add ? tm_cover_add(&c, a, b) : tm_cover_sub(&c, a, b), 0);
		for (uint32_t k = a; k < b; k++)
			model[k] = add;
		for (uint32_t k = 0; k < c.n; k++) {
			CHECK(c.v[k].start < c.v[k].end);
			CHECK(!k || c.v[k].start > c.v[k - 1].end);
			for (; lo < c.v[k].start; lo++)
				CHECK(!model[lo]);
			for (; lo < c.v[k].end; lo++)
				CHECK(model[lo]);
		}
		for (; lo < 200; lo++)
			CHECK(!model[lo]);
	}
	tm_cover_free(&c);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}

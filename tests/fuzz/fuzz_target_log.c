/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_target_log.c - the commit log: the first byte says whether the rest is a whole
 * log or one step; a step that decodes must encode to the same bytes.
 */
#include "target/logfmt.h"
#include "target/step.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

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

static void try_step(const uint8_t *p, size_t n)
{
	struct tm_buf b = { 0 };
	struct tm_arena a;
	struct tm_step s;
	struct tm_rd r = tm_rd(p, n);

	tm_arena_init(&a, 1 << 20);
	if (tm_step_get(&r, &a, &s) == 0) {
		tm_step_put(&b, &s);
		if (b.len != n || memcmp(b.data, p, n))
			abort();
		free(s.patch.v);
	}
	tm_buf_free(&b);
	tm_arena_free(&a);
}

static int on_record(void *arg _unused_, uint16_t type, uint64_t off _unused_,
		     const uint8_t *payload, uint32_t len)
{
	if (type == TM_CLOG_STEP)
		try_step(payload, len);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct mem m = { p + 1, n - 1 };
	struct tm_clog_src src = { mem_read, &m };
	struct tm_clog_trailer t;

	if (!n)
		return 0;
	if (p[0] & 1)
		try_step(p + 1, n - 1);
	else
		tm_clog_scan(&src, on_record, NULL, &t);
	return 0;
}

#include "replay.h"

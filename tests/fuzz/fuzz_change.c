/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_change.c - change records from hostile bytes.
 *
 * Whatever decodes must be acceptable, encode to the very bytes it came from,
 * and merge into a small set without breaking its bound.
 *
 * With clang's -fsanitize=fuzzer, or with -DFUZZ_STANDALONE a replay of the corpus.
 */
#include "changes/set.h"

#include <stdio.h>

#define MUST(e)                                                                                    \
	do {                                                                                       \
		if (!(e)) {                                                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #e);                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tm_range ranges[TM_CHANGE_RANGES_MAX];
	struct tm_change_set *set = tm_change_set_new(16);
	struct tm_rd r = tm_rd(data, size);
	struct tm_change c;

	if (!set)
		return 0;
	while (r.len) {
		const uint8_t *from = r.p;
		struct tm_buf b;

		if (tm_change_get(&r, &c, ranges) < 0)
			break;
		MUST(tm_change_ok(&c));
		MUST(r.p <= data + size);
		tm_buf_init(&b, 0);
		tm_change_put(&b, &c);
		MUST(!tm_buf_error(&b));
		MUST(b.len == (size_t)(r.p - from) && !memcmp(b.data, from, b.len));
		tm_buf_free(&b);
		MUST(tm_change_set_add(set, &c) >= 0);
		MUST(tm_change_set_count(set) <= 17);
	}
	tm_change_set_free(set);
	return 0;
}

#include "replay.h"

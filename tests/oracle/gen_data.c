// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * gen_data.c - file bytes that say who wrote them.
 *
 * Offset 16*u holds (seed:16 | thread:8 | index:40), little-endian, then a
 * mix of that and u. Any aligned 16 bytes of a file so name the operation
 * they come from, and no two operations write the same bytes.
 */
#include <endian.h>
#include <string.h>

#include "gen.h"

void gen_fill(char *buf, size_t len, uint64_t off, const struct gen_config *cfg,
	      const struct gen_op *op)
{
	uint64_t tag = cfg->seed << 48 | (uint64_t)(op->thread & 0xff) << 40 |
		       (op->index & 0xffffffffffull);

	while (len) {
		uint64_t unit = off / 16, skip = off % 16, word[2];
		size_t n = 16 - skip < len ? 16 - skip : len;

		word[0] = htole64(tag);
		word[1] = htole64(gen_mix(tag ^ gen_mix(unit)));
		memcpy(buf, (char *)word + skip, n);
		buf += n;
		off += n;
		len -= n;
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/cover.h - exact set of byte ranges: what of a file is still owed. Pure.
 *
 * Unlike changes/range.h it never widens, because "everything arrived" must not be guessed.
 * Bounded: more than TM_COVER_MAX pieces is -E2BIG (then the file counts as torn).
 */
#ifndef TM_TARGET_COVER_H
#define TM_TARGET_COVER_H

#include "changes/range.h"

#define TM_COVER_MAX 65536

struct tm_cover {
	struct tm_range *v; /* owned; half-open, sorted, disjoint, never adjacent */
	uint32_t n;
	uint32_t cap;
};

void tm_cover_free(struct tm_cover *c);
/* Returns 0, -ENOMEM or -E2BIG. */
int tm_cover_add(struct tm_cover *c, uint64_t start, uint64_t end);
int tm_cover_sub(struct tm_cover *c, uint64_t start, uint64_t end);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compare.h - two trees, and one pair of entries of the same name in them.
 */
#ifndef ORACLE_COMPARE_H
#define ORACLE_COMPARE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "inomap.h"
#include "report.h"

struct oracle_compare {
	struct oracle_report report;
	bool quick;		/* do not read file contents or holes */
	bool all_xattrs;
	bool reserved;		/* compare reserved entries too */
	bool read_holes;
	uint64_t slack;		/* bytes the target may store in holes, per file */
	int root[2];
	struct oracle_inomap links[2];
};

/* A name present on both sides. dirfd is the root itself when name is "". */
struct oracle_pair {
	const char *path;
	const char *name;
	int dirfd[2];
	struct stat st[2];
};

/* Compare everything about the pair but the entries below it. */
void oracle_compare_pair(struct oracle_compare *c, const struct oracle_pair *p);

/* Report that @side of @path could not be looked at: race or error. */
void oracle_compare_trouble(struct oracle_compare *c, const char *path, int side, int err);

const char *oracle_kind(mode_t mode);

#endif

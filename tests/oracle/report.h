/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report.h - the differences found, one line each, and the summary.
 *
 * Text: `kind "path": detail`. JSON: one object {differences: [{kind, path,
 * detail}], entries, bytes, count, equal}. Paths are C-escaped in both.
 */
#ifndef ORACLE_REPORT_H
#define ORACLE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

struct oracle_report {
	bool json;
	uint64_t max;		/* lines printed at most; all are counted */
	uint64_t count;
	uint64_t errors;	/* of those: could not be read */
	uint64_t entries;
	uint64_t bytes;
};

void oracle_report_begin(struct oracle_report *r);

/* One difference. @kind is a word from README.md's table. */
void oracle_report_add(struct oracle_report *r, const char *kind, const char *path,
		       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Print the summary. Returns the exit status; dies when stdout cannot take it. */
int oracle_report_end(struct oracle_report *r);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/selftest.h - does every hooked operation of a file system arrive as a record?
 *
 * Once per file system in use, after start, and again while it fails: every kind of change is made in a
 * scratch directory inside .tidemark, tracked for that moment as a root of its own, and must come out of
 * the drain. So a hook that attaches and is never called (kernels move their functions) is found before it
 * costs a change.
 */
#ifndef TM_CAPTURE_SELFTEST_H
#define TM_CAPTURE_SELFTEST_H

#include "capture/bpf.h"

/* Test the file systems that are due. Tells the roots of those that fail ("self-test"). 0 or -errno. */
int tm_selftest(struct tm_kern *k);
/* The file system of @slot is to be tested by the next tm_selftest(). */
void tm_selftest_due(struct tm_kern *k, unsigned int slot);
/* A record for the scratch root: kept until it is judged. */
void tm_selftest_note(struct tm_kern *k, const struct tm_change *c);
/* Lines for the report, appended to *@text. 0 or -ENOMEM. */
int tm_selftest_report(const struct tm_kern *k, char **text);
/* What was not seen on which file system, as one sentence; "" if all was. Valid until the next tm_selftest(). */
const char *tm_selftest_blind(const struct tm_kern *k);
void tm_selftest_free(struct tm_kern *k);

#endif

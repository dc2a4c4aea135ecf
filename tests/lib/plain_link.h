/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/plain_link.h - a tm_link over a plain stream socket, for tests.
 *
 * Frames as in wire/frame.h, nothing encrypted. File data leaves by sendfile(2) and
 * falls back to a copy where the file or the socket cannot do that; the counters tell which.
 */
#ifndef TM_TESTS_PLAIN_LINK_H
#define TM_TESTS_PLAIN_LINK_H

#include "wire/link.h"

/* @fd is owned by the link from now on. @timeout_ms: default of recv, 0: 30 s. NULL: no memory. */
struct tm_link *tm_plain_link_new(int fd, int timeout_ms);
/* Flushes what is buffered, closes. Accepts NULL. */
void tm_plain_link_free(struct tm_link *l);
/* The descriptor, still the link's: for tests that send garbage or cut the connection. */
int tm_plain_link_fd(struct tm_link *l);
/* Two connected links over a stream socket pair. Returns 0 or -errno. */
int tm_plain_link_pair(struct tm_link **ret_a, struct tm_link **ret_b);
/* Cut the connection in the middle of the stream after @bytes more sent bytes (0: never). */
void tm_plain_link_cut_after(struct tm_link *l, uint64_t bytes);

#endif

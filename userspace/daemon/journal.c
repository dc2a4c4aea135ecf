// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/journal.c - appending, reading back and rewriting a journal of changes.
 */
#include "daemon/journal.h"
#include "lib/beneath.h"
#include "lib/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define JOURNAL_NAME	   "changes"
#define JOURNAL_NEW	   "changes.new"
#define JOURNAL_HEADER	   (8 + TM_JOURNAL_TOKEN_LEN)
#define JOURNAL_RECORD_MAX 16384
#define JOURNAL_SLACK	   ((uint64_t)256 << 10)

static const char journal_magic[8] = { 'T', 'M', 'J', 'R', 'N', 'L', '1', '\n' };

static int header_write(int fd, const uint8_t token[TM_JOURNAL_TOKEN_LEN])
{
	uint8_t h[JOURNAL_HEADER];

	memcpy(h, journal_magic, 8);
	memcpy(h + 8, token, TM_JOURNAL_TOKEN_LEN);
	return tm_pwrite_full(fd, h, sizeof(h), 0);
}

static bool header_good(int fd, const uint8_t token[TM_JOURNAL_TOKEN_LEN])
{
	uint8_t h[JOURNAL_HEADER];

	return tm_pread_full(fd, h, sizeof(h), 0) == (ssize_t)sizeof(h) &&
	       memcmp(h, journal_magic, 8) == 0 && memcmp(h + 8, token, TM_JOURNAL_TOKEN_LEN) == 0;
}

/* Records from JOURNAL_HEADER on; *@ret_end is where the last whole one ends. */
static int records_read(int fd, int (*fn)(const struct tm_change *c, void *arg), void *arg,
			uint64_t *ret_end)
{
	_cleanup_free_ uint8_t *chunk = malloc(JOURNAL_RECORD_MAX + 4);
	_cleanup_free_ struct tm_range *ranges = calloc(TM_CHANGE_RANGES_MAX, sizeof(*ranges));
	uint64_t at = JOURNAL_HEADER;

	if (!chunk || !ranges)
		return -ENOMEM;
	for (;;) {
		ssize_t n = tm_pread_full(fd, chunk, JOURNAL_RECORD_MAX + 4, (off_t)at);
		size_t used = 0;

		if (n < 0)
			return (int)n;
		while ((size_t)n - used >= 4) {
			struct tm_rd head = tm_rd(chunk + used, 4), r;
			uint32_t len = tm_get_u32(&head);
			struct tm_change c;
			int ret;

			if (len > JOURNAL_RECORD_MAX || len > (size_t)n - used - 4)
				break;
			r = tm_rd(chunk + used + 4, len);
			if (tm_change_get(&r, &c, ranges) < 0 || tm_rd_end(&r) < 0) {
				/* Never written by us: everything after it is unknown. */
				*ret_end = at + used;
				return -EBADMSG;
			}
			ret = fn(&c, arg);
			if (ret < 0)
				return ret;
			used += 4 + len;
		}
		at += used;
		if (used == 0)
			break;
	}
	*ret_end = at;
	return 0;
}

/* A fresh empty journal in place of whatever there is. */
static int journal_create(struct tm_journal *j)
{
	int fd = tm_open_name(j->dirfd, JOURNAL_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
	int r;

	if (fd < 0)
		return fd;
	r = header_write(fd, j->token);
	if (r < 0) {
		tm_close(fd);
		return r;
	}
	j->fd = fd;
	j->bytes = j->rewritten = JOURNAL_HEADER;
	return 0;
}

int tm_journal_open(struct tm_journal *j, int dirfd, const uint8_t token[TM_JOURNAL_TOKEN_LEN],
		    int (*fn)(const struct tm_change *c, void *arg), void *arg, bool *ret_kept)
{
	uint64_t end = JOURNAL_HEADER;
	int fd, r;

	*j = (struct tm_journal){ .dirfd = dirfd, .fd = -EBADF };
	memcpy(j->token, token, sizeof(j->token));
	(void)unlinkat(dirfd, JOURNAL_NEW, 0);
	fd = tm_open_name(dirfd, JOURNAL_NAME, O_RDWR, 0);
	if (fd >= 0 && header_good(fd, token)) {
		r = records_read(fd, fn, arg, &end);
		if (r == 0 && ftruncate(fd, (off_t)end) < 0)
			r = -errno;
		if (r == 0) {
			j->fd = fd;
			j->bytes = end;
			j->rewritten = JOURNAL_HEADER;
			*ret_kept = true;
			return 0;
		}
		if (r != -EBADMSG) {
			tm_close(fd);
			tm_journal_close(j);
			return r;
		}
	}
	tm_close(fd);
	r = journal_create(j);
	if (r < 0) {
		tm_journal_close(j);
		return r;
	}
	*ret_kept = false;
	return 0;
}

bool tm_journal_valid(int dirfd, const uint8_t token[TM_JOURNAL_TOKEN_LEN])
{
	_cleanup_close_ int fd = tm_open_name(dirfd, JOURNAL_NAME, O_RDONLY, 0);

	return fd >= 0 && header_good(fd, token);
}

void tm_journal_close(struct tm_journal *j)
{
	j->fd = tm_close(j->fd);
	j->dirfd = tm_close(j->dirfd);
}

static void record_put(struct tm_buf *b, const struct tm_change *c)
{
	size_t at = b->len;

	tm_put_u32(b, 0);
	tm_change_put(b, c);
	if (tm_buf_error(b) == 0)
		tm_buf_patch_u32(b, at, (uint32_t)(b->len - at - 4));
}

int tm_journal_append(struct tm_journal *j, const struct tm_change *c)
{
	struct tm_buf b;
	int r;

	tm_buf_init(&b, JOURNAL_RECORD_MAX + 4);
	record_put(&b, c);
	r = tm_buf_error(&b);
	if (r == 0)
		r = tm_pwrite_full(j->fd, b.data, b.len, (off_t)j->bytes);
	if (r == 0)
		j->bytes += b.len;
	else if (ftruncate(j->fd, (off_t)j->bytes) < 0)
		r = -errno;
	tm_buf_free(&b);
	return r;
}

struct rewrite {
	struct tm_buf b;
	int fd;
	uint64_t at;
};

static int rewrite_flush(struct rewrite *w)
{
	int r = tm_buf_error(&w->b);

	if (r == 0)
		r = tm_pwrite_full(w->fd, w->b.data, w->b.len, (off_t)w->at);
	w->at += w->b.len;
	tm_buf_reset(&w->b);
	return r;
}

static int rewrite_one(const struct tm_change *c, void *arg)
{
	struct rewrite *w = arg;

	record_put(&w->b, c);
	return w->b.len >= 65536 || tm_buf_error(&w->b) ? rewrite_flush(w) : 0;
}

int tm_journal_rewrite(struct tm_journal *j, const struct tm_change_set *const *sets,
		       unsigned int n)
{
	struct rewrite w = { .at = JOURNAL_HEADER };
	bool empty = true;
	int r;

	for (unsigned int i = 0; i < n; i++)
		empty = empty && (!sets[i] || tm_change_set_empty(sets[i]));
	if (empty) {
		/* The common case of a quiet policy: cutting the tail off is atomic too. */
		if (ftruncate(j->fd, JOURNAL_HEADER) < 0)
			return -errno;
		j->bytes = j->rewritten = JOURNAL_HEADER;
		return 0;
	}
	w.fd = tm_open_name(j->dirfd, JOURNAL_NEW, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (w.fd < 0)
		return w.fd;
	tm_buf_init(&w.b, 0);
	r = header_write(w.fd, j->token);
	for (unsigned int i = 0; i < n && r == 0; i++)
		if (sets[i])
			r = tm_change_set_each(sets[i], rewrite_one, &w);
	if (r == 0)
		r = rewrite_flush(&w);
	if (r == 0 && renameat(j->dirfd, JOURNAL_NEW, j->dirfd, JOURNAL_NAME) < 0)
		r = -errno;
	tm_buf_free(&w.b);
	if (r < 0) {
		tm_close(w.fd);
		(void)unlinkat(j->dirfd, JOURNAL_NEW, 0);
		return r;
	}
	tm_close(j->fd);
	j->fd = w.fd;
	j->bytes = j->rewritten = w.at;
	return 0;
}

bool tm_journal_bloated(const struct tm_journal *j)
{
	return j->bytes > 2 * j->rewritten + JOURNAL_SLACK;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/log.c - the commit log as a file; see log.h.
 */
#include "lib/fault.h"
#include "target/log.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/beneath.h"
#include "lib/fd.h"

#define KEEP_BYTES ((off_t)1 << 20)  /* written when made, so that commits overwrite */
#define TRIM_BYTES ((off_t)64 << 20) /* a larger file is cut back */
#define OUT_BYTES  ((size_t)256 << 10)

struct tm_clog {
	int fd;
	int error; /* sticky */
	uint64_t gen;
	uint64_t pos; /* where @out will stand */
	uint64_t records;
	uint64_t sum;
	uint64_t undo_sum; /* before the last data record */
	struct tm_buf out;
	struct tm_buf rec;
};

static int fail(struct tm_clog *l, int error)
{
	if (!l->error)
		l->error = error;
	return l->error;
}

static ssize_t read_file(void *ctx, void *p, size_t n, uint64_t off)
{
	struct tm_clog *l = ctx;

	return tm_pread_full(l->fd, p, n, (off_t)off);
}

static int flush(struct tm_clog *l)
{
	int r;

	if (l->error || !l->out.len)
		return l->error;
	r = tm_pwrite_full(l->fd, l->out.data, l->out.len, (off_t)l->pos);
	if (r < 0)
		return fail(l, r);
	l->pos += l->out.len;
	tm_buf_reset(&l->out);
	return 0;
}

static int append(struct tm_clog *l, uint16_t type, const void *payload, uint32_t len)
{
	uint8_t h[TM_CLOG_REC_HEAD];
	uint64_t sum;

	if (l->error)
		return l->error;
	sum = tm_clog_rec_put(h, l->gen, l->pos + l->out.len, type, payload, len);
	tm_put_raw(&l->out, h, sizeof(h));
	tm_put_raw(&l->out, payload, len);
	if (tm_buf_error(&l->out))
		return fail(l, tm_buf_error(&l->out));
	l->records++;
	l->undo_sum = l->sum;
	l->sum = tm_clog_sum_add(l->sum, sum);
	return l->out.len >= OUT_BYTES ? flush(l) : 0;
}

int tm_clog_begin(struct tm_clog *l)
{
	uint8_t head[TM_CLOG_HEAD];
	off_t end;

	if (l->error)
		return l->error;
	end = lseek(l->fd, 0, SEEK_END);
	if (end > TRIM_BYTES && ftruncate(l->fd, KEEP_BYTES) < 0)
		return fail(l, -errno);
	l->gen++;
	l->pos = 0;
	l->records = 0;
	l->sum = 0;
	tm_buf_reset(&l->out);
	tm_clog_head_put(head, l->gen);
	tm_put_raw(&l->out, head, sizeof(head));
	return tm_buf_error(&l->out) ? fail(l, tm_buf_error(&l->out)) : 0;
}

int tm_clog_data(struct tm_clog *l, const void *p, uint32_t n, uint64_t *ret_off)
{
	uint64_t at;
	int r = flush(l);

	if (r < 0)
		return r;
	at = l->pos + TM_CLOG_REC_HEAD;
	r = append(l, TM_CLOG_DATA, p, n);
	if (r == 0)
		r = flush(l);
	if (r == 0)
		*ret_off = at;
	return r;
}

void tm_clog_undo_data(struct tm_clog *l, uint64_t off)
{
	l->pos = off - TM_CLOG_REC_HEAD;
	l->records--;
	l->sum = l->undo_sum;
}

uint64_t tm_clog_size(const struct tm_clog *l)
{
	return l->pos + l->out.len;
}

int tm_clog_step(struct tm_clog *l, const struct tm_step *s)
{
	tm_buf_reset(&l->rec);
	tm_step_put(&l->rec, s);
	if (tm_buf_error(&l->rec))
		return fail(l, tm_buf_error(&l->rec));
	return append(l, TM_CLOG_STEP, l->rec.data, (uint32_t)l->rec.len);
}

int tm_clog_commit(struct tm_clog *l, uint64_t seq, uint32_t flags)
{
	struct tm_clog_trailer t = {
		.seq = seq, .records = l->records, .sum = l->sum, .flags = flags
	};
	int r;

	tm_buf_reset(&l->rec);
	tm_clog_trailer_put(&l->rec, &t);
	if (tm_buf_error(&l->rec))
		return fail(l, tm_buf_error(&l->rec));
	r = append(l, TM_CLOG_TRAILER, l->rec.data, (uint32_t)l->rec.len);
	if (r == 0)
		r = flush(l);
	/* All records and the trailer with one sync: a torn one has no valid trailer. */
	if (r == 0 && !tm_fault("fsync-off") && fdatasync(l->fd) < 0)
		r = fail(l, -errno);
	return r;
}

int tm_clog_read(struct tm_clog *l, uint64_t off, void *p, size_t n)
{
	ssize_t k = tm_pread_full(l->fd, p, n, (off_t)off);

	if (k < 0)
		return (int)k;
	return (size_t)k == n ? 0 : -EIO;
}

static int load_record(void *arg, uint16_t type, uint64_t off _unused_, const uint8_t *payload,
		       uint32_t len)
{
	struct tm_clog_batch *b = arg;
	struct tm_rd r;
	struct tm_step s;
	void *copy;
	int err;

	if (type != TM_CLOG_STEP)
		return 0;
	if (b->n == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 256;
		struct tm_step *v = realloc(b->steps, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		b->steps = v;
		b->cap = cap;
	}
	copy = tm_arena_dup(&b->arena, payload, len);
	if (!copy)
		return -ENOMEM;
	r = tm_rd(copy, len);
	err = tm_step_get(&r, &b->arena, &s);
	if (err)
		return err;
	b->steps[b->n++] = s;
	return 0;
}

int tm_clog_load(struct tm_clog *l, struct tm_clog_batch *ret)
{
	struct tm_clog_src src = { read_file, l };

	*ret = (struct tm_clog_batch){ 0 };
	tm_arena_init(&ret->arena, (size_t)4 << 30);
	return tm_clog_scan(&src, load_record, ret, &ret->trailer);
}

void tm_clog_batch_free(struct tm_clog_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->steps[i].patch.v);
	free(b->steps);
	tm_arena_free(&b->arena);
	*b = (struct tm_clog_batch){ 0 };
}

static int make_room(struct tm_clog *l)
{
	_cleanup_free_ uint8_t *zeros = calloc(1, (size_t)KEEP_BYTES);
	int r;

	if (!zeros)
		return -ENOMEM;
	r = tm_pwrite_full(l->fd, zeros, (size_t)KEEP_BYTES, 0);
	if (r < 0)
		return r;
	return !tm_fault("fsync-off") && fsync(l->fd) < 0 ? -errno : 0;
}

static int set_up(struct tm_clog *l, int statefd)
{
	uint8_t head[TM_CLOG_HEAD];
	ssize_t n;
	int r;

	l->fd = tm_open_name(statefd, "log", O_RDWR | O_CREAT, 0600);
	if (l->fd < 0)
		return l->fd;
	n = tm_pread_full(l->fd, head, sizeof(head), 0);
	if (n < 0)
		return (int)n;
	if (n == (ssize_t)sizeof(head) && tm_clog_head_get(head, &l->gen) == 0)
		return 0;
	if (lseek(l->fd, 0, SEEK_END) < KEEP_BYTES) {
		r = make_room(l);
		if (r < 0)
			return r;
	}
	/* An unknown generation may have left records: start from where none ever was. */
	if (getrandom(&l->gen, sizeof(l->gen), GRND_NONBLOCK) != (ssize_t)sizeof(l->gen))
		return -EAGAIN;
	l->gen >>= 1;
	return 0;
}

int tm_clog_open(int statefd, struct tm_clog **ret)
{
	struct tm_clog *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	tm_buf_init(&l->out, 0);
	tm_buf_init(&l->rec, 0);
	r = set_up(l, statefd);
	if (r < 0) {
		tm_clog_close(l);
		return r;
	}
	*ret = l;
	return 0;
}

void tm_clog_close(struct tm_clog *l)
{
	if (!l)
		return;
	tm_close(l->fd);
	tm_buf_free(&l->out);
	tm_buf_free(&l->rec);
	free(l);
}

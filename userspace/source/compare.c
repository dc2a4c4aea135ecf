/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/compare.c - block hashes of the target against what is here; what a comparison found.
 *
 * Hashes are used as they come: the same block is read and hashed here while the target reads its
 * next ones, and only what differs is remembered. A block that changed while it was read counts as
 * different and is sent, with a verdict as any other data; it is no mismatch. A mismatch is
 * content that should have been equal: the target's table says that it has what was asserted, and
 * the file has not been touched since.
 */
#include "source/internal.h"

#include <sys/stat.h>

#include "digest/digest.h"
#include "lib/clock.h"
#include "source/moment.h"

/* Differences told one by one in a set; all are counted. */
#define REPORTS_MAX 1000
/* The target waits in its receive; this is far below the link's patience. */
#define ALIVE_MS 5000

_Static_assert(TM_DIGEST_LEN == TM_HASH_LEN, "what is made is what travels");

struct src_compare {
	uint32_t block;
	bool sure;		/* a difference is a mismatch */
	bool torn;		/* some block changed while it was read */
	bool failed;		/* cannot be read here: all of it is sent, or fails there */
	bool differs;		/* some block was read well and is another one */
	uint64_t there;		/* size on the target */
	uint64_t here;		/* size when the comparison began */
	uint64_t next;		/* block whose hash must come next */
	struct tm_range *v;	/* to be sent: sorted, disjoint */
	size_t n, cap;
};

void src_compare_free(struct src_obj *o)
{
	if (!o->compare)
		return;
	free(o->compare->v);
	free(o->compare);
	o->compare = NULL;
}

static int add_range(struct src_compare *c, uint64_t start, uint64_t end)
{
	size_t cap = c->cap ? c->cap * 2 : 8;
	struct tm_range *v;

	if (c->n && c->v[c->n - 1].end == start) {
		c->v[c->n - 1].end = end;
		return 0;
	}
	if (c->n == c->cap) {
		v = reallocarray(c->v, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		c->v = v;
		c->cap = cap;
	}
	c->v[c->n++] = (struct tm_range){ start, end };
	return 0;
}

/* ---- what the target has ---- */

static void forget_fd(struct tm_source *s)
{
	s->compare_fd = tm_close(s->compare_fd);
}

/* The first record of a file. */
static int begin(struct tm_source *s, struct src_obj *o, const struct tm_hashes *h)
{
	struct src_compare *c = calloc(1, sizeof(*c));
	struct tm_attrs a = { 0 };

	if (!c)
		return -ENOMEM;
	o->compare = c;
	c->block = h->block;
	c->there = h->size;
	forget_fd(s);
	s->compare_fd = src_obj_open(s, o);
	s->compare_oid = o->oid;
	if (s->compare_fd < 0 || src_attrs_fd(s->compare_fd, &a) < 0) {
		c->failed = true;
		return src_err_fatal(s, s->compare_fd) ? s->compare_fd : 0;
	}
	c->here = a.size;
	c->sure = (h->flags & TM_HF_SETTLED) && a.ctime_s == o->ctime_s && a.ctime_ns == o->ctime_ns;
	s->progress.bytes_total += c->here;
	return 0;
}

static int read_block(struct tm_source *s, const struct src_obj *o, uint64_t off, uint32_t n,
		      uint8_t hash[TM_HASH_LEN], bool *ret_torn)
{
	const struct tm_version *version = src_obj_version(s, o);
	struct src_moment before, after;
	int r;

	r = src_moment_quiet(s->compare_fd, version, &before);
	if (r == 0)
		r = src_clean_mapped(s->compare_fd, off, n);
	if (r == 0)
		r = tm_digest_block(s->digest, s->compare_fd, off, n, hash, &s->progress.read_bytes);
	*ret_torn = r == -ENODATA;
	if (r == -ENODATA)
		return 0;
	if (r == 0)
		r = src_moment_get(s->compare_fd, version, &after);
	*ret_torn = r == 0 && (src_moment_in_flight(version, &before) ||
			       !src_moment_eq(version, &before, &after));
	return r;
}

static int one_block(struct tm_source *s, struct src_obj *o, const uint8_t *theirs)
{
	struct src_compare *c = o->compare;
	uint64_t off = c->next * c->block;
	uint32_t there = (uint32_t)TM_MIN((uint64_t)c->block, c->there - off), here;
	uint8_t hash[TM_HASH_LEN];
	bool torn = false;
	int r;

	here = off < c->here ? (uint32_t)TM_MIN((uint64_t)c->block, c->here - off) : 0;
	if (!here)
		return 0;
	s->progress.bytes_done += here;
	if (here != there)
		return add_range(c, off, off + here);
	r = read_block(s, o, off, here, hash, &torn);
	if (r < 0) {
		c->failed = true;
		return r == -ENOMEM ? r : 0;
	}
	if (!torn && !memcmp(hash, theirs, TM_HASH_LEN))
		return 0;
	c->torn |= torn;
	c->differs |= !torn;
	return add_range(c, off, off + here);
}

/* The daemon may want to stop, the target to know that we live. */
static int between_blocks(struct tm_source *s)
{
	uint64_t now = tm_mono_ms();
	int r = src_poll(s);

	if (r == -ECANCELED)
		s->cancelled = true;
	else if (r < 0)
		return r;
	src_progress(s);
	if (now - s->alive_ms < ALIVE_MS)
		return 0;
	s->alive_ms = now;
	r = src_send(s, TM_F_ALIVE, NULL, 0);
	return r < 0 ? r : tm_link_flush(s->link);
}

static int take_record(struct tm_source *s, const struct tm_hashes *h)
{
	struct src_obj *o = src_obj_find(&s->batch, h->oid);
	struct src_compare *c;
	int r = 0;

	/* It may only compare what was just asserted, and each once. */
	if (!o || o->kind != TM_KIND_REG || !o->compare != !h->first)
		return -EBADMSG;
	if (!h->first)
		r = begin(s, o, h);
	if (r < 0)
		return r;
	c = o->compare;
	if (h->size != c->there || h->block != c->block || h->first != c->next)
		return -EBADMSG;
	if (h->first && !tm_oid_eq(s->compare_oid, o->oid))
		return -EBADMSG;
	if (tm_need_rank(TM_NEED_COMPARE) > tm_need_rank(o->need))
		o->need = TM_NEED_COMPARE;
	for (uint32_t i = 0; r == 0 && i < h->n; i++, c->next++) {
		if (c->failed || s->cancelled)
			continue;
		r = one_block(s, o, h->hash + (size_t)i * TM_HASH_LEN);
		if (r == 0)
			r = between_blocks(s);
	}
	return r;
}

int src_compare_hashes(struct tm_source *s, const uint8_t *p, uint32_t n)
{
	struct tm_rd rd = tm_rd(p, n);
	struct tm_hashes h;
	int r;

	if (!src_may_compare(s))
		return -EBADMSG;
	if (!s->digest) {
		r = tm_digest_new(&s->digest);
		if (r < 0)
			return r;
	}
	while ((r = tm_hashes_get(&rd, &h)) == 0) {
		r = take_record(s, &h);
		if (r < 0)
			return r;
	}
	return r == -ENODATA ? 0 : r;
}

int src_compare_end(struct tm_source *s)
{
	forget_fd(s);
	for (size_t i = 0; i < s->batch.n_objs; i++) {
		struct src_compare *c = s->batch.objs[i].compare;
		uint64_t known;
		int r;

		if (!c)
			continue;
		known = tm_blocks_of(c->there, c->block);
		if (c->next == UINT64_MAX)
			continue;	/* of an earlier round */
		if (c->next != known)
			return -EBADMSG;
		c->next = UINT64_MAX;
		/* What is longer here than there. */
		if (known * c->block < c->here) {
			r = add_range(c, known * c->block, c->here);
			if (r < 0)
				return r;
		}
	}
	return s->cancelled ? -ECANCELED : 0;
}

/* ---- what is to be sent ---- */

uint64_t src_compare_bytes(const struct src_obj *o)
{
	const struct src_compare *c = o->compare;
	uint64_t n = 0;

	if (!c || c->failed)
		return o->size;
	for (size_t i = 0; i < c->n; i++)
		n += c->v[i].end - c->v[i].start;
	return n;
}

bool src_compare_same(const struct src_obj *o, uint64_t size)
{
	const struct src_compare *c = o->compare;

	return c && !c->failed && !c->n && c->here == c->there && c->here == size;
}

int src_compare_ranges(const struct src_obj *o, uint64_t size, struct tm_ranges *ret, bool *ret_whole)
{
	const struct src_compare *c = o->compare;

	/* If nothing is equal there is no need to build on what the target has. */
	*ret_whole = !c || c->failed || (c->n == 1 && !c->v[0].start && c->v[0].end >= size);
	if (*ret_whole)
		return 0;
	/* Exactly these, however many: tm_ranges_add() would join some. */
	ret->v = calloc(c->n + 1, sizeof(*ret->v));
	if (!ret->v)
		return -ENOMEM;
	ret->cap = (uint32_t)c->n + 1;
	for (size_t i = 0; i < c->n; i++)
		ret->v[ret->n++] = c->v[i];
	if (size > c->here)
		ret->v[ret->n++] = (struct tm_range){ c->here, size };
	return 0;
}

/* ---- what was found ---- */

static int error_of(uint8_t what)
{
	if (what & TM_FOUND_FOREIGN)
		return EEXIST;
	if (what & TM_FOUND_MISSING)
		return ENOENT;
	return what & TM_FOUND_CONTENT ? EILSEQ : ESTALE;
}

static void tell(struct tm_source *s, const struct src_dir *d, const char *name, size_t len, uint8_t what)
{
	s->progress.mismatched++;
	if (s->n_reported >= REPORTS_MAX)
		return;
	s->n_reported++;
	src_file_failed(s, d, name, len, s->look ? TM_FAIL_DIFFERS : TM_FAIL_REPAIRED, error_of(what));
}

static void note(struct tm_source *s, struct src_obj *o, uint8_t what)
{
	if (!s->comparing || o->found)
		return;
	o->found = true;
	tell(s, o->dir, src_obj_name(s, o), o->name_len, what);
}

void src_compare_judge(struct tm_source *s, struct src_obj *o)
{
	const struct src_compare *c = o->compare;

	if (!s->comparing || !c || c->failed)
		return;
	/* What changed under our eyes is not known to be equal, unless it has just been sent. */
	if (!c->torn || !s->look) {
		s->progress.verified_files++;
		s->progress.verified_bytes += c->here;
	}
	if (c->sure && !o->changed && (c->differs || c->here != c->there))
		note(s, o, TM_FOUND_CONTENT);
}

int src_compare_found(struct tm_source *s, const uint8_t *p, uint32_t n)
{
	struct tm_rd rd = tm_rd(p, n);
	struct tm_found f;
	int r;

	if (!src_may_compare(s))
		return -EBADMSG;
	while ((r = tm_found_get(&rd, &f)) == 0) {
		struct src_obj *o;

		if (f.what == TM_FOUND_FOREIGN) {
			if (s->comparing)
				tell(s, src_index_get(&s->index, f.parent), f.name, f.name_len, f.what);
			continue;
		}
		o = src_obj_find(&s->batch, f.oid);
		if (!o)
			return -EBADMSG;
		note(s, o, f.what);
	}
	return r == -ENODATA ? 0 : r;
}

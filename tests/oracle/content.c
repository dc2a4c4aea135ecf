// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * content.c - comparing and hashing file bytes, and comparing holes.
 */
#include <endian.h>
#include <errno.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "content.h"
#include "util.h"

#define BLOCK		65536
#define CHUNK		(1 << 20)

static char chunk_a[CHUNK], chunk_b[CHUNK];

static int read_full(int fd, char *buf, size_t len, off_t off)
{
	while (len) {
		ssize_t n = pread(fd, buf, len, off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ESTALE;
		buf += n;
		off += n;
		len -= n;
	}
	return 0;
}

/* First data at or after @off, @size when there is none. */
static off_t next_data(int fd, off_t off, off_t size, bool read_holes)
{
	off_t at;

	if (read_holes)
		return off;
	at = lseek(fd, off, SEEK_DATA);
	if (at < 0)
		return errno == ENXIO ? size : off;
	return at < size ? at : size;
}

static off_t next_hole(int fd, off_t off, off_t size, bool read_holes)
{
	off_t at;

	if (read_holes)
		return size;
	at = lseek(fd, off, SEEK_HOLE);
	return at < 0 || at > size ? size : at;
}

static off_t lesser(off_t a, off_t b)
{
	return a < b ? a : b;
}

static off_t greater(off_t a, off_t b)
{
	return a > b ? a : b;
}

static int compare_range(int a, int b, off_t off, off_t end, struct oracle_content_diff *d)
{
	while (off < end) {
		size_t len = lesser(end - off, CHUNK);
		int err;

		d->side = 0;
		err = read_full(a, chunk_a, len, off);
		if (err)
			return err;
		d->side = 1;
		err = read_full(b, chunk_b, len, off);
		if (err)
			return err;
		d->read += len;
		if (memcmp(chunk_a, chunk_b, len)) {
			for (size_t i = 0; i < len; i++) {
				if (chunk_a[i] == chunk_b[i])
					continue;
				if (!d->bytes++)
					d->first = off + i;
			}
		}
		off += len;
	}
	return 0;
}

int oracle_content_compare(int a, int b, off_t size, bool read_holes,
			   struct oracle_content_diff *ret)
{
	off_t off = 0;
	int err;

	memset(ret, 0, sizeof(*ret));
	if (size <= BLOCK)
		return compare_range(a, b, 0, size, ret);
	while (off < size) {
		off_t end;

		off = lesser(next_data(a, off, size, read_holes),
			     next_data(b, off, size, read_holes));
		if (off >= size)
			break;
		end = greater(next_hole(a, off, size, read_holes),
			      next_hole(b, off, size, read_holes));
		/* Both say hole right after saying data: changing under us. */
		if (end <= off)
			return -ESTALE;
		err = compare_range(a, b, off, end, ret);
		if (err)
			return err;
		off = end;
	}
	return 0;
}

static bool all_zero(const char *p, size_t len)
{
	return !len || (!*p && !memcmp(p, p + 1, len - 1));
}

static void hash_number(EVP_MD_CTX *ctx, uint64_t v)
{
	v = htole64(v);
	EVP_DigestUpdate(ctx, &v, sizeof(v));
}

static int hash_blocks(EVP_MD_CTX *ctx, int fd, off_t size, bool read_holes)
{
	off_t off = 0;

	while (off < size) {
		size_t len;
		int err;

		if (size > BLOCK)
			off = next_data(fd, off, size, read_holes) / BLOCK * BLOCK;
		if (off >= size)
			break;
		len = lesser(size - off, BLOCK);
		err = read_full(fd, chunk_a, len, off);
		if (err)
			return err;
		if (!all_zero(chunk_a, len)) {
			hash_number(ctx, off);
			EVP_DigestUpdate(ctx, chunk_a, len);
		}
		off += BLOCK;
	}
	hash_number(ctx, size);
	return 0;
}

int oracle_content_hash(int fd, off_t size, bool read_holes, unsigned char ret[ORACLE_HASH_BYTES])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int err;

	if (!ctx || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL))
		oracle_die("cannot start SHA-256");
	err = hash_blocks(ctx, fd, size, read_holes);
	if (!err && !EVP_DigestFinal_ex(ctx, ret, NULL))
		oracle_die("cannot finish SHA-256");
	EVP_MD_CTX_free(ctx);
	return err;
}

/* Ranges of one file, ascending, not overlapping. */
struct ranges {
	struct { off_t from, to; } *v;
	size_t n;
};

static void ranges_add(struct ranges *r, off_t from, off_t to)
{
	if (from >= to)
		return;
	if (r->n && r->v[r->n - 1].to >= from) {
		r->v[r->n - 1].to = greater(to, r->v[r->n - 1].to);
		return;
	}
	r->v = oracle_realloc(r->v, (r->n + 1) * sizeof(*r->v));
	r->v[r->n].from = from;
	r->v[r->n++].to = to;
}

static uint64_t ranges_only_in(const struct ranges *a, const struct ranges *b)
{
	uint64_t sum = 0;
	size_t k = 0;

	for (size_t i = 0; i < a->n; i++) {
		off_t at = a->v[i].from, to = a->v[i].to;

		while (k < b->n && b->v[k].to <= at)
			k++;
		for (size_t j = k; j < b->n && b->v[j].from < to; j++) {
			if (b->v[j].from > at)
				sum += b->v[j].from - at;
			at = greater(at, b->v[j].to);
		}
		if (at < to)
			sum += to - at;
	}
	return sum;
}

static void data_ranges(int fd, off_t size, struct ranges *r)
{
	for (off_t off = 0; off < size;) {
		off_t from = next_data(fd, off, size, false);
		off_t to = from < size ? next_hole(fd, from, size, false) : size;

		ranges_add(r, from, to);
		off = to > off ? to : size;
	}
}

/* What has blocks, written or not; FIEMAP_FLAG_SYNC settles delayed ones. */
static int block_ranges(int fd, off_t size, struct ranges *r)
{
	enum { BATCH = 256 };
	struct fiemap *map = oracle_alloc(sizeof(*map) + BATCH * sizeof(map->fm_extents[0]));
	off_t off = 0;
	int err = 0;

	while (off < size) {
		memset(map, 0, sizeof(*map));
		map->fm_start = off;
		map->fm_length = size - off;
		map->fm_flags = FIEMAP_FLAG_SYNC;
		map->fm_extent_count = BATCH;
		if (ioctl(fd, FS_IOC_FIEMAP, map) < 0) {
			err = -errno;
			break;
		}
		if (!map->fm_mapped_extents)
			break;
		for (unsigned int i = 0; i < map->fm_mapped_extents; i++) {
			off_t from = map->fm_extents[i].fe_logical;
			off_t to = from + map->fm_extents[i].fe_length;

			ranges_add(r, from, lesser(to, size));
			off = greater(off, to);
		}
	}
	free(map);
	return err;
}

int oracle_content_filled(int src, int dst, off_t size, uint64_t *ret_bytes)
{
	struct ranges a = { 0 }, b = { 0 };
	uint64_t bytes;

	data_ranges(src, size, &a);
	data_ranges(dst, size, &b);
	bytes = ranges_only_in(&b, &a);
	free(a.v);
	free(b.v);
	if (bytes) {
		/*
		 * Cached pages of unwritten blocks read as data: ask the block
		 * map before calling anything filled. Where there is none
		 * (tmpfs), the first answer stands.
		 */
		a = b = (struct ranges){ 0 };
		if (!block_ranges(src, size, &a) && !block_ranges(dst, size, &b))
			bytes = ranges_only_in(&b, &a);
		free(a.v);
		free(b.v);
	}
	*ret_bytes = bytes;
	return 0;
}

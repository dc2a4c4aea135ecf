/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * digest/digest.c - hashes of the blocks of files; see digest.h.
 */
#include "digest/digest.h"

#include <openssl/evp.h>
#include <unistd.h>

#include "lib/fd.h"

/* Read and hashed piece by piece while it is in the processor's cache. */
#define PIECE ((size_t)128 << 10)
#define BLOCK_MIN ((uint32_t)64 << 10)
#define BLOCK_MAX ((uint32_t)1 << 20)
#define BLOCKS_FEW 4096

struct tm_digest {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
	uint8_t *buf;			/* PIECE */
	uint32_t zeros_n;		/* the hash of so many zeros is known */
	uint8_t zeros[TM_DIGEST_LEN];
};

int tm_digest_new(struct tm_digest **ret)
{
	struct tm_digest *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	d->ctx = EVP_MD_CTX_new();
	d->buf = malloc(PIECE);
	if (!d->md || !d->ctx || !d->buf) {
		int r = d->md ? -ENOMEM : -ENOSYS;

		tm_digest_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

void tm_digest_free(struct tm_digest *d)
{
	if (!d)
		return;
	EVP_MD_CTX_free(d->ctx);
	EVP_MD_free(d->md);
	free(d->buf);
	free(d);
}

static int begin(struct tm_digest *d)
{
	return EVP_DigestInit_ex2(d->ctx, d->md, NULL) == 1 ? 0 : -ENOMEM;
}

static int add(struct tm_digest *d, const void *p, size_t n)
{
	return EVP_DigestUpdate(d->ctx, p, n) == 1 ? 0 : -ENOMEM;
}

static int end(struct tm_digest *d, uint8_t out[TM_DIGEST_LEN])
{
	return EVP_DigestFinal_ex(d->ctx, out, NULL) == 1 ? 0 : -ENOMEM;
}

int tm_digest_mem(struct tm_digest *d, const void *p, size_t n, uint8_t out[TM_DIGEST_LEN])
{
	int r = begin(d);

	if (r == 0)
		r = add(d, p, n);
	return r == 0 ? end(d, out) : r;
}

static int of_zeros(struct tm_digest *d, uint32_t n, uint8_t out[TM_DIGEST_LEN])
{
	uint32_t left = n;
	int r;

	if (n != d->zeros_n) {
		memset(d->buf, 0, PIECE);
		for (r = begin(d); r == 0 && left; left -= TM_MIN(left, (uint32_t)PIECE))
			r = add(d, d->buf, TM_MIN(left, (uint32_t)PIECE));
		if (r == 0)
			r = end(d, d->zeros);
		if (r < 0) {
			d->zeros_n = 0;
			return r;
		}
		d->zeros_n = n;
	}
	memcpy(out, d->zeros, TM_DIGEST_LEN);
	return 0;
}

/* Does a hole cover all of it? Where the file system knows no holes, never. */
static bool in_hole(int fd, uint64_t off, uint32_t n)
{
	off_t data = lseek(fd, (off_t)off, SEEK_DATA);

	/* ENXIO: nothing but a hole up to the end of the file, or the file ends before. */
	if (data < 0)
		return errno == ENXIO && lseek(fd, 0, SEEK_END) >= (off_t)(off + n);
	return (uint64_t)data >= off + n;
}

int tm_digest_block(struct tm_digest *d, int fd, uint64_t off, uint32_t n, uint8_t out[TM_DIGEST_LEN],
		    uint64_t *ret_read)
{
	int r;

	if (in_hole(fd, off, n))
		return of_zeros(d, n, out);
	for (r = begin(d); r == 0 && n;) {
		size_t want = TM_MIN((size_t)n, PIECE);
		ssize_t got = tm_pread_full(fd, d->buf, want, (off_t)off);

		if (got < 0)
			return (int)got;
		*ret_read += (uint64_t)got;
		if ((size_t)got < want)
			return -ENODATA;
		r = add(d, d->buf, want);
		off += want;
		n -= (uint32_t)want;
	}
	return r == 0 ? end(d, out) : r;
}

uint32_t tm_digest_block_size(uint64_t size)
{
	uint32_t block = BLOCK_MIN;

	while (block < BLOCK_MAX && size / block >= BLOCKS_FEW)
		block *= 2;
	return block;
}

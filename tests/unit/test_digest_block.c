/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_digest_block.c - hashes of blocks: known answers, holes, ends of files.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "digest/digest.h"
#include "lib/fd.h"
#include "tap.h"

static int temp_file(void)
{
	char path[200];
	const char *tmp = getenv("TMPDIR");
	int fd;

	snprintf(path, sizeof(path), "%s/tm-digest-XXXXXX", tmp ? tmp : "/var/tmp");
	fd = mkstemp(path);
	if (fd < 0)
		abort();
	unlink(path);
	return fd;
}

static bool is(const uint8_t h[TM_DIGEST_LEN], const char *hex)
{
	char text[2 * TM_DIGEST_LEN + 1];

	for (int i = 0; i < TM_DIGEST_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", h[i]);
	return tm_streq(text, hex);
}

TEST(it_is_sha256)
{
	uint8_t h[TM_DIGEST_LEN];
	struct tm_digest *d;

	CHECK_EQ(tm_digest_new(&d), 0);
	CHECK_EQ(tm_digest_mem(d, "abc", 3, h), 0);
	CHECK(is(h, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	CHECK_EQ(tm_digest_mem(d, "", 0, h), 0);
	CHECK(is(h, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
	tm_digest_free(d);
}

TEST(a_hole_hashes_as_its_zeros_and_is_not_read)
{
	static const uint8_t zeros[300000];
	uint8_t a[TM_DIGEST_LEN], b[TM_DIGEST_LEN];
	struct tm_digest *d;
	uint64_t n = 0;
	int fd = temp_file();

	CHECK_EQ(tm_digest_new(&d), 0);
	CHECK_EQ(ftruncate(fd, 4 << 20), 0);
	CHECK_EQ(tm_digest_mem(d, zeros, 300000, a), 0);
	CHECK_EQ(tm_digest_block(d, fd, 4096, 300000, b, &n), 0);
	CHECK(!memcmp(a, b, sizeof(a)));
	CHECK_EQ(n, 0);
	/* Another length, then the first again: what is remembered is of one length. */
	CHECK_EQ(tm_digest_block(d, fd, 0, 1000, b, &n), 0);
	CHECK(memcmp(a, b, sizeof(a)) != 0);
	CHECK_EQ(tm_digest_block(d, fd, 0, 300000, b, &n), 0);
	CHECK(!memcmp(a, b, sizeof(a)));
	/* Written zeros are the same bytes. */
	CHECK_EQ(tm_pwrite_full(fd, zeros, 300000, 0), 0);
	CHECK_EQ(fsync(fd), 0);
	CHECK_EQ(tm_digest_block(d, fd, 0, 300000, b, &n), 0);
	CHECK(!memcmp(a, b, sizeof(a)));
	CHECK_EQ(n, 300000);
	/* One bit is not. */
	CHECK_EQ(tm_pwrite_full(fd, "\1", 1, 299999), 0);
	CHECK_EQ(tm_digest_block(d, fd, 0, 300000, b, &n), 0);
	CHECK(memcmp(a, b, sizeof(a)) != 0);
	tm_digest_free(d);
	close(fd);
}

TEST(a_file_that_ends_early_says_so)
{
	uint8_t h[TM_DIGEST_LEN];
	struct tm_digest *d;
	uint64_t n = 0;
	int fd = temp_file();

	CHECK_EQ(tm_digest_new(&d), 0);
	CHECK_EQ(tm_pwrite_full(fd, "abc", 3, 0), 0);
	CHECK_EQ(tm_digest_block(d, fd, 0, 3, h, &n), 0);
	CHECK(is(h, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	CHECK_EQ(tm_digest_block(d, fd, 0, 4, h, &n), -ENODATA);
	CHECK_EQ(tm_digest_block(d, fd, 100000, 4, h, &n), -ENODATA);
	CHECK_EQ(tm_digest_block(d, -1, 0, 4, h, &n), -EBADF);
	tm_digest_free(d);
	close(fd);
}

TEST(blocks_are_powers_of_two_and_few)
{
	for (uint64_t size = 0; size < (uint64_t)1 << 40; size = size * 3 + 1) {
		uint32_t b = tm_digest_block_size(size);

		CHECK(!(b & (b - 1)));
		CHECK(b >= 65536 && b <= 1 << 20);
		CHECK(b == 1 << 20 || size / b < 4096);
	}
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}

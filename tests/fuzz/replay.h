/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/replay.h - without libFuzzer: run a target over files, and over mutations of them.
 *
 * Arguments are files or directories of files; `-n COUNT` adds that many seeded mutations of each
 * (default 200), so that a replay in the tests looks further than the corpus itself.
 */
#ifndef TM_TESTS_FUZZ_REPLAY_H
#define TM_TESTS_FUZZ_REPLAY_H

#ifdef FUZZ_STANDALONE

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPLAY_MAX 65536

static uint64_t replay_seed = 88172645463325252ULL;
static unsigned long replay_runs;

static uint64_t replay_random(void)
{
	replay_seed ^= replay_seed << 13;
	replay_seed ^= replay_seed >> 7;
	replay_seed ^= replay_seed << 17;
	return replay_seed;
}

/* An exact-size heap copy, so that a sanitizer sees one byte too many. */
static void replay_one(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (!copy)
		abort();
	memcpy(copy, p, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	replay_runs++;
}

static void replay_file(int fd, long mutations)
{
	static uint8_t seed[REPLAY_MAX], work[REPLAY_MAX];
	ssize_t got = read(fd, seed, sizeof(seed));

	if (got < 0)
		abort();
	replay_one(seed, (size_t)got);
	for (long i = 0; i < mutations && got; i++) {
		size_t n = (size_t)got;

		memcpy(work, seed, n);
		for (uint64_t k = replay_random() % 4; k; k--)
			work[replay_random() % n] = (uint8_t)replay_random();
		replay_one(work, replay_random() % 4 ? n : replay_random() % (n + 1));
	}
}

static int replay_path(const char *path, long mutations)
{
	DIR *dir = opendir(path);
	struct dirent *de;
	int fd;

	if (!dir) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return perror(path), 1;
		replay_file(fd, mutations);
		close(fd);
		return 0;
	}
	while ((de = readdir(dir))) {
		fd = de->d_name[0] == '.' ? -1 : openat(dirfd(dir), de->d_name, O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			replay_file(fd, mutations);
			close(fd);
		}
	}
	closedir(dir);
	return 0;
}

int main(int argc, char **argv)
{
	long mutations = 200;
	int bad = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-n") && i + 1 < argc)
			mutations = atol(argv[++i]);
		else
			bad |= replay_path(argv[i], mutations);
	}
	printf("%s: %lu inputs, none crashed\n", argv[0], replay_runs);
	return bad || !replay_runs;
}

#endif
#endif

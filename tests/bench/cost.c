/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/bench/cost.c - what an operation costs its caller: cost DIR SCALE [OP]...
 *
 * Meant for a guest whose clock counts instructions (scripts/vm --icount): then a nanosecond of
 * CLOCK_MONOTONIC is an instruction, on one CPU, so whatever a tracker's reader does meanwhile is in it too.
 * Prints "OP INSTRUCTIONS" for each operation, the mean over SCALE thousand of them.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SPAN (8 << 20)	/* of the file that is walked through */

static char block[4096];
static int dir, fd;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int must(long r, const char *what)
{
	if (r < 0) {
		perror(what);
		exit(1);
	}
	return (int)r;
}

/* The same place again and again. */
static void write_hot(unsigned int size, unsigned long i)
{
	(void)i;
	must(pwrite(fd, block, size, 4096), "pwrite");
}

/* Somewhere else each time: a forward walk with gaps, so that no range continues another. */
static void write_walk(unsigned int size, unsigned long i)
{
	must(pwrite(fd, block, size, (off_t)(i * 8192 % SPAN)), "pwrite");
}

/* The usual log or copy: each write continues the one before. */
static void write_on(unsigned int size, unsigned long i)
{
	must(pwrite(fd, block, size, (off_t)(i * size % SPAN)), "pwrite");
}

static void create_unlink(unsigned int size, unsigned long i)
{
	(void)size;
	(void)i;
	close(must(openat(dir, "new", O_CREAT | O_EXCL | O_WRONLY, 0644), "create"));
	must(unlinkat(dir, "new", 0), "unlink");
}

static const struct op {
	const char *name;
	void (*fn)(unsigned int size, unsigned long i);
	unsigned int size;
	unsigned int weight;	/* a thousand of them take about this much of a pwrite's time */
} ops[] = {
	{ "pwrite4k-hot", write_hot, 4096, 1 },
	{ "pwrite4k-on", write_on, 4096, 1 },
	{ "pwrite4k-walk", write_walk, 4096, 1 },
	{ "pwrite64-hot", write_hot, 64, 1 },
	{ "pwrite64-on", write_on, 64, 1 },
	{ "pwrite64-walk", write_walk, 64, 1 },
	{ "create+unlink", create_unlink, 0, 8 },
};

static void measure(const struct op *o, unsigned long scale)
{
	unsigned long n = scale * 1000 / o->weight;
	uint64_t start;

	for (unsigned long i = 0; i < n / 10; i++)
		o->fn(o->size, i);
	start = now();
	for (unsigned long i = 0; i < n; i++)
		o->fn(o->size, i);
	printf("%s %llu\n", o->name, (unsigned long long)((now() - start) / n));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	unsigned long scale = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

	if (!scale) {
		fprintf(stderr, "usage: cost DIR SCALE [OP]...\n");
		return 2;
	}
	dir = must(open(argv[1], O_RDONLY | O_DIRECTORY), argv[1]);
	fd = must(openat(dir, "file", O_RDWR | O_CREAT, 0644), "file");
	for (off_t at = 0; at < SPAN; at += (off_t)sizeof(block))
		must(pwrite(fd, block, sizeof(block), at), "pwrite");
	must(fsync(fd), "fsync");
	/* Dirty once, so that no measurement pays for that. */
	for (off_t at = 0; at < SPAN; at += (off_t)sizeof(block))
		must(pwrite(fd, block, sizeof(block), at), "pwrite");
	for (size_t k = 0; k < sizeof(ops) / sizeof(ops[0]); k++) {
		int wanted = argc == 3;

		for (int i = 3; i < argc; i++)
			wanted |= !strcmp(argv[i], ops[k].name);
		if (wanted)
			measure(&ops[k], scale);
	}
	return 0;
}

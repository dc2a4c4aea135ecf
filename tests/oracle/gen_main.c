// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * gen_main.c - oracle-gen: change a directory in every way a file system
 * offers, from several threads at once, the same way for the same seed.
 *
 * Threads, stopping, pausing and counting are here; what the operations are
 * and do is told in gen.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gen.h"
#include "util.h"

static struct gen_config config = {
	.root = -1, .outside = -1, .seed = 1, .ops = 10000, .threads = 1,
	.max_bytes = 256 << 20, .big_bytes = 32 << 20, .falloc = true, .hostile = true,
};
static const char *pause_file;
static double duration_s;
static struct timespec started;
static volatile sig_atomic_t stopping;
static atomic_uint standing;		/* threads that wait for the pause to end */
static atomic_uint finished;

static void on_stop(int sig)
{
	(void)sig;
	stopping = 1;
}

static double elapsed_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - started.tv_sec + (now.tv_nsec - started.tv_nsec) / 1e9;
}

/* Errors that racing operations on few names are bound to meet. */
static bool expected(int err)
{
	static const int list[] = {
		ENOENT, EEXIST, ENOTEMPTY, EXDEV, ENOTDIR, EISDIR, EBUSY, ELOOP, EINVAL, ENXIO,
		EOPNOTSUPP, ENODATA, EMLINK, ENAMETOOLONG, EFBIG, ENOSPC, EDQUOT, ETXTBSY, EPERM,
		EACCES, ERANGE, E2BIG, ESTALE, ENOTTY,
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (list[i] == err)
			return true;
	return false;
}

static void log_op(const struct gen_op *op, const char *result)
{
	char a[512], b[512], *ea, *eb;

	gen_path_text(&op->a, a);
	gen_path_text(&op->b, b);
	ea = oracle_escape(a, strlen(a));
	eb = oracle_escape(b, strlen(b));
	fprintf(config.log, "%u %" PRIu64 " %s \"%s\" \"%s\" off=%" PRIu64 " len=%u arg=%08x%s%s%s\n",
		op->thread, op->index, gen_kinds[op->kind].name, ea, eb, op->off, op->len, op->arg,
		op->parents ? " parents" : "", *result ? " = " : "", result);
	free(ea);
	free(eb);
}

static void count(struct gen_thread *t, const struct gen_op *op, int err)
{
	if (!err) {
		t->ok[op->kind]++;
		return;
	}
	t->failed[op->kind]++;
	t->errnos[-err < GEN_ERRNOS ? -err : 0]++;
	if (expected(-err))
		return;
	t->unexpected++;
	oracle_warn("thread %u operation %" PRIu64 " (%s): %s", t->id, op->index,
		    gen_kinds[op->kind].name, strerror(-err));
}

/*
 * While the pause file exists every thread stands still between operations.
 * The last to stop says so by making FILE.quiet, the first to go on removes it.
 */
static void pause_if_asked(void)
{
	char quiet[4096 + 8];

	if (!pause_file || access(pause_file, F_OK) < 0)
		return;
	snprintf(quiet, sizeof(quiet), "%s.quiet", pause_file);
	atomic_fetch_add(&standing, 1);
	while (!stopping && access(pause_file, F_OK) == 0) {
		if (atomic_load(&standing) + atomic_load(&finished) == config.threads) {
			int fd = open(quiet, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

			if (fd >= 0)
				close(fd);
		}
		usleep(2000);
	}
	unlink(quiet);
	atomic_fetch_sub(&standing, 1);
}

static uint64_t share(unsigned int id)
{
	return config.ops / config.threads + (id < config.ops % config.threads);
}

static void *run_thread(void *arg)
{
	struct gen_thread *t = arg;
	uint64_t ops = share(t->id);

	while (!stopping && (!config.ops || t->next < ops)) {
		struct gen_op op;
		int err;

		pause_if_asked();
		if (stopping || (duration_s > 0 && elapsed_s() >= duration_s))
			break;
		gen_choose(t, &op);
		err = gen_kinds[op.kind].run(t, &op);
		count(t, &op, err);
		if (config.log)
			log_op(&op, err ? strerrorname_np(-err) : "ok");
	}
	for (int i = 0; i < GEN_FDS; i++)
		if (t->fd[i] >= 0)
			close(t->fd[i]);
	atomic_fetch_add(&finished, 1);
	return NULL;
}

static int summary(const struct gen_thread *threads)
{
	uint64_t ok = 0, failed = 0, unexpected = 0;

	for (int k = 0; k < GEN_KINDS; k++) {
		uint64_t kind_ok = 0, kind_failed = 0;

		for (unsigned int i = 0; i < config.threads; i++) {
			kind_ok += threads[i].ok[k];
			kind_failed += threads[i].failed[k];
		}
		if (kind_ok || kind_failed)
			printf("%-18s %9" PRIu64 " done %9" PRIu64 " failed\n", gen_kinds[k].name,
			       kind_ok, kind_failed);
		ok += kind_ok;
		failed += kind_failed;
	}
	printf("errors:");
	for (int e = 0; e < GEN_ERRNOS; e++) {
		uint64_t n = 0;

		for (unsigned int i = 0; i < config.threads; i++)
			n += threads[i].errnos[e];
		if (n)
			printf(" %s %" PRIu64, strerrorname_np(e) ?: "other", n);
	}
	for (unsigned int i = 0; i < config.threads; i++)
		unexpected += threads[i].unexpected;
	printf("\noracle-gen: seed %" PRIu64 ", %u threads, %.1f s: %" PRIu64 " operations, %" PRIu64
	       " done, %" PRIu64 " failed as expected, %" PRIu64 " unexpectedly\n", config.seed,
	       config.threads, elapsed_s(), ok + failed, ok, failed - unexpected, unexpected);
	if (fflush(stdout) || ferror(stdout))
		oracle_die("cannot write the summary");
	return unexpected ? 1 : 0;
}

static int run(void)
{
	static struct gen_thread threads[GEN_THREADS];
	pthread_t handle[GEN_THREADS];
	struct sigaction act = { .sa_handler = on_stop };

	umask(022);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	clock_gettime(CLOCK_MONOTONIC, &started);
	for (unsigned int i = 0; i < config.threads; i++) {
		threads[i] = (struct gen_thread){ .cfg = &config, .id = i,
						  .buf = oracle_alloc(GEN_BUFFER) };
		gen_hold_some(&threads[i]);
	}
	for (unsigned int i = 0; i < config.threads; i++)
		if (pthread_create(&handle[i], NULL, run_thread, &threads[i]))
			oracle_die("cannot start thread %u", i);
	for (unsigned int i = 0; i < config.threads; i++)
		pthread_join(handle[i], NULL);
	if (config.log && (fflush(config.log) || ferror(config.log)))
		oracle_die("cannot write the log");
	return summary(threads);
}

/* Print the operations without doing any. */
static int list(void)
{
	config.log = stdout;
	for (unsigned int i = 0; i < config.threads; i++) {
		struct gen_thread t = { .cfg = &config, .id = i };

		while (t.next < share(i) && !ferror(stdout)) {
			struct gen_op op;

			gen_choose(&t, &op);
			log_op(&op, "");
		}
	}
	return fflush(stdout) || ferror(stdout) ? 1 : 0;
}

static int open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		oracle_die("%s: %s", path, strerror(errno));
	return fd;
}

static void set_mix(const char *mix)
{
	if (!strcmp(mix, "mmap"))
		config.mmap = true;
	else if (!strcmp(mix, "aio") || !strcmp(mix, "uring"))
		oracle_die("--mix %s is reserved: not there yet", mix);
	else if (strcmp(mix, "part1"))
		oracle_die("--mix %s: no such mix (part1, mmap)", mix);
}

static const char usage[] =
"usage: oracle-gen --root DIR [OPTION]...\n"
"Exit status: 0 all operations done or failed as expected, 1 some failed\n"
"otherwise, 2 could not start. SIGTERM stops after the operations under way.\n"
"  --seed N           same seed and options, same operations (1)\n"
"  --ops N            operations of all threads together, 0 no limit (10000)\n"
"  --duration S       stop after S seconds\n"
"  --threads N        1 to 16 (1)\n"
"  --outside DIR      also rename and link to and from DIR (same file system)\n"
"  --mix NAME         part1 (default), or mmap: with stores into mappings\n"
"  --max-bytes N      keep below about N on disk (256M)\n"
"  --big-bytes N      size of the two big files (32M, at most max-bytes / 8)\n"
"  --no-falloc        no fallocate\n"
"  --no-hostile       no hostile names\n"
"  --suid             setuid and setgid bits too\n"
"  --very-deep        paths longer than PATH_MAX too\n"
"  --pause-file FILE  stand still while FILE exists; FILE.quiet then says so\n"
"  --log FILE         one line per operation with its result\n"
"  --list             print the operations, do none\n";

int main(int argc, char **argv)
{
	enum { ROOT = 1, SEED, OPS, DURATION, THREADS, OUTSIDE, MIX, MAX, BIG, NO_FALLOC,
	       NO_HOSTILE, SUID, VERY_DEEP, PAUSE, LOG, LIST, HELP };
	static const struct option options[] = {
		{ "root", required_argument, NULL, ROOT },
		{ "seed", required_argument, NULL, SEED },
		{ "ops", required_argument, NULL, OPS },
		{ "duration", required_argument, NULL, DURATION },
		{ "threads", required_argument, NULL, THREADS },
		{ "outside", required_argument, NULL, OUTSIDE },
		{ "mix", required_argument, NULL, MIX },
		{ "max-bytes", required_argument, NULL, MAX },
		{ "big-bytes", required_argument, NULL, BIG },
		{ "no-falloc", no_argument, NULL, NO_FALLOC },
		{ "no-hostile", no_argument, NULL, NO_HOSTILE },
		{ "suid", no_argument, NULL, SUID },
		{ "very-deep", no_argument, NULL, VERY_DEEP },
		{ "pause-file", required_argument, NULL, PAUSE },
		{ "log", required_argument, NULL, LOG },
		{ "list", no_argument, NULL, LIST },
		{ "help", no_argument, NULL, HELP },
		{ 0 }
	};
	bool only_list = false, ops_given = false;
	int o;

	oracle_init("oracle-gen");
	while ((o = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (o) {
		case ROOT: config.root = open_dir(optarg); break;
		case SEED: config.seed = oracle_number("--seed", optarg); break;
		case OPS:
			config.ops = oracle_number("--ops", optarg);
			ops_given = true;
			break;
		case DURATION: duration_s = oracle_number("--duration", optarg); break;
		case THREADS:
			config.threads = oracle_number("--threads", optarg);
			if (config.threads < 1 || config.threads > GEN_THREADS)
				oracle_die("--threads: 1 to %d", GEN_THREADS);
			break;
		case OUTSIDE: config.outside = open_dir(optarg); break;
		case MIX: set_mix(optarg); break;
		case MAX: config.max_bytes = oracle_number("--max-bytes", optarg); break;
		case BIG: config.big_bytes = oracle_number("--big-bytes", optarg); break;
		case NO_FALLOC: config.falloc = false; break;
		case NO_HOSTILE: config.hostile = false; break;
		case SUID: config.suid = true; break;
		case VERY_DEEP: config.very_deep = true; break;
		case PAUSE: pause_file = optarg; break;
		case LOG:
			config.log = fopen(optarg, "we");
			if (!config.log)
				oracle_die("%s: %s", optarg, strerror(errno));
			break;
		case LIST: only_list = true; break;
		case HELP:
		case 'h': fputs(usage, stdout); return 0;
		default: fputs(usage, stderr); return ORACLE_ERROR;
		}
	}
	if (optind != argc || (config.root < 0 && !only_list)) {
		fputs(usage, stderr);
		return ORACLE_ERROR;
	}
	if (duration_s > 0 && !ops_given)
		config.ops = 0;
	if (config.big_bytes > config.max_bytes / 8)
		config.big_bytes = config.max_bytes / 8;
	if (config.big_bytes < 65536)
		oracle_die("--max-bytes and --big-bytes are too small");
	return only_list ? list() : run();
}

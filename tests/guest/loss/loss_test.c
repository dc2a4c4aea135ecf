/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/guest/loss/loss_test.c - what may have been missed is told: to the roots it touches and to no other.
 *
 * Runs as root in the guest: loss_test DIR [PATTERN]. Roots are directories below DIR; slot 0 is the one that
 * suffers, slot 1 the one that must stay exact.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "sink.h"
#include "tap.h"

#define PINS "/sys/fs/bpf/tidemark/loss-test/v1"
#define WRITERS 4

static int basefd, noisy, quiet;	/* DIR, DIR/noisy, DIR/quiet */

#define HAVE(e)									\
	do {									\
		if (!(e))							\
			show();							\
		CHECK(e);							\
	} while (0)

static int dir_at(int at, const char *name)
{
	if (mkdirat(at, name, 0755) && errno != EEXIST)
		return -1;
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void fault(const char *name)
{
	if (name)
		setenv("TM_FAULT", name, 1);
	else
		unsetenv("TM_FAULT");
}

/*
 * A capture of these sizes with both roots and nothing to tell; loading takes seconds, so it is
 * kept if it fits.
 */
static void begin(uint32_t entries, uint32_t ring)
{
	static struct tm_capture *kept;
	static uint32_t have_entries, have_ring;

	if (cap && cap == kept && entries == have_entries && ring == have_ring) {
		settle();
		return;
	}
	if (cap)
		cap_close();
	tm_capture_unpin(PINS);
	CHECK_EQ(cap_open(PINS, entries, ring), 0);
	kept = cap;
	have_entries = entries;
	have_ring = ring;
	CHECK_EQ(cap_add(0, noisy), 0);
	CHECK_EQ(cap_add(1, quiet), 0);
	settle();
	settle();
}

/* A line "NAME\tSTATE\t" of the report. */
static bool reports(const char *line)
{
	_cleanup_free_ char *text = tm_capture_report(cap);
	bool yes = text && strstr(text, line);

	if (text && !yes)
		printf("# %.900s\n", text);
	return yes;
}

static bool balanced(unsigned int slot, struct tm_capture_stats *ret)
{
	tm_capture_stats_get(cap, slot, ret);
	return ret->seen == ret->queued + ret->coalesced + ret->dropped;
}

/*
 * Where the kernel may preempt a task within a program it skips the program for others, and says so: then
 * both roots are told, and rightly. Elsewhere that never happens.
 */
static bool skipping(void)
{
	static int yes = -1;

	if (yes < 0)
		yes = !system("uname -v | grep -q PREEMPT_RT || grep -q '(full)\\|(lazy)' /sys/kernel/debug/sched/preempt");
	return yes;
}

/* Was slot 1 told something that nothing done to it explains? */
static bool told_quiet(void)
{
	const char *at = strstr(incomplete, "1:");

	return at && !(skipping() && strstr(at, "1:recursion-miss"));
}

/* Drain until @reason is told to slot 0, at most @ms. */
static bool told(const char *reason, uint64_t ms)
{
	uint64_t until = tm_mono_ms() + ms;

	n_recs = 0;
	incomplete[0] = '\0';
	while (!strstr(incomplete, reason) && tm_mono_ms() < until) {
		usleep(50 * 1000);
		if (n_recs > 60000)
			n_recs = 0;
		if (tm_capture_drain(cap, false) < 0)
			return false;
	}
	return strstr(incomplete, reason);
}

/* ---- the self-test */

TEST(the_self_test_sees_every_operation)
{
	begin(0, 0);
	CHECK(reports("self-test-"));
	CHECK(reports("\tok\t"));
	CHECK(!strstr(tm_capture_blind_spots(cap), "self-test"));
	CHECK(reports("tracing\ton\t"));
	/* It cleans up and leaves no trace in the records. */
	CHECK(faccessat(noisy, ".tidemark/selftest", F_OK, 0));
	take();
	HAVE(n_recs == 0);
}

TEST(a_hook_that_does_not_run_is_found_by_the_self_test_and_told_while_it_lasts)
{
	cap_close();
	tm_capture_unpin(PINS);
	fault("hook-lost");
	CHECK_EQ(cap_open(PINS, 0, 0), 0);
	CHECK_EQ(cap_add(0, noisy), 0);
	CHECK(told("0:self-test", 20000));
	CHECK_EQ(count(TM_CHANGE_ALL), 1);
	CHECK(reports("\tfailed\tnot seen: fallocate\n"));
	CHECK(strstr(tm_capture_blind_spots(cap), "did not see: fallocate"));
	CHECK(told("0:self-test", 30000));
	/* Attached again: the next test is content, and says nothing more. */
	fault(NULL);
	cap_close();
	CHECK_EQ(cap_open(PINS, 0, 0), 0);
	CHECK_EQ(cap_add(0, noisy), 0);
	settle();
	settle();
	CHECK(reports("\tok\t"));
}

/* ---- blindness */

static void ftrace(const char *v)
{
	int fd = open("/proc/sys/kernel/ftrace_enabled", O_WRONLY);

	CHECK(fd >= 0 && write(fd, v, 1) == 1);
	close(fd);
}

TEST(tracing_switched_off_is_told_at_once_and_when_it_is_on_again)
{
	bool now, again;
	int fd;

	begin(0, 0);
	ftrace("0");
	now = told("0:tracing-off", 5000);
	/* What happens now is seen by nobody; the telling afterwards is what heals it. */
	fd = openat(noisy, "unseen", O_CREAT | O_WRONLY, 0644);
	if (fd >= 0)
		close(fd);
	if (now)
		now = reports("tracing\toff\t") && strstr(tm_capture_blind_spots(cap), "ftrace_enabled");
	ftrace("1");
	again = told("0:tracing-off", 5000) && count(TM_CHANGE_ALL) >= 1;
	CHECK(now);
	CHECK(again);
	CHECK_STR(tm_capture_blind_spots(cap), "");
	usleep(1200 * 1000);
	settle();
	close(openat(noisy, "seen", O_CREAT | O_WRONLY, 0644));
	take();
	HAVE(the_name(noisy, "seen"));
	CHECK_STR(incomplete, "");
}

TEST(the_canary_of_a_root_inside_another_is_no_false_alarm)
{
	int inner = dir_at(noisy, "inner");

	if (cap)
		cap_close();
	tm_capture_unpin(PINS);
	CHECK_EQ(cap_open(PINS, 0, 0), 0);
	CHECK_EQ(cap_add(0, inner), 0);
	CHECK_EQ(cap_add(1, noisy), 0);
	settle();
	for (int i = 0; i < 5; i++) {
		usleep(1100 * 1000);
		take();
		CHECK_STR(incomplete, "");
		/* Nor is the canary itself a change of the outer root. */
		HAVE(n_recs == 0);
	}
	CHECK(!tm_capture_del_root(cap, 0));
	close(inner);
}

/* ---- the books */

static volatile bool stop;

/* Creates, writes, renames and deletes: names for the ring, inodes for the map. */
static void *flood(void *arg)
{
	long me = (long)arg, n = 0;
	char a[32], b[32];

	for (; !stop; n++) {
		int fd;

		snprintf(a, sizeof(a), "w%ld-%ld", me, n % 500);
		snprintf(b, sizeof(b), "v%ld-%ld", me, n % 500);
		fd = openat(noisy, a, O_CREAT | O_WRONLY, 0644);
		if (fd >= 0) {
			for (int i = 0; i < 12; i++)
				(void)!pwrite(fd, "x", 1, i * 9000);
			close(fd);
		}
		(void)renameat(noisy, a, noisy, b);
		if (n % 3)
			(void)unlinkat(noisy, b, 0);
	}
	return (void *)n;
}

/*
 * Bytes 0, 100, 200 ... of @fd, one drain after the other; every one of them must be told to slot
 * 1, and no other.
 */
static void exact_meanwhile(int fd, int rounds, unsigned int *ret_all)
{
	struct tm_oid o = oid_in(fd, "");

	for (int i = 0; i < rounds; i++) {
		size_t in_quiet = 0;

		CHECK_EQ(pwrite(fd, "q", 1, i * 100), 1);
		CHECK(take() >= 0);
		CHECK(!told_quiet());
		if (strstr(incomplete, "recursion-miss"))
			continue;
		if (strstr(incomplete, "0:"))
			(*ret_all)++;
		for (size_t j = 0; j < n_recs; j++)
			in_quiet += recs[j].slot == 1;
		CHECK(covered(1, o, (uint64_t)i * 100, (uint64_t)i * 100 + 1));
		CHECK_EQ(named_bytes(1, o), 1);
		CHECK_EQ(in_quiet, 1);
	}
}

TEST(with_a_ring_of_one_page_and_four_writers_the_books_balance_and_another_root_is_exact)
{
	struct tm_capture_stats s;
	unsigned int all = 0;
	pthread_t t[WRITERS];
	uint64_t before;
	int fd;

	begin(0, 4096);
	fd = openat(quiet, "exact", O_CREAT | O_RDWR, 0644);
	settle();
	tm_capture_stats_get(cap, 1, &s);
	before = s.seen;
	stop = false;
	for (long i = 0; i < WRITERS; i++)
		CHECK(!pthread_create(&t[i], NULL, flood, (void *)i));
	exact_meanwhile(fd, 60, &all);
	stop = true;
	for (int i = 0; i < WRITERS; i++)
		pthread_join(t[i], NULL);
	take();
	CHECK(balanced(0, &s));
	printf("# noisy: %llu seen, %llu queued, %llu coalesced, %llu dropped\n", (unsigned long long)s.seen,
	       (unsigned long long)s.queued, (unsigned long long)s.coalesced, (unsigned long long)s.dropped);
	/* A full ring is no loss: the directory is listed. */
	CHECK_EQ(s.dropped, 0);
	CHECK_EQ(all, 0);
	CHECK(s.seen > 1000);
	CHECK(balanced(1, &s));
	CHECK_EQ(s.dropped, 0);
	CHECK(s.seen - before == 60 || skipping());
	close(fd);
}

/* Overflow by force, 200 times: each must be told, or "in sync" would be a lie. */
TEST(two_hundred_overflows_are_two_hundred_times_told)
{
	int rounds = getenv("TM_OVERFLOWS") ? atoi(getenv("TM_OVERFLOWS")) : 200, untold = 0;
	struct tm_capture_stats s;
	uint64_t dropped = 0;
	char name[24];
	int fd;

	begin(64, 4096);
	fd = openat(quiet, "exact", O_CREAT | O_RDWR, 0644);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "o%d", i);
		close(openat(noisy, name, O_CREAT | O_WRONLY, 0644));
	}
	settle();
	settle();
	for (int r = 0; r < rounds; r++) {
		/* Marked first, so it has its place in the map. */
		CHECK_EQ(pwrite(fd, "q", 1, r), 1);
		for (int i = 0; i < 100; i++) {
			snprintf(name, sizeof(name), "o%d", i);
			CHECK(!fchmodat(noisy, name, r & 1 ? 0600 : 0640, 0));
		}
		CHECK(take() >= 0);
		tm_capture_stats_get(cap, 0, &s);
		CHECK(s.dropped > dropped);
		dropped = s.dropped;
		untold += !strstr(incomplete, "0:map-full") || !count(TM_CHANGE_ALL);
		CHECK(!told_quiet());
		CHECK(strstr(incomplete, "1:") || covered(1, oid_in(quiet, "exact"), (uint64_t)r, (uint64_t)r + 1));
	}
	printf("# %d overflows, %d of them not told\n", rounds, untold);
	CHECK_EQ(untold, 0);
	CHECK(balanced(0, &s) && balanced(1, &s));
	CHECK_EQ(s.dropped, 0);
	/* And it is over. */
	take();
	CHECK_STR(incomplete, "");
	close(fd);
}

/* ---- links, other tracers, modules */

static bool pin_is_there(void)
{
	return !system("ls " PINS "/links-*/vfs-tm_unlink >/dev/null 2>&1");
}

TEST(a_link_whose_pin_is_removed_while_we_live_is_pinned_again)
{
	begin(0, 0);
	CHECK(pin_is_there() && !system("rm " PINS "/links-*/vfs-tm_unlink"));
	for (int i = 0; i < 60 && !pin_is_there(); i++) {
		usleep(500 * 1000);
		settle();
	}
	CHECK(pin_is_there());
	cap_close();
	CHECK_EQ(cap_open(PINS, 0, 0), 0);
	CHECK_EQ(cap_add(0, noisy), 1);
}

TEST(another_tracer_on_the_same_function_takes_nothing_away)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FEXIT);
	int id, prog, link, fd;

	begin(0, 0);
	id = libbpf_find_vmlinux_btf_id("notify_change", BPF_TRACE_FEXIT);
	CHECK(id > 0);
	opts.attach_btf_id = (uint32_t)id;
	prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, "other", "GPL", insns, 2, &opts);
	CHECK(prog >= 0);
	link = bpf_raw_tracepoint_open(NULL, prog);
	CHECK(link >= 0);
	fd = openat(noisy, "traced", O_CREAT | O_RDWR, 0644);
	settle();
	CHECK(!fchmod(fd, 0600));
	take();
	HAVE(only_range(oid_in(noisy, "traced"), TM_CF_ATTR, 0, 0));
	close(link);
	CHECK(!fchmod(fd, 0640));
	take();
	HAVE(only_range(oid_in(noisy, "traced"), TM_CF_ATTR, 0, 0));
	close(prog);
	close(fd);
}

TEST(a_file_system_whose_module_comes_later_is_tracked)
{
	int dir, fd;

	if (access("/dev/vdb", F_OK))
		SKIP("a second disk is needed");
	begin(0, 0);
	if (!system("grep -q '^xfs ' /proc/modules"))
		SKIP("the xfs module is loaded already");
	CHECK(!system("mkfs.xfs -q -f /dev/vdb >/dev/null && mkdir -p /mnt/later && mount /dev/vdb /mnt/later"));
	dir = open("/mnt/later", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(cap_add(2, dir), 0);
	fd = openat(dir, "f", O_CREAT | O_RDWR, 0644);
	settle();
	settle();
	CHECK(reports("self-test-xfs\tok\t"));
	CHECK_EQ(pwrite(fd, "x", 1, 77), 1);
	take();
	HAVE(covered(2, oid_in(dir, "f"), 77, 78));
	CHECK(!tm_capture_del_root(cap, 2));
	close(fd);
	close(dir);
	CHECK(!system("umount /mnt/later"));
}

/* ---- upgrades */

TEST(another_build_over_the_same_pins_misses_nothing)
{
	int fd;

	begin(0, 0);
	fd = openat(noisy, "upgraded", O_CREAT | O_RDWR, 0644);
	settle();
	CHECK_EQ(pwrite(fd, "before", 6, 10), 6);
	cap_close();
	fault("other-build");
	CHECK_EQ(cap_open(PINS, 0, 0), 0);
	CHECK_EQ(cap_add(0, noisy), 1);
	CHECK_EQ(cap_add(1, quiet), 1);
	CHECK_EQ(pwrite(fd, "after", 5, 5000), 5);
	take();
	CHECK_STR(incomplete, "");
	HAVE(covered(0, oid_in(noisy, "upgraded"), 10, 16) && covered(0, oid_in(noisy, "upgraded"), 5000, 5005));
	HAVE(named_bytes(0, oid_in(noisy, "upgraded")) == 11);
	/* And back to the first one. */
	cap_close();
	fault(NULL);
	CHECK_EQ(cap_open(PINS, 0, 0), 0);
	CHECK_EQ(cap_add(0, noisy), 1);
	close(fd);
}

TEST(another_layout_begins_anew_and_says_so)
{
	int fd;

	begin(0, 0);
	fd = openat(noisy, "layout", O_CREAT | O_RDWR, 0644);
	CHECK_EQ(pwrite(fd, "before", 6, 10), 6);
	cap_close();
	fault("other-layout");
	CHECK_EQ(cap_open(PINS, 0, 0), 0);
	fault(NULL);
	/* Not resumed: the caller reconciles. */
	CHECK_EQ(cap_add(0, noisy), 0);
	settle();
	CHECK_EQ(pwrite(fd, "after", 5, 5000), 5);
	take();
	HAVE(only_range(oid_in(noisy, "layout"), TM_CF_DATA, 5000, 5005));
	close(fd);
}

int main(int argc, char **argv)
{
	int r;

	if (argc < 2) {
		fprintf(stderr, "usage: loss_test DIR [PATTERN]\n");
		return 2;
	}
	basefd = open(argv[1], O_RDONLY | O_DIRECTORY);
	noisy = dir_at(basefd, "noisy");
	quiet = dir_at(basefd, "quiet");
	if (noisy < 0 || quiet < 0) {
		perror(argv[1]);
		return 2;
	}
	r = tap_main(argc - 1, argv + 1);
	if (cap)
		cap_close();
	tm_capture_unpin(PINS);
	return r;
}

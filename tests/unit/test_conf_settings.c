/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_conf_settings.c - the parser, the table and the precedence of files.
 */
#include "conf/parse.h"
#include "conf/settings.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

/* ---- parser */

static char heard[2048];

static void on_assign(void *arg, unsigned int line, const char *key, const char *value,
		      bool optional)
{
	size_t n = strlen(heard);

	(void)arg;
	snprintf(heard + n, sizeof(heard) - n, "%u:%s%s=<%s>\n", line, optional ? "-" : "", key,
		 value);
}

static void on_bad(void *arg, unsigned int line, const char *what)
{
	size_t n = strlen(heard);

	(void)arg;
	snprintf(heard + n, sizeof(heard) - n, "%u!%s\n", line, what);
}

static const char *hear(const char *text, size_t len)
{
	const struct tm_conf_handler h = { .assign = on_assign, .bad = on_bad };

	heard[0] = 0;
	tm_conf_parse(text, len, &h);
	return heard;
}

#define HEAR(s) hear(s, sizeof(s) - 1)

TEST(assignments_lose_their_blanks_and_nothing_else)
{
	CHECK_STR(HEAR("a = b\n\tc.d=e f  \r\nx=\n"), "1:a=<b>\n2:c.d=<e f>\n3:x=<>\n");
	CHECK_STR(HEAR("k = \"q\" # no comment here"), "1:k=<\"q\" # no comment here>\n");
	CHECK_STR(HEAR("k=a=b"), "1:k=<a=b>\n");
}

TEST(comments_and_empty_lines_are_silent_but_counted)
{
	CHECK_STR(HEAR("# a=b\n; c=d\n\n   \n  # x\nk=v"), "6:k=<v>\n");
	CHECK_STR(HEAR(""), "");
	CHECK_STR(HEAR("\n\n\n"), "");
}

TEST(dots_and_slashes_are_the_same_in_keys_only)
{
	CHECK_STR(HEAR("listen/port = 1/2"), "1:listen.port=<1/2>\n");
}

TEST(a_leading_dash_makes_a_line_optional)
{
	CHECK_STR(HEAR("-a = b\n - c = d\n-nonsense\n"), "1:-a=<b>\n2:-c=<d>\n");
}

TEST(what_is_no_assignment_is_named)
{
	CHECK_STR(HEAR("hello\n= v\na b = c\n"),
		  "1!no '='\n2!no key before '='\n3!a byte that no key has before '='\n");
	CHECK_STR(HEAR("a = b\0c\nd = e"), "1!a NUL byte\n2:d=<e>\n");
}

TEST(lines_that_are_too_long_are_refused_whole)
{
	static char text[4000];

	memset(text, 'k', sizeof(text));
	text[TM_CONF_KEY_MAX - 1] = '=';
	text[TM_CONF_KEY_MAX] = 'v';
	hear(text, TM_CONF_KEY_MAX + 1);
	CHECK(strstr(heard, "=<v>"));
	text[TM_CONF_KEY_MAX - 1] = 'k';
	text[TM_CONF_KEY_MAX] = '=';
	CHECK_STR(hear(text, TM_CONF_KEY_MAX + 1), "1!key too long\n");
	memset(text, 'v', sizeof(text));
	text[1] = '=';
	CHECK_STR(hear(text, TM_CONF_VALUE_MAX + 2), "1!value too long\n");
	hear(text, TM_CONF_VALUE_MAX + 1);
	CHECK(strstr(heard, "1:v=<vvv"));
}

/* ---- table */

TEST(every_default_is_acceptable_and_every_row_is_complete)
{
	struct tm_settings *s = tm_settings_new();

	CHECK(s);
	for (int i = 0; i < TM_SET_COUNT; i++) {
		const struct tm_setting_desc *d = tm_setting_desc(i);
		char why[TM_SETTING_WHY_LEN] = "";

		CHECK(d->key[0] && d->help[0]);
		CHECK(d->min <= d->max);
		/* Either live or at restart, not both and not neither. */
		CHECK(!(d->flags & TM_SF_LIVE) != !(d->flags & TM_SF_RESTART));
		CHECK_EQ(tm_setting_find(d->key), i);
		CHECK_STR(tm_settings_origin(s, i), "default");
		CHECK_STR(tm_settings_text(s, i), tm_settings_default(s, i));
		CHECK_EQ(tm_settings_set(s, d->key, tm_settings_default(s, i), TM_BY_RUNTIME, why),
			 0);
	}
	tm_settings_free(s);
}

TEST(the_documented_defaults_hold)
{
	struct tm_settings *s = tm_settings_new();

	CHECK(s);
	CHECK_EQ(tm_settings_u64(s, TM_SET_LISTEN_PORT), 3712);
	CHECK_EQ(tm_settings_u64(s, TM_SET_CAPTURE_RING_BYTES), 4 << 20);
	CHECK_EQ(tm_settings_u64(s, TM_SET_CAPTURE_DIRTY_ENTRIES), 65536);
	CHECK_EQ(tm_settings_u64(s, TM_SET_CAPTURE_RECONCILE_INTERVAL), 60000);
	CHECK_EQ(tm_settings_u64(s, TM_SET_CAPTURE_BACKEND), 0);
	CHECK_EQ(tm_settings_u64(s, TM_SET_BATCH_INTERVAL), 50);
	CHECK_EQ(tm_settings_u64(s, TM_SET_DELETE_BRAKE_PERCENT), 50);
	CHECK_EQ(tm_settings_u64(s, TM_SET_DELETE_BRAKE_OBJECTS), 10000);
	CHECK_STR(tm_settings_text(s, TM_SET_LOG_LEVEL), "info");
	CHECK(strlen(tm_settings_text(s, TM_SET_CLUSTER_NAME)) > 0);
	tm_settings_free(s);
}

static struct tm_settings *set;
static char why[TM_SETTING_WHY_LEN];

static int arg(const char *a)
{
	why[0] = 0;
	return tm_settings_set_arg(set, a, why);
}

TEST(the_command_line_sets_and_explains)
{
	set = tm_settings_new();
	CHECK_EQ(arg("listen.port=0"), 0);
	CHECK_EQ(tm_settings_u64(set, TM_SET_LISTEN_PORT), 0);
	CHECK_STR(tm_settings_origin(set, TM_SET_LISTEN_PORT), "command line");
	CHECK_EQ(arg("listen/port = 4000"), 0);
	CHECK_EQ(tm_settings_u64(set, TM_SET_LISTEN_PORT), 4000);
	CHECK_EQ(arg("capture.backend=fanotify"), 0);
	CHECK_EQ(tm_settings_u64(set, TM_SET_CAPTURE_BACKEND), 2);
	CHECK_EQ(arg("listen.port=65536"), -ERANGE);
	CHECK_STR(why, "listen.port: '65536' is not between 0 and 65535");
	CHECK_EQ(arg("listen.port=http"), -EINVAL);
	CHECK_EQ(arg("capture.backend=ebpf"), -EINVAL);
	CHECK_STR(why, "capture.backend: 'ebpf' is not one of auto|bpf|fanotify");
	CHECK_EQ(arg("capture.ring_bytes=3M"), -ERANGE);
	CHECK_EQ(arg("batch.interval=0"), -ERANGE);
	CHECK_EQ(arg("cluster.name="), -ERANGE);
	CHECK_EQ(arg("cluster.name=a\x1b[31m"), -EINVAL);
	CHECK(!strchr(why, '\x1b'));
	CHECK_EQ(arg("nonsense"), -EINVAL);
	CHECK_EQ(tm_settings_u64(set, TM_SET_LISTEN_PORT), 4000);
	tm_settings_free(set);
}

TEST(an_unknown_key_gets_its_nearest_neighbour)
{
	set = tm_settings_new();
	CHECK_EQ(arg("listen.prot=1"), -ENOENT);
	CHECK_STR(why, "unknown setting 'listen.prot', did you mean 'listen.port'?");
	CHECK_EQ(arg("port=1"), -ENOENT);
	CHECK_STR(why, "unknown setting 'port', did you mean 'listen.port'?");
	CHECK_EQ(arg("frobnicate.everything=1"), -ENOENT);
	CHECK_STR(why, "unknown setting 'frobnicate.everything'");
	CHECK_EQ(arg("-listen.prot=1"), 0);
	tm_settings_free(set);
}

/* ---- files */

static char base[40];
static char dirs[3][64];
static const char *dirp[3] = { dirs[0], dirs[1], dirs[2] };

static void file(int dir, const char *name, const char *text)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dirs[dir], name);
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0)
		abort();
	fclose(f);
}

static void wipe(void)
{
	char cmd[64];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", base);
	if (base[0] && system(cmd))
		abort();
	base[0] = 0;
}

static void fresh(void)
{
	wipe();
	strcpy(base, "/tmp/tm-conf-XXXXXX");
	if (!mkdtemp(base))
		abort();
	for (int i = 0; i < 3; i++) {
		snprintf(dirs[i], sizeof(dirs[i]), "%s/%d", base, i);
		if (mkdir(dirs[i], 0700))
			abort();
	}
	set = tm_settings_new();
}

static int load(void)
{
	return tm_settings_load(set, dirp, 3);
}

static const char *origin(enum tm_setting_id id)
{
	const char *o = tm_settings_origin(set, id);
	size_t n = strlen(base);

	/* Without the changing part. */
	return strncmp(o, base, n) ? o : o + n;
}

TEST(files_are_read_by_base_name_and_the_later_wins)
{
	fresh();
	file(0, "10-a.conf", "listen.port = 10\nbatch.interval = 10ms\n");
	file(2, "20-b.conf", "# site\nlisten.port = 20\n");
	file(1, "15-c.conf", "listen.port = 15\nbatch.max_objects = 15\n");
	file(2, "99-ignored.txt", "listen.port = 99\n");
	file(2, ".hidden.conf", "listen.port = 98\n");
	CHECK_EQ(load(), 0);
	CHECK_EQ(tm_settings_u64(set, TM_SET_LISTEN_PORT), 20);
	CHECK_STR(origin(TM_SET_LISTEN_PORT), "/2/20-b.conf:2");
	CHECK_EQ(tm_settings_u64(set, TM_SET_BATCH_INTERVAL), 10);
	CHECK_STR(origin(TM_SET_BATCH_INTERVAL), "/0/10-a.conf:2");
	CHECK_EQ(tm_settings_u64(set, TM_SET_BATCH_MAX_OBJECTS), 15);
	CHECK_STR(origin(TM_SET_LOG_LEVEL), "default");
	CHECK_EQ(tm_settings_complaints(set), 0);
	tm_settings_free(set);
}

TEST(the_same_name_in_a_later_directory_hides_the_earlier_one)
{
	fresh();
	file(0, "50-x.conf", "listen.port = 1\nbatch.max_objects = 7\n");
	file(1, "50-x.conf", "listen.port = 2\n");
	file(2, "50-x.conf", "listen.port = 3\n");
	CHECK_EQ(load(), 0);
	CHECK_EQ(tm_settings_u64(set, TM_SET_LISTEN_PORT), 3);
	CHECK_EQ(tm_settings_u64(set, TM_SET_BATCH_MAX_OBJECTS), 8192);
	tm_settings_free(set);
}

TEST(a_link_to_dev_null_masks)
{
	char path[160];

	fresh();
	file(0, "50-x.conf", "listen.port = 1\n");
	snprintf(path, sizeof(path), "%s/50-x.conf", dirs[2]);
	CHECK_EQ(symlink("/dev/null", path), 0);
	CHECK_EQ(load(), 0);
	CHECK_EQ(tm_settings_u64(set, TM_SET_LISTEN_PORT), 3712);
	CHECK_EQ(tm_settings_complaints(set), 0);
	tm_settings_free(set);
}

TEST(a_bad_value_keeps_the_last_good_one_and_says_where)
{
	fresh();
	file(0, "10.conf", "listen.port = 10\n");
	file(2, "20.conf", "\nlisten.port = many\nlog.level = debug\nlogg.level = info\nrubbish\n");
	CHECK_EQ(load(), 0);
	CHECK_EQ(tm_settings_u64(set, TM_SET_LISTEN_PORT), 10);
	CHECK_STR(tm_settings_text(set, TM_SET_LOG_LEVEL), "debug");
	CHECK_EQ(tm_settings_complaints(set), 3);
	CHECK_STR(tm_settings_complaint(set, 0) + strlen(base),
		  "/2/20.conf:2: listen.port: 'many' is not a number");
	CHECK_STR(tm_settings_complaint(set, 1) + strlen(base),
		  "/2/20.conf:4: unknown setting 'logg.level', did you mean 'log.level'?");
	CHECK_STR(tm_settings_complaint(set, 2) + strlen(base), "/2/20.conf:5: no '='");
	CHECK(!tm_settings_complaint(set, 3));
	tm_settings_free(set);
}

TEST(a_reload_takes_what_changed_and_keeps_what_became_bad)
{
	fresh();
	file(2, "a.conf", "listen.port = 1\nbatch.max_objects = 9\nlog.level = debug\n");
	CHECK_EQ(load(), 0);
	file(2, "a.conf", "listen.port = one\nbatch.max_objects = 10\n");
	CHECK_EQ(load(), 0);
	CHECK_EQ(tm_settings_u64(set, TM_SET_LISTEN_PORT), 1);	      /* bad now: in force */
	CHECK_EQ(tm_settings_u64(set, TM_SET_BATCH_MAX_OBJECTS), 10); /* changed */
	CHECK_STR(tm_settings_text(set, TM_SET_LOG_LEVEL), "info");   /* gone: default */
	CHECK_EQ(tm_settings_complaints(set), 1);
	file(2, "a.conf", "listen.port = 2\n");
	CHECK_EQ(load(), 0);
	CHECK_EQ(tm_settings_u64(set, TM_SET_LISTEN_PORT), 2);
	CHECK_EQ(tm_settings_complaints(set), 0);
	tm_settings_free(set);
}

TEST(what_was_set_by_hand_outranks_files_and_survives_a_reload)
{
	fresh();
	file(2, "a.conf", "listen.port = 1\nlog.level = debug\n");
	CHECK_EQ(arg("listen.port=4711"), 0);
	CHECK_EQ(load(), 0);
	CHECK_EQ(tm_settings_set(set, "log.level", "err", TM_BY_RUNTIME, NULL), 0);
	CHECK_EQ(load(), 0);
	CHECK_EQ(tm_settings_u64(set, TM_SET_LISTEN_PORT), 4711);
	CHECK_STR(tm_settings_origin(set, TM_SET_LISTEN_PORT), "command line");
	CHECK_STR(tm_settings_text(set, TM_SET_LOG_LEVEL), "err");
	CHECK_STR(tm_settings_origin(set, TM_SET_LOG_LEVEL), "runtime");
	tm_settings_free(set);
}

TEST(an_optional_line_fails_in_silence)
{
	fresh();
	file(2, "a.conf", "-listen.port = many\n-no.such = 1\n-log.level = debug\n-junk\n");
	CHECK_EQ(load(), 0);
	CHECK_EQ(tm_settings_complaints(set), 0);
	CHECK_EQ(tm_settings_u64(set, TM_SET_LISTEN_PORT), 3712);
	CHECK_STR(tm_settings_text(set, TM_SET_LOG_LEVEL), "debug");
	tm_settings_free(set);
}

TEST(missing_directories_and_odd_entries_do_no_harm)
{
	char path[160];

	fresh();
	CHECK_EQ(rmdir(dirs[0]), 0);
	snprintf(path, sizeof(path), "%s/dir.conf", dirs[1]);
	CHECK_EQ(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/fifo.conf", dirs[1]);
	CHECK_EQ(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/dangling.conf", dirs[1]);
	CHECK_EQ(symlink("nowhere", path), 0);
	file(2, "a.conf", "listen.port = 5\n");
	CHECK_EQ(load(), 0);
	CHECK_EQ(tm_settings_u64(set, TM_SET_LISTEN_PORT), 5);
	CHECK_EQ(tm_settings_complaints(set), 3);
	tm_settings_free(set);
}

TEST(complaints_are_bounded)
{
	static char text[8001];

	fresh();
	for (int i = 0; i < 1000; i++)
		strcat(text, "rubbish\n");
	file(2, "a.conf", text);
	CHECK_EQ(load(), 0);
	CHECK_EQ(tm_settings_complaints(set), 101);
	CHECK_STR(tm_settings_complaint(set, 100), "... and 900 more");
	tm_settings_free(set);
}

int main(int argc, char **argv)
{
	int r = tap_main(argc, argv);

	wipe();
	return r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link: cli api */
/*
 * tests/unit/test_cli_output.c - tables, fields, progress and advice, as text.
 */
#include "cli/output.h"

#include <locale.h>

#include "cli/advice.h"
#include "cli/columns.h"
#include "cli/commands.h"
#include "cli/password.h"
#include "cli/policy.h"
#include "cli/progress.h"
#include "cli/rest.h"
#include "cli_corpus.h"
#include "tap.h"

static struct tm_cli c;
static char *text;
static size_t text_len;

static void begin(void)
{
	free(text);
	text = NULL;
	c = (struct tm_cli){ .out = open_memstream(&text, &text_len) };
	c.talk = c.out;
}

static void end(void)
{
	fclose(c.out);
}

static const struct tm_column columns[] = {
	{ .title = "NAME", .key = "name", .kind = TM_K_PATH, .flex = true },
	{ .title = "STATE", .key = "state", .kind = TM_K_WORD },
	{ .title = "BYTES", .key = "bytes", .kind = TM_K_BYTES },
	{ .title = "RECOVERY POINT", .key = "point", .kind = TM_K_TIME, .hidden = true },
	{ 0 },
};

static size_t lines(void)
{
	size_t n = 0;

	for (size_t i = 0; i < text_len; i++)
		n += text[i] == '\n';
	return n;
}

/* As the daemon shows bytes: lossy, and exact beside it. */
static json_t *row_of(const char *name)
{
	char *lossy = tm_utf8_lossy(name, strlen(name)), *b64 = tm_base64(name, strlen(name));
	json_t *row = json_pack("{s:s, s:s, s:i}", "name", lossy, "state", lossy, "bytes", 2048);

	if (!tm_utf8_valid(name, strlen(name)))
		json_object_set_new(row, "name_b64", json_string(b64));
	free(lossy);
	free(b64);
	return row;
}

TEST(no_hostile_name_gets_through_a_table)
{
	static const unsigned int widths[] = { 0, 20, 80 };
	json_t *rows = json_array();

	for (size_t i = 0; i < TM_ARRAY_SIZE(hostile_names); i++)
		json_array_append_new(rows, row_of(hostile_names[i]));
	for (size_t w = 0; w < TM_ARRAY_SIZE(widths); w++)
		for (int raw = 0; raw < 2; raw++) {
			begin();
			c.width = widths[w];
			c.raw = raw;
			CHECK_EQ(tm_out_table(&c, rows, columns), TM_EXIT_OK);
			end();
			CHECK(terminal_safe(text, text_len));
			if (raw || !widths[w])
				CHECK_EQ(lines(), TM_ARRAY_SIZE(hostile_names) + 1);
		}
	json_decref(rows);
}

TEST(no_hostile_name_gets_through_fields_and_json)
{
	for (size_t i = 0; i < TM_ARRAY_SIZE(hostile_names); i++) {
		json_t *row = row_of(hostile_names[i]);

		begin();
		c.width = 80;
		tm_out_fields(&c, row, columns);
		tm_out_json(&c, row);
		c.lines = true;
		tm_out_json(&c, row);
		end();
		CHECK(terminal_safe(text, text_len));
		json_decref(row);
	}
}

TEST(raw_has_as_many_words_in_every_line)
{
	json_t *rows = json_array();

	json_array_append_new(rows, row_of("a b  c"));
	json_array_append_new(rows, row_of("\xff\n"));
	json_array_append_new(rows, json_object()); /* nothing in it */
	begin();
	c.raw = true;
	tm_out_table(&c, rows, columns);
	end();
	CHECK(tm_streq(text, "name state bytes\na\\x20b\\x20\\x20c a\\x20b\\x20\\x20c 2048\n"
			     "\\xff\\x0a \xef\xbf\xbd\\x0a 2048\n- - -\n"));
	json_decref(rows);
}

TEST(the_exact_bytes_are_shown_where_the_text_is_lossy)
{
	json_t *row = row_of("a\xff" "b");
	char *s;

	begin();
	s = tm_out_cell(&c, row, "name", TM_K_PATH);
	end();
	CHECK(tm_streq(s, "a\\xff" "b"));
	free(s);
	json_object_set_new(row, "name_b64", json_string("not base64!"));
	begin();
	s = tm_out_cell(&c, row, "name", TM_K_PATH);
	end();
	CHECK(tm_streq(s, "a\xef\xbf\xbd" "b")); /* rather lossy than nothing */
	free(s);
	json_decref(row);
}

TEST(values_are_shown_for_people_or_exactly)
{
	static const struct {
		enum tm_kind kind;
		const char *human, *exact;
	} t[] = {
		{ TM_K_TEXT, "3000000", "3000000" },   { TM_K_COUNT, "3,000,000", "3000000" },
		{ TM_K_BYTES, "2.8 MiB", "3000000" },  { TM_K_RATE, "2.8 MiB/s", "3000000" },
		{ TM_K_MS, "50 min", "3000000" },      { TM_K_SECONDS, "34 d 17 h", "3000000" },
	};
	json_t *o = json_pack("{s:i, s:n, s:b, s:s}", "n", 3000000, "nothing", "yes", 1, "empty", "");

	for (size_t i = 0; i < TM_ARRAY_SIZE(t); i++)
		for (int exact = 0; exact < 2; exact++) {
			char *s;

			begin();
			c.bytes = exact;
			s = tm_out_cell(&c, o, "n", t[i].kind);
			end();
			CHECK(tm_streq(s, exact ? t[i].exact : t[i].human));
			free(s);
			begin();
			s = tm_out_cell(&c, o, exact ? "nothing" : "empty", t[i].kind);
			end();
			CHECK(tm_streq(s, "-"));
			free(s);
		}
	json_decref(o);
}

TEST(columns_are_picked_by_title_or_field)
{
	json_t *row = json_pack("{s:s, s:s, s:i, s:{s:i}, s:s}", "name", "n", "state", "ok", "bytes", 1, "progress",
				"percent", 41, "point", "2026-11-24T18:04:12.123Z");
	struct tm_column_list l = { 0 };

	begin();
	c.columns = "recovery-point,progress.percent,name";
	CHECK(tm_columns_pick(&c, columns, row, &l) == 0);
	CHECK(l.n == 3 && tm_streq(l.col[0].key, "point") && tm_streq(l.col[1].key, "progress.percent"));
	tm_columns_free(&l);
	c.columns = "RECOVERY_POINT";
	CHECK(tm_columns_pick(&c, columns, row, &l) == 0 && l.n == 1);
	tm_columns_free(&l);
	c.columns = "+recovery-point";
	CHECK(tm_columns_pick(&c, columns, row, &l) == 0 && l.n == 4);
	tm_columns_free(&l);
	c.columns = "";
	CHECK(tm_columns_pick(&c, columns, row, &l) < 0);
	c.columns = "name,no.such";
	CHECK(tm_columns_pick(&c, columns, row, &l) < 0);
	for (size_t i = 0; i < TM_ARRAY_SIZE(hostile_names); i++) {
		c.columns = hostile_names[i];
		CHECK(tm_columns_pick(&c, columns, row, &l) < 0);
	}
	end();
	CHECK(strstr(text, "no column or field 'no.such'") && strstr(text, "recovery-point"));
	CHECK(terminal_safe(text, text_len));
	json_decref(row);
}

TEST(json_is_one_line_in_a_pipe_and_indented_on_a_terminal)
{
	json_t *row = row_of("x");

	begin();
	tm_out_json(&c, row);
	end();
	CHECK_EQ(lines(), 1);
	begin();
	c.width = 80;
	tm_out_json(&c, row);
	end();
	CHECK(lines() > 3);
	begin();
	c.pretty = true;
	tm_out_json(&c, row);
	end();
	CHECK(lines() > 3);
	begin();
	c.width = 80;
	c.lines = true;
	tm_out_json(&c, row);
	end();
	CHECK_EQ(lines(), 1);
	json_decref(row);
}

/* ---- progress */

static json_t *running(int percent)
{
	return json_pack("{s:s, s:s, s:{s:i, s:i, s:i, s:i, s:i, s:i, s:i}}", "name", "web", "status", "Replicating",
			 "progress", "percent", percent, "files_done", 1204, "files_total", 2930, "bytes_done",
			 12 << 20, "bytes_total", 30 << 20, "rate_now", 3 << 20, "seconds_left", 6);
}

TEST(progress_fits_the_terminal)
{
	json_t *p = running(41);
	char *whole;

	for (unsigned int width = 10; width < 200; width++) {
		char *s;

		begin();
		s = tm_progress_text(&c, p, width);
		end();
		CHECK(s && strlen(s) <= width && strstr(s, "web"));
		free(s);
	}
	begin();
	whole = tm_progress_text(&c, p, 0);
	end();
	CHECK_STR(whole, "web  [========>           ]   41%  12.0 MiB of 30.0 MiB  3.0 MiB/s  6 s left  "
			 "1,204 of 2,930 files");
	free(whole);
	json_decref(p);
}

TEST(progress_takes_nonsense)
{
	json_t *p = running(9000), *q = json_object();
	char *s, *t;

	begin();
	s = tm_progress_text(&c, p, 0);
	t = tm_progress_text(&c, q, 0);
	end();
	CHECK(s && strstr(s, "100%") && t);
	free(s);
	free(t);
	json_decref(p);
	json_decref(q);
}

/* ---- advice */

static json_t *policy(const char *role, const char *status, const char *mode, int pending, int failures)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:{s:s, s:s}, s:{s:s, s:s, s:s, s:i}}", "name", "web", "role",
			 role, "status", status, "mode", mode, "pending", pending, "failures", failures, "source",
			 "cluster", "a", "dir", "/s", "target", "cluster", "b", "dir", "/t", "address", "192.0.2.7",
			 "port", 3712);
}

TEST(advice_follows_the_status)
{
	static const struct {
		const char *role, *status, *mode;
		int pending, failures;
		enum tm_safety safety;
		bool attention;
		const char *command; /* one of those it gives, or NULL: none */
	} t[] = {
		{ "source", "Finished", "manual", 0, 0, TM_SAFE, false, NULL },
		{ "source", "Finished", "continuous", 0, 0, TM_SAFE, false, NULL },
		{ "source", "Finished", "manual", 7, 0, TM_BEHIND, false, "tidemark policy replicate web --wait" },
		{ "source", "Finished", "continuous", 7, 0, TM_BEHIND, false, NULL },
		{ "source", "Finished", "manual", 0, 2, TM_UNSAFE, true, "tidemark policy failures web" },
		{ "source", "Finished", "manual", 7, 2, TM_UNSAFE, true, "tidemark policy failures web" },
		{ "source", "Replicating", "manual", 7, 0, TM_BEHIND, false, NULL },
		{ "source", "Authorized", "manual", 0, 0, TM_UNSAFE, true, "tidemark policy replicate web --wait" },
		{ "source", "Authorized", "continuous", 0, 0, TM_BEHIND, false, NULL },
		{ "source", "Awaiting Authorization", "manual", 0, 0, TM_UNSAFE, true, "tidemark policy accept web" },
		{ "target", "Awaiting Authorization", "manual", 0, 0, TM_ELSEWHERE, true, "tidemark policy accept web" },
		{ "source", "Stopped", "manual", 0, 0, TM_UNSAFE, true, "tidemark policy replicate web --yes" },
		{ "source", "Failed", "manual", 0, 0, TM_UNSAFE, true, "tidemark policy failures web" },
		{ "source", "Incomplete", "continuous", 0, 0, TM_UNSAFE, true, "tidemark policy show web -w" },
		{ "source", "Disconnected", "manual", 0, 0, TM_UNSAFE, true, "tidemark policy show web" },
		{ "source", "Disabled", "manual", 0, 0, TM_UNSAFE, true, "tidemark policy enable web" },
		{ "source", "Rejected", "manual", 0, 0, TM_UNSAFE, true, "tidemark policy delete web" },
		{ "source", "SomethingNew", "manual", 0, 0, TM_UNSAFE, true, "tidemark policy show web" },
		{ "target", "Finished", "manual", 0, 0, TM_ELSEWHERE, false, NULL },
		{ "target", "Finished", "manual", 0, 1, TM_ELSEWHERE, true, "tidemark policy failures web" },
	};

	for (size_t i = 0; i < TM_ARRAY_SIZE(t); i++) {
		json_t *p = policy(t[i].role, t[i].status, t[i].mode, t[i].pending, t[i].failures);
		struct tm_advice a = { 0 };
		bool found = false;

		begin();
		tm_advise(&c, p, &a);
		end();
		for (size_t k = 0; k < a.n_commands; k++)
			found = found || (t[i].command && tm_streq(a.commands[k], t[i].command));
		if (a.safety != t[i].safety || a.attention != t[i].attention ||
		    (t[i].command ? !found : a.n_commands != 0)) {
			fprintf(stderr, "# %s %s: safety %d attention %d, %zu commands\n", t[i].role, t[i].status,
				a.safety, a.attention, a.n_commands);
			CHECK(!"advice");
		}
		CHECK(!a.attention || a.what);
		tm_advice_free(&a);
		json_decref(p);
	}
}

TEST(advice_does_not_say_yes_to_a_directory_that_is_not_empty)
{
	json_t *p = policy("target", "Awaiting Authorization", "manual", 0, 0);
	struct tm_advice a = { 0 };

	json_object_set_new(p, "request", json_pack("{s:b, s:i}", "target_exists", 1, "target_entries", 3));
	begin();
	tm_advise(&c, p, &a);
	end();
	for (size_t k = 0; k < a.n_commands; k++)
		CHECK(!strstr(a.commands[k], "--yes"));
	CHECK(a.n_commands && strstr(a.commands[0], "preview"));
	tm_advice_free(&a);
	json_decref(p);
}

TEST(lag_is_never_better_than_known)
{
	json_t *p = policy("source", "Finished", "manual", 3, 0);
	int64_t now = 1795543452000000000;

	CHECK_EQ(tm_policy_lag_ms(p, now), -1); /* no recovery point: nobody knows */
	json_object_set_new(p, "recovery_point", json_string("2026-11-24T18:04:02Z"));
	CHECK_EQ(tm_policy_lag_ms(p, now), 10000);
	json_object_set_new(p, "pending", json_integer(0));
	CHECK_EQ(tm_policy_lag_ms(p, now), 0);
	json_object_set_new(p, "lag_ms", json_integer(77));
	CHECK_EQ(tm_policy_lag_ms(p, now), 77); /* the daemon knows better */
	json_decref(p);
}

/* ---- problems */

/* "| code, code | 409 | `extra` | 8 (more) |" of the document. */
TEST(exit_codes_are_those_of_the_document)
{
	const char *top = getenv("TOP");
	char path[4096], line[4096], codes[200];
	int status, want, n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/userspace/api/REST.md", top ? top : ".");
	f = fopen(path, "r");
	if (!f)
		SKIP("no REST.md here");
	while (fgets(line, sizeof(line), f)) {
		char *last, *save = NULL;

		if (sscanf(line, "| %199[a-z, -] | %d", codes, &status) != 2)
			continue;
		line[strcspn(line, "\n")] = 0;
		line[strlen(line) - 2] = 0;
		last = strrchr(line, '|');
		want = last ? atoi(last + 1) : -1;
		for (char *code = strtok_r(codes, ", ", &save); code; code = strtok_r(NULL, ", ", &save), n++)
			if (tm_problem_exit(code) != want) {
				fprintf(stderr, "# %s: %d, the document says %d\n", code, tm_problem_exit(code), want);
				CHECK(!"an exit code");
			}
	}
	fclose(f);
	CHECK(n > 20);
	CHECK_EQ(tm_problem_exit(NULL), TM_EXIT_FAILED);
}

/* ---- passwords */

TEST(short_passwords_are_refused)
{
	CHECK(tm_password_complaint(""));
	CHECK(tm_password_complaint("ninechars"));
	CHECK(tm_password_complaint("aaaaaaaaaaaaaaaa"));
	CHECK(tm_password_complaint("\xff\xfe bytes, no text"));
	CHECK(tm_password_complaint("\xc3\xa9\xc3\xa9\xc3\xa8\xc3\xa9\xc3\xa9")); /* ten bytes are no ten characters */
	CHECK(!tm_password_complaint("ten chars."));
}

TEST(verifiers_are_yescrypt_and_never_the_same)
{
	char *a = tm_password_verifier("correct horse"), *b = tm_password_verifier("correct horse");

	CHECK(a && b && strncmp(a, "$y$", 3) == 0 && !tm_streq(a, b));
	CHECK(!strstr(a, "horse"));
	free(a);
	free(b);
}

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	return tap_main(argc, argv);
}

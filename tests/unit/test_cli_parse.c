/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link: cli api */
/*
 * tests/unit/test_cli_parse.c - the table of commands, and command lines taken apart.
 */
#include "cli/columns.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli_corpus.h"
#include "tap.h"

static struct tm_cli c;
static char *talk;
static size_t talk_len;

/* Parses "tidemark WORD..." up to NULL. */
static int parse(const char *first, ...)
{
	static char *argv[400];
	va_list ap;
	int argc = 0;

	argv[argc++] = (char *)"tidemark";
	va_start(ap, first);
	for (const char *w = first; w && argc < 399; w = va_arg(ap, const char *))
		argv[argc++] = (char *)w;
	va_end(ap);
	argv[argc] = NULL;
	free(c.args);
	free(talk);
	talk = NULL;
	c = (struct tm_cli){ .talk = open_memstream(&talk, &talk_len), .out = stdout };
	argc = tm_parse(&c, argc, argv);
	fclose(c.talk);
	return argc;
}

static bool is(const char *noun, const char *verb)
{
	return c.command && tm_streq(c.command->noun, noun) &&
	       (verb ? c.command->verb && tm_streq(c.command->verb, verb) : !c.command->verb);
}

TEST(every_row_of_the_table_is_whole)
{
	size_t n = 0;

	tm_command_foreach(k)
	{
		n++;
		CHECK(k->noun && k->summary && k->args && k->run && k->examples);
		CHECK(strlen(k->summary) <= 50); /* one line of the help */
		CHECK(k->summary[strlen(k->summary) - 1] != '.');
		CHECK(tm_command_find(k->noun, k->verb) == k); /* no two of one name */
		CHECK(k->examples[strlen(k->examples) - 1] == '\n');
		CHECK(!k->text || k->text[strlen(k->text) - 1] == '\n');
		for (const struct tm_column *col = k->columns; col && col->title; col++)
			CHECK(col->key || col->cell || col->kind == TM_K_SECTION);
	}
	CHECK(n > 35);
}

TEST(every_option_is_known_by_name_and_has_help)
{
	for (int i = 0; i < TM_O_MAX; i++) {
		CHECK(tm_options[i].name && tm_options[i].help);
		for (int k = 0; k < i; k++)
			CHECK(!tm_streq(tm_options[i].name, tm_options[k].name));
		CHECK((tm_options[i].values == TM_V_WORDS) == (tm_options[i].words != NULL));
	}
}

/* Up to the shell's business; quotes go. */
static int parse_example(char *line)
{
	char *w[40] = { NULL }, *save = NULL;
	size_t n = 0;

	line[strcspn(line, "|&>;$")] = 0;
	for (char *p = line; (p = strpbrk(p, "\"'"));)
		*p = ' ';
	for (char *t = strtok_r(line, " ", &save); t && n < 40; t = strtok_r(NULL, " ", &save))
		w[n++] = t;
	free(c.args);
	free(talk);
	talk = NULL;
	c = (struct tm_cli){ .talk = open_memstream(&talk, &talk_len), .out = stdout };
	n = (size_t)tm_parse(&c, (int)n, w);
	fclose(c.talk);
	return (int)n;
}

TEST(every_example_is_a_command_that_parses)
{
	size_t n = 0;

	tm_command_foreach(k)
	{
		char *copy = strdup(k->examples), *save = NULL;

		for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
			char *at = strstr(l, "tidemark "), name[64];

			if (*l == '#' || !at || strstr(l, "--reason"))
				continue;
			snprintf(name, sizeof(name), "%.60s", at);
			if (parse_example(at) != TM_EXIT_OK || !c.command) {
				fprintf(stderr, "# %s: %s", name, talk);
				CHECK(!"an example is wrong");
			}
			n++;
		}
		free(copy);
	}
	CHECK(n > 35);
}

TEST(options_stand_anywhere)
{
	CHECK_EQ(parse("-j", "policy", "list", NULL), TM_EXIT_OK);
	CHECK(is("policy", "list") && c.json);
	CHECK_EQ(parse("policy", "--json", "list", NULL), TM_EXIT_OK);
	CHECK(is("policy", "list") && c.json);
	CHECK_EQ(parse("policy", "show", "web", "-o", "name,status", "-H", NULL), TM_EXIT_OK);
	CHECK(is("policy", "show") && c.noheadings && tm_streq(c.columns, "name,status"));
	CHECK(c.n_args == 1 && tm_streq(c.args[0], "web"));
	CHECK_EQ(parse("--socket", "/a", "status", NULL), TM_EXIT_OK);
	CHECK(is("status", NULL) && tm_streq(c.socket, "/a"));
	CHECK_EQ(parse("status", "--socket=/b", NULL), TM_EXIT_OK);
	CHECK(tm_streq(c.socket, "/b"));
	setenv("POSIXLY_CORRECT", "1", 1);
	CHECK_EQ(parse("policy", "show", "web", "-j", NULL), TM_EXIT_OK);
	CHECK(c.json && c.n_args == 1);
	unsetenv("POSIXLY_CORRECT");
}

TEST(operands_behind_two_hyphens_are_no_options)
{
	CHECK_EQ(parse("where", "--", "--help", NULL), TM_EXIT_OK);
	CHECK(is("where", NULL) && !c.help && tm_streq(c.args[0], "--help"));
}

TEST(a_verb_is_preferred_to_an_operand)
{
	CHECK_EQ(parse("health", NULL), TM_EXIT_OK);
	CHECK(is("health", NULL));
	CHECK_EQ(parse("health", "mute", "TARGET_FULL", "1h", NULL), TM_EXIT_OK);
	CHECK(is("health", "mute") && c.n_args == 2);
}

TEST(letters_mean_what_the_command_says)
{
	CHECK_EQ(parse("sysctl", "-w", "log.level=debug", NULL), TM_EXIT_OK);
	CHECK(c.write && !c.watch && c.n_args == 1);
	CHECK_EQ(parse("policy", "list", "-w", NULL), TM_EXIT_OK);
	CHECK(c.watch && !c.write && c.watch_ms == 0);
	CHECK_EQ(parse("policy", "list", "-w5", NULL), TM_EXIT_OK);
	CHECK(c.watch && c.watch_ms == 5000);
	CHECK_EQ(parse("policy", "list", "--watch=500ms", NULL), TM_EXIT_OK);
	CHECK(c.watch && c.watch_ms == 500);
	CHECK_EQ(parse("sysctl", "--watch", NULL), TM_EXIT_OK);
	CHECK(c.watch && !c.write);
	CHECK_EQ(parse("policy", "list", "-n", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("sysctl", "-n", "log.level", NULL), TM_EXIT_OK);
	CHECK(c.values);
	CHECK_EQ(parse("policy", "delete", "web", "-w", NULL), TM_EXIT_USAGE); /* nothing to watch */
	CHECK_EQ(parse("policy", "replicate", "web", "-w", NULL), TM_EXIT_OK);
	CHECK(c.wait);
}

TEST(values_are_checked)
{
	CHECK_EQ(parse("policy", "edit", "web", "--target-port", "3713", NULL), TM_EXIT_OK);
	CHECK_EQ(c.target_port, 3713);
	CHECK_EQ(parse("policy", "edit", "web", "--target-port", "0", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("policy", "edit", "web", "--target-port", "65536", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("policy", "edit", "web", "--target-port", "-1", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("policy", "edit", "web", "--target-port", "1x", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("policy", "sync", "web", "--timeout", "2min", NULL), TM_EXIT_OK);
	CHECK_EQ(c.timeout_ms, 120000);
	CHECK_EQ(parse("policy", "sync", "web", "--timeout", "0", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("policy", "sync", "web", "--timeout", "soon", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("policy", "sync", "web", "--timeout", "99999999999999999999", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("status", "--color=sometimes", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("status", "--color", NULL), TM_EXIT_OK);
	CHECK(c.when_color == TM_ALWAYS);
	CHECK_EQ(parse("audit", "--limit", "100000", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("events", "--since", "0", NULL), TM_EXIT_OK);
	CHECK(c.have_since);
	CHECK_EQ(parse("events", "--since", "x", NULL), TM_EXIT_USAGE);
}

TEST(what_is_wrong_is_refused)
{
	CHECK_EQ(parse("frobnicate", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("policy", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("policy", "frobnicate", "web", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("policy", "show", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("policy", "show", "", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("policy", "show", "a", "b", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("status", "web", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("policy", "show", "a", "--frob", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("policy", "show", "a", "-z", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("policy", "show", "a", "--json=yes", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("policy", "show", "a", "-o", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("policy", "show", "a", "--reason", "x", NULL), TM_EXIT_USAGE);
	CHECK_EQ(parse("policy", "reject", "a", "--reas", "x", NULL), TM_EXIT_USAGE); /* no short forms */
	CHECK_EQ(parse("policy", "reject", "a", "--reason", "x", NULL), TM_EXIT_OK);
	CHECK_EQ(parse("policy", "reject", "a", "--reason=x", NULL), TM_EXIT_OK);
}

TEST(a_mistyped_word_is_answered_with_the_right_one)
{
	parse("polcy", "list", NULL);
	CHECK(strstr(talk, "did you mean policy?"));
	parse("policy", "replciate", "web", NULL);
	CHECK(strstr(talk, "did you mean replicate?"));
	parse("policy", "zzzzzzzz", NULL);
	CHECK(!strstr(talk, "did you mean"));
}

TEST(help_is_not_hindered_by_what_is_missing)
{
	CHECK_EQ(parse("policy", "show", "--help", NULL), TM_EXIT_OK);
	CHECK(is("policy", "show") && c.help);
	CHECK_EQ(parse("policy", "-h", NULL), TM_EXIT_OK);
	CHECK(!c.command && tm_streq(tm_parse_noun(), "policy"));
	CHECK_EQ(parse("--help", NULL), TM_EXIT_OK);
	CHECK(!c.command && c.help && !tm_parse_noun());
}

TEST(complaints_about_hostile_words_are_harmless)
{
	for (size_t i = 0; i < TM_ARRAY_SIZE(hostile_names); i++) {
		char option[100];

		parse(hostile_names[i], NULL);
		CHECK(terminal_safe(talk, talk_len));
		parse("policy", hostile_names[i], NULL);
		CHECK(terminal_safe(talk, talk_len));
		parse("policy", "show", "a", hostile_names[i], NULL);
		CHECK(terminal_safe(talk, talk_len));
		parse("policy", "sync", "a", "--timeout", hostile_names[i], NULL);
		CHECK(terminal_safe(talk, talk_len));
		snprintf(option, sizeof(option), "--%s", hostile_names[i]);
		parse("policy", "sync", "a", option, NULL);
		CHECK(terminal_safe(talk, talk_len));
		snprintf(option, sizeof(option), "-%s", hostile_names[i]);
		parse("policy", "sync", "a", option, NULL);
		CHECK(terminal_safe(talk, talk_len));
	}
}

TEST(very_many_words_are_an_error_and_no_crash)
{
	static char *argv[2000];

	argv[0] = (char *)"tidemark";
	for (int i = 1; i < 1999; i++)
		argv[i] = (char *)"sysctl";
	free(c.args);
	free(talk);
	talk = NULL;
	c = (struct tm_cli){ .talk = open_memstream(&talk, &talk_len), .out = stdout };
	CHECK_EQ(tm_parse(&c, 1999, argv), TM_EXIT_USAGE);
	fclose(c.talk);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/complete.c - what may come next, for bash: from the table, and live from the daemon.
 */
#include <stdio.h>

#include "cli/columns.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/rest.h"
#include "lib/text.h"

#define ASK_MS 2000

struct line {
	const char *word[2]; /* noun, verb */
	size_t n_words;	     /* noun, verb and operands so far */
	const struct tm_command *k;
	const char *prefix; /* what stands at the cursor */
};

/* A candidate is one line; what could not be one, or could disturb the terminal, is none. */
static void offer(const struct line *l, const char *word)
{
	uint32_t c = 0;
	size_t n;

	for (const char *s = word; *s; s += n) {
		n = tm_utf8_next(s, strlen(s), &c);
		if (!n || tm_text_hostile(c))
			return;
	}
	if (strncmp(word, l->prefix, strlen(l->prefix)) == 0)
		puts(word);
}

static void offer_words(const struct line *l, const char *words)
{
	_cleanup_free_ char *copy = strdup(words);
	char *save = NULL;

	for (char *w = copy ? strtok_r(copy, "|", &save) : NULL; w; w = strtok_r(NULL, "|", &save))
		offer(l, w);
}

/* ---- live names */

static json_t *ask(const struct tm_cli *c, const char *path)
{
	_cleanup_answer_ struct tm_answer a = { 0 };

	if (tm_rest_quiet(c, "GET", path, NULL, ASK_MS, &a) != TM_EXIT_OK)
		return NULL;
	return tm_take_ptr(a.body);
}

/* Member @key of every row. */
static void offer_rows(const struct tm_cli *c, const struct line *l, const char *path,
		       const char *key)
{
	json_t *rows = ask(c, path), *row;
	size_t i;

	json_array_foreach (rows, i, row)
		if (tm_out_str(row, key))
			offer(l, tm_out_str(row, key));
	json_decref(rows);
}

/* Only those the command can be used for. */
static void offer_policies(const struct tm_cli *c, const struct line *l, unsigned int flags)
{
	json_t *rows = ask(c, "/v1/policies"), *p;
	size_t i;

	json_array_foreach (rows, i, p) {
		if ((flags & TM_CMD_SOURCE) && !tm_out_is(p, "role", "source"))
			continue;
		if ((flags & TM_CMD_TARGET) && !tm_out_is(p, "role", "target"))
			continue;
		if ((flags & TM_CMD_REQUEST) && !tm_out_is(p, "status", "Awaiting Authorization"))
			continue;
		if (tm_out_str(p, "name"))
			offer(l, tm_out_str(p, "name"));
	}
	json_decref(rows);
}

static void offer_checks(const struct tm_cli *c, const struct line *l)
{
	json_t *health = ask(c, "/v1/health"), *check;
	size_t i;

	json_array_foreach (json_object_get(health, "checks"), i, check)
		if (tm_out_str(check, "code"))
			offer(l, tm_out_str(check, "code"));
	json_decref(health);
}

/* The last of several columns: what stands before it is kept. */
static void offer_columns(const struct line *l)
{
	const char *comma = strrchr(l->prefix, ',');
	int before = comma ? (int)(comma - l->prefix) + 1 : 0;
	char name[64], whole[512];

	for (const struct tm_column *col = l->k ? l->k->columns : NULL; col && col->title; col++) {
		tm_column_name(col->title, name, sizeof(name));
		snprintf(whole, sizeof(whole), "%.*s%s", before, l->prefix, name);
		offer(l, whole);
	}
}

/* ---- what stands where */

static void offer_values(const struct tm_cli *c, const struct line *l, const struct tm_option *o)
{
	switch (o->values) {
	case TM_V_WORDS: offer_words(l, o->words); break;
	case TM_V_FILE: puts(":files"); break;
	case TM_V_DIR: puts(":dirs"); break;
	case TM_V_HOST: puts(":hosts"); break;
	case TM_V_POLICY: offer_policies(c, l, 0); break;
	case TM_V_COLUMNS: offer_columns(l); break;
	case TM_V_NONE: break;
	}
}

static void offer_options(const struct line *l)
{
	char text[64];

	for (int i = 0; i < TM_O_MAX; i++) {
		enum tm_option_id id = (enum tm_option_id)i;

		if (l->k ? !tm_option_of(l->k, id) : id >= TM_O_COMMON_END)
			continue;
		snprintf(text, sizeof(text), "--%s", tm_options[i].name);
		offer(l, text);
	}
	if (!l->k)
		offer(l, "--version");
}

/* Operand @i of the command's args. "[KEY]..." goes on. */
static void offer_operand(const struct tm_cli *c, const struct line *l, size_t i)
{
	_cleanup_free_ char *spec = strdup(l->k->args);
	char *save = NULL, *w = spec ? strtok_r(spec, " ", &save) : NULL;

	for (char *next; w && i && (next = strtok_r(NULL, " ", &save)); i--)
		w = next;
	if (!w || (i && !strstr(w, "...")) || tm_streq(l->k->verb ? l->k->verb : "", "create"))
		return;
	if (strstr(w, "NAME"))
		offer_policies(c, l, l->k->flags);
	else if (strstr(w, "KEY"))
		offer_rows(c, l, "/v1/settings", "key");
	else if (strstr(w, "PEER"))
		offer_rows(c, l, "/v1/peers", "cluster");
	else if (strstr(w, "USER"))
		offer_rows(c, l, "/v1/users", "name");
	else if (strstr(w, "ROLE"))
		offer_words(l, tm_options[TM_O_ROLE].words);
	else if (strstr(w, "CODE"))
		offer_checks(c, l);
	else if (strstr(w, "PATH"))
		puts(":files");
	else if (strstr(w, "NOUN") || strstr(w, "VERB"))
		tm_command_foreach(k) offer(l, k->verb && strstr(w, "VERB") ? k->verb : k->noun);
}

static void offer_commands(const struct line *l)
{
	const char *last = "";

	tm_command_foreach(k)
	{
		if (!l->n_words && !tm_streq(k->noun, last))
			offer(l, k->noun);
		else if (l->n_words && k->verb && tm_streq(k->noun, l->word[0]))
			offer(l, k->verb);
		last = k->noun;
	}
}

static const struct tm_option *option_named(const char *word, const struct tm_command *k)
{
	for (int i = 0; i < TM_O_MAX; i++) {
		const struct tm_option *o = &tm_options[i];

		if (strncmp(word, "--", 2) == 0
			    ? tm_streq(word + 2, o->name)
			    : o->letter && word[1] == o->letter && !word[2] &&
				      (!k || tm_option_letter(k, (enum tm_option_id)i)))
			return o;
	}
	return NULL;
}

static void find_command(struct line *l)
{
	l->k = l->word[1] ? tm_command_find(l->word[0], l->word[1]) : NULL;
	if (!l->k && l->word[0])
		l->k = tm_command_find(l->word[0], NULL);
}

/* Noun, verb and operands among the words before the cursor; returns the option that waits for its value. */
static const struct tm_option *scan(struct tm_cli *c, struct line *l, int n, char **words)
{
	const struct tm_option *waiting = NULL;

	for (int i = 0; i < n; i++) {
		const char *w = words[i];

		if (waiting) {
			if (waiting == &tm_options[TM_O_SOCKET])
				c->socket = w;
			waiting = NULL;
			continue;
		}
		if (strncmp(w, "--socket=", 9) == 0)
			c->socket = w + 9;
		if (*w == '-' && w[1]) {
			const struct tm_option *o = option_named(w, l->k);

			waiting = o && o->arg && *o->arg != '[' ? o : NULL;
			continue;
		}
		if (l->n_words < 2)
			l->word[l->n_words] = w;
		l->n_words++;
		find_command(l);
	}
	return waiting;
}

int tm_help_complete(struct tm_cli *c, int argc, char **argv)
{
	int at = argc > 0 ? atoi(argv[0]) : 0;
	const struct tm_option *waiting;
	struct line l = { .prefix = "" };
	const char *equals;

	if (at < 1 || at > argc - 1)
		return TM_EXIT_USAGE;
	/* argv[1] is the program; what is at the cursor may be missing. */
	l.prefix = at + 1 < argc ? argv[at + 1] : "";
	c->talk = fopen("/dev/null", "w");
	if (!c->talk)
		return TM_EXIT_FAILED;
	waiting = scan(c, &l, at - 1, argv + 2);
	equals = strncmp(l.prefix, "--", 2) == 0 ? strchr(l.prefix, '=') : NULL;
	if (equals) {
		_cleanup_free_ char *name = strndup(l.prefix, (size_t)(equals - l.prefix));

		waiting = name ? option_named(name, l.k) : NULL;
		l.prefix = equals + 1;
		if (waiting && waiting->arg)
			offer_values(c, &l, waiting);
	} else if (waiting) {
		offer_values(c, &l, waiting);
	} else if (*l.prefix == '-') {
		offer_options(&l);
	} else {
		if (!l.n_words || (l.n_words == 1 && (!l.k || !l.k->verb)))
			offer_commands(&l);
		if (l.k)
			offer_operand(c, &l, l.n_words - (l.k->verb ? 2 : 1));
	}
	fclose(c->talk);
	return TM_EXIT_OK;
}

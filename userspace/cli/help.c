// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/help.c - help that teaches, made from the table.
 */
#include "cli/help.h"

#include "cli/commands.h"
#include "cli/columns.h"
#include "cli/options.h"
#include "cli/text.h"
#include "lib/text.h"

#define LEFT 30 /* column where explanations begin */

static unsigned int width_of(const struct tm_cli *c)
{
	unsigned int width = c->width ? c->width : 80;

	width = TM_MIN(width, 100u);
	return TM_MAX(width, 40u);
}

/* "  left        explanation", which goes on below itself. */
static void entry(const struct tm_cli *c, FILE *f, const char *left, const char *text)
{
	unsigned int width = width_of(c);
	_cleanup_free_ char *body = tm_text_wrap(text, width >= 70 ? LEFT : 6, width);

	if (!body)
		return;
	/* The first line's indent is where the left side goes, if it fits. */
	if (width >= 70 && strlen(left) + 3 < LEFT)
		fprintf(f, "  %-*s%s\n", LEFT - 2, left, body + LEFT);
	else
		fprintf(f, "  %s\n%s\n", left, body);
}

static void heading(const struct tm_cli *c, FILE *f, const char *text)
{
	_cleanup_free_ char *shown = tm_out_paint(c->color, TM_BOLD, text);

	fprintf(f, "\n%s\n", shown ? shown : text);
}

static void command_entry(const struct tm_cli *c, FILE *f, const struct tm_command *k)
{
	char name[TM_COMMAND_NAME_LEN];
	_cleanup_free_ char *left = NULL;

	tm_command_name(k, name, sizeof(name));
	left = tm_asprintf("%s%s%s", name, *k->args ? " " : "", k->args);
	entry(c, f, left ? left : name, k->summary);
}

static void option_entry(const struct tm_cli *c, FILE *f, const struct tm_command *k,
			 enum tm_option_id id)
{
	const struct tm_option *o = &tm_options[id];
	char letter = k ? tm_option_letter(k, id) : o->letter;
	bool optional = o->arg && *o->arg == '[';
	_cleanup_free_ char *left = NULL;

	if (letter)
		left = tm_asprintf("-%c, --%s%s%s%s%s", letter, o->name, optional ? "[" : "",
				   o->arg ? "=" : "", o->arg ? o->arg + optional : "", "");
	else
		left = tm_asprintf("--%s%s%s%s", o->name, optional ? "[" : "", o->arg ? "=" : "",
				   o->arg ? o->arg + optional : "");
	entry(c, f, left ? left : o->name, o->help);
}

static void examples(const struct tm_cli *c, FILE *f, const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	char *save = NULL;

	for (char *l = copy ? strtok_r(copy, "\n", &save) : NULL; l;
	     l = strtok_r(NULL, "\n", &save)) {
		_cleanup_free_ char *shown = *l == '#' ? tm_out_paint(c->color, TM_DIM, l) : NULL;

		fprintf(f, "  %s\n", shown ? shown : l);
	}
}

void tm_help_all(const struct tm_cli *c, FILE *f)
{
	fprintf(f, "usage: tidemark NOUN [VERB] [OPERAND]... [OPTION]...\n");
	for (const struct tm_group *g = tm_groups; g < tm_groups + tm_groups_n; g++) {
		heading(c, f, g->title);
		for (size_t i = 0; i < g->n; i++)
			command_entry(c, f, &g->commands[i]);
	}
	heading(c, f, "Options of every command");
	for (int i = 0; i < TM_O_COMMON_END; i++)
		option_entry(c, f, NULL, (enum tm_option_id)i);
	heading(c, f, "Exit status");
	fprintf(f, "  0 done         3 unhealthy, not safe yet  6 local tidemarkd unreachable\n"
		   "  1 failed       4 no such thing            7 timeout\n"
		   "  2 wrong usage  5 denied                   8 conflicts with the state\n"
		   "  130 interrupted; whatever else comes later is a failure too\n");
	heading(c, f, "A first relationship");
	fprintf(f,
		"  source# tidemark policy create web --source-dir /srv/www \\\n"
		"              --target-dir /backup/www --target-address 192.0.2.7\n"
		"  target# tidemark policy accept web\n"
		"  source# tidemark policy replicate web --wait\n"
		"  source# tidemark status\n"
		"\nMore about one: tidemark policy accept --help, man tidemark, man tidemark-policy\n");
}

void tm_help_noun(const struct tm_cli *c, FILE *f, const char *noun)
{
	fprintf(f, "usage: tidemark %s VERB [OPERAND]... [OPTION]...\n\n", noun);
	tm_command_foreach(k)
	{
		if (tm_streq(k->noun, noun))
			command_entry(c, f, k);
	}
	fprintf(f, "\nMore about one: tidemark %s VERB --help\n", noun);
}

static void columns_of(const struct tm_cli *c, FILE *f, const struct tm_column *col)
{
	_cleanup_free_ char *list = strdup(""), *body = NULL;

	for (; col->title && list; col++) {
		char name[64];
		char *more;

		tm_column_name(col->title, name, sizeof(name));
		more = tm_asprintf("%s%s%s", list, *list ? " " : "", name);
		free(list);
		list = more;
	}
	heading(c, f, "Columns for -o (and every field that -j shows)");
	body = list ? tm_text_wrap(list, 2, width_of(c)) : NULL;
	fprintf(f, "%s\n", body ? body : "");
}

void tm_help_command(const struct tm_cli *c, FILE *f, const struct tm_command *k)
{
	_cleanup_free_ char *summary = NULL, *text = NULL;
	char name[TM_COMMAND_NAME_LEN];
	bool any = false;

	tm_command_name(k, name, sizeof(name));
	fprintf(f, "usage: tidemark %s%s%s [OPTION]...\n\n", name, *k->args ? " " : "", k->args);
	summary = tm_asprintf("%c%s.",
			      k->summary[0] >= 'a' && k->summary[0] <= 'z' ? k->summary[0] - 32
									   : k->summary[0],
			      k->summary + 1);
	text = summary ? tm_text_wrap(summary, 0, width_of(c)) : NULL;
	fprintf(f, "%s\n", text ? text : k->summary);
	if (k->text) {
		_cleanup_free_ char *body = tm_text_wrap(k->text, 0, width_of(c));

		fprintf(f, "%s", body ? body : k->text);
	}
	for (int i = TM_O_COMMON_END; i < TM_O_MAX; i++)
		if (tm_option_of(k, (enum tm_option_id)i)) {
			if (!any)
				heading(c, f, "Options");
			any = true;
			option_entry(c, f, k, (enum tm_option_id)i);
		}
	if (k->columns)
		columns_of(c, f, k->columns);
	if (k->examples) {
		heading(c, f, "Examples");
		examples(c, f, k->examples);
	}
	fprintf(f, "\nEvery command also takes -j, -o, -H, -q and others: tidemark --help\n");
}

int cmd_help(struct tm_cli *c)
{
	const char *noun = tm_arg(c, 0), *verb = tm_arg(c, 1);
	const struct tm_command *k = noun ? tm_command_find(noun, verb) : NULL;
	_cleanup_free_ char *shown = NULL;
	bool known = false;

	tm_command_foreach(l) known = known || (noun && tm_streq(noun, l->noun));
	if (!noun)
		tm_help_all(c, c->out);
	else if (k)
		tm_help_command(c, c->out, k);
	else if (known && !verb)
		tm_help_noun(c, c->out, noun);
	else {
		shown = tm_safe(c, verb && known ? verb : noun);
		tm_error(c, "no command '%s'; tidemark --help lists them", shown);
		return TM_EXIT_USAGE;
	}
	return TM_EXIT_OK;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/man.c - the table as parts of the manual, in scdoc's format.
 */
#include "cli/help.h"
#include "cli/options.h"

/* Plain text of the table: what scdoc would take for markup is escaped, options come out bold. */
static void prose(const char *s)
{
	while (*s) {
		size_t bold = 0;

		if (strncmp(s, "--", 2) == 0 && s[2] >= 'a' && s[2] <= 'z')
			bold = 2 + strspn(s + 2, "abcdefghijklmnopqrstuvwxyz-");
		if (*s == '`')
			bold = strcspn(s + 1, "`");
		if (bold && *s == '`') {
			printf("*%.*s*", (int)bold, s + 1);
			s += bold + 2;
		} else if (bold) {
			printf("*%.*s*", (int)bold, s);
			s += bold;
		} else {
			if (strchr("\\*_`#;<>[]", *s))
				putchar('\\');
			putchar(*s++);
		}
	}
}

/* _NAME_ _ROLE_, [_KEY_[=_VALUE_]]...: capitals are what stands for something. */
static void operands(const char *s)
{
	while (*s) {
		size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

		if (n) {
			printf("_%.*s_", (int)n, s);
			s += n;
			continue;
		}
		if (*s == '[' || *s == ']')
			putchar('\\');
		putchar(*s++);
	}
}

static void option(const struct tm_command *k, enum tm_option_id id)
{
	const struct tm_option *o = &tm_options[id];
	char letter = k ? tm_option_letter(k, id) : o->letter;
	bool optional = o->arg && *o->arg == '[';

	if (letter)
		printf("*-%c*, ", letter);
	printf("*--%s*%s%s", o->name, optional ? "\\[" : "", o->arg ? "=" : "");
	if (o->arg)
		operands(o->arg + optional);
}

static bool wanted(const struct tm_command *k, const char *noun)
{
	/* "others": everything but relationships, which have their own page. */
	return tm_streq(noun, "others") ? !tm_streq(k->noun, "policy") : tm_streq(k->noun, noun);
}

static void commands(const char *noun)
{
	char name[TM_COMMAND_NAME_LEN];

	tm_command_foreach(k)
	{
		_cleanup_free_ char *text = k->text ? strdup(k->text) : NULL;
		char *save = NULL;

		if (!wanted(k, noun))
			continue;
		tm_command_name(k, name, sizeof(name));
		printf("*%s*%s", name, *k->args ? " " : "");
		operands(k->args);
		for (int i = TM_O_COMMON_END; i < TM_O_MAX; i++)
			if (k->options >> i & 1) {
				printf(" \\[");
				option(k, (enum tm_option_id)i);
				printf("\\]");
			}
		printf("\n\t%c", k->summary[0] >= 'a' && k->summary[0] <= 'z' ? k->summary[0] - 32
									      : k->summary[0]);
		prose(k->summary + 1);
		printf(".\n");
		for (char *p = text ? strtok_r(text, "\n", &save) : NULL; p;
		     p = strtok_r(NULL, "\n", &save)) {
			printf("\n\t");
			prose(p);
			putchar('\n');
		}
		putchar('\n');
	}
}

static void examples(const char *noun)
{
	tm_command_foreach(k)
	{
		if (wanted(k, noun) && k->examples)
			printf("%s", k->examples);
	}
}

/* With the commands that know each, for a page about several. */
static void options(const char *noun)
{
	for (int i = TM_O_COMMON_END; i < TM_O_MAX; i++) {
		bool first = true;

		tm_command_foreach(k)
		{
			if (!wanted(k, noun) || !(k->options >> i & 1))
				continue;
			if (first)
				option(k, (enum tm_option_id)i);
			printf("%s%s", first ? "\n\t(" : ", ", k->verb ? k->verb : k->noun);
			first = false;
		}
		if (first)
			continue;
		printf(") ");
		prose(tm_options[i].help);
		printf(".\n\n");
	}
}

static void common(void)
{
	for (int i = 0; i < TM_O_COMMON_END; i++) {
		option(NULL, (enum tm_option_id)i);
		printf("\n\t%c", tm_options[i].help[0] >= 'a' ? tm_options[i].help[0] - 32
							      : tm_options[i].help[0]);
		prose(tm_options[i].help + 1);
		printf(".\n\n");
	}
}

int tm_help_man(int argc, char **argv)
{
	const char *what = argc > 0 ? argv[0] : "", *noun = argc > 1 ? argv[1] : "others";

	if (tm_streq(what, "commands"))
		commands(noun);
	else if (tm_streq(what, "options"))
		options(noun);
	else if (tm_streq(what, "common"))
		common();
	else if (tm_streq(what, "examples"))
		examples(noun);
	else
		return TM_EXIT_USAGE;
	return TM_EXIT_OK;
}

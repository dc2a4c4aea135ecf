// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/parse.c - taking a command line apart: options anywhere, then noun, verb and operands.
 */
#include <getopt.h>

#include "cli/options.h"
#include "cli/text.h"
#include "lib/units.h"

#define TOKENS_MAX 256

/* What getopt saw, in order; applied once the command is known. */
struct token {
	int id; /* enum tm_option_id; -1: a word; -2: a letter that only some commands know */
	char letter;
	const char *arg;
};

static const char *noun_given;

const char *tm_parse_noun(void)
{
	return noun_given;
}

static int option_by_letter(const struct tm_command *k, char letter)
{
	for (int i = 0; i < TM_O_MAX; i++)
		if (tm_options[i].letter == letter && tm_option_of(k, (enum tm_option_id)i) &&
		    tm_option_letter(k, (enum tm_option_id)i))
			return i;
	return -1;
}

static int usage(const struct tm_cli *c, const struct tm_command *k)
{
	char name[TM_COMMAND_NAME_LEN] = "";

	if (k)
		tm_command_name(k, name, sizeof(name));
	tm_hint(c, "See tidemark %s%s--help\n", name, *name ? " " : "");
	return TM_EXIT_USAGE;
}

static int take_number(const struct tm_cli *c, const char *what, const char *text, uint64_t max,
		       uint64_t *ret)
{
	_cleanup_free_ char *shown = NULL;

	if (tm_parse_u64(text, ret) == 0 && *ret > 0 && *ret <= max)
		return 0;
	shown = tm_safe(c, text);
	tm_error(c, "%s wants a number from 1 to %llu, not '%s'", what, (unsigned long long)max,
		 shown);
	return -EINVAL;
}

static int take_duration(const struct tm_cli *c, const char *what, const char *text, uint64_t *ret)
{
	_cleanup_free_ char *shown = NULL;

	if (tm_parse_duration_ms(text, ret) == 0 && *ret > 0 && *ret <= 366 * 86400000ULL)
		return 0;
	shown = tm_safe(c, text);
	tm_error(c, "%s wants a duration such as 30, 500ms or 2min, not '%s'", what, shown);
	return -EINVAL;
}

/* Words are checked here where nobody else knows them better; modes and statuses are the daemon's. */
static int take_color(struct tm_cli *c, const char *arg)
{
	static const char *const words[] = { "auto", "always", "never" };
	_cleanup_free_ char *shown = NULL;

	for (size_t i = 0; i < TM_ARRAY_SIZE(words); i++)
		if (tm_streq(arg ? arg : "always", words[i])) {
			c->when_color = (enum tm_when)i;
			return 0;
		}
	shown = tm_safe(c, arg);
	tm_error(c, "--color wants auto, always or never, not '%s'", shown);
	return -EINVAL;
}

static int take_option(struct tm_cli *c, enum tm_option_id id, const char *arg)
{
	switch (id) {
	case TM_O_JSON: c->json = true; return 0;
	case TM_O_PRETTY: c->json = c->pretty = true; return 0;
	case TM_O_OUTPUT: c->columns = arg; return 0;
	case TM_O_NOHEADINGS: c->noheadings = true; return 0;
	case TM_O_RAW: c->raw = true; return 0;
	case TM_O_BYTES: c->bytes = true; return 0;
	case TM_O_WATCH:
		c->watch = c->wait = true;
		return arg ? take_duration(c, "--watch", arg, &c->watch_ms) : 0;
	case TM_O_COLOR: return take_color(c, arg);
	case TM_O_QUIET: c->quiet = true; return 0;
	case TM_O_YES: c->yes = true; return 0;
	case TM_O_SOCKET: c->socket = arg; return 0;
	case TM_O_HELP: c->help = true; return 0;
	case TM_O_SOURCE_DIR: c->source_dir = arg; return 0;
	case TM_O_TARGET_DIR: c->target_dir = arg; return 0;
	case TM_O_TARGET_ADDRESS: c->target_address = arg; return 0;
	case TM_O_TARGET_PORT: return take_number(c, "--target-port", arg, 65535, &c->target_port);
	case TM_O_MODE: c->mode = arg; return 0;
	case TM_O_FINGERPRINT: c->fingerprint = arg; return 0;
	case TM_O_CREATE_DIR: c->create_dir = true; return 0;
	case TM_O_ALLOW_DEVICES: c->allow_devices = true; return 0;
	case TM_O_ALLOW_SUID: c->allow_suid = true; return 0;
	case TM_O_REASON: c->reason = arg; return 0;
	case TM_O_WAIT: c->wait = true; return 0;
	case TM_O_TIMEOUT: return take_duration(c, "--timeout", arg, &c->timeout_ms);
	case TM_O_STATUS: c->status = arg; return 0;
	case TM_O_NO_REPAIR: c->no_repair = true; return 0;
	case TM_O_LIMIT: return take_number(c, "--limit", arg, 1000, &c->limit);
	case TM_O_BEFORE: c->before = arg; return 0;
	case TM_O_DETAIL: c->detail = true; return 0;
	case TM_O_POLICY: c->policy = arg; return 0;
	case TM_O_FOLLOW: c->follow = true; return 0;
	case TM_O_SINCE:
		c->have_since = true;
		return tm_parse_u64(arg, &c->since) == 0
			       ? 0
			       : take_number(c, "--since", arg, INT64_MAX, &c->since);
	case TM_O_ALL: c->all = true; return 0;
	case TM_O_WRITE: c->write = true; return 0;
	case TM_O_VALUES: c->values = true; return 0;
	case TM_O_NAMES: c->names = true; return 0;
	case TM_O_ORIGIN: c->origin = true; return 0;
	case TM_O_DESCRIBE: c->describe = true; return 0;
	case TM_O_IGNORE: c->ignore = true; return 0;
	case TM_O_ROLE: c->role = arg; return 0;
	case TM_O_STDIN: c->from_stdin = true; return 0;
	case TM_O_MAX: break;
	}
	return -EINVAL;
}

/* ---- getopt */

static void getopt_tables(struct option longs[TM_O_MAX + 1], char letters[4 * TM_O_MAX])
{
	char *o = letters;

	*o++ = '-'; /* words come in order, whatever POSIXLY_CORRECT says */
	*o++ = ':';
	for (int i = 0; i < TM_O_MAX; i++) {
		const struct tm_option *t = &tm_options[i];
		int has = !t->arg	   ? no_argument
			  : *t->arg == '[' ? optional_argument
					   : required_argument;

		longs[i] = (struct option){ t->name, has, NULL, 256 + i };
		if (!t->letter || memchr(letters, t->letter, (size_t)(o - letters)))
			continue;
		*o++ = t->letter;
		for (int k = 0; k < has; k++)
			*o++ = ':';
	}
	*o = 0;
	longs[TM_O_MAX] = (struct option){ 0 };
}

/* getopt takes --for for --force; a later option would then change what a script means. */
static bool abbreviated(const char *given, const char *name)
{
	return strncmp(given, "--", 2) == 0 && strcspn(given + 2, "=") != strlen(name);
}

static int refuse(const struct tm_cli *c, const char *what, const char *given)
{
	_cleanup_free_ char *shown = tm_safe(c, given);

	tm_error(c, "%s: '%s'", what, shown);
	return -EINVAL;
}

static int tokenize(const struct tm_cli *c, int argc, char **argv, struct token *t, size_t *ret_n)
{
	struct option longs[TM_O_MAX + 1];
	char letters[4 * TM_O_MAX], one[3] = "-?";
	size_t n = 0;
	int o, index;

	getopt_tables(longs, letters);
	opterr = 0;
	optind = 0; /* glibc: start anew */
	while (index = -1, (o = getopt_long(argc, argv, letters, longs, &index)) != -1) {
		const char *given = argv[TM_MAX(optind - 1, 1)];

		if (n == TOKENS_MAX)
			return refuse(c, "too many words", given);
		one[1] = (char)optopt;
		if (o == '?')
			return refuse(c, "no such option, or an argument it does not take",
				      optopt && optopt < 256 ? one : given);
		if (o == ':')
			return refuse(c, "this option wants an argument",
				      optopt && optopt < 256 ? one : given);
		if (o >= 256) {
			bool apart = optarg && given == optarg;

			if (abbreviated(apart ? argv[optind - 2] : given, tm_options[o - 256].name))
				return refuse(c, "no such option",
					      apart ? argv[optind - 2] : given);
			t[n++] = (struct token){ .id = o - 256, .arg = optarg };
		} else {
			t[n++] = (struct token){ .id = o == 1 ? -1 : -2,
						 .letter = (char)o,
						 .arg = optarg };
		}
	}
	for (; optind < argc; optind++) { /* behind -- */
		if (n == TOKENS_MAX)
			return refuse(c, "too many words", argv[optind]);
		t[n++] = (struct token){ .id = -1, .arg = argv[optind] };
	}
	*ret_n = n;
	return 0;
}

/* ---- which command */

static const char *nearest(const char *noun, const char *word)
{
	unsigned int best = 3;
	const char *found = NULL;

	tm_command_foreach(k)
	{
		const char *candidate = noun ? k->verb : k->noun;
		unsigned int d;

		if (!candidate || (noun && !tm_streq(noun, k->noun)))
			continue;
		d = tm_text_distance(word, candidate);
		if (d < best && d < strlen(candidate)) {
			best = d;
			found = candidate;
		}
	}
	return found;
}

static int no_such_command(const struct tm_cli *c, const char *noun, const char *verb,
			   bool noun_known)
{
	_cleanup_free_ char *shown = tm_safe(c, noun_known && verb ? verb : noun);
	const char *near = nearest(noun_known ? noun : NULL, noun_known && verb ? verb : noun);

	if (noun_known && !verb)
		tm_error(c, "%s wants a verb; tidemark %s --help lists them", noun, noun);
	else if (noun_known)
		tm_error(c, "%s has no verb '%s'%s%s%s", noun, shown, near ? "; did you mean " : "",
			 near ? near : "", near ? "?" : "");
	else
		tm_error(c, "no command '%s'%s%s%s; tidemark --help lists them", shown,
			 near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	return TM_EXIT_USAGE;
}

static int pick_command(struct tm_cli *c, const struct token *t, size_t n)
{
	const char *word[2] = { NULL, NULL };
	bool known = false;
	size_t skip, w = 0;

	for (size_t i = 0; i < n && w < 2; i++)
		if (t[i].id == -1)
			word[w++] = t[i].arg;
	noun_given = word[0];
	if (!word[0])
		return TM_EXIT_OK;
	tm_command_foreach(k) known = known || tm_streq(k->noun, word[0]);
	c->command = word[1] ? tm_command_find(word[0], word[1]) : NULL;
	if (!c->command)
		c->command = tm_command_find(word[0], NULL);
	if (!c->command && known && !word[1] && c->help)
		return TM_EXIT_OK; /* help about the noun */
	if (!c->command)
		return no_such_command(c, word[0], word[1], known);
	skip = c->command->verb ? 2 : 1;
	c->args = calloc(n + 1, sizeof(*c->args));
	for (size_t i = 0; c->args && i < n; i++)
		if (t[i].id == -1 && skip)
			skip--;
		else if (t[i].id == -1)
			c->args[c->n_args++] = (char *)t[i].arg;
	return c->args ? TM_EXIT_OK : TM_EXIT_FAILED;
}

static int apply(struct tm_cli *c, const struct token *t, size_t n)
{
	const struct tm_command *k = c->command;
	char name[TM_COMMAND_NAME_LEN], text[3] = "-?";

	if (!k)
		return TM_EXIT_OK;
	tm_command_name(k, name, sizeof(name));
	for (size_t i = 0; i < n; i++) {
		int id = t[i].id == -2 ? option_by_letter(k, t[i].letter) : t[i].id;

		if (t[i].id == -1)
			continue;
		text[1] = t[i].letter;
		if (id < 0 || !tm_option_of(k, (enum tm_option_id)id)) {
			tm_error(c, "%s has no option %s%s", name, t[i].id == -2 ? "" : "--",
				 t[i].id == -2 ? text : tm_options[id].name);
			return usage(c, k);
		}
		if (take_option(c, (enum tm_option_id)id, t[i].arg) < 0)
			return TM_EXIT_USAGE;
	}
	return TM_EXIT_OK;
}

/* "NAME ROLE", "[KEY]...": how many, and what is missing. */
static int check_operands(const struct tm_cli *c)
{
	_cleanup_free_ char *spec = strdup(c->command->args), *shown = NULL;
	char name[TM_COMMAND_NAME_LEN], *save = NULL;
	size_t most = 0, i = 0;

	tm_command_name(c->command, name, sizeof(name));
	for (char *w = spec ? strtok_r(spec, " ", &save) : NULL; w;
	     w = strtok_r(NULL, " ", &save), i++) {
		most = strstr(w, "...") ? SIZE_MAX : most + 1;
		if (*w == '[' || (i < c->n_args && *c->args[i]))
			continue;
		tm_error(c, "%s wants %s", name, w);
		return usage(c, c->command);
	}
	if (c->n_args <= most)
		return TM_EXIT_OK;
	shown = tm_safe(c, c->args[most]);
	tm_error(c, "%s: too many arguments: '%s'", name, shown);
	return usage(c, c->command);
}

int tm_parse(struct tm_cli *c, int argc, char **argv)
{
	struct token t[TOKENS_MAX];
	size_t n = 0;
	int code;

	if (tokenize(c, argc, argv, t, &n) < 0)
		return usage(c, NULL);
	for (size_t i = 0; i < n; i++) {
		c->help |= t[i].id == TM_O_HELP || (t[i].id == -2 && t[i].letter == 'h');
		c->quiet |= t[i].id == TM_O_QUIET || (t[i].id == -2 && t[i].letter == 'q');
	}
	code = pick_command(c, t, n);
	if (code != TM_EXIT_OK)
		return code;
	if (c->help || !c->command)
		return TM_EXIT_OK;
	code = apply(c, t, n);
	return code == TM_EXIT_OK ? check_operands(c) : code;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/main.c - tidemark: the command table, options, help.
 */
#include <curl/curl.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>

#include "cli/cli.h"
#include "lib/text.h"
#include "lib/units.h"

#define DEFAULT_SOCKET "/run/tidemark/api.sock"

const struct tm_command tm_commands[] = {
	{ "policy", "create", "NAME", OPT_CREATE, "ask a target cluster for a new relationship",
	  cmd_policy_create },
	{ "policy", "list", "", OPT_WATCH, "all relationships of this cluster", cmd_policy_list },
	{ "policy", "show", "NAME", OPT_WATCH, "everything about one", cmd_policy_show },
	{ "policy", "accept", "NAME", OPT_YES | OPT_ACCEPT, "authorize a source cluster's request",
	  cmd_policy_accept },
	{ "policy", "reject", "NAME", OPT_REASON, "refuse it", cmd_policy_reject },
	{ "policy", "replicate", "NAME", OPT_WAIT | OPT_YES | OPT_TIMEOUT, "start a run",
	  cmd_policy_replicate },
	{ "policy", "sync", "NAME", OPT_TIMEOUT,
	  "return when all written before now is durable on the target", cmd_policy_sync },
	{ "policy", "abort", "NAME", 0, "abort the run under way", cmd_policy_abort },
	{ "policy", "enable", "NAME", 0, "replicate again", cmd_policy_enable },
	{ "policy", "disable", "NAME", 0, "replicate nothing; changes are still tracked",
	  cmd_policy_disable },
	{ "policy", "delete", "NAME", OPT_YES, "end the relationship; the data stays",
	  cmd_policy_delete },
	{ "policy", "failures", "NAME", 0, "files that could not be replicated",
	  cmd_policy_failures },
	{ "policy", "runs", "NAME", 0, "history of runs", cmd_policy_runs },
	{ "status", NULL, "", 0, "am I safe, how far behind, what to do (exit 3: look at it)",
	  cmd_status },
	{ "probe", NULL, "", 0, "what this kernel allows and what is used", cmd_probe },
	{ "peer", "list", "", 0, "other clusters and their keys", cmd_peers },
	{ "audit", NULL, "", 0, "who did what, when", cmd_audit },
	{ "sysctl", NULL, "[KEY]", 0, "settings in force", cmd_sysctl },
	{ "version", NULL, "", 0, "version of this program", cmd_version },
};
const size_t tm_commands_n = TM_ARRAY_SIZE(tm_commands);

enum {
	O_SOCKET = 256,
	O_SOURCE_DIR,
	O_TARGET_DIR,
	O_TARGET_ADDRESS,
	O_TARGET_PORT,
	O_MODE,
	O_FINGERPRINT,
	O_CREATE_DIR,
	O_ALLOW_DEVICES,
	O_ALLOW_SUID,
	O_REASON,
	O_WAIT,
	O_TIMEOUT,
};

static const struct {
	int value;
	unsigned int bit; /* 0: every command */
	const char *text;
} option_help[] = {
	{ O_SOURCE_DIR, OPT_CREATE, "--source-dir DIR        existing directory on this cluster" },
	{ O_TARGET_DIR, OPT_CREATE, "--target-dir DIR        directory on the target cluster" },
	{ O_TARGET_ADDRESS, OPT_CREATE,
	  "--target-address ADDR   address of a node of the target cluster" },
	{ O_TARGET_PORT, OPT_CREATE, "--target-port PORT      default 3712" },
	{ O_MODE, OPT_CREATE, "--mode manual|continuous" },
	{ O_FINGERPRINT, OPT_CREATE,
	  "--target-fingerprint F  refuse any other key (64 hex digits)" },
	{ 'y', OPT_YES, "-y, --yes               confirm" },
	{ O_CREATE_DIR, OPT_ACCEPT, "--create-dir            make the target directory" },
	{ O_ALLOW_DEVICES, OPT_ACCEPT, "--allow-devices         accept device nodes" },
	{ O_ALLOW_SUID, OPT_ACCEPT,
	  "--allow-suid            accept setuid, setgid and file capabilities" },
	{ O_REASON, OPT_REASON, "--reason TEXT           told to the source" },
	{ O_WAIT, OPT_WAIT, "--wait                  until the run is over, with progress" },
	{ O_TIMEOUT, OPT_TIMEOUT, "--timeout SECONDS       exit 7 after that (also 500ms, 2min)" },
	{ 'w', OPT_WATCH, "-w, --watch             again every second" },
};

static const struct option long_options[] = {
	{ "socket", required_argument, NULL, O_SOCKET },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ "yes", no_argument, NULL, 'y' },
	{ "watch", no_argument, NULL, 'w' },
	{ "source-dir", required_argument, NULL, O_SOURCE_DIR },
	{ "target-dir", required_argument, NULL, O_TARGET_DIR },
	{ "target-address", required_argument, NULL, O_TARGET_ADDRESS },
	{ "target-port", required_argument, NULL, O_TARGET_PORT },
	{ "mode", required_argument, NULL, O_MODE },
	{ "target-fingerprint", required_argument, NULL, O_FINGERPRINT },
	{ "create-dir", no_argument, NULL, O_CREATE_DIR },
	{ "allow-devices", no_argument, NULL, O_ALLOW_DEVICES },
	{ "allow-suid", no_argument, NULL, O_ALLOW_SUID },
	{ "reason", required_argument, NULL, O_REASON },
	{ "wait", no_argument, NULL, O_WAIT },
	{ "timeout", required_argument, NULL, O_TIMEOUT },
	{ NULL, 0, NULL, 0 },
};

static void help_all(FILE *f)
{
	fprintf(f, "usage: tidemark [--socket PATH] NOUN [VERB] [NAME] [OPTION]...\n\n");
	for (size_t i = 0; i < tm_commands_n; i++) {
		const struct tm_command *k = &tm_commands[i];
		_cleanup_free_ char *left =
			tm_asprintf("%s%s%s%s%s", k->noun, k->verb ? " " : "",
				    k->verb ? k->verb : "", *k->args ? " " : "", k->args);

		fprintf(f, "  %-24s %s\n", left ? left : "?", k->help);
	}
	fprintf(f,
		"\n  -j, --json      the API's object instead of text (every command)\n"
		"  --socket PATH   tidemarkd's socket; also $TIDEMARK_SOCKET (default " DEFAULT_SOCKET
		")\n"
		"  --help          after a command: its options\n\n"
		"Exit status: 0 ok, 1 failed, 2 usage, 3 unhealthy, 4 no such policy, 5 denied, 6 tidemarkd\n"
		"unreachable, 7 timeout, 8 conflict with the policy's state, 130 interrupted.\n\n"
		"A first relationship:  tidemark policy create web --source-dir /srv/www --target-dir /backup/www \\\n"
		"                           --target-address 192.0.2.7\n"
		"on the target:         tidemark policy list; tidemark policy accept web\n"
		"then here:             tidemark policy replicate web --wait\n");
}

static void help_one(const struct tm_command *k)
{
	printf("usage: tidemark %s%s%s %s [OPTION]...\n%s\n\n", k->noun, k->verb ? " " : "",
	       k->verb ? k->verb : "", k->args, k->help);
	for (size_t i = 0; i < TM_ARRAY_SIZE(option_help); i++)
		if (option_help[i].bit & k->options)
			printf("  %s\n", option_help[i].text);
	printf("  -j, --json              the API's object instead of text\n");
}

static const struct tm_command *find_command(int argc, char **argv, int *ret_words)
{
	const struct tm_command *k;
	bool noun_known = false;

	for (size_t i = 0; i < tm_commands_n; i++) {
		k = &tm_commands[i];
		if (!tm_streq(argv[1], k->noun))
			continue;
		noun_known = true;
		if (!k->verb || (argc > 2 && tm_streq(argv[2], k->verb))) {
			*ret_words = k->verb ? 2 : 1;
			return k;
		}
	}
	if (noun_known && argc > 2 && (tm_streq(argv[2], "edit") || tm_streq(argv[2], "verify")))
		fprintf(stderr, "tidemark: policy %s does not exist yet in this version\n",
			argv[2]);
	else
		fprintf(stderr, "tidemark: no command '%s%s%s'; tidemark --help lists them\n",
			argv[1], noun_known && argc > 2 ? " " : "",
			noun_known && argc > 2 ? argv[2] : "");
	return NULL;
}

static bool option_allowed(const struct tm_command *k, int value)
{
	for (size_t i = 0; i < TM_ARRAY_SIZE(option_help); i++)
		if (option_help[i].value == value)
			return option_help[i].bit & k->options;
	return true;
}

static int take_number(const char *what, const char *text, uint64_t max, uint64_t *ret)
{
	if (tm_parse_u64(text, ret) < 0 || *ret == 0 || *ret > max) {
		fprintf(stderr, "tidemark: %s wants a number from 1 to %llu, not '%s'\n", what,
			(unsigned long long)max, text);
		return -EINVAL;
	}
	return 0;
}

static int take_option(struct tm_cli *c, int o, const char *arg)
{
	switch (o) {
	case O_SOCKET: c->socket = arg; return 0;
	case 'j': c->json = true; return 0;
	case 'y': c->yes = true; return 0;
	case 'w': c->watch = true; return 0;
	case O_SOURCE_DIR: c->source_dir = arg; return 0;
	case O_TARGET_DIR: c->target_dir = arg; return 0;
	case O_TARGET_ADDRESS: c->target_address = arg; return 0;
	case O_TARGET_PORT: return take_number("--target-port", arg, 65535, &c->target_port);
	case O_MODE: c->mode = arg; return 0;
	case O_FINGERPRINT: c->fingerprint = arg; return 0;
	case O_CREATE_DIR: c->create_dir = true; return 0;
	case O_ALLOW_DEVICES: c->allow_devices = true; return 0;
	case O_ALLOW_SUID: c->allow_suid = true; return 0;
	case O_REASON: c->reason = arg; return 0;
	case O_WAIT: c->wait = true; return 0;
	case O_TIMEOUT:
		if (tm_parse_duration_ms(arg, &c->timeout_ms) == 0 && c->timeout_ms)
			return 0;
		fprintf(stderr,
			"tidemark: --timeout wants a duration such as 30, 500ms or 2min, not '%s'\n",
			arg);
		return -EINVAL;
	}
	return -EINVAL;
}

static int parse(struct tm_cli *c, const struct tm_command *k, int argc, char **argv, int words)
{
	int o;

	optind = 1;
	/* The words of the command are skipped: getopt sees the rest as its own argv. */
	argv[words] = argv[0];
	argc -= words;
	argv += words;
	while ((o = getopt_long(argc, argv, "jyhw", long_options, NULL)) != -1) {
		if (o == '?')
			return TM_EXIT_USAGE;
		if (o == 'h') {
			help_one(k);
			exit(TM_EXIT_OK);
		}
		if (!option_allowed(k, o)) {
			fprintf(stderr,
				"tidemark: %s %s has no such option; --help after it lists them\n",
				k->noun, k->verb ? k->verb : "");
			return TM_EXIT_USAGE;
		}
		if (take_option(c, o, optarg) < 0)
			return TM_EXIT_USAGE;
	}
	if (optind < argc && *k->args)
		c->ref = argv[optind++];
	if (optind < argc) {
		fprintf(stderr, "tidemark: too many arguments: '%s'\n", argv[optind]);
		return TM_EXIT_USAGE;
	}
	if (tm_streq(k->args, "NAME") && (!c->ref || !*c->ref)) {
		fprintf(stderr, "tidemark: %s %s wants the NAME of a policy\n", k->noun, k->verb);
		return TM_EXIT_USAGE;
	}
	return TM_EXIT_OK;
}

int main(int argc, char **argv)
{
	const char *env = getenv("TIDEMARK_SOCKET");
	struct tm_cli c = { .socket = env && *env ? env : DEFAULT_SOCKET, .watch_ms = 1000 };
	const struct tm_command *k;
	int words, code;

	setlocale(LC_CTYPE, "");
	/* --socket may stand before the noun too. */
	while (argc > 2 && (tm_streq(argv[1], "--socket") || !strncmp(argv[1], "--socket=", 9))) {
		bool joined = argv[1][8] == '=';

		c.socket = joined ? argv[1] + 9 : argv[2];
		argv += joined ? 1 : 2;
		argc -= joined ? 1 : 2;
	}
	if (argc > 1 &&
	    (tm_streq(argv[1], "--help") || tm_streq(argv[1], "-h") || tm_streq(argv[1], "help"))) {
		help_all(stdout);
		return TM_EXIT_OK;
	}
	if (argc > 1 && tm_streq(argv[1], "--version")) {
		printf("tidemark %s\n", TM_VERSION);
		return TM_EXIT_OK;
	}
	if (argc < 2) {
		help_all(stderr);
		return TM_EXIT_USAGE;
	}
	k = find_command(argc, argv, &words);
	if (!k)
		return TM_EXIT_USAGE;
	code = parse(&c, k, argc, argv, words);
	if (code != TM_EXIT_OK)
		return code;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	code = k->run(&c);
	curl_global_cleanup();
	if (fflush(stdout) != 0 || ferror(stdout))
		return TM_EXIT_FAILED;
	return code;
}

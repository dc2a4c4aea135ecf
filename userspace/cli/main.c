// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/main.c - tidemark: from a command line to the function of the table.
 */
#include <curl/curl.h>
#include <locale.h>

#include "cli/help.h"
#include "cli/options.h"
#include "cli/style.h"
#include "cli/watch.h"

static int explain(struct tm_cli *c)
{
	if (c->command)
		tm_help_command(c, stdout, c->command);
	else if (tm_parse_noun())
		tm_help_noun(c, stdout, tm_parse_noun());
	else if (c->help)
		tm_help_all(c, stdout);
	else
		tm_help_all(c, stderr);
	return c->help ? TM_EXIT_OK : TM_EXIT_USAGE;
}

static int run(struct tm_cli *c)
{
	int code;

	tm_style_decide(c);
	if (c->help || !c->command)
		return explain(c);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (c->watch && (c->command->flags & TM_CMD_VIEW))
		code = tm_watch(c);
	else
		code = c->command->run(c);
	curl_global_cleanup();
	return code;
}

int main(int argc, char **argv)
{
	const char *env = getenv("TIDEMARK_SOCKET");
	struct tm_cli c = { .socket = env && *env ? env : TM_DEFAULT_SOCKET,
			    .out = stdout,
			    .talk = stderr };
	int code;

	setlocale(LC_CTYPE, "");
	tm_on_interrupt(NULL);
	if (argc > 1 && tm_streq(argv[1], "_man"))
		code = tm_help_man(argc - 2, argv + 2);
	else if (argc > 1 && tm_streq(argv[1], "_complete"))
		code = tm_help_complete(&c, argc - 2, argv + 2);
	else if (argc > 1 && tm_streq(argv[1], "--version"))
		printf("tidemark %s\n", TM_VERSION), code = TM_EXIT_OK;
	else if ((code = tm_parse(&c, argc, argv)) == TM_EXIT_OK)
		code = run(&c);
	free(c.args);
	if (fflush(stdout) != 0 || ferror(stdout))
		return code == TM_EXIT_OK ? TM_EXIT_FAILED : code;
	return code;
}

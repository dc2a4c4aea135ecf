// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/policy_act.c - one word to the daemon: abort, enable, disable, delete.
 */
#include "cli/commands.h"
#include "cli/policy.h"
#include "cli/rest.h"
#include "lib/text.h"

int cmd_policy_abort(struct tm_cli *c)
{
	return tm_policy_post(c, "/abort", NULL);
}

int cmd_policy_enable(struct tm_cli *c)
{
	return tm_policy_post(c, "/enable", NULL);
}

int cmd_policy_disable(struct tm_cli *c)
{
	return tm_policy_post(c, "/disable", NULL);
}

static bool confirmed(const struct tm_cli *c, const json_t *p)
{
	const char *name = tm_out_str(p, "name");
	_cleanup_free_ char *shown = tm_out_text(c, p, "name"), *source = tm_policy_source(c, p),
			    *target = tm_policy_target(c, p), *question = NULL;

	if (!tm_can_ask(c)) {
		tm_error(c, "deleting %s needs a confirmation: --yes", shown);
		return false;
	}
	question = tm_asprintf("Delete the relationship %s?\n  source %s\n  target %s\n"
			       "The data on both sides stays. Type its name to delete it: ",
			       shown, source, target);
	return name && question && tm_ask(c, name, question);
}

int cmd_policy_delete(struct tm_cli *c)
{
	_cleanup_free_ char *path = tm_policy_path(tm_arg(c, 0), ""), *name = NULL;
	_cleanup_answer_ struct tm_answer show = { 0 }, a = { 0 };
	int code = path ? tm_rest(c, "GET", path, NULL, 0, &show) : TM_EXIT_FAILED;

	if (code != TM_EXIT_OK)
		return code;
	if (!c->yes && !confirmed(c, show.body)) {
		tm_error(c, "nothing was deleted");
		return TM_EXIT_FAILED;
	}
	code = tm_rest(c, "DELETE", path, NULL, 0, &a);
	if (code != TM_EXIT_OK)
		return code;
	name = tm_out_text(c, show.body, "name");
	if (c->json)
		tm_out_json(c, a.body);
	else if (!c->quiet)
		fprintf(c->out, "%s: deleted; the data stays as it is\n", name);
	if (json_is_false(json_object_get(a.body, "peer_told")))
		tm_hint(c,
			"The other side could not be told; delete it there too: tidemark policy delete %s\n",
			name);
	return code;
}

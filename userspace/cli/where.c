// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/where.c - is this very file safe?
 */
#include <limits.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/rest.h"
#include "lib/text.h"

const struct tm_column tm_where_columns[] = {
	{ .title = "POLICY", .key = "policy" },
	{ .title = "STATE", .key = "state", .kind = TM_K_WORD },
	{ .title = "LAST CHANGE", .key = "last_change", .kind = TM_K_TIME },
	{ .title = "LAST DURABLE", .key = "last_durable", .kind = TM_K_TIME },
	{ .title = "RECOVERY POINT", .key = "recovery_point", .kind = TM_K_TIME, .min_width = 100 },
	{ .title = "DETAIL", .key = "detail", .flex = true },
	{ .title = "RELATIVE", .key = "relative", .kind = TM_K_PATH, .hidden = true, .flex = true },
	{ .title = "ROLE", .key = "role", .hidden = true },
	{ .title = "ID", .key = "id", .hidden = true },
	{ 0 },
};

/*
 * The path that the daemon knows the object by: absolute, its directory resolved, its own last name not (a
 * symlink is itself what is replicated). Where the directory is gone too the text is taken as it is.
 */
static char *absolute(const char *path)
{
	_cleanup_free_ char *copy = strdup(path), *dir = NULL, *cwd = NULL;
	const char *last;
	char *slash;

	if (!copy)
		return NULL;
	for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = 0;
	slash = strrchr(copy, '/');
	last = slash ? slash + 1 : copy;
	if (tm_streq(last, "") || tm_streq(last, ".") || tm_streq(last, ".."))
		return realpath(copy, NULL);
	if (slash && slash != copy)
		*slash = 0;
	dir = realpath(!slash ? "." : slash == copy ? "/" : copy, NULL);
	if (dir)
		return tm_asprintf("%s/%s", tm_streq(dir, "/") ? "" : dir, last);
	if (*path == '/')
		return strdup(path);
	cwd = getcwd(NULL, 0);
	return cwd ? tm_asprintf("%s/%s", cwd, path) : NULL;
}

static char *request_path(const char *path)
{
	_cleanup_free_ char *b64 = NULL;

	if (tm_utf8_valid(path, strlen(path)))
		return tm_path_with("/v1/where?path=", path, strlen(path), "");
	b64 = tm_base64(path, strlen(path));
	return b64 ? tm_path_with("/v1/where?path_b64=", b64, strlen(b64), "") : NULL;
}

int cmd_where(struct tm_cli *c)
{
	_cleanup_free_ char *path = absolute(tm_arg(c, 0));
	_cleanup_answer_ struct tm_answer a = { 0 };
	const json_t *policies;
	bool safe = true;
	json_t *p;
	size_t i;
	int code;

	if (!path) {
		_cleanup_free_ char *shown = tm_safe(c, tm_arg(c, 0));

		tm_error(c, "%s: %s", shown, strerror(errno));
		return TM_EXIT_NOT_FOUND;
	}
	code = tm_rest_get(c, request_path(path), &a);
	if (code != TM_EXIT_OK)
		return code;
	policies = json_object_get(a.body, "policies");
	json_array_foreach (policies, i, p)
		safe = safe && tm_out_is(p, "state", "safe");
	if (c->json)
		tm_out_json(c, a.body);
	else
		code = tm_out_table(c, policies, tm_where_columns);
	return code != TM_EXIT_OK ? code : safe ? TM_EXIT_OK : TM_EXIT_UNHEALTHY;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/admin.c - who may log in to the web page.
 */
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/password.h"
#include "cli/policy.h"
#include "cli/rest.h"
#include "lib/text.h"

const struct tm_column tm_user_columns[] = {
	{ .title = "USER", .key = "name" },
	{ .title = "ROLE", .key = "role" },
	{ .title = "DISABLED", .key = "disabled" },
	{ .title = "LAST LOGIN", .key = "last_login", .kind = TM_K_TIME },
	{ .title = "CREATED", .key = "created", .kind = TM_K_TIME },
	{ 0 },
};

static char *user_path(const char *name)
{
	return tm_path_with("/v1/users/", name, strlen(name), "");
}

static int known_role(const struct tm_cli *c, const char *role)
{
	_cleanup_free_ char *shown = NULL;

	if (tm_streq(role, "viewer") || tm_streq(role, "operator") || tm_streq(role, "admin"))
		return TM_EXIT_OK;
	shown = tm_safe(c, role);
	tm_error(c, "no such role: '%s'; there are viewer, operator and admin", shown);
	return TM_EXIT_USAGE;
}

int cmd_admin_list(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = tm_rest(c, "GET", "/v1/users", NULL, 0, &a);

	return code == TM_EXIT_OK
		       ? tm_out_list(
				 c, a.body, tm_user_columns,
				 "Nobody can log in yet. Let somebody: tidemark admin set-password")
		       : code;
}

int cmd_admin_set_password(struct tm_cli *c)
{
	const char *name = tm_arg(c, 0) ? tm_arg(c, 0) : "admin", *wrong;
	_cleanup_free_ char *path = user_path(name), *verifier = NULL, *shown = tm_safe(c, name);
	_cleanup_answer_ struct tm_answer a = { 0 };
	char password[TM_PASSWORD_MAX + 2];
	json_t *body;
	int code = c->role ? known_role(c, c->role) : TM_EXIT_OK;

	if (code == TM_EXIT_OK)
		code = tm_password_read(c, password);
	if (code != TM_EXIT_OK)
		return code;
	wrong = tm_password_complaint(password);
	if (wrong)
		tm_error(c, "%s", wrong);
	else
		verifier = tm_password_verifier(password);
	explicit_bzero(password, sizeof(password));
	if (wrong)
		return TM_EXIT_USAGE;
	if (!verifier || !path) {
		tm_error(c, "crypt(3) made no yescrypt hash: %s", strerror(errno));
		return TM_EXIT_FAILED;
	}
	body = json_object();
	json_object_set_new(body, "verifier", json_string(verifier));
	if (c->role)
		json_object_set_new(body, "role", json_string(c->role));
	code = tm_rest(c, "PUT", path, body, 0, &a);
	json_decref(body);
	if (code == TM_EXIT_OK && c->json)
		tm_out_json(c, a.body);
	else if (code == TM_EXIT_OK && !c->quiet)
		fprintf(c->out, "%s: the password is set\n", shown);
	return code;
}

/* Takes @body. */
static int change(struct tm_cli *c, json_t *body, const char *done)
{
	_cleanup_free_ char *path = user_path(tm_arg(c, 0)), *shown = tm_safe(c, tm_arg(c, 0));
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = path ? tm_rest(c, "PATCH", path, body, 0, &a) : TM_EXIT_FAILED;

	json_decref(body);
	if (code == TM_EXIT_OK && c->json)
		tm_out_json(c, a.body);
	else if (code == TM_EXIT_OK && !c->quiet)
		fprintf(c->out, "%s: %s\n", shown, done);
	return code;
}

int cmd_admin_role(struct tm_cli *c)
{
	json_t *body;
	int code = known_role(c, tm_arg(c, 1));

	if (code != TM_EXIT_OK)
		return code;
	body = json_object();
	json_object_set_new(body, "role", json_string(tm_arg(c, 1)));
	return change(c, body, tm_arg(c, 1));
}

static int set_disabled(struct tm_cli *c, bool disabled)
{
	json_t *body = json_object();

	json_object_set_new(body, "disabled", json_boolean(disabled));
	return change(c, body, disabled ? "disabled" : "enabled");
}

int cmd_admin_disable(struct tm_cli *c)
{
	return set_disabled(c, true);
}

int cmd_admin_enable(struct tm_cli *c)
{
	return set_disabled(c, false);
}

int cmd_admin_delete(struct tm_cli *c)
{
	_cleanup_free_ char *path = user_path(tm_arg(c, 0)), *shown = tm_safe(c, tm_arg(c, 0)),
			    *question = NULL;
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code;

	if (!c->yes && !tm_can_ask(c)) {
		tm_error(c, "deleting the account %s needs a confirmation: --yes", shown);
		return TM_EXIT_FAILED;
	}
	question = tm_asprintf("Type the name of the account (%s) to delete it: ", shown);
	if (!c->yes && !(question && tm_ask(c, tm_arg(c, 0), question))) {
		tm_error(c, "nothing was deleted");
		return TM_EXIT_FAILED;
	}
	code = path ? tm_rest(c, "DELETE", path, NULL, 0, &a) : TM_EXIT_FAILED;
	if (code == TM_EXIT_OK && c->json)
		tm_out_json(c, a.body);
	else if (code == TM_EXIT_OK && !c->quiet)
		fprintf(c->out, "%s: deleted\n", shown);
	return code;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/policy_view.c - what several commands say about a policy object; see policy.h.
 */
#include "cli/policy.h"

#include <inttypes.h>
#include <unistd.h>

#include "cli/rest.h"
#include "cli/text.h"
#include "lib/clock.h"
#include "lib/text.h"

char *tm_policy_status(const struct tm_cli *c, const json_t *p)
{
	_cleanup_free_ char *word = tm_out_text(c, p, "status"), *when = NULL, *detail = NULL;
	bool has_detail = json_is_string(json_object_get(p, "status_detail"));

	if (has_detail)
		detail = tm_out_text(c, p, "status_detail");
	if (tm_streq(word, "Replicating") && json_is_integer(tm_out_at(p, "progress.percent")))
		return tm_asprintf("Replicating... %" PRId64 "%%",
				   tm_out_int(p, "progress.percent"));
	if (tm_streq(word, "Finished") && json_is_string(json_object_get(p, "status_since"))) {
		when = tm_out_cell(c, p, "status_since", TM_K_TIME);
		return tm_asprintf("Finished %s%s%s", when, detail ? ", " : "",
				   detail ? detail : "");
	}
	return detail ? tm_asprintf("%s: %s", word, detail) : tm_take_ptr(word);
}

char *tm_policy_source(const struct tm_cli *c, const json_t *p)
{
	_cleanup_free_ char *cluster = tm_out_text(c, p, "source.cluster"),
			    *dir = tm_out_cell(c, p, "source.dir", TM_K_PATH);

	return tm_asprintf("%s:%s", cluster, dir);
}

char *tm_policy_target(const struct tm_cli *c, const json_t *p)
{
	bool named = json_is_string(tm_out_at(p, "target.cluster"));
	_cleanup_free_ char *cluster =
				    tm_out_text(c, p, named ? "target.cluster" : "target.address"),
			    *dir = tm_out_cell(c, p, "target.dir", TM_K_PATH);

	return tm_asprintf("%s:%s", cluster, dir);
}

int64_t tm_policy_lag_ms(const json_t *p, int64_t now_ns)
{
	const char *point = tm_out_str(p, "recovery_point");
	int64_t ns;

	if (json_is_integer(json_object_get(p, "lag_ms")))
		return tm_out_int(p, "lag_ms");
	if (!point || tm_text_parse_time(point, &ns) < 0)
		return -1;
	if (json_is_true(json_object_get(p, "in_sync")) || !tm_out_int(p, "pending"))
		return 0;
	return TM_MAX((now_ns - ns) / 1000000, (int64_t)0);
}

char *tm_policy_lag(const struct tm_cli *c, const json_t *p)
{
	int64_t ms = tm_policy_lag_ms(p, tm_wall_ns());

	if (ms < 0)
		return strdup("-");
	return c->bytes || c->raw ? tm_asprintf("%" PRId64, ms) : tm_text_duration((uint64_t)ms);
}

void tm_policy_note(const struct tm_cli *c, const json_t *p)
{
	_cleanup_free_ char *status = NULL, *name = NULL, *painted = NULL;

	if (c->json) {
		tm_out_json(c, p);
		return;
	}
	if (c->columns) {
		tm_out_fields(c, p, NULL);
		return;
	}
	if (c->quiet)
		return;
	status = tm_policy_status(c, p);
	name = tm_out_text(c, p, "name");
	painted = status ? tm_out_paint(c->color, tm_out_style(status), status) : NULL;
	fprintf(c->out, "%s: %s\n", name, painted ? painted : "?");
}

int tm_policy_post(struct tm_cli *c, const char *tail, json_t *body)
{
	_cleanup_free_ char *path = tm_policy_path(tm_arg(c, 0), tail);
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = path ? tm_rest(c, "POST", path, body, 0, &a) : TM_EXIT_FAILED;

	json_decref(body);
	if (code == TM_EXIT_OK)
		tm_policy_note(c, a.body);
	return code;
}

void tm_set_bytes(json_t *body, const char *key, const char *value)
{
	_cleanup_free_ char *b64 = NULL, *key64 = NULL;

	if (tm_utf8_valid(value, strlen(value))) {
		json_object_set_new(body, key, json_string(value));
		return;
	}
	b64 = tm_base64(value, strlen(value));
	key64 = tm_asprintf("%s_b64", key);
	if (b64 && key64)
		json_object_set_new(body, key64, json_string(b64));
}

bool tm_can_ask(const struct tm_cli *c)
{
	return !c->json && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool tm_ask(const struct tm_cli *c, const char *word, const char *question)
{
	char answer[256];

	fprintf(c->talk, "%s", question);
	fflush(c->talk);
	if (!fgets(answer, sizeof(answer), stdin))
		return false;
	answer[strcspn(answer, "\n")] = 0;
	return word ? tm_streq(answer, word) : tm_streq(answer, "y") || tm_streq(answer, "yes");
}

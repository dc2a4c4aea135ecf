// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/rest.c - requests, answers, and what a problem means for the exit code.
 */
#include "cli/rest.h"

#include <curl/curl.h>
#include <stdio.h>

#include "lib/text.h"

#define ANSWER_MAX ((size_t)256 << 20) /* a list of policies is far below */

struct body {
	char *data;
	size_t len;
};

static size_t take(char *p, size_t size, size_t n, void *arg)
{
	struct body *b = arg;
	size_t add = size * n;
	char *bigger;

	if (add > ANSWER_MAX - b->len)
		return 0;
	bigger = realloc(b->data, b->len + add + 1);
	if (!bigger)
		return 0;
	b->data = bigger;
	memcpy(b->data + b->len, p, add);
	b->len += add;
	b->data[b->len] = 0;
	return add;
}

/* The problem codes of api/REST.md that do not simply mean "failed". */
static const struct {
	const char *code;
	int exit_code;
} problem_exits[] = {
	{ "bad-request", TM_EXIT_USAGE },   { "bad-name", TM_EXIT_USAGE },
	{ "ambiguous", TM_EXIT_USAGE },	    { "too-large", TM_EXIT_USAGE },
	{ "not-found", TM_EXIT_NOT_FOUND }, { "denied", TM_EXIT_DENIED },
	{ "exists", TM_EXIT_CONFLICT },	    { "overlap", TM_EXIT_CONFLICT },
	{ "wrong-role", TM_EXIT_CONFLICT }, { "wrong-state", TM_EXIT_CONFLICT },
	{ "stopped", TM_EXIT_CONFLICT },    { "timeout", TM_EXIT_TIMEOUT },
};

static int exit_of(const json_t *problem)
{
	const char *code = json_string_value(json_object_get(problem, "code"));

	for (size_t i = 0; code && i < TM_ARRAY_SIZE(problem_exits); i++)
		if (tm_streq(code, problem_exits[i].code))
			return problem_exits[i].exit_code;
	return TM_EXIT_FAILED;
}

static int transport_failed(const struct tm_cli *c, CURLcode r)
{
	if (r == CURLE_OPERATION_TIMEDOUT) {
		fprintf(stderr, "tidemark: tidemarkd did not answer in time on %s\n", c->socket);
		return TM_EXIT_TIMEOUT;
	}
	fprintf(stderr,
		"tidemark: cannot reach tidemarkd on %s: %s.\n"
		"Is it running (systemctl status tidemarkd)? Another socket: --socket PATH or $TIDEMARK_SOCKET.\n",
		c->socket, curl_easy_strerror(r));
	return TM_EXIT_NO_DAEMON;
}

static CURLcode perform(const struct tm_cli *c, const char *method, const char *path,
			const char *text, uint64_t timeout_ms, struct body *ret_body,
			long *ret_status)
{
	_cleanup_free_ char *url = tm_asprintf("http://localhost%s", path);
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	CURL *h = curl_easy_init();
	CURLcode r = CURLE_OUT_OF_MEMORY;

	if (h && url && headers) {
		curl_easy_setopt(h, CURLOPT_URL, url);
		curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, c->socket);
		curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method);
		curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
		curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
		if (text) {
			curl_easy_setopt(h, CURLOPT_POSTFIELDS, text);
			curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method);
		}
		curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
		curl_easy_setopt(h, CURLOPT_WRITEDATA, ret_body);
		curl_easy_setopt(h, CURLOPT_TIMEOUT_MS,
				 (long)TM_MIN(timeout_ms ? timeout_ms : 30000, (uint64_t)1 << 30));
		r = curl_easy_perform(h);
		if (r == CURLE_OK)
			curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, ret_status);
	}
	curl_slist_free_all(headers);
	curl_easy_cleanup(h);
	return r;
}

int tm_rest_quiet(const struct tm_cli *c, const char *method, const char *path, json_t *body,
		  uint64_t timeout_ms, struct tm_answer *ret)
{
	_cleanup_free_ char *text = NULL;
	struct body b = { 0 };
	CURLcode r;

	*ret = (struct tm_answer){ 0 };
	if (body)
		text = json_dumps(body, JSON_COMPACT);
	else if (tm_streq(method, "POST"))
		text = strdup("{}");
	if (!text && (body || tm_streq(method, "POST"))) {
		fprintf(stderr,
			"tidemark: an argument is not valid UTF-8 text or memory is short\n");
		return ret->exit_code = TM_EXIT_USAGE;
	}
	r = perform(c, method, path, text, timeout_ms, &b, &ret->status);
	if (r != CURLE_OK) {
		free(b.data);
		return ret->exit_code = transport_failed(c, r);
	}
	ret->body =
		b.len ? json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL)
		      : NULL;
	free(b.data);
	if (ret->status >= 200 && ret->status < 300)
		ret->exit_code = TM_EXIT_OK;
	else
		ret->exit_code = exit_of(ret->body);
	if (!ret->body && ret->exit_code == TM_EXIT_OK) {
		fprintf(stderr, "tidemark: tidemarkd gave an answer that is no JSON\n");
		ret->exit_code = TM_EXIT_FAILED;
	}
	return ret->exit_code;
}

void tm_problem_print(const struct tm_cli *c, const struct tm_answer *a)
{
	const char *detail = json_string_value(json_object_get(a->body, "detail"));
	json_t *ids = json_object_get(a->body, "ids"), *id;
	_cleanup_free_ char *safe = NULL;
	size_t i;

	if (!a->status)
		return; /* the transport failed: already told */
	if (!detail)
		detail = json_string_value(json_object_get(a->body, "title"));
	safe = tm_escape(detail ? detail : "no reason given",
			 strlen(detail ? detail : "no reason given"));
	fprintf(stderr, "tidemark: %s\n", safe ? safe : "out of memory");
	json_array_foreach (ids, i, id)
		fprintf(stderr, "  %s\n", json_string_value(id) ? json_string_value(id) : "?");
	if (c->json && a->body) {
		json_dumpf(a->body, stdout, JSON_INDENT(2));
		putchar('\n');
	}
}

int tm_rest(const struct tm_cli *c, const char *method, const char *path, json_t *body,
	    uint64_t timeout_ms, struct tm_answer *ret)
{
	if (tm_rest_quiet(c, method, path, body, timeout_ms, ret) != TM_EXIT_OK)
		tm_problem_print(c, ret);
	return ret->exit_code;
}

void tm_answer_free(struct tm_answer *a)
{
	json_decref(a->body);
	a->body = NULL;
}

char *tm_policy_path(const char *ref, const char *tail)
{
	char *enc = curl_easy_escape(NULL, ref, (int)strlen(ref));
	char *path = enc ? tm_asprintf("/v1/policies/%s%s", enc, tail) : NULL;

	curl_free(enc);
	return path;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/rest.c - requests, answers, and what a problem means for the exit code.
 */
#include "cli/rest.h"

#include <curl/curl.h>
#include <inttypes.h>

#include "cli/output.h"
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
	{ "changed", TM_EXIT_CONFLICT },    { "restart-needed", TM_EXIT_CONFLICT },
};

int tm_problem_exit(const char *code)
{
	for (size_t i = 0; code && i < TM_ARRAY_SIZE(problem_exits); i++)
		if (tm_streq(code, problem_exits[i].code))
			return problem_exits[i].exit_code;
	return TM_EXIT_FAILED;
}

static int transport_failed(const struct tm_cli *c, CURLcode r, long os_error)
{
	_cleanup_free_ char *socket = tm_safe(c, c->socket);

	if (r == CURLE_OPERATION_TIMEDOUT) {
		tm_error(c, "tidemarkd did not answer in time on %s", socket);
		return TM_EXIT_TIMEOUT;
	}
	if (r == CURLE_COULDNT_CONNECT && os_error == EACCES) {
		tm_error(c, "not allowed to use %s: be root, or in its group (ls -l %s)", socket,
			 socket);
		return TM_EXIT_DENIED;
	}
	tm_error(c, "cannot reach tidemarkd on %s: %s", socket,
		 r == CURLE_COULDNT_CONNECT && os_error ? strerror((int)os_error)
							: curl_easy_strerror(r));
	tm_hint(c, "Is it running (systemctl status tidemarkd)?\n"
		   "Another socket: --socket PATH or $TIDEMARK_SOCKET.\n");
	return TM_EXIT_NO_DAEMON;
}

/* One connection serves all requests of a command. */
static CURL *handle(void)
{
	static CURL *h;

	if (h)
		curl_easy_reset(h);
	else
		h = curl_easy_init();
	return h;
}

static CURLcode perform(const struct tm_cli *c, const char *method, const char *path,
			const char *text, uint64_t timeout_ms, struct body *ret_body,
			long *ret_status, long *ret_os_error)
{
	_cleanup_free_ char *url = tm_asprintf("http://localhost%s", path);
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	struct curl_slist *more = curl_slist_append(headers, "Accept: application/json");
	CURL *h = handle();
	CURLcode r = CURLE_OUT_OF_MEMORY;

	if (h && url && more) {
		curl_easy_setopt(h, CURLOPT_URL, url);
		curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, c->socket);
		curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
		curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
		if (text)
			curl_easy_setopt(h, CURLOPT_POSTFIELDS, text);
		curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method);
		curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
		curl_easy_setopt(h, CURLOPT_WRITEDATA, ret_body);
		curl_easy_setopt(h, CURLOPT_TIMEOUT_MS,
				 (long)TM_MIN(timeout_ms ? timeout_ms : 30000, (uint64_t)1 << 30));
		r = curl_easy_perform(h);
		if (r == CURLE_OK)
			curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, ret_status);
		else
			curl_easy_getinfo(h, CURLINFO_OS_ERRNO, ret_os_error);
	}
	curl_slist_free_all(headers);
	return r;
}

int tm_rest_quiet(const struct tm_cli *c, const char *method, const char *path, json_t *body,
		  uint64_t timeout_ms, struct tm_answer *ret)
{
	_cleanup_free_ char *text = NULL;
	struct body b = { 0 };
	long os_error = 0;
	CURLcode r;

	*ret = (struct tm_answer){ 0 };
	if (body)
		text = json_dumps(body, JSON_COMPACT);
	else if (tm_streq(method, "POST"))
		text = strdup("{}");
	if (!text && (body || tm_streq(method, "POST"))) {
		tm_error(c, "an argument is not valid UTF-8 text, or memory is short");
		return ret->exit_code = TM_EXIT_USAGE;
	}
	r = perform(c, method, path, text, timeout_ms, &b, &ret->status, &os_error);
	if (r != CURLE_OK) {
		free(b.data);
		ret->status = 0;
		return ret->exit_code = transport_failed(c, r, os_error);
	}
	ret->body =
		b.len ? json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL)
		      : NULL;
	free(b.data);
	if (ret->status >= 200 && ret->status < 300)
		ret->exit_code = TM_EXIT_OK;
	else
		ret->exit_code = tm_problem_exit(tm_out_str(ret->body, "code"));
	if (!ret->body && ret->exit_code == TM_EXIT_OK) {
		tm_error(c, "tidemarkd gave an answer that is no JSON");
		ret->exit_code = TM_EXIT_FAILED;
	}
	return ret->exit_code;
}

void tm_problem_print(const struct tm_cli *c, const struct tm_answer *a)
{
	const char *detail = tm_out_str(a->body, "detail");
	json_t *ids = json_object_get(a->body, "ids"), *id;
	_cleanup_free_ char *safe = NULL;
	size_t i;

	if (!a->status)
		return; /* the transport failed: already told */
	if (tm_out_is(a->body, "code", "no-such-path"))
		detail =
			"this tidemarkd does not know that; is it older than this command (tidemark version)?";
	if (!detail)
		detail = tm_out_str(a->body, "title");
	safe = tm_safe(c, detail ? detail : "no reason given");
	tm_error(c, "%s", safe);
	json_array_foreach (ids, i, id) {
		_cleanup_free_ char *shown = tm_safe(c, json_string_value(id));

		fprintf(c->talk, "  %s\n", shown);
	}
	if (c->json && a->body)
		tm_out_json(c, a->body);
}

int tm_rest(const struct tm_cli *c, const char *method, const char *path, json_t *body,
	    uint64_t timeout_ms, struct tm_answer *ret)
{
	if (tm_rest_quiet(c, method, path, body, timeout_ms, ret) != TM_EXIT_OK)
		tm_problem_print(c, ret);
	return ret->exit_code;
}

int tm_rest_get(const struct tm_cli *c, char *path, struct tm_answer *ret)
{
	int code = path ? tm_rest(c, "GET", path, NULL, 0, ret) : TM_EXIT_FAILED;

	free(path);
	return code;
}

void tm_answer_free(struct tm_answer *a)
{
	json_decref(a->body);
	a->body = NULL;
}

char *tm_path_with(const char *before, const char *text, size_t n, const char *after)
{
	/* curl takes 0 for "as long as it is". */
	char *enc = n ? curl_easy_escape(NULL, text, (int)n) : NULL;
	char *path = enc || !n ? tm_asprintf("%s%s%s", before, enc ? enc : "", after) : NULL;

	curl_free(enc);
	return path;
}

char *tm_policy_path(const char *ref, const char *tail)
{
	return tm_path_with("/v1/policies/", ref, strlen(ref), tail);
}

char *tm_page_query(const struct tm_cli *c)
{
	_cleanup_free_ char *limit =
		c->limit ? tm_asprintf("?limit=%" PRIu64, c->limit) : strdup("");

	_cleanup_free_ char *head = NULL;

	if (!limit || !c->before)
		return tm_take_ptr(limit);
	head = tm_asprintf("%s%sbefore=", limit, *limit ? "&" : "?");
	return head ? tm_path_with(head, c->before, strlen(c->before), "") : NULL;
}

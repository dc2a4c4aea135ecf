// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web/answer.c - answers as libmicrohttpd's responses: JSON, problems, cookies, and the headers
 * of every one.
 */
#include "web/http.h"

#include <stdio.h>

void tm_resp_header(struct MHD_Response *resp, const char *name, const char *value)
{
	if (resp)
		(void)MHD_add_response_header(resp, name, value);
}

struct MHD_Response *tm_resp_bytes(const void *p, size_t n, bool steal, const char *type)
{
	struct MHD_Response *resp = MHD_create_response_from_buffer(
		n, (void *)p, steal ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);

	if (!resp && steal)
		free((void *)p);
	tm_resp_header(resp, "Content-Type", type);
	return resp;
}

void tm_resp_security(struct MHD_Response *resp)
{
	static const char *const h[][2] = {
		{ "Content-Security-Policy",
		  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
		  "img-src 'self' data:; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
		  "form-action 'self'; require-trusted-types-for 'script'; trusted-types lit-html" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "X-Frame-Options", "DENY" },
		{ "Referrer-Policy", "no-referrer" },
		{ "Cross-Origin-Opener-Policy", "same-origin" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
		{ "Permissions-Policy",
		  "camera=(), geolocation=(), microphone=(), payment=(), usb=()" },
	};

	for (size_t i = 0; i < TM_ARRAY_SIZE(h); i++)
		tm_resp_header(resp, h[i][0], h[i][1]);
	if (!MHD_get_response_header(resp, "Cache-Control"))
		tm_resp_header(resp, "Cache-Control", "no-store");
}

static void json_answer(struct tm_req *r, unsigned int status, json_t *o, const char *type,
			const char *set_cookie, const char *retry_after)
{
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	struct MHD_Response *resp = text ? tm_resp_bytes(text, strlen(text), true, type) : NULL;

	json_decref(o);
	if (set_cookie)
		tm_resp_header(resp, "Set-Cookie", set_cookie);
	if (retry_after)
		tm_resp_header(resp, "Retry-After", retry_after);
	/*
	 * Refused before its body was read, if it has one: what follows on this connection is no
	 * request.
	 */
	if (!r->routed && resp)
		tm_resp_header(resp, "Connection", "close");
	tm_req_respond(r, status, resp);
}

void tm_req_json(struct tm_req *r, unsigned int status, json_t *o)
{
	json_answer(r, status, o, "application/json", NULL, NULL);
}

void tm_req_json_cookie(struct tm_req *r, unsigned int status, json_t *o, const char *cookie)
{
	char line[TM_TOKEN_TEXT + 128];

	snprintf(line, sizeof(line),
		 "__Host-tidemark=%s; Path=/; Secure; HttpOnly; SameSite=Strict%s",
		 cookie ? cookie : "", cookie ? "" : "; Max-Age=0");
	json_answer(r, status, o, "application/json", line, NULL);
	explicit_bzero(line, sizeof(line));
}

static void problem_va(struct tm_req *r, unsigned int status, const char *code, json_t *extra,
		       const char *fmt, va_list ap)
{
	char text[1024], retry[16] = "";
	json_t *o, *wait;

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	o = tm_api_problem_json(status, code, text);
	if (o && extra)
		(void)json_object_update_missing(o, extra);
	wait = json_object_get(extra, "retry_after");
	if (json_is_integer(wait))
		snprintf(retry, sizeof(retry), "%lld", (long long)json_integer_value(wait));
	json_decref(extra);
	json_answer(r, status, o, "application/problem+json", NULL, *retry ? retry : NULL);
}

void tm_req_problem(struct tm_req *r, unsigned int status, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_va(r, status, code, NULL, fmt, ap);
	va_end(ap);
}

void tm_req_problem_with(struct tm_req *r, unsigned int status, const char *code, json_t *extra,
			 const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_va(r, status, code, extra, fmt, ap);
	va_end(ap);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web/sse_parse.c - the event stream format of the HTML standard, section 9.2.6, with bounds.
 */
#include "web/sse.h"

#include <stdio.h>

void tm_sse_parser_init(struct tm_sse_parser *p)
{
	*p = (struct tm_sse_parser){ 0 };
	tm_buf_init(&p->line, TM_SSE_EVENT_MAX + 64);
	tm_buf_init(&p->data, TM_SSE_EVENT_MAX);
}

void tm_sse_parser_free(struct tm_sse_parser *p)
{
	tm_buf_free(&p->line);
	tm_buf_free(&p->data);
}

static void next_event(struct tm_sse_parser *p)
{
	tm_buf_reset(&p->data);
	p->type[0] = 0;
	p->has_data = p->skip = false;
}

void tm_sse_parser_reset(struct tm_sse_parser *p)
{
	tm_buf_reset(&p->line);
	p->cr = false;
	next_event(p);
}

static void field_id(struct tm_sse_parser *p, const char *v, size_t n)
{
	if (n >= sizeof(p->id) || memchr(v, 0, n))
		return;
	memcpy(p->id, v, n);
	p->id[n] = 0;
}

static void field_type(struct tm_sse_parser *p, const char *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] <= ' ' || v[i] >= 0x7f)
			p->skip = true;
	if (n >= sizeof(p->type))
		p->skip = true;
	if (p->skip)
		return;
	memcpy(p->type, v, n);
	p->type[n] = 0;
}

static void field_data(struct tm_sse_parser *p, const char *v, size_t n)
{
	if (p->has_data)
		tm_put_u8(&p->data, '\n');
	p->has_data = true;
	tm_put_raw(&p->data, v, n);
	if (tm_buf_error(&p->data))
		p->skip = true;
}

static void dispatch(struct tm_sse_parser *p, tm_sse_event_fn fn, void *arg)
{
	if (p->skip)
		p->skipped++;
	else if (p->has_data)
		fn(arg, p->type[0] ? p->type : "message", p->id,
		   p->data.data ? (char *)p->data.data : "", p->data.len);
	next_event(p);
}

static void take_line(struct tm_sse_parser *p, tm_sse_event_fn fn, void *arg)
{
	const char *line = (const char *)p->line.data, *value;
	size_t n = p->line.len, name;

	if (tm_buf_error(&p->line)) {
		p->skip = true;
		return;
	}
	if (n == 0) {
		dispatch(p, fn, arg);
		return;
	}
	for (name = 0; name < n && line[name] != ':'; name++)
		;
	value = name < n ? line + name + 1 : line + n;
	if (value < line + n && *value == ' ')
		value++;
	n -= (size_t)(value - line);
	if (name == 2 && !memcmp(line, "id", 2))
		field_id(p, value, n);
	else if (name == 5 && !memcmp(line, "event", 5))
		field_type(p, value, n);
	else if (name == 4 && !memcmp(line, "data", 4))
		field_data(p, value, n);
	/* A comment (no name), "retry" or what may come later: nothing. */
}

int tm_sse_parse(struct tm_sse_parser *p, const void *bytes, size_t n, tm_sse_event_fn fn,
		 void *arg)
{
	const char *b = bytes;

	while (n) {
		size_t part;

		if (p->cr && *b == '\n') {
			p->cr = false;
			b++;
			n--;
			continue;
		}
		p->cr = false;
		for (part = 0; part < n && b[part] != '\n' && b[part] != '\r'; part++)
			;
		tm_put_raw(&p->line, b, part);
		/* Too long is this event's trouble; memory is ours. */
		if (tm_buf_error(&p->line) == -ENOMEM)
			return -ENOMEM;
		b += part;
		n -= part;
		if (!n)
			break;
		p->cr = *b == '\r';
		b++;
		n--;
		take_line(p, fn, arg);
		tm_buf_reset(&p->line);
	}
	return 0;
}

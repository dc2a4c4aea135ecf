// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * api.js - requests to this server: JSON in, JSON out, problems as one class of error.
 *
 * Mutations carry the session's token. An answer that says that nobody is logged in ends the session here too.
 */
import { state, changed } from './store.js';
import { setServerTime } from './format.js';

const ATTENDED_MS = 10000;

/* The server's details begin small, as a log's do. Names stay as they are. */
const sentence = (s) =>
	/^(the|a|an|no|nobody|policy|it|this|only)\b/.test(s)
		? `${s[0].toUpperCase()}${s.slice(1)}${/[.!?]$/.test(s) ? '' : '.'}`
		: s;

/* What went wrong, as RFC 9457 tells it; `code` is stable, `message` is for people. */
export class Problem extends Error {
	constructor(status, o) {
		super(sentence(o.detail || o.title || `the server answered ${status}`));
		Object.assign(this, { status, code: o.code ?? 'unknown', field: o.field ?? null, more: o });
	}
}

async function problemOf(r) {
	let o = {};
	try {
		o = await r.json();
	} catch {
		o = { detail: `the server answered ${r.status} ${r.statusText}`, code: 'not-json' };
	}
	const p = new Problem(r.status, o);
	p.retryAfter = Number(r.headers.get('Retry-After')) || null;
	return p;
}

export function sessionOver(why) {
	if (!state.session) return;
	state.session = null;
	state.login = { ...state.login, why };
	changed();
}

/* Headers of every request; the token only where something changes. */
function headersOf(method, body, ifMatch) {
	const h = { Accept: 'application/json' };
	if (method !== 'GET' && state.session?.csrf) h['Tidemark-CSRF'] = state.session.csrf;
	if (body !== undefined) h['Content-Type'] = 'application/json';
	/* What the page asks by itself, while nobody does anything here, does not keep the login alive. */
	if (Date.now() - state.touched > ATTENDED_MS) h['Tidemark-Background'] = 'yes';
	else state.counted = Date.now();
	if (ifMatch) h['If-Match'] = `"${ifMatch}"`;
	return h;
}

export async function call(method, path, body, { ifMatch, signal } = {}) {
	let r;
	try {
		r = await fetch(path, {
			method,
			headers: headersOf(method, body, ifMatch),
			body: body === undefined ? undefined : JSON.stringify(body),
			credentials: 'same-origin',
			cache: 'no-store',
			signal,
		});
	} catch (e) {
		if (e.name === 'AbortError') throw e;
		throw new Problem(0, {
			code: 'unreachable',
			detail: 'The server does not answer. Is tidemark-web running, and the network up?',
		});
	}
	setServerTime(r.headers.get('Date'));
	if (r.status === 204) return null;
	if (r.ok) return r.json();
	const p = await problemOf(r);
	if (r.status === 401 && p.code === 'login-required')
		sessionOver('Your session is over. Please log in again.');
	throw p;
}

export const get = (path, opts) => call('GET', path, undefined, opts);
export const post = (path, body = {}, opts) => call('POST', path, body, opts);
export const patch = (path, body, opts) => call('PATCH', path, body, opts);
export const put = (path, body, opts) => call('PUT', path, body, opts);
export const del = (path, opts) => call('DELETE', path, undefined, opts);

export const policyPath = (p, tail = '') =>
	`/v1/policies/${encodeURIComponent(p.id)}${tail ? `/${tail}` : ''}`;

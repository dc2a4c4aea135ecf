// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store.js - what the page knows, in one object, and who wants to hear that it changed.
 *
 * Views read `state` and never write another view's part of it. changed() asks for a redraw of everything at the next frame:
 * lit touches only what differs.
 */

export const state = {
	session: undefined /* undefined: not asked yet; null: nobody; else {name, role, csrf, cluster, idle_seconds} */,
	touched: Date.now() /* when somebody last did something here */,
	counted: 0 /* the last request that told the server so */,
	login: {} /* what the login page says: {accounts, why, last} */,
	status: null /* GET /v1/status */,
	policies: null /* Map id -> policy object; null: not loaded yet */,
	health: null,
	daemon: true /* does tidemarkd answer tidemark-web */,
	live: { word: 'Connecting', since: Date.now() },
	route: { page: 'replication', arg: null },
	notices: [] /* {id, tone, body (template or text), actions} at the top of the page */,
	said: '' /* the last change of state, for the screen reader */,
};

const hearers = new Set();
let asked = false;

export function onChange(f) {
	hearers.add(f);
}

export function changed() {
	if (asked) return;
	asked = true;
	requestAnimationFrame(() => {
		asked = false;
		for (const f of hearers) f();
	});
}

let noticeId = 0;

/* A message at the top of the page until it is dismissed; one with the same @key replaces the former; @page: only there. */
export function notice(tone, body, { key = null, page = null, buttons = [] } = {}) {
	state.notices = state.notices.filter((n) => key === null || n.key !== key);
	const n = { id: ++noticeId, tone, body, key, page, buttons };
	state.notices.push(n);
	changed();
	return n;
}

export function dismiss(keyOrId) {
	const left = state.notices.filter((n) => n.key !== keyOrId && n.id !== keyOrId);
	if (left.length === state.notices.length) return;
	state.notices = left;
	changed();
}

/* For the screen reader: state changes only, never percentages. */
export function say(s) {
	state.said = s;
	changed();
}

const RANK = { viewer: 0, operator: 1, admin: 2 };
const NEEDS = { replicate: 1, abort: 1, enable: 1, disable: 1, verify: 1 };

/* May who is logged in do this? What is not listed is the admin's. */
export const may = (action) => (RANK[state.session?.role] ?? -1) >= (NEEDS[action] ?? 2);

export const requests = () =>
	[...(state.policies?.values() ?? [])].filter(
		(p) => p.role === 'target' && p.status === 'Awaiting Authorization',
	);

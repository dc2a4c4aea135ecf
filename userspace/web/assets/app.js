// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * app.js - the page starts here: who is logged in, which page the address names, and what the events change.
 */
import { render } from './vendor/lit.js';
import { get } from './api.js';
import { state, changed, onChange, say } from './store.js';
import { startEvents, stopEvents } from './events.js';
import { closeDialogs } from './dialogs.js';
import { loadHealth, loadPolicies, setPolicy } from './model.js';
import { shell } from './shell.js';
import { loginView, logout } from './views/login.js';
import * as replication from './views/replication.js';
import * as policy from './views/policy.js';
import * as health from './views/health.js';
import * as settings from './views/settings.js';
import * as audit from './views/audit.js';
import * as peers from './views/peers.js';
import * as users from './views/users.js';

const PAGES = { replication, policy, health, settings, audit, peers, users };
const TOLD_MS = 60000;
const TICK_MS = 1000;

const root = document.getElementById('app');
let shown = null; /* the page that was entered */

// ---- the address

function routeOf(hash) {
	const [page, arg] = hash.replace(/^#\/?/, '').split('/');
	if (!Object.hasOwn(PAGES, page)) return { page: 'replication', arg: null };
	try {
		return { page, arg: arg ? decodeURIComponent(arg) : null };
	} catch {
		return { page, arg };
	}
}

function go() {
	const before = state.route;
	state.route = routeOf(location.hash);
	if (!state.session) return;
	if (shown) PAGES[shown].leave?.();
	shown = state.route.page;
	PAGES[shown].enter?.(state.route.arg);
	closeDialogs();
	changed();
	if (before.page !== state.route.page || before.arg !== state.route.arg) {
		/* Good news is for the page where it happened; what is wrong stays until somebody has seen it. */
		state.notices = state.notices.filter((n) => n.tone === 'bad' || n.tone === 'warn');
		window.scrollTo(0, 0);
		/* As after loading a page: a screen reader begins at its heading. */
		requestAnimationFrame(() =>
			requestAnimationFrame(() =>
				document.getElementById('main')?.focus({ preventScroll: true }),
			),
		);
	}
}

// ---- what happens

const onEvent = {
	policy: (p) => setPolicy(p),
	request: (p) => setPolicy(p),
	'policy-deleted': ({ id }) => {
		state.policies?.delete(id);
		changed();
	},
	health: (h) => {
		state.health = h;
		changed();
	},
	run: () => shown === 'policy' && policy.refresh(),
	settings: () => shown === 'settings' && settings.load(),
	audit: (row) => shown === 'audit' && audit.add(row),
	hello: ({ daemon }) => setDaemon(daemon),
	daemon: ({ connected }) => setDaemon(connected),
	resync: () => reload(),
};

/* tidemark-web answers while tidemarkd does not: then all that is shown is old. */
function setDaemon(there) {
	state.daemon = there;
	if (!there) say('tidemarkd does not answer');
	changed();
}

async function reload() {
	try {
		await Promise.all([loadPolicies(), loadHealth().catch(() => {})]);
	} catch {
		/* The badge tells; the next connection begins with a resync again. */
	}
	if (shown === 'policy') policy.refresh();
}

// ---- sessions

async function begin(session) {
	state.session = session;
	if (!session.cluster || !session.idle_seconds)
		state.session = { ...session, ...(await get('/session')) };
	state.touched = Date.now();
	await loadPolicies().catch(() => {});
	startEvents((type, data) => onEvent[type]?.(data));
	go();
}

function end() {
	stopEvents();
	closeDialogs();
	if (shown) PAGES[shown].leave?.();
	shown = null;
	state.policies = state.health = state.status = null;
	state.daemon = true;
	state.notices = [];
}

async function leave(why) {
	await logout();
	state.session = null;
	state.login = { why };
	changed();
}

/*
 * Idleness is judged by the server, which is told which requests are the page's own: another tab may be in use. Whoever reads and scrolls is here too,
 * though nothing is asked for.
 */
function tellReading() {
	if (state.session && state.touched - state.counted > TOLD_MS && Date.now() - state.touched < 5000)
		get('/v1/status').catch(() => {});
}

for (const kind of ['pointerdown', 'keydown', 'wheel', 'touchstart'])
	addEventListener(
		kind,
		() => {
			state.touched = Date.now();
		},
		{ passive: true, capture: true },
	);

// ---- drawing

let hadSession = false;

function draw() {
	if (state.session === undefined) return;
	if (hadSession && !state.session) end();
	hadSession = Boolean(state.session);
	const page = shown && PAGES[shown];
	document.title = [page?.title?.(), state.session?.cluster, 'tidemark'].filter(Boolean).join(' – ');
	render(state.session ? shell(page?.view, leave) : loginView(begin), root);
}

onChange(draw);
addEventListener('hashchange', go);
setInterval(() => {
	if (document.hidden) return;
	tellReading();
	changed();
}, TICK_MS);
document.addEventListener('visibilitychange', () => !document.hidden && changed());

root.replaceChildren();
try {
	await begin(await get('/session'));
} catch (e) {
	state.session = null;
	state.login = {
		accounts: e.more?.accounts,
		cluster: e.more?.cluster,
		why: e.status === 401 ? null : e.message,
	};
	changed();
}

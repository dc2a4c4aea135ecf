// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * events.js - one stream of events for all tabs of this browser, and a word for how fresh the page is.
 *
 * Browsers keep few connections to one server, so one tab (whoever holds the lock) reads the stream and passes every event
 * on; when it goes, another takes over where it stopped. The stream is read with fetch, not EventSource: so silence is noticed too (the
 * server speaks every 15 s) and an ended session shows as such.
 *
 * Words: Connecting, Live, Reconnecting, Stale (since the last sign of life).
 */
import { state, changed } from './store.js';
import { sessionOver } from './api.js';

const SILENCE_MS = 40000;
const STALE_MS = 10000;
const CHANNEL = 'tidemark-events';

let hear = () => {};
let running = null; /* AbortController of this tab's part */
let lastId = null;
let lastSign = Date.now();

function setWord(word) {
	if (state.live.word === word) return;
	state.live = { word, since: word === 'Stale' ? lastSign : Date.now() };
	changed();
}

function take(message) {
	if (message.sign) lastSign = Date.now();
	if (message.word) setWord(message.word);
	if (message.id) lastId = message.id;
	if (message.type) hear(message.type, message.data);
}

/* One event from its lines; null for a comment or one that cannot be read. */
function parse(block) {
	const e = { type: 'message', data: '' };
	for (const line of block.split('\n')) {
		const at = line.indexOf(':');
		const name = line.slice(0, at);
		const value = line.slice(at + 1).replace(/^ /, '');
		if (name === 'id') e.id = value;
		else if (name === 'event') e.type = value;
		else if (name === 'data') e.data += (e.data ? '\n' : '') + value;
	}
	/* The greeting is an id alone: where this stream begins. */
	if (!e.data) return e.id ? { id: e.id } : null;
	try {
		return { id: e.id, type: e.type, data: JSON.parse(e.data) };
	} catch {
		return null;
	}
}

/* Read one connection to its end. @tell passes messages to every tab. */
async function read(signal, tell) {
	const stop = new AbortController();
	const end = () => stop.abort();
	signal.addEventListener('abort', end);
	let heard = Date.now();
	const guard = setInterval(() => Date.now() - heard > SILENCE_MS && stop.abort(), 2000);
	try {
		const headers = { Accept: 'text/event-stream' };
		if (lastId) headers['Last-Event-ID'] = lastId;
		const r = await fetch('/v1/events', {
			headers,
			signal: stop.signal,
			credentials: 'same-origin',
			cache: 'no-store',
		});
		if (r.status === 401) sessionOver('Your session is over. Please log in again.');
		if (!r.ok) throw new Error(`events: ${r.status}`);
		tell({ word: 'Live', sign: true });
		/* What happened before the first connection is in what the page loads; after a gap it must load again. */
		if (!lastId) tell({ type: 'resync', data: {} });
		const reader = r.body.pipeThrough(new TextDecoderStream()).getReader();
		let rest = '';
		for (;;) {
			const { value, done } = await reader.read();
			if (done) return;
			heard = Date.now();
			const blocks = (rest + value.replace(/\r/g, '')).split('\n\n');
			rest = blocks.pop();
			tell({ sign: true });
			for (const b of blocks) {
				const e = parse(b);
				if (e) tell(e);
			}
		}
	} finally {
		clearInterval(guard);
		signal.removeEventListener('abort', end);
	}
}

const pause = (ms, signal) =>
	new Promise((done) => {
		const t = setTimeout(done, ms);
		signal.addEventListener(
			'abort',
			() => {
				clearTimeout(t);
				done();
			},
			{ once: true },
		);
	});

async function lead(signal, tell) {
	let wait = 250;
	while (!signal.aborted) {
		const began = Date.now();
		try {
			await read(signal, tell);
		} catch {
			/* The word says it. */
		}
		if (signal.aborted) return;
		if (Date.now() - began > 5000) wait = 250;
		tell({ word: 'Reconnecting' });
		await pause(wait, signal);
		wait = Math.min(wait * 2, 5000);
	}
}

export function startEvents(onEvent) {
	stopEvents();
	hear = onEvent;
	const stop = (running = new AbortController());
	const { signal } = stop;
	const channel = new BroadcastChannel(CHANNEL);
	channel.onmessage = (m) => {
		take(m.data);
		if (!m.data.word && state.live.word !== 'Live') setWord('Live');
	};
	const tell = (m) => {
		channel.postMessage(m);
		take(m);
	};
	navigator.locks.request(CHANNEL, { signal }, () => lead(signal, tell)).catch(() => {});
	const guard = setInterval(() => {
		if (state.live.word !== 'Live' && Date.now() - lastSign > STALE_MS) setWord('Stale');
		else if (Date.now() - lastSign > SILENCE_MS) setWord('Stale');
	}, 1000);
	signal.addEventListener('abort', () => {
		clearInterval(guard);
		channel.close();
	});
	/* A tab that only listens loads once and hears from then on. */
	hear('resync', {});
}

export function stopEvents() {
	running?.abort();
	running = null;
	lastId = null;
	lastSign = Date.now();
	state.live = { word: 'Connecting', since: Date.now() };
}

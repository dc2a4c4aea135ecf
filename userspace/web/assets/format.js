// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * format.js - values as people read them: bytes, rates, durations, times, and text from outside.
 *
 * Everything here returns strings or lit templates and keeps no state but the server's clock.
 * Names of files, clusters and the like are bytes that others chose: text() and path() show what would
 * be invisible, or would reorder the line, as escapes that can be seen and told from the name's own characters.
 */
import { html, nothing } from './vendor/lit.js';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/* 1536 -> "1.5 KiB" */
export function bytes(n) {
	if (n == null) return '–';
	let u = 0;
	while (n >= 1024 && u < UNITS.length - 1) {
		n /= 1024;
		u++;
	}
	return `${u === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${UNITS[u]}`;
}

export const rate = (n) => (n == null ? '–' : `${bytes(n)}/s`);

export const count = (n) => (n == null ? '–' : n.toLocaleString('en-US'));

/* "1 file", "3 files", "2 directories" */
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/* Seconds as the two largest units that matter: "45 s", "3 min 20 s", "2 h 5 min", "3 d 4 h". */
export function duration(s) {
	if (s == null) return '–';
	if (s < 1) return s <= 0 ? '0 s' : `${Math.round(s * 1000)} ms`;
	s = Math.round(s);
	if (s < 60) return `${s} s`;
	const two = (big, bigName, small, smallName) =>
		small ? `${big} ${bigName} ${small} ${smallName}` : `${big} ${bigName}`;
	if (s < 3600) return two(Math.floor(s / 60), 'min', s % 60, 's');
	if (s < 86400) return two(Math.floor(s / 3600), 'h', Math.floor((s % 3600) / 60), 'min');
	return two(Math.floor(s / 86400), 'd', Math.floor((s % 86400) / 3600), 'h');
}

// ---- times

let clockOffset = 0; /* server's clock minus this one, in ms */

export function setServerTime(dateHeader) {
	const at = Date.parse(dateHeader ?? '');
	/* The header has whole seconds: a small difference means nothing. */
	if (Number.isFinite(at) && Math.abs(at - Date.now() - clockOffset) > 2000)
		clockOffset = at - Date.now();
}

export const now = () => Date.now() + clockOffset;

export function ago(ts) {
	const diff = (now() - Date.parse(ts)) / 1000;
	const s = Math.abs(diff);
	if (s < 5) return 'just now';
	const [n, unit] =
		s < 60
			? [s, 's']
			: s < 3600
				? [s / 60, 'min']
				: s < 86400
					? [s / 3600, 'h']
					: [s / 86400, 'd'];
	return diff > 0 ? `${Math.floor(n)} ${unit} ago` : `in ${Math.floor(n)} ${unit}`;
}

const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'long' });

/* "14:03:22", with the date where it is not today's. */
export function absolute(ts) {
	const d = new Date(ts);
	return d.toDateString() === new Date(now()).toDateString()
		? clock.format(d)
		: `${day.format(d)}, ${clock.format(d)}`;
}

export const clockOf = (ts) => clock.format(new Date(ts));

/* A moment, both ways; the zone is in its title. @none stands for null. */
export function time(ts, none = 'never') {
	if (!ts) return html`<span class="quiet">${none}</span>`;
	return html`<time datetime=${ts} title=${full.format(new Date(ts))}
		>${absolute(ts)} <span class="quiet">(${ago(ts)})</span></time
	>`;
}

// ---- text from outside

/*
 * What is not shown as it is: everything of Unicode's class "other" (controls, formats such as bidi marks and zero-width
 * characters, surrogates, private, unassigned), separators other than the plain blank, and letters that have no ink.
 * A backslash is doubled, so that no two names look the same.
 */
const UNSEEN =
	/\\|[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}|[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufffc\ufffd\u{e0100}-\u{e01ef}]/gu;
const SHORT = { '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\r': '\\r', '\x1b': '\\e', '\0': '\\0' };
const MAX = 4096;

function escapeOf(c) {
	const code = c.codePointAt(0);
	if (SHORT[c]) return SHORT[c];
	return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

/* [string, isEscape] pieces; @known: escapes that were made before (bytes that are no characters) */
function pieces(s) {
	const out = [];
	let last = 0;
	for (const m of s.matchAll(UNSEEN)) {
		if (m.index > last) out.push([s.slice(last, m.index), false]);
		out.push([escapeOf(m[0]), true]);
		last = m.index + m[0].length;
	}
	if (last < s.length) out.push([s.slice(last), false]);
	return out;
}

/* Bytes as UTF-8 where they are, \xNN where they are not. */
function bytePieces(b64) {
	const raw = Uint8Array.from(atob(b64), (c) => c.charCodeAt(0));
	const strict = new TextDecoder('utf-8', { fatal: true });
	const out = [];
	for (let i = 0; i < raw.length;) {
		const lead = raw[i];
		const n = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
		let s = null;
		try {
			s = strict.decode(raw.subarray(i, i + n));
		} catch {
			s = null;
		}
		if (s) {
			out.push(...pieces(s));
			i += n;
		} else {
			out.push([`\\x${lead.toString(16).padStart(2, '0')}`, true]);
			i += 1;
		}
	}
	return out;
}

function piecesOf(s, b64) {
	const cut = s.length > MAX;
	const list = b64 ? bytePieces(b64) : pieces(cut ? s.slice(0, MAX) : s);
	return cut && !b64 ? [...list, ['…', true]] : list;
}

/* One string, escapes included: for titles and accessible names. */
export const plain = (s, b64) =>
	s == null
		? ''
		: piecesOf(s, b64)
				.map(([t]) => t)
				.join('');

/* Text from outside as a template; the escapes look different from the name's own characters. */
export function text(s, b64) {
	if (s == null || s === '') return nothing;
	return html`<bdi dir="ltr"
		>${merge(piecesOf(s, b64)).map(([t, esc]) => (esc ? html`<span class="esc">${t}</span>` : t))}</bdi
	>`;
}

/* Neighbours of one kind become one piece, so that a long name is not a thousand elements. */
function merge(list) {
	const out = [];
	for (const [t, esc] of list) {
		const end = out.at(-1);
		if (end && end[1] === esc) end[0] += t;
		else out.push([t, esc]);
	}
	return out;
}

/* o[key] with o[key + "_b64"], as a path. */
export const path = (o, key = 'path') => html`<span class="path">${text(o?.[key], o?.[`${key}_b64`])}</span>`;

/* A key's fingerprint in groups that two people can read to each other. */
export const fingerprint = (f) =>
	html`<code class="print">${(f ?? '').match(/.{1,8}/g)?.join(' ') ?? '–'}</code>`;

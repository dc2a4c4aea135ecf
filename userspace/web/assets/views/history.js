// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * views/history.js - of one policy: the runs, newest first, and the files that could not be replicated as they are.
 */
import { html, nothing } from '../vendor/lit.js';
import { get, policyPath } from '../api.js';
import { changed } from '../store.js';
import { icon } from '../icons.js';
import { bytes, count, duration, path, text, time } from '../format.js';
import { badge } from './parts.js';

const RUNS = 20;
const FAILURES = 100;

const KINDS = {
	first: 'first sync',
	manual: 'manual',
	continuous: 'continuous',
	heal: 'healing',
	verify: 'verify',
};
const RESULTS = {
	running: ['cycle', 'busy', 'running'],
	finished: ['done', 'good', 'finished'],
	failed: ['cross', 'bad', 'failed'],
	aborted: ['stop', 'off', 'aborted'],
	stopped: ['halt', 'bad', 'stopped'],
};
const OPS = {
	read: 'could not be read',
	torn: 'was written faster than it could be read',
	refused: 'was refused by the target',
	write: 'could not be written there',
	verify: 'differs from the source',
};

/* One list that grows by @page rows; the first page is asked for again whenever something happened. */
function pager(tail, page) {
	const list = { rows: null, more: false, error: null, busy: false };
	const fetchRows = (p, before) =>
		get(
			policyPath(
				p,
				`${tail}?limit=${page + 1}${before ? `&before=${encodeURIComponent(before)}` : ''}`,
			),
		);
	list.load = async (p) => {
		try {
			const rows = await fetchRows(p);
			const old = (list.rows ?? []).slice(page);
			const seen = new Set(rows.map((r) => r.id));
			list.more = rows.length > page || (old.length > 0 && list.more);
			list.rows = [...rows.slice(0, page), ...old.filter((r) => !seen.has(r.id))];
			list.error = null;
		} catch (e) {
			list.error = e;
		}
		changed();
	};
	list.older = async (p) => {
		list.busy = true;
		changed();
		try {
			const rows = await fetchRows(p, list.rows.at(-1)?.id);
			list.more = rows.length > page;
			list.rows = [...list.rows, ...rows.slice(0, page)];
		} catch (e) {
			list.error = e;
		}
		list.busy = false;
		changed();
	};
	list.button = (p) =>
		list.more
			? html`<button
					class="plain small"
					?disabled=${list.busy}
					@click=${() => list.older(p)}
				>
					Show older
				</button>`
			: nothing;
	return list;
}

function runRow(r) {
	const [shape, tone, word] = RESULTS[r.result] ?? ['info', 'off', r.result];
	const took = r.finished ? duration((Date.parse(r.finished) - Date.parse(r.started)) / 1000) : '';
	return html`<tr>
		<td>
			${badge(shape, tone, word)}${r.error ? html`<span class="small block">${text(r.error)}</span>` : nothing}
		</td>
		<td>
			${KINDS[r.kind] ?? r.kind}${
				r.kind === 'verify' && r.verified_files != null
					? html`<span class="quiet small block"
							>${count(r.verified_files)} files,
							${bytes(r.verified_bytes)} compared,
							${count(r.mismatched)} differed</span
						>`
					: nothing
			}
		</td>
		<td>${time(r.started)}</td>
		<td class="num">${took}</td>
		<td class="num">${count(r.files)}</td>
		<td class="num">${count(r.deleted)}</td>
		<td class="num">${bytes(r.payload_bytes)}</td>
		<td class="num">${bytes(r.wire_bytes)}</td>
	</tr>`;
}

const runTable = (rows) =>
	html`<div class="scroll" tabindex="0" role="region" aria-label="History of runs">
		<table class="small">
			<thead>
				<tr>
					<th scope="col">Result</th>
					<th scope="col">Kind</th>
					<th scope="col">Started</th>
					<th scope="col" class="num">Took</th>
					<th scope="col" class="num">Files</th>
					<th scope="col" class="num">Deleted</th>
					<th scope="col" class="num">Data</th>
					<th scope="col" class="num">Wire</th>
				</tr>
			</thead>
			<tbody>
				${rows.map(runRow)}
			</tbody>
		</table>
	</div>`;

const failureRow = (f) =>
	html`<tr>
		<td>${path(f)}</td>
		<td>${OPS[f.op] ?? f.op}</td>
		<td>${text(f.error)}</td>
		<td>${time(f.time)}</td>
	</tr>`;

const failureTable = (rows) =>
	html`<div class="scroll" tabindex="0" role="region" aria-label="Failures by file">
		<table class="small">
			<thead>
				<tr>
					<th scope="col">File</th>
					<th scope="col">What happened</th>
					<th scope="col" class="middle">Why</th>
					<th scope="col">When</th>
				</tr>
			</thead>
			<tbody>
				${rows.map(failureRow)}
			</tbody>
		</table>
	</div>`;

export function makeHistory() {
	const runs = pager('runs', RUNS);
	const failures = pager('failures', FAILURES);
	const list = (l, p, none, table) =>
		l.error
			? html`<p class="message bad">
					${icon('warn')}<span>${text(l.error.message)}</span>
				</p>`
			: !l.rows
				? html`<p class="quiet">Loading…</p>`
				: l.rows.length
					? html`${table(l.rows)}${l.button(p)}`
					: html`<p class="quiet">${none}</p>`;
	return {
		load: (p) => Promise.all([runs.load(p), failures.load(p)]),
		view: (p, card) =>
			html` ${card('History', list(runs, p, 'No runs yet.', runTable), 'wide')}
			${card(p.failures ? `Failures by file (${count(p.failures)})` : 'Failures by file', list(failures, p, 'Every file was replicated as it is.', failureTable), 'wide')}`,
	};
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * views/audit.js - Cluster > Audit: who did what, when; newest first.
 */
import { html, nothing } from '../vendor/lit.js';
import { get } from '../api.js';
import { changed } from '../store.js';
import { text, time } from '../format.js';
import { policyBy } from '../model.js';
import { command, commandBox } from '../commands.js';
import { empty, loading, retry } from './parts.js';

export const title = () => 'Audit';

const PAGE = 50;

let rows = null;
let more = false;
let error = null;

async function load(before) {
	error = null;
	try {
		const a = await get(
			`/v1/audit?limit=${PAGE + 1}${before ? `&before=${encodeURIComponent(before)}` : ''}`,
		);
		more = a.length > PAGE;
		rows = [...(before ? rows : []), ...a.slice(0, PAGE)];
	} catch (e) {
		error = e;
	}
	changed();
}

export function enter() {
	load();
}

/* One row more, as it happens. */
export function add(row) {
	if (rows && !rows.some((r) => r.id === row.id)) rows = [row, ...rows];
	changed();
}

const policyLink = (r) => {
	const p = r.policy && policyBy(r.policy);
	return p ? html`<a href="#/policy/${p.id}">${text(r.name ?? p.name)}</a>` : text(r.name);
};

const row = (r) =>
	html`<tr role="row">
		<td role="cell" data-label="When">${time(r.time)}</td>
		<td role="cell" data-label="Who">${text(r.who)}</td>
		<td role="cell" data-label="What" class="whole"><strong>${text(r.action)}</strong></td>
		<td role="cell" data-label="Policy">${policyLink(r)}</td>
		<td role="cell" data-label="Detail">${text(r.detail)}</td>
	</tr>`;

export function view() {
	if (error && !rows)
		return html`<div class="page-head"><h1>Audit</h1></div>
			${retry(error, () => load())}`;
	if (!rows) return loading;
	return html`<div class="page-head"><h1>Audit</h1></div>
		${
			rows.length
				? html`<table class="stack" role="table">
						<caption class="hidden">
							Audit log, newest first
						</caption>
						<thead role="rowgroup">
							<tr role="row">
								<th role="columnheader" scope="col">When</th>
								<th
									role="columnheader"
									scope="col"
									class="middle"
								>
									Who
								</th>
								<th role="columnheader" scope="col">What</th>
								<th
									role="columnheader"
									scope="col"
									class="middle"
								>
									Policy
								</th>
								<th role="columnheader" scope="col">
									Detail
								</th>
							</tr>
						</thead>
						<tbody role="rowgroup">
							${rows.map(row)}
						</tbody>
					</table>`
				: empty(
						'clock',
						'Nothing happened yet',
						html`<p>
							Whoever creates, accepts, changes or deletes something
							is written down here, with the time.
						</p>`,
					)
		}
		${error ? retry(error, () => load(rows.at(-1)?.id)) : more ? html`<button class="plain" @click=${() => load(rows.at(-1)?.id)}>Show older</button>` : nothing}
		${commandBox([command('audit')])}`;
}

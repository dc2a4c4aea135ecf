// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * views/peers.js - Cluster > Peers: the other clusters, their keys, and this cluster's own key.
 */
import { html } from '../vendor/lit.js';
import { get } from '../api.js';
import { changed, state } from '../store.js';
import { fingerprint, text, time } from '../format.js';
import { command, commandBox } from '../commands.js';
import { empty, fact, loading, retry } from './parts.js';

export const title = () => 'Peers';

let rows = null;
let error = null;

async function load() {
	error = null;
	try {
		[rows, state.status] = await Promise.all([get('/v1/peers'), get('/v1/status')]);
	} catch (e) {
		error = e;
	}
	changed();
}

export function enter() {
	load();
}

const names = (list) =>
	[...(state.policies?.values() ?? [])].filter((p) => p.peer_fingerprint === list.fingerprint);

const row = (r) =>
	html`<tr role="row">
		<th role="rowheader" scope="row" data-label="Cluster">${text(r.cluster) ?? '–'}</th>
		<td role="cell" data-label="Address">${text(r.address)}</td>
		<td role="cell" data-label="Key fingerprint">${fingerprint(r.fingerprint)}</td>
		<td role="cell" data-label="Policies">
			${names(r).length ? html`<span>${names(r).map((p, i) => html`${i ? ', ' : ''}<a href="#/policy/${p.id}">${text(p.name)}</a>`)}</span>` : Array.isArray(r.policies) ? r.policies.length : r.policies}
		</td>
		<td role="cell" data-label="First seen">${time(r.first_seen)}</td>
		<td role="cell" data-label="Last seen">${time(r.last_seen)}</td>
	</tr>`;

function self() {
	const s = state.status;
	return html`<section class="card">
		<h2>This cluster</h2>
		<dl class="facts">
			${fact('Cluster', text(s.cluster))}${fact('Key fingerprint', fingerprint(s.fingerprint))}
			${fact('Listening', s.listening ? html`${text(s.listening.address)} port ${s.listening.port}` : html`<span class="tone-bad">no: ${text(s.listen_error)}</span>`)}
			${fact('Version', text(s.version))}
		</dl>
		<p class="hint">
			<span
				>Tell this fingerprint to the admins of other clusters by another way than
				this network: they compare it before they accept.</span
			>
		</p>
	</section>`;
}

export function view() {
	if (error)
		return html`<div class="page-head"><h1>Peers</h1></div>
			${retry(error, load)}`;
	if (!rows || !state.status) return loading;
	return html`<div class="page-head"><h1>Peers</h1></div>
		${
			rows.length
				? html`<table class="stack" role="table">
						<caption class="hidden">
							Other clusters
						</caption>
						<thead role="rowgroup">
							<tr role="row">
								<th
									role="columnheader"
									scope="col"
									class="middle"
								>
									Cluster
								</th>
								<th
									role="columnheader"
									scope="col"
									class="middle"
								>
									Address
								</th>
								<th role="columnheader" scope="col">
									Key fingerprint
								</th>
								<th role="columnheader" scope="col">
									Policies
								</th>
								<th role="columnheader" scope="col">
									First seen
								</th>
								<th role="columnheader" scope="col">
									Last seen
								</th>
							</tr>
						</thead>
						<tbody role="rowgroup">
							${rows.map(row)}
						</tbody>
					</table>`
				: empty(
						'key',
						'No other cluster yet',
						html`<p>
							A cluster appears here when a relationship with it is
							created, from either side. Its key is remembered then,
							and nobody else can take its place.
						</p>`,
					)
		}
		${self()}
		${commandBox([
			['Other clusters', command('peer list')],
			['This cluster’s key', command('status')],
		])}`;
}

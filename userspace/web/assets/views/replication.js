// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * views/replication.js - Cluster > Replication: requests at the top, the list of policies, Create Relationship.
 */
import { html, nothing, repeat } from '../vendor/lit.js';
import { state, may } from '../store.js';
import { actions } from '../model.js';
import { icon } from '../icons.js';
import { plain, text } from '../format.js';
import { command, commandBox } from '../commands.js';
import { replicate, abort, enable, disable, askDelete, isBusy } from '../verbs.js';
import { statusWord, statusBelow, endsCell, recovery, empty, loading } from './parts.js';
import { banner } from './request.js';
import { createRelationship } from './create.js';

export const title = () => 'Replication';

const order = (a, b) => (a.created < b.created ? -1 : a.created > b.created ? 1 : 0);

function buttons(p) {
	const can = actions(p);
	const off = isBusy(p);
	const name = plain(p.name);
	const button = (word, f, look = 'plain') =>
		html`<button
			class="${look} small"
			?disabled=${off}
			aria-label="${word} ${name}"
			@click=${() => f(p)}
		>
			${word}
		</button>`;
	return html` ${can.has('replicate') ? button('Replicate', replicate, p.mode === 'manual' || p.status !== 'Finished' ? 'primary' : 'plain') : nothing}
	${can.has('abort') ? button('Abort', abort) : nothing}
	${can.has('enable') ? button('Enable', enable) : nothing}
	${can.has('disable') ? button('Disable', disable) : nothing}
	${can.has('delete') ? html`<button class="ghost round" ?disabled=${off} title="Delete" aria-label="Delete ${name}" @click=${() => askDelete(p)}>${icon('trash')}</button>` : nothing}`;
}

/* An error is worth a line of its own only where the status does not say it already. */
const tellsMore = (p) => p.last_error && !(p.status_detail && p.last_error.includes(p.status_detail));

function errorLine(p) {
	const e = p.last_error;
	if (!tellsMore(p)) return nothing;
	return html`<tr class="below" role="row">
		<td colspan="6" role="cell">
			${icon('warn')}<span><span class="quiet">Last error:</span> ${text(e)}</span>
		</td>
	</tr>`;
}

function row(p) {
	return html`<tbody role="rowgroup" class=${tellsMore(p) ? 'has-error' : ''}>
		<tr role="row">
			<td role="cell" data-label="Status" class="col-status">
				${statusWord(p)}${statusBelow(p)}
			</td>
			<th role="rowheader" scope="row" data-label="Policy">
				<a href="#/policy/${p.id}">${text(p.name)}</a
				><span class="quiet small">${p.mode}</span>
			</th>
			<td role="cell" data-label="Role">
				<span class="role">${p.role === 'source' ? 'Source' : 'Target'}</span>
			</td>
			<td role="cell" data-label="Source / Target">${endsCell(p)}</td>
			<td role="cell" data-label="Recovery point" class="col-recovery">
				${recovery(p)}${p.failures ? html`<a class="tone-bad small" href="#/policy/${p.id}">${p.failures} not replicated</a>` : nothing}
			</td>
			<td role="cell" class="col-actions"><div class="actions">${buttons(p)}</div></td>
		</tr>
		${errorLine(p)}
	</tbody>`;
}

function table(list) {
	return html`<table class="policies" role="table">
		<caption class="hidden">
			Replication policies of this cluster
		</caption>
		<thead role="rowgroup">
			<tr role="row">
				<th role="columnheader" scope="col">Status</th>
				<th role="columnheader" scope="col">Policy</th>
				<th role="columnheader" scope="col">Role</th>
				<th role="columnheader" scope="col">Source / Target</th>
				<th role="columnheader" scope="col">Recovery point</th>
				<th role="columnheader" scope="col"><span class="hidden">Actions</span></th>
			</tr>
		</thead>
		${repeat(list, (p) => p.id, row)}
	</table>`;
}

const createButton = () =>
	html`<button class="primary" @click=${createRelationship}>
		${icon('plus')} Create Relationship
	</button>`;

const nothingYet = () =>
	empty(
		'wave',
		'No policies yet',
		html` <p>
				A policy keeps a directory of one cluster replicated to a directory of
				another. Create it on the cluster that has the data: name the two directories
				and the other cluster’s address. Its admin then accepts the request, and it
				can begin.
			</p>
			<p class="quiet">
				To receive data here, create the policy on the other cluster; the request
				appears on this page.
			</p>`,
		may('create') ? createButton() : nothing,
	);

export function view() {
	if (!state.policies) return state.daemon ? loading : nothing;
	const list = [...state.policies.values()].sort(order);
	return html` ${banner()}
		<div class="page-head">
			<h1>Replication</h1>
			${may('create') && list.length ? createButton() : nothing}
		</div>
		${list.length ? table(list) : nothingYet()}
		${commandBox([
			['This list', command('policy list')],
			['Am I safe, how far behind, what should I do', command('status')],
			['Watch it', command('policy list --watch')],
			['What a new policy needs', command('policy create --help')],
		])}`;
}

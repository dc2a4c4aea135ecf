// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * views/policy.js - Details of one policy: is it safe, how far is it, and everything that is known of it.
 *
 * The policy object comes with the events; series, runs, failures and top writers are asked for while this page is open.
 */
import { html, nothing } from '../vendor/lit.js';
import { get, policyPath } from '../api.js';
import { state, changed } from '../store.js';
import { actions, policyBy } from '../model.js';
import { icon } from '../icons.js';
import { plain, plural, text, time } from '../format.js';
import { commandBox, policyCommands } from '../commands.js';
import { replicate, abort, enable, disable, askDelete, verify, isBusy } from '../verbs.js';
import { statusWord, endsCell, loading, empty } from './parts.js';
import { card, progressCard, recoveryCard, chartCard, captureCard, writersCard, definitionCard } from './cards.js';
import { accept, reject, seeDetails } from './request.js';
import { editRelationship } from './create.js';
import { makeChart } from './chart.js';
import { makeHistory } from './history.js';
import { makeWhere } from './where.js';

const SERIES_MS = 5000;

let open = null; /* {ref, chart, history, where, writers, error, timer} */

const here = () => open && policyBy(open.ref);

export const title = () => plain(here()?.name ?? 'Policy');

async function loadSeries() {
	const p = here();
	const mine = open;
	if (!p || document.hidden) return;
	try {
		const a = await get(policyPath(p, 'series'));
		if (open === mine) await mine.chart.set(a.samples);
	} catch {
		/* The badge says when nothing is heard; the drawing stays as it was. */
	}
	await loadWriters(p, mine);
	changed();
}

/* Top writers come from capture; where the backend has none, nothing is shown. */
async function loadWriters(p, mine) {
	if (p.role !== 'source' || mine.noWriters) return;
	try {
		mine.writers = await get(policyPath(p, 'top'));
	} catch (e) {
		if (e.code === 'not-available' || e.status === 404 || e.status === 403) mine.noWriters = true;
		mine.writers = null;
	}
}

export function enter(name) {
	open = {
		ref: name,
		chart: makeChart(),
		history: makeHistory(),
		where: makeWhere(),
		writers: null,
		noWriters: false,
		started: false,
	};
	open.timer = setInterval(loadSeries, SERIES_MS);
}

export function leave() {
	clearInterval(open?.timer);
	open?.chart.end();
	open = null;
}

/* Runs and failures may have changed: called when an event says so. */
export const refresh = () => here() && open.history.load(here());

function start(p) {
	open.started = true;
	loadSeries();
	open.history.load(p);
}

// ---- the top: one sentence that answers "am I safe?"

function answer(p) {
	const other = text(
		p.role === 'source' ? p.target.cluster || p.target.address : p.source.cluster || 'the source',
	);
	if (p.status === 'Awaiting Authorization')
		return p.role === 'source'
			? html`The admin of ${other} has not accepted yet. Nothing was sent.`
			: html`Nothing is written here before you accept.`;
	if (p.status === 'Rejected')
		return html`${other} rejected this${p.status_detail ? html`: ${text(p.status_detail)}` : ''}.
		Nothing was sent. Create another relationship when it is agreed.`;
	if (p.role === 'target')
		return p.recovery_point
			? html`This cluster holds, durably, what ${other} had at ${time(p.recovery_point)}.
				What is pending there, only ${other} knows.`
			: html`This cluster receives from ${other}. Nothing is complete here yet.`;
	if (!p.recovery_point) return html`Nothing is safe on ${other} yet: the first sync has not ended.`;
	if (p.in_sync)
		return html`Everything written up to ${time(p.recovery_point)} is durable on ${other}. Nothing
		is pending.`;
	return html`${other} has everything up to ${time(p.recovery_point)}.
	${p.pending ? html`<strong>${plural(p.pending, 'change')} ${p.pending === 1 ? 'is' : 'are'} pending.</strong>` : ''}`;
}

function cure(p) {
	const cures = {
		Stopped: 'It stopped because something looked wrong. Find out why; if it is as it should be, Replicate asks once more and goes on.',
		Failed: 'Mend the cause below, then Replicate. What was acknowledged is kept.',
		Disconnected:
			'The other cluster does not answer. Changes go on being recorded; it continues by itself when the other is back.',
		Incomplete: 'Changes may have been missed. Everything is compared now, and this ends by itself.',
		Disabled: 'Nothing is replicated until it is enabled. Changes go on being recorded.',
		Authorized:
			p.role === 'source'
				? 'Accepted by the target. Click Replicate to begin.'
				: 'Accepted. The source’s admin starts it.',
	};
	return cures[p.status]
		? html`<p class="cure">${icon('info')}<span>${cures[p.status]}</span></p>`
		: nothing;
}

function buttons(p) {
	const can = actions(p);
	const off = isBusy(p);
	const b = (word, f, look = 'plain') =>
		html`<button class=${look} ?disabled=${off} @click=${() => f(p)}>${word}</button>`;
	return html`<div class="buttons start">
		${can.has('accept') ? html`${b('Accept', accept, 'primary')}${b('Reject', reject)}` : nothing}
		${p.role === 'target' && p.request ? b('See details', seeDetails) : nothing}
		${can.has('replicate') ? b('Replicate', replicate, 'primary') : nothing}
		${can.has('abort') ? b('Abort', abort) : nothing}
		${can.has('verify') ? b('Verify', verify) : nothing}
		${can.has('edit') ? b('Edit', editRelationship) : nothing}
		${can.has('enable') ? b('Enable', enable) : nothing}
		${can.has('disable') ? b('Disable', disable) : nothing}
		${can.has('delete') ? html`<button class="plain" ?disabled=${off} @click=${() => remove(p)}>${icon('trash')} Delete</button>` : nothing}
	</div>`;
}

async function remove(p) {
	if (await askDelete(p)) location.hash = '#/replication';
}

export function view() {
	if (!state.policies) return loading;
	const p = here();
	if (!p)
		return empty(
			'info',
			'This policy is not here',
			html`<p>It was deleted, or this address was never right.</p>`,
			html`<a class="button plain" href="#/replication">Back to Replication</a>`,
		);
	if (!open.started) queueMicrotask(() => open && start(p));
	return html` <nav class="crumbs" aria-label="Where you are">
			<a href="#/replication">Replication</a> <span aria-hidden="true">/</span>
			<span aria-current="page">Details</span>
		</nav>
		<div class="page-head">
			<h1>${text(p.name)}</h1>
			${statusWord(p)}<span class="role">${p.role === 'source' ? 'Source' : 'Target'}</span>
		</div>
		<div class="hero">
			${endsCell(p)}
			<p class="answer">${answer(p)}</p>
			${p.last_error ? html`<p class="message bad">${icon('warn')}<span>${text(p.last_error)}</span></p>` : nothing}
			${
				p.failures
					? html`<p class="message warn">
							${icon('warn')}<span
								><strong
									>${plural(p.failures, 'file')} could
									not be replicated as
									${p.failures === 1 ? 'it is' : 'they are'}.</strong
								>
								Which, and why, is below.</span
							>
						</p>`
					: nothing
			}
			${cure(p)}${buttons(p)}
		</div>
		<div class="grid">
			${progressCard(p)}${recoveryCard(p)}${p.role === 'source' ? chartCard(open.chart) : nothing}
			${open.history.view(p, card)}
			${open.where.view(p, card)}${captureCard(p)}${writersCard(open.writers)}${definitionCard(p)}
		</div>
		${commandBox(policyCommands(p))}`;
}

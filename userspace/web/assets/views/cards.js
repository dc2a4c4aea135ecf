// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * views/cards.js - the boxes of a policy's details: each takes what it shows and returns a template.
 */
import { html, nothing, ref } from '../vendor/lit.js';
import { icon } from '../icons.js';
import { bytes, count, duration, fingerprint, rate, text, time } from '../format.js';
import { progressLine, fact } from './parts.js';

export const card = (heading, body, extra = '') =>
	html`<section class="card ${extra}">
		<h2>${heading}</h2>
		${body}
	</section>`;

export function progressCard(p) {
	const g = p.progress ?? {};
	const run = p.last_run ?? {};
	const busy = p.status === 'Replicating' || (run.result === 'running' && p.status !== 'Finished');
	const remaining = (done, total) => Math.max(0, (total ?? 0) - (done ?? 0));
	if (!p.last_run && !busy)
		return card('Progress', html`<p class="quiet">Nothing was replicated yet.</p>`);
	return card(
		busy ? 'Progress' : 'Last run',
		html` ${busy ? html`<div class="bar">${progressLine(p)}</div>` : nothing}
			<table class="numbers">
				<thead>
					<tr>
						<td></td>
						<th scope="col" class="num">Files</th>
						<th scope="col" class="num">Data</th>
					</tr>
				</thead>
				<tbody>
					<tr>
						<th scope="row">Transferred</th>
						<td class="num">${count(run.files ?? g.files_done)}</td>
						<td class="num">
							${bytes(run.payload_bytes ?? g.bytes_done)}
						</td>
					</tr>
					${
						busy
							? html`<tr>
									<th scope="row">Remaining</th>
									<td class="num">
										${g.files_total ? count(remaining(g.files_done, g.files_total)) : '–'}
									</td>
									<td class="num">
										${g.bytes_total ? bytes(remaining(g.bytes_done, g.bytes_total)) : '–'}
									</td>
								</tr>`
							: nothing
					}
					${
						run.unchanged != null
							? html`<tr>
									<th scope="row">Unchanged</th>
									<td class="num">
										${count(run.unchanged)}
									</td>
									<td class="num">
										${run.unchanged_bytes == null ? '' : bytes(run.unchanged_bytes)}
									</td>
								</tr>`
							: nothing
					}
					${
						run.kind === 'verify'
							? html`<tr>
										<th scope="row">Compared</th>
										<td class="num">
											${count(run.verified_files)}
										</td>
										<td class="num">
											${bytes(run.verified_bytes)}
										</td>
									</tr>
									<tr>
										<th scope="row">Differed</th>
										<td class="num">
											${count(run.mismatched)}
										</td>
										<td></td>
									</tr>`
							: nothing
					}
					<tr>
						<th scope="row">Deleted</th>
						<td class="num">${count(run.deleted)}</td>
						<td></td>
					</tr>
					<tr>
						<th scope="row">Renamed</th>
						<td class="num">${count(run.renamed)}</td>
						<td></td>
					</tr>
					<tr>
						<th scope="row">On the wire</th>
						<td></td>
						<td class="num">${bytes(run.wire_bytes)}</td>
					</tr>
				</tbody>
			</table>
			<dl class="inline">
				${
					busy
						? html`${fact('Rate now', rate(g.rate_now))}${fact('Average', rate(g.rate_average))}${fact('Time left', g.seconds_left == null ? 'not known yet' : duration(g.seconds_left))}`
						: html`${fact('Took', run.finished ? duration((Date.parse(run.finished) - Date.parse(run.started)) / 1000) : '–')}${fact('Result', run.result)}`
				}
			</dl>`,
	);
}

export function recoveryCard(p) {
	return card(
		'Recovery point',
		html`<dl class="facts">
			${fact('Recovery point', time(p.recovery_point, p.role === 'target' ? 'kept at the source' : 'none yet'))}
			${fact('Lag', p.lag_ms == null ? '–' : p.lag_ms === 0 ? 'none, nothing is pending' : duration(p.lag_ms / 1000))}
			${fact('Pending changes', p.role === 'source' ? `${count(p.pending)}${p.in_flight ? ` (${count(p.in_flight)} on their way)` : ''}` : 'kept at the source')}
			${fact('Connection', p.connected ? 'connected' : 'not connected')}
			${fact('Batches', count(p.totals?.batches))}
			${fact(p.role === 'source' ? 'Sent in all' : 'Received in all', html`${bytes(p.totals?.payload_bytes)} of data, ${bytes(p.totals?.wire_bytes)} on the wire`)}
		</dl>`,
	);
}

export function captureCard(p) {
	const c = p.capture;
	if (p.role !== 'source' || !c) return nothing;
	return card(
		'Capture',
		html` ${
				c.incomplete
					? html`<p class="message warn">
							${icon('warn')}<span
								><strong
									>Incomplete since
									${time(c.incomplete.since)}</strong
								>:
								${text(c.incomplete.reason)}${
									c.incomplete.scope
										? html` (${text(c.incomplete.scope)})`
										: nothing
								}</span
							>
						</p>`
					: nothing
			}
			<dl class="facts">
				${fact('Backend', html`${c.backend}${c.backend === 'fanotify' ? html` <span class="quiet">whole files instead of ranges</span>` : nothing}`)}
				${fact('Changes seen', count(c.seen))}${fact('Queued', count(c.queued))}${fact('Coalesced', count(c.coalesced))}
				${fact('Dropped', c.dropped ? html`<strong class="tone-warn">${count(c.dropped)}</strong>` : '0')}
			</dl>
			<p class="hint">
				${icon('info')}<span
					>Seen = queued + coalesced + dropped. What is dropped is never lost:
					the root becomes Incomplete and is compared.</span
				>
			</p>`,
	);
}

export function writersCard(w) {
	if (!w?.writers?.length) return nothing;
	return card(
		'Top writers',
		html`<p class="quiet small">since ${time(w.since)}</p>
			<div class="scroll" tabindex="0" role="region" aria-label="Top writers">
				<table class="small">
					<thead>
						<tr>
							<th scope="col">Program</th>
							<th scope="col" class="num">Process</th>
							<th scope="col" class="num">User</th>
							<th scope="col" class="num">Operations</th>
							<th scope="col" class="num">Written</th>
							<th scope="col">Last</th>
						</tr>
					</thead>
					<tbody>
						${w.writers.map(
							(x) =>
								html`<tr>
									<td>${text(x.comm, x.comm_b64)}</td>
									<td class="num">${x.pid}</td>
									<td class="num">${x.uid}</td>
									<td class="num">
										${count(x.operations)}
									</td>
									<td class="num">${bytes(x.bytes)}</td>
									<td>${time(x.last)}</td>
								</tr>`,
						)}
					</tbody>
				</table>
			</div>`,
		'wide',
	);
}

export function chartCard(chart) {
	return card(
		'Rate and lag',
		html` <div class="charts" ?hidden=${chart.empty()}>
				<h3>Rate</h3>
				<div class="chart" aria-hidden="true" ${ref(chart.hooks.rate)}></div>
				<h3>Lag</h3>
				<div class="chart" aria-hidden="true" ${ref(chart.hooks.lag)}></div>
			</div>
			${chart.empty() ? html`<p class="quiet">The first sample comes within seconds.</p>` : nothing}
			${chart.table()}`,
		'wide',
	);
}

export function definitionCard(p) {
	return card(
		'Relationship',
		html`<dl class="facts">
			${fact('Mode', p.mode)}
			${fact('Target address', p.role === 'source' ? html`${text(p.target.address)} port ${p.target.port}` : html`this cluster, port ${p.target.port}`)}
			${fact('Other cluster’s key', fingerprint(p.peer_fingerprint))}
			${fact('Allowed there', [p.allow_devices && 'device nodes', p.allow_suid && 'set-user-ID bits'].filter(Boolean).join(', ') || 'neither device nodes nor set-user-ID bits')}
			${fact('Created', time(p.created))}${fact('Id', html`<code>${p.id}</code>`)}
		</dl>`,
		'wide',
	);
}

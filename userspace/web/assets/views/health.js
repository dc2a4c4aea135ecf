// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * views/health.js - Cluster > Health: what is wrong, why, and what to do; each check can be muted for a time.
 */
import { html, nothing } from '../vendor/lit.js';
import { post, get } from '../api.js';
import { state, changed, may } from '../store.js';
import { ask } from '../dialogs.js';
import { policyBy, loadHealth } from '../model.js';
import { count, text, time } from '../format.js';
import { command, commandBox, quote } from '../commands.js';
import { badge, fact, loading, retry } from './parts.js';

export const title = () => 'Health';

let capture = null;
let error = null;

const SEVERITIES = {
	error: ['cross', 'bad', 'Error'],
	warning: ['warn', 'warn', 'Warning'],
	info: ['info', 'off', 'Note'],
	ok: ['done', 'good', 'OK'],
};
const TIMES = [
	['1 hour', 3600, '1h'],
	['8 hours', 28800, '8h'],
	['1 day', 86400, '1d'],
	['1 week', 604800, '7d'],
];

async function load() {
	error = null;
	try {
		await loadHealth();
		capture = await get('/v1/capture').catch(() => null);
	} catch (e) {
		error = e;
	}
	changed();
}

export function enter() {
	load();
}

function mute(c) {
	return ask(
		`Mute ${c.code}?`,
		html`<p>${text(c.summary)}</p>
			<p>
				It is still shown here, but does not count until the time is over. It is muted
				for everybody.
			</p>
			<label class="field"
				>For
				<select name="seconds">
					${TIMES.map(([word, s]) => html`<option value=${s}>${word}</option>`)}
				</select></label
			>
			${commandBox([command('health mute', c.code, '1h', c.policy && `--policy ${quote(policyBy(c.policy)?.name ?? c.policy)}`)])}`,
		'Mute',
		async (d) => {
			state.health = await post(`/v1/health/${encodeURIComponent(c.code)}/mute`, {
				seconds: Number(d.el.querySelector('select').value),
				...(c.policy ? { policy: c.policy } : {}),
			});
			changed();
		},
	);
}

async function unmute(c) {
	try {
		state.health = await post(`/v1/health/${encodeURIComponent(c.code)}/mute`, {
			seconds: 0,
			...(c.policy ? { policy: c.policy } : {}),
		});
	} catch (e) {
		error = e;
	}
	changed();
}

const muted = (c) => c.muted_until && Date.parse(c.muted_until) > Date.now();

function check(c) {
	const [shape, tone, word] = SEVERITIES[c.severity] ?? SEVERITIES.info;
	const p = c.policy && policyBy(c.policy);
	return html`<li class="check-item ${muted(c) ? 'muted' : ''}">
		<div class="check-head">
			${badge(shape, tone, word)}
			<h2>${text(c.summary)}</h2>
			<code class="code">${c.code}</code>
		</div>
		<dl class="facts">
			${fact('Cause', text(c.cause))}${fact('Cure', text(c.cure))}
			${p ? fact('Policy', html`<a href="#/policy/${p.id}">${text(p.name)}</a>`) : c.policy ? fact('Policy', text(c.policy)) : nothing}
			${fact('Since', c.since ? time(c.since) : nothing)}
			${muted(c) ? fact('Muted until', time(c.muted_until)) : nothing}
		</dl>
		${
			may('mute')
				? html`<div class="buttons start">
						${
							muted(c)
								? html`<button
										class="plain small"
										@click=${() => unmute(c)}
									>
										Unmute
									</button>`
								: html`<button
										class="plain small"
										@click=${() => mute(c)}
									>
										Mute
									</button>`
						}
					</div>`
				: nothing
		}
	</li>`;
}

function captureCard() {
	if (!capture) return nothing;
	const missing = (capture.hooks ?? []).filter((h) => h.wanted && !h.attached);
	return html`<section class="card">
		<h2>Capture on this machine</h2>
		<dl class="facts">
			${fact('Backend', capture.backend)}${fact('Why', text(capture.why))}
			${capture.blind_spots?.length ? fact('Does not see', text(Array.isArray(capture.blind_spots) ? capture.blind_spots.join(', ') : capture.blind_spots)) : nothing}
		</dl>
		${
			capture.hooks?.length
				? html`<details>
						<summary>
							${count(capture.hooks.filter((h) => h.attached).length)}
							of ${count(capture.hooks.length)} hooks
							attached${missing.length ? `, ${missing.length} missing` : ''}
						</summary>
						<div
							class="scroll"
							tabindex="0"
							role="region"
							aria-label="Hooks"
						>
							<table class="small">
								<thead>
									<tr>
										<th scope="col">Hook</th>
										<th scope="col">Attached</th>
										<th scope="col">Note</th>
									</tr>
								</thead>
								<tbody>
									${capture.hooks.map(
										(h) =>
											html`<tr>
												<td>
													<code
														>${text(h.name)}</code
													>
												</td>
												<td>
													${h.attached ? 'yes' : h.wanted ? 'no' : 'not wanted'}
												</td>
												<td>
													${text(h.fallback)}
													${text(h.why)}
												</td>
											</tr>`,
									)}
								</tbody>
							</table>
						</div>
					</details>`
				: nothing
		}
		${
			capture.counters && Object.keys(capture.counters).length
				? html`<details>
						<summary>Counters</summary>
						<dl class="facts">
							${Object.entries(capture.counters).map(([k, v]) => fact(k.replaceAll('_', ' '), count(v)))}
						</dl>
					</details>`
				: nothing
		}
	</section>`;
}

const rank = (c) => (muted(c) ? 9 : ({ error: 0, warning: 1, info: 2 }[c.severity] ?? 3));

export function view() {
	if (error)
		return html`<div class="page-head"><h1>Health</h1></div>
			${retry(error, load)}`;
	if (!state.health) return loading;
	const list = [...state.health.checks].sort((a, b) => rank(a) - rank(b));
	const [shape, tone] = SEVERITIES[state.health.state] ?? SEVERITIES.info;
	const open = list.filter((c) => !muted(c) && c.severity !== 'info').length;
	return html` <div class="page-head">
			<h1>Health</h1>
			${badge(shape, tone, open ? `${open} ${open === 1 ? 'thing needs' : 'things need'} attention` : 'All is well')}
		</div>
		${
			list.length
				? html`<ul class="plain-list">
						${list.map(check)}
					</ul>`
				: html`<p class="quiet">
						Every check passes. When something goes wrong, it is named
						here with its cause and its cure.
					</p>`
		}
		${captureCard()}
		${commandBox([['All checks', command('health --detail')], list[0] && ['Mute one', command('health mute', quote(list[0].code), '1h')], ['What this kernel allows', command('probe')]])}`;
}

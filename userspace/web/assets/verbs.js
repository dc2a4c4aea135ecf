// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * verbs.js - what a button does to a policy: the questions asked first, the request, and what is said if it fails.
 */
import { html, nothing } from './vendor/lit.js';
import { post, del, call, policyPath } from './api.js';
import { state, notice, dismiss, say, changed } from './store.js';
import { ask } from './dialogs.js';
import { setPolicy, endText } from './model.js';
import { path, plain, plural, text } from './format.js';
import { command, commandBox, quote } from './commands.js';

const busy = new Set();

export const isBusy = (p) => busy.has(p.id);

/* One request at a time for each policy; a failure is a notice at the top. */
export async function act(p, what, work) {
	if (busy.has(p.id)) return;
	busy.add(p.id);
	changed();
	dismiss(`act-${p.id}`);
	try {
		const answer = await work();
		if (answer?.id === p.id) setPolicy(answer);
	} catch (e) {
		notice('bad', html`${what} ${text(p.name)} did not work: ${text(e.message)}`, {
			key: `act-${p.id}`,
		});
	} finally {
		busy.delete(p.id);
		changed();
	}
}

const ends = (p) =>
	html`<span class="pair"
		><span>${text(p.source.cluster)}:${path(p.source, 'dir')}</span> <span class="quiet">to</span>
		<span>${text(p.target.cluster || p.target.address)}:${path(p.target, 'dir')}</span></span
	>`;

export async function replicate(p) {
	if (p.status !== 'Stopped') {
		await act(p, 'Replicating', () => post(policyPath(p, 'replicate')));
		return;
	}
	await ask(
		`Replicate ${plain(p.name)} although it stopped?`,
		html` <p>${ends(p)}</p>
			<p class="message warn">
				${text(p.status_detail || p.last_error) || 'It stopped on suspicion.'}
			</p>
			<p>
				If this is as it should be, replication goes on and the target is made equal
				to the source, deletions included.
			</p>
			${commandBox([command('policy replicate', quote(p.name), '--yes')])}`,
		'Yes, Replicate',
		async () => setPolicy(await post(policyPath(p, 'replicate'), { yes: true })),
		{ danger: true },
	);
}

export function abort(p) {
	return ask(
		`Abort ${plain(p.name)}?`,
		html` <p>${ends(p)}</p>
			<p>
				What the target has acknowledged stays there. The rest stays pending here, and
				the next run takes it up where this one ended; a file that was half sent is
				sent again.
			</p>
			${commandBox([command('policy abort', quote(p.name))])}`,
		'Yes, Abort',
		async () => setPolicy(await post(policyPath(p, 'abort'))),
		{ danger: true },
	);
}

export const enable = (p) => act(p, 'Enabling', () => post(policyPath(p, 'enable')));

export function disable(p) {
	return ask(
		`Disable ${plain(p.name)}?`,
		html` <p>${ends(p)}</p>
			<p>
				Nothing is replicated until it is enabled again. Changes go on being recorded
				at the source, so enabling it later needs no new first sync.
			</p>
			${commandBox([command('policy disable', quote(p.name))])}`,
		'Disable',
		async () => setPolicy(await post(policyPath(p, 'disable'))),
	);
}

async function remove(p) {
	const answer = await del(policyPath(p), { ifMatch: p.revision });
	state.policies?.delete(p.id);
	say(`${plain(p.name)} deleted`);
	if (answer && answer.peer_told === false) {
		const other = p.role === 'source' ? p.target : p.source;
		notice(
			'warn',
			html`${text(p.name)} is deleted here, but ${text(other.cluster || other.address)}
			could not be told. Delete it there too.`,
		);
	}
	changed();
}

/* Resolves true when it was deleted. A policy that changed meanwhile is asked about again. */
export function askDelete(p) {
	const partial = p.role === 'target' && p.status === 'Replicating';
	return ask(
		`Delete ${plain(p.name)}?`,
		() =>
			html` <p>The relationship between these two directories ends, on both clusters:</p>
				<dl class="facts">
					<div>
						<dt>Source</dt>
						<dd>${text(p.source.cluster)}:${path(p.source, 'dir')}</dd>
					</div>
					<div>
						<dt>Target</dt>
						<dd>
							${text(p.target.cluster || p.target.address)}:${path(p.target, 'dir')}
						</dd>
					</div>
				</dl>
				<p>
					Files stay where they are, on the source and on the target.
					${p.in_sync ? nothing : html`<strong>The target may hold only part of the last changes${p.pending ? `: ${plural(p.pending, 'change')} pending` : ''}.</strong>`}
					${partial ? 'A transfer is under way.' : nothing}
				</p>
				${commandBox([command('policy delete', quote(p.name), '--yes')])}`,
		'Yes, Delete',
		async () => {
			try {
				await remove(p);
			} catch (e) {
				if (e.code !== 'changed') throw e;
				p = await call('GET', policyPath(p));
				setPolicy(p);
				throw new Error(
					`It changed meanwhile (now: ${p.status}). Look again, then delete.`,
				);
			}
		},
		{ danger: true },
	);
}

export function verify(p) {
	return ask(
		`Verify ${plain(p.name)}`,
		html` <p>${ends(p)}</p>
			<p>
				Every file is read on both sides and compared by its hash. It takes as long as
				reading everything does.
			</p>
			<label class="check"
				><input type="checkbox" name="repair" checked />
				<span>Repair what differs, from the source</span></label
			>
			${commandBox([command('policy verify', quote(p.name), '--wait'), command('policy verify', quote(p.name), '--no-repair', '--wait')])}`,
		'Verify',
		async (d) =>
			setPolicy(
				await post(policyPath(p, 'verify'), {
					repair: d.el.querySelector('[name=repair]').checked,
				}),
			),
	);
}

export { endText, ends };

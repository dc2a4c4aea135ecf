// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * model.js - what the policies' objects mean: icon and tone of a status, what can be done now, and loading.
 */
import { state, changed, dismiss, say, may } from './store.js';
import { get } from './api.js';
import { plain } from './format.js';

/* status -> [icon, tone]; the word itself is always shown beside it */
const LOOKS = {
	'Awaiting Authorization': ['clock', 'wait'],
	Authorized: ['seal', 'good'],
	Replicating: ['cycle', 'busy'],
	Finished: ['done', 'good'],
	Rejected: ['cross', 'bad'],
	Incomplete: ['warn', 'warn'],
	Stopped: ['halt', 'bad'],
	Failed: ['cross', 'bad'],
	Disabled: ['pause', 'off'],
	Disconnected: ['unplug', 'warn'],
};

export const looks = (p) => LOOKS[p.status] ?? ['info', 'off'];

/* What may be done with this policy, here, now, by this user: a set of words. */
export function actions(p) {
	const can = new Set();
	const waits = p.status === 'Awaiting Authorization';
	/* Ended by the other side: nothing is left but to delete it here too. */
	const over = p.status === 'Rejected' || /^deleted on the other side/.test(p.status_detail ?? '');
	if (p.role === 'target' && waits) can.add('accept').add('reject');
	if (!waits && !over) {
		const busy = p.status === 'Replicating' || (p.status === 'Incomplete' && p.connected);
		if (busy) can.add('abort');
		if (p.role === 'source' && p.enabled && p.status !== 'Replicating')
			can.add('replicate').add('verify');
		can.add(p.enabled ? 'disable' : 'enable');
	}
	if (p.role === 'source' && !over) can.add('edit');
	can.add('delete');
	for (const a of can) if (!may(a)) can.delete(a);
	return can;
}

/* "cluster:dir" of one end, for sentences and titles */
export const endText = (end) =>
	`${plain(end.cluster || end.address || '?', end.cluster_b64)}:${plain(end.dir, end.dir_b64)}`;

export function setPolicy(p) {
	if (!state.policies) return;
	const old = state.policies.get(p.id);
	state.policies.set(p.id, p);
	/* What was said about the waiting is over with it. */
	if (p.status !== 'Awaiting Authorization') {
		dismiss(`created-${p.id}`);
		dismiss(`missing-${p.id}`);
	}
	if (old && old.status !== p.status) say(`${plain(p.name)}: ${p.status}`);
	else if (!old && p.role === 'target' && p.status === 'Awaiting Authorization')
		say(`Authorization request from ${plain(p.source.cluster)}`);
	changed();
}

export async function loadPolicies() {
	const list = await get('/v1/policies');
	state.policies = new Map(list.map((p) => [p.id, p]));
	changed();
}

export async function loadHealth() {
	state.health = await get('/v1/health');
	changed();
}

export const policyBy = (ref) => {
	const all = [...(state.policies?.values() ?? [])];
	return state.policies?.get(ref) ?? all.find((p) => p.name === ref) ?? null;
};

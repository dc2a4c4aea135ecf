// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * views/where.js - "Is this file safe?": the last change seen and the last change durable on the target, of one path.
 */
import { html, nothing } from '../vendor/lit.js';
import { get } from '../api.js';
import { changed, may } from '../store.js';
import { pathBox } from '../combobox.js';
import { text, time, plain } from '../format.js';
import { command, commandBox, quote } from '../commands.js';
import { badge } from './parts.js';

const STATES = {
	safe: ['done', 'good', 'Safe', 'All that was written is durable on the target.'],
	pending: ['clock', 'wait', 'Pending', 'It changed, and the change is not sent yet.'],
	'in-flight': [
		'cycle',
		'busy',
		'On its way',
		'It is being sent; the target has not acknowledged it yet.',
	],
	incomplete: [
		'warn',
		'warn',
		'Not known',
		'Changes may have been missed here; everything is compared.',
	],
	failed: ['cross', 'bad', 'Failed', 'It could not be replicated as it is.'],
	unknown: ['info', 'off', 'Not known', 'Nothing is known of this path.'],
};

export function makeWhere() {
	const w = { answer: null, error: null, path: '', box: null };
	const ask = async (e) => {
		e.preventDefault();
		w.path = w.box ? w.box.value : e.target.elements.where_path.value;
		w.error = w.answer = null;
		try {
			w.answer = await get(`/v1/where?path=${encodeURIComponent(w.path)}`);
		} catch (error) {
			w.error = error;
		}
		changed();
	};
	function result(p) {
		if (w.error) return html`<p class="quiet">${text(w.error.message)}</p>`;
		const a = w.answer?.policies.find((x) => x.id === p.id) ?? w.answer?.policies[0];
		if (!a) return nothing;
		const [shape, tone, word, why] = STATES[a.state] ?? STATES.unknown;
		return html`<p>${badge(shape, tone, word)} <span>${why}</span></p>
			${a.detail ? html`<p class="quiet small">${text(a.detail)}</p>` : nothing}
			<dl class="inline">
				<div>
					<dt>Last change seen</dt>
					<dd>${time(a.last_change, 'none since capture began')}</dd>
				</div>
				<div>
					<dt>Last change durable</dt>
					<dd>${time(a.last_durable, '–')}</dd>
				</div>
			</dl>`;
	}
	function view(p, card) {
		if (p.role !== 'source' || p.status === 'Awaiting Authorization' || p.status === 'Rejected')
			return nothing;
		const start = `${plain(p.source.dir)}/`;
		if (may('create')) w.box ??= pathBox({ id: 'where_path', update: changed, value: start });
		return card(
			'Is this file safe?',
			html` <form class="where" @submit=${ask}>
					<label for="where_path"
						>Path of a file or directory on this cluster</label
					>
					<div class="row">
						${w.box ? w.box.view({ onInput: () => {} }) : html`<input id="where_path" name="where_path" type="text" required .defaultValue=${start} spellcheck="false" autocomplete="off" />`}
						<button class="plain">Look</button>
					</div>
				</form>
				<div role="status">${result(p)}</div>
				${commandBox([command('where', quote(w.path || `${p.source.dir}/FILE`))])}`,
		);
	}
	return { view };
}

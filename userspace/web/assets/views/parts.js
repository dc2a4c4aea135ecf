// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * views/parts.js - pieces that several pages share: a status, a pair of directories, an empty page.
 */
import { html, nothing } from '../vendor/lit.js';
import { icon } from '../icons.js';
import { looks } from '../model.js';
import { path, text, time, rate, duration, ago, absolute } from '../format.js';

export const loading = html`<p class="loading" role="status">Loading…</p>`;

/* Icon and word, never colour alone. */
export const statusWord = (p) => {
	const [shape, tone] = looks(p);
	return html`<span class="status tone-${tone}"
		>${icon(shape, p.status === 'Replicating' ? 'turns' : '')}<span>${p.status}</span></span
	>`;
};

export const badge = (shape, tone, word) =>
	html`<span class="status tone-${tone}">${icon(shape)}<span>${word}</span></span>`;

export function progressLine(p) {
	const g = p.progress ?? {};
	const known = g.percent != null;
	const parts = [
		known ? `${Math.floor(g.percent)} %` : 'measuring',
		g.rate_now ? rate(g.rate_now) : null,
		g.seconds_left != null ? `${duration(g.seconds_left)} left` : null,
	];
	return html` ${known ? html`<progress max="100" .value=${g.percent} aria-label="Progress"></progress>` : html`<progress aria-label="Progress"></progress>`}
		<span class="quiet small">${parts.filter(Boolean).join(' · ')}</span>`;
}

/* What stands below the word: a bar while replicating, the timestamp when finished, else the reason. */
export function statusBelow(p) {
	if (p.status === 'Replicating') return progressLine(p);
	if (p.status === 'Finished')
		return html`<span class="small">${time(p.status_since)}</span>${
				p.in_sync && p.mode === 'continuous'
					? html`<span class="quiet small">in sync</span>`
					: nothing
			}`;
	return p.status_detail ? html`<span class="quiet small">${text(p.status_detail)}</span>` : nothing;
}

/* "Source / Target": one line each, the directory large, the cluster small */
export function endsCell(p) {
	const end = (e, here) =>
		html`<span class="end"
			>${path(e, 'dir')}
			<span class="quiet small"
				>on
				${text(e.cluster || e.address)}${here && p.source.cluster === p.target.cluster ? ' (here)' : ''}</span
			></span
		>`;
	return html`<div class="ends">
		<span class="between">${icon('dot')}</span>${end(p.source, p.role === 'source')}<span
			class="between"
			>${icon('arrow')}<span class="hidden">to</span></span
		>${end(p.target, p.role === 'target')}
	</div>`;
}

/* How far behind: the recovery point, and the lag while something is pending. */
export function recovery(p) {
	if (!p.recovery_point)
		return html`<span class="quiet"
			>${p.role === 'target' && p.status !== 'Awaiting Authorization' ? 'kept at the source' : 'none yet'}</span
		>`;
	const lag =
		p.lag_ms == null
			? null
			: p.lag_ms === 0
				? 'nothing pending'
				: `${duration(p.lag_ms / 1000)} behind`;
	return html`<time datetime=${p.recovery_point} title=${p.recovery_point}
			>${absolute(p.recovery_point)}</time
		>
		<span class="quiet small">${ago(p.recovery_point)}${lag ? ` · ${lag}` : ''}</span>`;
}

export const empty = (shape, title, body, button = nothing) =>
	html` <div class="empty">
		${icon(shape, 'large')}
		<h2>${title}</h2>
		${body}${button}
	</div>`;

/* A labelled fact of a definition list; nothing when the value is. */
export const fact = (label, value) =>
	value === nothing || value == null
		? nothing
		: html`<div>
				<dt>${label}</dt>
				<dd>${value}</dd>
			</div>`;

export const retry = (error, again) =>
	html` <p class="message bad" role="alert">
		${icon('warn')}<span>${text(error.message)}</span>
		<button class="plain small" @click=${again}>Try again</button>
	</p>`;

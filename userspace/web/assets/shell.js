// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * shell.js - what surrounds every page: which cluster this is, how fresh it is, the way to the other pages, messages.
 */
import { html, nothing, repeat } from './vendor/lit.js';
import { state, changed, dismiss, may, requests } from './store.js';
import { icon } from './icons.js';
import { text, clockOf } from './format.js';
import { changePassword } from './views/login.js';

const LINKS = [
	['replication', 'Replication'],
	['peers', 'Peers'],
	['health', 'Health'],
	['settings', 'Settings'],
	['audit', 'Audit'],
	['users', 'Users'],
];

let menuOpen = false;

function liveBadge() {
	const { word, since } = state.live;
	if (word === 'Live' && !state.daemon)
		return html`<span class="live tone-bad" role="status"
			><span class="dot" aria-hidden="true"></span>Daemon away</span
		>`;
	const tone = { Live: 'good', Stale: 'bad' }[word] ?? 'wait';
	return html`<span class="live tone-${tone}" role="status"
		><span class="dot" aria-hidden="true"></span
		>${word === 'Stale' ? `Stale since ${clockOf(since).slice(0, 5)}` : word}</span
	>`;
}

function marks(page) {
	if (page === 'replication' && requests().length)
		return html`<span class="count"
			><span aria-hidden="true">${requests().length}</span
			><span class="hidden">, ${requests().length} waiting for authorization</span></span
		>`;
	if (page === 'health' && state.health && state.health.state !== 'ok')
		return html`<span class="mark tone-${state.health.state === 'error' ? 'bad' : 'warn'}"
			>${icon('warn')}<span class="hidden">, ${state.health.state}</span></span
		>`;
	return nothing;
}

function link([page, word]) {
	const current =
		state.route.page === page || (page === 'replication' && state.route.page === 'policy');
	return html`<li>
		<a
			href="#/${page}"
			aria-current=${current ? 'page' : nothing}
			@click=${() => {
				menuOpen = false;
				changed();
			}}
			>${word}${marks(page)}</a
		>
	</li>`;
}

function navigation() {
	return html`<nav class="side ${menuOpen ? 'open' : ''}" aria-label="Cluster">
		<h2 class="side-title">Cluster</h2>
		<button
			class="side-button plain"
			aria-expanded=${menuOpen ? 'true' : 'false'}
			aria-controls="side-list"
			@click=${() => {
				menuOpen = !menuOpen;
				changed();
			}}
		>
			${icon('menu')} Cluster
		</button>
		<ul id="side-list">
			${LINKS.filter(([page]) => page !== 'users' || may('users')).map(link)}
		</ul>
	</nav>`;
}

function user(leave) {
	const s = state.session;
	return html`<div class="user">
		<button class="ghost" popovertarget="user-menu" aria-haspopup="true">
			${icon('user')}<span class="user-name">${text(s.name)}</span
			>${s.role === s.name ? nothing : html`<span class="quiet small">${s.role}</span>`}
		</button>
		<div id="user-menu" popover>
			<button
				class="ghost"
				popovertarget="user-menu"
				popovertargetaction="hide"
				@click=${changePassword}
			>
				${icon('key')} Change password
			</button>
			<button class="ghost" @click=${() => leave(null)}>${icon('out')} Log out</button>
		</div>
	</div>`;
}

const SHAPES = { good: 'done', warn: 'warn', bad: 'warn', info: 'info' };

const message = (n) =>
	html`<div
		class="message ${n.tone}"
		role=${n.tone === 'bad' || n.tone === 'warn' ? 'alert' : 'status'}
	>
		${icon(SHAPES[n.tone])}
		<div class="message-body">
			${n.body}${n.buttons.length ? html`<div class="buttons start">${n.buttons.map(([word, f]) => html`<button class="primary small" @click=${f}>${word}</button>`)}</div>` : nothing}
		</div>
		<button class="ghost round small" aria-label="Dismiss" @click=${() => dismiss(n.id)}>
			${icon('close')}
		</button>
	</div>`;

export function shell(view, leave) {
	return html` <a
			class="skip"
			href="#main"
			@click=${(e) => {
				e.preventDefault();
				document.getElementById('main').focus();
			}}
			>Skip to content</a
		>
		<header class="top">
			<a class="brand" href="#/replication">${icon('wave')}<span>tidemark</span></a>
			<span class="cluster" title="This cluster">${text(state.session.cluster)}</span>
			${liveBadge()}${user(leave)}
		</header>
		<div class="frame">
			${navigation()}
			<main id="main" tabindex="-1">
				${
					state.daemon
						? nothing
						: html`<p class="message bad" role="alert">
								${icon('warn')}<span
									>tidemarkd does not answer on this
									cluster: what is shown here is old.
									What is replicated goes on being
									recorded by the kernel where it can
									be. On the machine:
									<code
										>systemctl status
										tidemarkd</code
									></span
								>
							</p>`
				}
				<div class="notices">
					${repeat(
						state.notices.filter(
							(n) => !n.page || n.page === state.route.page,
						),
						(n) => n.id,
						message,
					)}
				</div>
				${view?.() ?? nothing}
			</main>
		</div>
		<p class="hidden" role="status" aria-live="polite">${state.said}</p>`;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * views/login.js - logging in, logging out, and the own password.
 */
import { html, nothing } from '../vendor/lit.js';
import { post } from '../api.js';
import { state, changed, notice } from '../store.js';
import { openDialog } from '../dialogs.js';
import { icon } from '../icons.js';
import { text, time, duration } from '../format.js';

let busy = false;
let error = null;

/* @begin: what follows a good login */
export function loginView(begin) {
	const submit = async (e) => {
		e.preventDefault();
		const f = e.target.elements;
		busy = true;
		error = null;
		changed();
		try {
			const s = await post('/login', {
				name: f.name.value.trim(),
				password: f.password.value,
			});
			state.login = {};
			await begin(s);
			notice(
				'info',
				s.last_login
					? html`Welcome, ${text(s.name)}. Your last login was
						${time(s.last_login)}.`
					: html`Welcome, ${text(s.name)}. This is your first login.`,
				{ key: 'welcome' },
			);
		} catch (x) {
			error = x;
			if (x.code === 'login-failed') f.password.value = '';
		}
		busy = false;
		changed();
		(error?.code === 'login-failed' ? f.password : null)?.focus();
	};
	const none = state.login.accounts === false;
	const words =
		error &&
		(error.code === 'login-failed'
			? 'Name or password is wrong.'
			: error.code === 'too-many'
				? `Too many attempts. Try again in ${duration(error.retryAfter ?? 60)}.`
				: error.message);
	return html`<main class="login" id="main">
		<div class="brand">${icon('wave')}<span>tidemark</span></div>
		<form @submit=${submit} class="card">
			<h1>
				Log
				in${state.login.cluster ? html` to ${text(state.login.cluster)}` : nothing}
			</h1>
			${state.login.why ? html`<p class="message warn" role="status">${icon('info')}<span>${state.login.why}</span></p>` : nothing}
			${
				none
					? html`<div class="message info">
							<div>
								<strong>No password has been set yet.</strong>
								<p>
									There is no default one. Set it on
									this machine, as root:
								</p>
								<p>
									<code class="command-line"
										>tidemark admin
										set-password</code
									>
								</p>
								<p>Then log in here as <code>admin</code>.</p>
							</div>
						</div>`
					: nothing
			}
			${error ? html`<p class="message bad" role="alert">${icon('warn')}<span>${words}</span></p>` : nothing}
			<label class="field"
				>Name
				<input
					name="name"
					autocomplete="username"
					autocapitalize="off"
					spellcheck="false"
					required
					.defaultValue=${'admin'}
			/></label>
			<label class="field"
				>Password
				<input
					name="password"
					type="password"
					autocomplete="current-password"
					required
					autofocus
			/></label>
			<button class="primary block-button" ?disabled=${busy}>
				${busy ? 'Logging in…' : 'Log in'}
			</button>
		</form>
	</main>`;
}

export async function logout() {
	try {
		await post('/logout');
	} catch {
		/* The cookie may be gone already: the session is over either way. */
	}
}

export async function changePassword() {
	const done = await openDialog('Change password', (d) => {
		const save = async (e) => {
			e.preventDefault();
			const f = e.target.elements;
			if (f.fresh.value !== f.again.value) {
				d.error = 'The new password and its repetition differ.';
				d.update();
				return;
			}
			const ok = await d.run(async () => {
				await post('/password', { old: f.old.value, new: f.fresh.value });
				return true;
			});
			if (ok) d.close(true);
		};
		return html`<form @submit=${save}>
			<div class="dialog-body">
				<label class="field"
					>Present password
					<input
						name="old"
						type="password"
						autocomplete="current-password"
						required
				/></label>
				<label class="field"
					>New password
					<input
						name="fresh"
						type="password"
						autocomplete="new-password"
						required
				/></label>
				<label class="field"
					>New password, again
					<input
						name="again"
						type="password"
						autocomplete="new-password"
						required
				/></label>
			</div>
			<footer class="buttons">
				<button type="button" class="plain" @click=${() => d.close()}>Cancel</button
				><button class="primary" ?disabled=${d.busy}>Save</button>
			</footer>
		</form>`;
	});
	if (done) notice('good', 'Your password is changed.');
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * views/users.js - Cluster > Users: who may log in to this page, and as what.
 */
import { html, nothing } from '../vendor/lit.js';
import { get, patch, put, del } from '../api.js';
import { state, changed, may } from '../store.js';
import { ask, openDialog } from '../dialogs.js';
import { icon } from '../icons.js';
import { plain, text, time } from '../format.js';
import { command, commandBox, quote } from '../commands.js';
import { badge, loading, retry } from './parts.js';

export const title = () => 'Users';

const ROLES = [
	['viewer', 'sees everything, changes nothing'],
	['operator', 'also replicates, aborts, verifies, enables and disables'],
	['admin', 'also creates, accepts, edits, deletes, and manages settings and users'],
];

let rows = null;
let error = null;

async function load() {
	error = null;
	try {
		rows = await get('/v1/users');
	} catch (e) {
		error = e;
	}
	changed();
}

export function enter() {
	load();
}

const userPath = (u) => `/v1/users/${encodeURIComponent(u.name)}`;

const roleChoice = (present) =>
	html`<fieldset class="field">
		<legend>Role</legend>
		${ROLES.map(
			([role, what]) =>
				html` <label class="check"
					><input
						type="radio"
						name="role"
						value=${role}
						?checked=${present === role}
					/>
					<span>${role}<small>${what}</small></span></label
				>`,
		)}
	</fieldset>`;

const passwordFields = html` <label class="field"
		>Password
		<input
			name="fresh"
			type="password"
			autocomplete="new-password"
			required
			minlength="10"
		/><small>at least 10 characters</small></label
	>
	<label class="field"
		>Password, again <input name="again" type="password" autocomplete="new-password" required
	/></label>`;

/* A dialog whose form has a password twice. @send: what to do with the form's elements */
function withPassword(title, body, send) {
	return openDialog(title, (d) => {
		const save = async (e) => {
			e.preventDefault();
			const f = e.target.elements;
			const done = await d.run(async () => {
				if (f.fresh.value !== f.again.value)
					throw new Error('The password and its repetition differ.');
				await send(f);
				await load();
				return true;
			});
			if (done) d.close(true);
		};
		return html`<form @submit=${save}>
			<div class="dialog-body">${body}</div>
			<footer class="buttons">
				<button type="button" class="plain" @click=${() => d.close()}>Cancel</button
				><button class="primary" ?disabled=${d.busy}>Save</button>
			</footer>
		</form>`;
	});
}

const addUser = () =>
	withPassword(
		'Add User',
		html` <label class="field"
				>Name
				<input
					name="name"
					autocomplete="off"
					autocapitalize="off"
					spellcheck="false"
					required
			/></label>
			${passwordFields}${roleChoice('viewer')}${commandBox([command('admin set-password NAME --role viewer')])}`,
		(f) =>
			put(userPath({ name: f.name.value.trim() }), {
				password: f.fresh.value,
				role: f.role.value,
			}),
	);

const setPassword = (u) =>
	withPassword(
		`Set the password of ${plain(u.name)}`,
		html`${passwordFields}${commandBox([command('admin set-password', quote(u.name))])}`,
		(f) => put(userPath(u), { password: f.fresh.value }),
	);

function changeRole(u) {
	return ask(
		`Change the role of ${plain(u.name)}`,
		html`${roleChoice(u.role)}
		${commandBox([command('admin role', quote(u.name), u.role === 'viewer' ? 'operator' : 'viewer')])}`,
		'Save',
		async (d) => {
			await patch(userPath(u), { role: d.el.querySelector('[name=role]:checked').value });
			await load();
		},
	);
}

function setDisabled(u) {
	const word = u.disabled ? 'Enable' : 'Disable';
	return ask(
		`${word} ${plain(u.name)}?`,
		u.disabled
			? html`<p>It may log in again with its password.</p>
					${commandBox([command('admin enable', quote(u.name))])}`
			: html`<p>It cannot log in any more, and its sessions end.</p>
					${commandBox([command('admin disable', quote(u.name))])}`,
		word,
		async () => {
			await patch(userPath(u), { disabled: !u.disabled });
			await load();
		},
	);
}

const remove = (u) =>
	ask(
		`Delete the user ${plain(u.name)}?`,
		html`<p>It cannot log in any more. What it did stays in the audit log.</p>
			${commandBox([command('admin delete', quote(u.name), '--yes')])}`,
		'Yes, Delete',
		async () => {
			await del(userPath(u));
			await load();
		},
		{ danger: true },
	);

function row(u) {
	const self = u.name === state.session.name;
	return html`<tr role="row">
		<th role="rowheader" scope="row" data-label="Name">
			${text(u.name)}${self ? html` <span class="quiet small">(you)</span>` : nothing}
		</th>
		<td role="cell" data-label="Role">${u.role}</td>
		<td role="cell" data-label="State">
			${u.disabled ? badge('pause', 'off', 'disabled') : badge('done', 'good', 'active')}
		</td>
		<td role="cell" data-label="Last login">${time(u.last_login)}</td>
		<td role="cell" data-label="Created">${time(u.created)}</td>
		<td role="cell" class="col-actions">
			<div class="actions">
				${
					may('users') && !self
						? html`<button
									class="plain small"
									aria-label="Change role of ${plain(u.name)}"
									@click=${() => changeRole(u)}
								>
									Change role
								</button>
								<button
									class="plain small"
									aria-label="Set password of ${plain(u.name)}"
									@click=${() => setPassword(u)}
								>
									Set password
								</button>
								<button
									class="plain small"
									aria-label="${u.disabled ? 'Enable' : 'Disable'} ${plain(u.name)}"
									@click=${() => setDisabled(u)}
								>
									${u.disabled ? 'Enable' : 'Disable'}
								</button>
								<button
									class="ghost round"
									title="Delete"
									aria-label="Delete ${plain(u.name)}"
									@click=${() => remove(u)}
								>
									${icon('trash')}
								</button>`
						: nothing
				}
			</div>
		</td>
	</tr>`;
}

export function view() {
	if (error)
		return html`<div class="page-head"><h1>Users</h1></div>
			${retry(error, load)}`;
	if (!rows) return loading;
	return html`<div class="page-head">
			<h1>Users</h1>
			${may('users') ? html`<button class="primary" @click=${addUser}>${icon('plus')} Add User</button>` : nothing}
		</div>
		<table class="stack" role="table">
			<caption class="hidden">
				Users of this page
			</caption>
			<thead role="rowgroup">
				<tr role="row">
					<th role="columnheader" scope="col">Name</th>
					<th role="columnheader" scope="col">Role</th>
					<th role="columnheader" scope="col">State</th>
					<th role="columnheader" scope="col">Last login</th>
					<th role="columnheader" scope="col">Created</th>
					<th role="columnheader" scope="col">
						<span class="hidden">Actions</span>
					</th>
				</tr>
			</thead>
			<tbody role="rowgroup">
				${rows.map(row)}
			</tbody>
		</table>
		<section class="card">
			<h2>Roles</h2>
			<dl class="facts">
				${ROLES.map(
					([role, what]) =>
						html`<div>
							<dt>${role}</dt>
							<dd>${what}</dd>
						</div>`,
				)}
			</dl>
			<p class="hint">
				${icon('info')}<span
					>Users are of this cluster only. Who forgot the only admin’s password
					sets another on the machine, as root:
					<code>tidemark admin set-password</code></span
				>
			</p>
		</section>
		${commandBox([
			['Add a user, or set its password', command('admin set-password NAME')],
			['List them', command('admin list')],
		])}`;
}

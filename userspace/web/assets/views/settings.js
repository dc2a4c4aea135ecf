// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * views/settings.js - Cluster > Settings: every key with its value, where that comes from and what it does.
 */
import { html, nothing } from '../vendor/lit.js';
import { get, patch } from '../api.js';
import { changed, may, notice } from '../store.js';
import { openDialog } from '../dialogs.js';
import { icon } from '../icons.js';
import { text, plural } from '../format.js';
import { command, commandBox, quote } from '../commands.js';
import { loading, retry } from './parts.js';

export const title = () => 'Settings';

let rows = null;
let error = null;
let wanted = '';

export async function load() {
	error = null;
	try {
		rows = await get('/v1/settings');
	} catch (e) {
		error = e;
	}
	changed();
}

export function enter() {
	load();
}

const words = (s) => (s.type === 'enum' ? s.unit.split('|') : s.type === 'bool' ? ['yes', 'no'] : null);

const input = (s) => {
	const list = words(s);
	return list
		? html`<select id="value" name="value">
				${list.map((w) => html`<option ?selected=${w === s.value}>${w}</option>`)}
			</select>`
		: html`<input
				id="value"
				name="value"
				type="text"
				.value=${s.value}
				autocomplete="off"
				spellcheck="false"
				aria-describedby="value-hint"
			/>`;
};

async function edit(s) {
	await openDialog(s.key, (d) => {
		const save = async (e) => {
			e.preventDefault();
			const value = d.el.querySelector('[name=value]').value.trim();
			const done = await d.run(async () => {
				await patch('/v1/settings', { [s.key]: value });
				await load();
				return true;
			});
			if (done) {
				notice(
					'good',
					html`<code>${s.key}</code> is now <code>${text(value)}</code>, until
						the daemon starts again. To keep it, write it to
						<code>/etc/tidemark.d/50-site.conf</code>.`,
					{ key: `set-${s.key}` },
				);
				d.close(true);
			}
		};
		return html`<form @submit=${save}>
			<div class="dialog-body">
				<p>${text(s.help)}</p>
				<div class="field">
					<label for="value">Value</label>${input(s)}<span
						class="hint"
						id="value-hint"
						>The default is
						<code
							>${text(s.default) === nothing ? 'empty' : s.default}</code
						>${words(s) ? '' : hintOf(s)}.</span
					>
				</div>
				${commandBox([command('sysctl -w', `${s.key}=${quote(s.value)}`)])}
			</div>
			<footer class="buttons">
				<button type="button" class="plain" @click=${() => d.close()}>Cancel</button
				><button class="primary" ?disabled=${d.busy}>Save</button>
			</footer>
		</form>`;
	});
}

const HINTS = {
	bytes: '; bytes, or with K, M, G',
	duration: '; such as 50ms, 30s, 15min',
	int: '; a whole number',
};
const hintOf = (s) => HINTS[s.type] ?? '';

function row(s) {
	const changedValue = s.value !== s.default && s.origin !== 'default';
	return html`<tr role="row">
		<th role="rowheader" scope="row" data-label="Key">
			<code>${s.key}</code><span class="quiet small block">${text(s.help)}</span>
		</th>
		<td role="cell" data-label="Value" class=${changedValue ? 'strong' : ''}>
			<span class="path"
				>${text(s.value) === nothing ? html`<span class="quiet">empty</span>` : text(s.value)}</span
			>
			${changedValue ? html`<span class="quiet small block">default: ${s.default || 'empty'}</span>` : nothing}
		</td>
		<td role="cell" data-label="Origin"><span class="path">${text(s.origin)}</span></td>
		<td role="cell" class="col-actions">
			${
				s.changeable
					? may('settings')
						? html`<button
								class="plain small"
								aria-label="Edit ${s.key}"
								@click=${() => edit(s)}
							>
								Edit
							</button>`
						: nothing
					: html`<span class="quiet small">needs a restart</span>`
			}
		</td>
	</tr>`;
}

export function view() {
	if (error)
		return html`<div class="page-head"><h1>Settings</h1></div>
			${retry(error, load)}`;
	if (!rows) return loading;
	const has = (s) => `${s.key} ${s.help} ${s.value}`.toLowerCase().includes(wanted.toLowerCase());
	const shown = rows.filter(has);
	return html` <div class="page-head">
			<h1>Settings</h1>
			<label class="search"
				>${icon('search')}<span class="hidden">Search settings</span
				><input
					type="search"
					placeholder="Search settings"
					.value=${wanted}
					@input=${(e) => {
						wanted = e.target.value;
						changed();
					}}
			/></label>
		</div>
		<p class="hidden" role="status">
			${wanted ? `${plural(shown.length, 'setting')} found` : ''}
		</p>
		${
			shown.length
				? html`<table class="stack" role="table">
						<caption class="hidden">
							Settings
						</caption>
						<thead role="rowgroup">
							<tr role="row">
								<th role="columnheader" scope="col">Key</th>
								<th role="columnheader" scope="col">Value</th>
								<th role="columnheader" scope="col">
									Origin
								</th>
								<th role="columnheader" scope="col">
									<span class="hidden">Actions</span>
								</th>
							</tr>
						</thead>
						<tbody role="rowgroup">
							${shown.map(row)}
						</tbody>
					</table>`
				: html`<p class="quiet">
						No setting has “${text(wanted)}” in its name, value or help.
					</p>`
		}
		<p class="hint">
			${icon('info')}<span
				>Files in <code>/etc/tidemark.d</code>, <code>/run/tidemark.d</code> and
				<code>/usr/lib/tidemark.d</code> are read in the manner of sysctl.d. What is
				edited here holds until the daemon starts again.</span
			>
		</p>
		${commandBox([
			['All settings with their origin', command('sysctl --origin')],
			['Change one', command('sysctl -w log.level=debug')],
		])}`;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * views/create.js - the dialogs Create Directory Relationship and Edit Relationship.
 *
 * What was typed stays until it is saved: errors of the server stand beside the field they are about, and the dialog stays open.
 */
import { html, nothing } from '../vendor/lit.js';
import { post, patch, policyPath } from '../api.js';
import { state, say } from '../store.js';
import { openDialog } from '../dialogs.js';
import { pathBox } from '../combobox.js';
import { setPolicy } from '../model.js';
import { notice } from '../store.js';
import { icon } from '../icons.js';
import { fingerprint, path, plain, text } from '../format.js';
import { command, commandBox, createCommand, quote } from '../commands.js';

const PORT = 3712;

/* Problems that are about one field although they do not name it. */
const FIELD_OF = {
	'target-unreachable': 'target_address',
	'target-refused': 'target_address',
	'source-missing': 'source_dir',
	'not-a-directory': 'source_dir',
	exists: 'name',
	'bad-name': 'name',
	overlap: 'source_dir',
	'fingerprint-mismatch': 'target_fingerprint',
};

const fieldOf = (e) => e.field ?? FIELD_OF[e.code] ?? null;

/* A name that nobody typed: the last part of the source directory, made unique. */
function nameFor(dir) {
	const base =
		(dir.replace(/\/+$/, '').split('/').pop() || 'root')
			.replace(/[^A-Za-z0-9._-]+/g, '-')
			.replace(/^[^A-Za-z0-9]+/, '')
			.slice(0, 60) || 'policy';
	const taken = new Set(
		[...(state.policies?.values() ?? [])].filter((p) => p.role === 'source').map((p) => p.name),
	);
	let name = base;
	for (let n = 2; taken.has(name); n++) name = `${base}-${n}`;
	return name;
}

const clean = (dir) => (dir.length > 1 ? dir.trim().replace(/\/+$/, '') || '/' : dir);

/* What can be said before asking the server. */
function check(f) {
	const wrong = {};
	for (const [key, what] of [
		['source_dir', 'source directory'],
		['target_dir', 'target directory'],
	]) {
		if (!f[key].trim()) wrong[key] = `Enter the ${what}.`;
		else if (!f[key].startsWith('/')) wrong[key] = 'Enter the whole path, beginning with /.';
	}
	if (!f.target_address.trim())
		wrong.target_address = 'Enter the IP address or host name of the target cluster.';
	if (!/^\d+$/.test(f.target_port) || f.target_port < 1 || f.target_port > 65535)
		wrong.target_port = 'Enter a number from 1 to 65535.';
	if (f.name && !/^[A-Za-z0-9][\w.-]{0,63}$/.test(f.name))
		wrong.name =
			'Letters, digits, dots, dashes and underscores, beginning with a letter or digit; 64 at most.';
	if (f.target_fingerprint && !/^[0-9a-fA-F]{64}$/.test(f.target_fingerprint.replace(/[\s:]/g, '')))
		wrong.target_fingerprint = 'A fingerprint has 64 hexadecimal digits.';
	return wrong;
}

/* One labelled input with its hint and its error. */
function field(key, label, wrong, hint, input) {
	const describedby = `${key}-hint${wrong[key] ? ` ${key}-error` : ''}`;
	return html`<div class="field ${wrong[key] ? 'wrong' : ''}">
		<label for=${key}>${label}</label>
		${input({ describedby, invalid: Boolean(wrong[key]) })}
		<span class="hint" id="${key}-hint">${hint}</span>
		${wrong[key] ? html`<span class="error" id="${key}-error">${icon('warn')}<span>${text(wrong[key])}</span></span>` : nothing}
	</div>`;
}

const plainInput =
	(key, f, set, extra = {}) =>
	({ describedby, invalid }) =>
		html` <input
			id=${key}
			name=${key}
			type="text"
			.value=${f[key]}
			?required=${extra.required !== false}
			inputmode=${extra.inputmode ?? nothing}
			size=${extra.size ?? nothing}
			class=${extra.size ? 'short' : ''}
			placeholder=${extra.placeholder ?? nothing}
			autocomplete="off"
			autocapitalize="off"
			spellcheck="false"
			aria-describedby=${describedby}
			aria-invalid=${invalid ? 'true' : 'false'}
			@input=${(e) => set(key, e.target.value)}
		/>`;

const modes = (f, set) =>
	html`<fieldset class="field">
		<legend>Mode</legend>
		<label class="check"
			><input
				type="radio"
				name="mode"
				value="manual"
				?checked=${f.mode === 'manual'}
				@change=${() => set('mode', 'manual')}
			/>
			<span
				>Manual<small
					>replicates when you click Replicate; changes are recorded in
					between</small
				></span
			></label
		>
		<label class="check"
			><input
				type="radio"
				name="mode"
				value="continuous"
				?checked=${f.mode === 'continuous'}
				@change=${() => set('mode', 'continuous')}
			/>
			<span
				>Continuous<small
					>starts when the target’s admin accepts, and every change follows
					within a moment</small
				></span
			></label
		>
	</fieldset>`;

/* After a failure: the errors beside their fields, the first of them in focus. */
function showWrong(d, wrong) {
	d.update();
	const first = [
		'source_dir',
		'target_dir',
		'target_address',
		'target_port',
		'name',
		'target_fingerprint',
	].find((k) => wrong[k]);
	const input = first && d.el.querySelector(`#${first}`);
	input?.closest('details')?.setAttribute('open', '');
	input?.focus();
}

function place(d, wrong, e) {
	const key = fieldOf(e);
	if (key && d.el.querySelector(`#${key}`)) wrong[key] = e.message;
	else d.error = text(e.message);
	showWrong(d, wrong);
}

function bodyOf(f) {
	return {
		name: f.name,
		source_dir: clean(f.source_dir),
		target_dir: clean(f.target_dir),
		target_address: f.target_address.trim(),
		target_port: Number(f.target_port),
		mode: f.mode,
		...(f.target_fingerprint
			? { target_fingerprint: f.target_fingerprint.replace(/[\s:]/g, '').toLowerCase() }
			: {}),
	};
}

function created(p) {
	setPolicy(p);
	say(`Policy ${p.name} created: ${p.status}`);
	notice(
		'good',
		html`<strong>${text(p.name)}</strong> awaits authorization by the admin of
			${text(p.target.cluster || p.target.address)}. The key it answered with is pinned from
			now on: ${fingerprint(p.peer_fingerprint)}. Compare it with
			<code>tidemark status</code> there.`,
		{ key: `created-${p.id}` },
	);
}

export async function createRelationship() {
	const f = {
		source_dir: '',
		target_dir: '',
		target_address: '',
		target_port: String(PORT),
		mode: 'manual',
		name: '',
		target_fingerprint: '',
	};
	let wrong = {};
	let named = false;
	let dialog = null;
	const set = (key, value) => {
		f[key] = value;
		delete wrong[key];
		if (key === 'name') named = value !== '';
		if (key === 'source_dir' && !named)
			f.name = value.startsWith('/') && clean(value).length > 1 ? nameFor(value) : '';
		dialog?.update();
	};
	const source = pathBox({ id: 'source_dir', update: () => dialog?.update() });
	const save = (d) => async (e) => {
		e.preventDefault();
		wrong = check(f);
		if (Object.keys(wrong).length) {
			showWrong(d, wrong);
			return;
		}
		let failed = null;
		const p = await d.run(async () => {
			try {
				return await post('/v1/policies', bodyOf(f));
			} catch (error) {
				failed = error;
				return null;
			}
		});
		if (p) d.close(p);
		else if (failed) place(d, wrong, failed);
	};
	const p = await openDialog('Create Directory Relationship', (d) => {
		dialog = d;
		return html`<form novalidate @submit=${save(d)}>
			<div class="dialog-body">
				${field(
					'source_dir',
					'Source Directory',
					wrong,
					'The directory on this cluster that holds the data. It must exist.',
					(o) =>
						source.view({
							...o,
							onInput: (v) => set('source_dir', v),
							placeholder: '/srv/data',
						}),
				)}
				${field('target_dir', 'Target Directory', wrong, 'The directory on the target cluster that the data is replicated to.', plainInput('target_dir', f, set, { placeholder: '/backup/data' }))}
				<div class="two">
					${field('target_address', 'Target Address', wrong, 'IP address or name of the target; a floating IP survives a failover.', plainInput('target_address', f, set, { placeholder: '192.0.2.7' }))}
					${field('target_port', 'Port Number', wrong, `The default is ${PORT}.`, plainInput('target_port', f, set, { inputmode: 'numeric', size: 6 }))}
				</div>
				${modes(f, set)}
				<details class="optional">
					<summary>
						Name and key
						<span class="quiet"
							>${f.name ? html`(${f.name})` : 'optional'}</span
						>
					</summary>
					${field('name', 'Name', wrong, 'How the policy is called on both clusters; taken from the source directory.', plainInput('name', f, set, { required: false }))}
					${field(
						'target_fingerprint',
						'Expected key fingerprint',
						wrong,
						html`If the target’s admin gave it to you (<code
								>tidemark status</code
							>
							there), anybody else who answers is refused.`,
						plainInput('target_fingerprint', f, set, { required: false }),
					)}
				</details>
				${commandBox([createCommand({ ...bodyOf(f) })])}
			</div>
			<footer class="buttons">
				${d.busy ? html`<span class="quiet" role="status">Asking the cluster at ${text(f.target_address)}…</span>` : nothing}
				<button type="button" class="plain" @click=${() => d.close()}>Cancel</button>
				<button class="primary" ?disabled=${d.busy}>Save</button>
			</footer>
		</form>`;
	});
	if (p) created(p);
}

/* Everything but the two paths and the name can be changed. */
export async function editRelationship(p) {
	const f = {
		target_address: p.target.address ?? '',
		target_port: String(p.target.port),
		mode: p.mode,
	};
	let wrong = {};
	const save = (d) => async (e) => {
		e.preventDefault();
		wrong = check({ source_dir: '/', target_dir: '/', ...f });
		if (Object.keys(wrong).length) {
			showWrong(d, wrong);
			return;
		}
		const body = {};
		for (const [key, was] of [
			['mode', p.mode],
			['target_address', p.target.address],
			['target_port', p.target.port],
		]) {
			const value = key === 'target_port' ? Number(f[key]) : f[key].trim();
			if (value !== was) body[key] = value;
		}
		try {
			const answer = Object.keys(body).length
				? await patch(policyPath(p), body, { ifMatch: p.revision })
				: p;
			setPolicy(answer);
			d.close(true);
		} catch (error) {
			if (error.code === 'changed')
				error.message =
					'The policy changed meanwhile. Close this, look at it again, and edit then.';
			place(d, wrong, error);
		}
	};
	await openDialog(`Edit ${plain(p.name)}`, (d) => {
		const set = (key, value) => {
			f[key] = value;
			delete wrong[key];
			d.update();
		};
		return html`<form novalidate @submit=${save(d)}>
			<div class="dialog-body">
				<dl class="facts">
					<div>
						<dt>Source Directory</dt>
						<dd>${text(p.source.cluster)}:${path(p.source, 'dir')}</dd>
					</div>
					<div>
						<dt>Target Directory</dt>
						<dd>${text(p.target.cluster)}:${path(p.target, 'dir')}</dd>
					</div>
				</dl>
				<div class="two">
					${field('target_address', 'Target Address', wrong, 'Whoever answers there must have the key that is pinned.', plainInput('target_address', f, set))}
					${field('target_port', 'Port Number', wrong, `The default is ${PORT}.`, plainInput('target_port', f, set, { inputmode: 'numeric', size: 6 }))}
				</div>
				${modes(f, set)}
				<p class="hint">
					${icon('info')}<span
						>To replicate other directories, create another
						relationship.</span
					>
				</p>
				${commandBox([command('policy edit', quote(p.name), '--mode', f.mode, '--target-address', quote(f.target_address), '--target-port', quote(f.target_port))])}
			</div>
			<footer class="buttons">
				<button type="button" class="plain" @click=${() => d.close()}>Cancel</button
				><button class="primary">Save</button>
			</footer>
		</form>`;
	});
}

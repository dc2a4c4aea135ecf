// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * views/request.js - another cluster asks to write here: the banner, the details, Accept and Reject.
 *
 * Accept first tries without any permission. A missing target directory becomes the warning at the top of the page; one that is
 * not empty becomes a question that shows what would be replaced or deleted.
 */
import { html, nothing } from '../vendor/lit.js';
import { get, post, policyPath } from '../api.js';
import { state, notice, dismiss, requests, may, say } from '../store.js';
import { openDialog, ask } from '../dialogs.js';
import { setPolicy } from '../model.js';
import { icon } from '../icons.js';
import { bytes, count, fingerprint, path, plain, plural, text, time } from '../format.js';
import { command, commandBox, quote } from '../commands.js';
import { isBusy, act } from '../verbs.js';
import { fact } from './parts.js';

const asker = (p) =>
	html`<strong>${text(p.source.cluster || p.peer_cluster || 'an unnamed cluster')}</strong>`;

function estimate(r) {
	if (!r?.est_bytes && !r?.est_files) return 'not told by the source';
	return `about ${plural(r.est_files, 'file')}, ${bytes(r.est_bytes)}`;
}

function targetState(r) {
	if (!r || r.target_exists == null) return 'unknown';
	if (!r.target_exists) return html`<span class="tone-warn">does not exist yet</span>`;
	return r.target_entries
		? html`<span class="tone-warn"
				>exists and is not empty
				(${plural(r.target_entries, 'entry', 'entries')})</span
			>`
		: 'exists and is empty';
}

// ---- accepting

const warningKey = (p) => `missing-${p.id}`;

function warnMissing(p, options, dir) {
	notice(
		'warn',
		html`<strong
				>The target directory ${dir ? path({ dir }, 'dir') : path(p.target, 'dir')}
				does not exist on ${text(state.session.cluster)}.</strong
			>
			Create the directory and click Accept again, or have it created now (owner root, mode
			0755).`,
		{
			key: warningKey(p),
			page: state.route.page,
			buttons: [
				[
					'Create Directory and Accept',
					() => {
						dismiss(warningKey(p));
						accept(p, { ...options, create_dir: true });
					},
				],
			],
		},
	);
	say('Warning: the target directory does not exist');
}

const KINDS = {
	d: 'directory',
	f: 'file',
	l: 'symbolic link',
	directory: 'directory',
	file: 'file',
	symlink: 'symbolic link',
};

function sampleTable(v) {
	return html`<div
		class="scroll"
		tabindex="0"
		role="region"
		aria-label="What is in the target directory"
	>
		<table class="small">
			<caption>
				Directly in
				it${v.entries > v.sample.length || v.more ? `; ${v.more ? 'at least ' : ''}${count(v.entries)} entries with all below` : nothing}
			</caption>
			<thead>
				<tr>
					<th scope="col">Name</th>
					<th scope="col">Type</th>
					<th scope="col" class="num">Size</th>
					<th scope="col">Changed</th>
				</tr>
			</thead>
			<tbody>
				${v.sample.map(
					(s) =>
						html`<tr>
							<td>${path(s, 'name')}</td>
							<td>${KINDS[s.type] ?? s.type}</td>
							<td class="num">
								${s.type === 'directory' || s.type === 'd' ? '' : bytes(s.size)}
							</td>
							<td>${time(s.mtime, '–')}</td>
						</tr>`,
				)}
			</tbody>
		</table>
	</div>`;
}

function previewBody(p, v) {
	if (!v) return html`<p class="loading">Looking into the directory…</p>`;
	if (v.error)
		return html`<p class="message warn">
			What is in it could not be listed: ${text(v.error.message)}
		</p>`;
	return html`<p>
			It holds
			<strong
				>${v.more ? 'at least ' : ''}${plural(v.files, 'file')} (${bytes(v.bytes)}) in
				${plural(v.directories, 'directory', 'directories')}</strong
			>${
				v.oldest
					? html`, changed between ${time(v.oldest)} and ${time(v.newest)}`
					: nothing
			}.
		</p>
		${v.sample?.length ? sampleTable(v) : nothing}`;
}

/* The explicit yes for a directory that is not empty. */
function askNotEmpty(p, options) {
	let preview = null;
	let d0 = null;
	get(policyPath(p, 'preview'))
		.then(
			(v) => {
				preview = v;
			},
			(error) => {
				preview = { error };
			},
		)
		.finally(() => d0?.update());
	return openDialog(
		'The target directory is not empty',
		(d) => {
			d0 = d;
			const submit = async (e) => {
				e.preventDefault();
				const done = await d.run(async () => {
					setPolicy(
						await post(policyPath(p, 'accept'), {
							...options,
							yes: true,
						}),
					);
					return true;
				});
				if (done) d.close(true);
			};
			return html`<form @submit=${submit}>
				<div class="dialog-body">
					<p>
						${path(p.target, 'dir')} on this cluster will be made equal to
						${path(p.source, 'dir')} of ${asker(p)}. Whatever is in it and
						not on the source
						<strong>will be replaced or deleted</strong>.
					</p>
					${previewBody(p, preview)}
					<label class="check"
						><input type="checkbox" name="yes" required />
						<span
							>Yes, replace or delete what is in this
							directory</span
						></label
					>
					${commandBox([acceptCommand(p, { ...options, yes: true })])}
				</div>
				<footer class="buttons">
					<button type="button" class="plain" @click=${() => d.close()}>
						Cancel
					</button>
					<button class="danger" ?disabled=${d.busy}>Accept</button>
				</footer>
			</form>`;
		},
		{ wide: true, read: true },
	);
}

const acceptCommand = (p, o = {}) =>
	command(
		'policy accept',
		quote(p.name),
		o.yes && '--yes',
		o.create_dir && '--create-dir',
		o.allow_devices && '--allow-devices',
		o.allow_suid && '--allow-suid',
	);

export async function accept(p, options = {}) {
	if (isBusy(p)) return;
	await act(p, 'Accepting', async () => {
		try {
			const answer = await post(policyPath(p, 'accept'), options);
			dismiss(warningKey(p));
			return answer;
		} catch (e) {
			if (e.code === 'target-missing') {
				warnMissing(p, options, e.more.dir);
			} else if (e.code === 'target-not-empty') {
				dismiss(warningKey(p));
				askNotEmpty(p, options);
			} else {
				throw e;
			}
			return null;
		}
	});
}

export function reject(p) {
	return ask(
		`Reject the request of ${plain(p.source.cluster)}?`,
		html` <p>
				${asker(p)} will be told, and nothing is written here. It may ask again with a
				new policy.
			</p>
			<label class="field"
				>Reason (shown there) <input name="reason" maxlength="200" autocomplete="off"
			/></label>
			${commandBox([command('policy reject', quote(p.name), '--reason', "'TEXT'")])}`,
		'Reject',
		async (d) => {
			const reason = d.el.querySelector('[name=reason]').value.trim();
			setPolicy(await post(policyPath(p, 'reject'), reason ? { reason } : {}));
			dismiss(warningKey(p));
		},
		{ danger: true },
	);
}

// ---- looking closer

export async function seeDetails(p) {
	const r = p.request;
	const chosen = {};
	const box = (name, label, why) =>
		html`<label class="check"
			><input
				type="checkbox"
				name=${name}
				@change=${(e) => {
					chosen[name] = e.target.checked || undefined;
				}}
			/>
			<span>${label}<small>${why}</small></span></label
		>`;
	const answer = await openDialog(
		'Authorization request',
		(d) =>
			html` <div class="dialog-body">
					<h3>Who asks</h3>
					<dl class="facts">
						${fact('Cluster', asker(p))}
						${fact('Address', text(r?.address))}
						${fact('Key fingerprint', fingerprint(p.peer_fingerprint))}
					</dl>
					<p class="hint">
						${icon('key')}<span
							>Ask the admin of that cluster for the key that
							<code>tidemark status</code> shows there. The name can
							be anything; the key cannot.</span
						>
					</p>
					<h3>What for</h3>
					<dl class="facts">
						${fact('Direction', html`from there to this cluster (${text(state.session.cluster)})`)}
						${fact('Source Directory', html`${text(p.source.cluster)}:${path(p.source, 'dir')}`)}
						${fact('Target Directory', html`${path(p.target, 'dir')} — ${targetState(r)}`)}
						${fact('Size', estimate(r))}
						${fact('Mode', p.mode === 'continuous' ? 'continuous: starts as soon as you accept' : 'manual: starts when the source’s admin says so')}
						${fact('Policy', text(p.name))}
						${fact('Asked', time(r?.since ?? p.created))}
					</dl>
					${
						may('accept')
							? html`<fieldset>
									<legend>Also allow</legend>
									${box('allow_devices', 'Device nodes', 'who can write at the source could make one that reads this machine’s disks')}
									${box('allow_suid', 'Set-user-ID and set-group-ID bits', 'programs that run with their owner’s rights')}
								</fieldset>`
							: nothing
					}
					${commandBox([acceptCommand(p), command('policy reject', quote(p.name))])}
				</div>
				<footer class="buttons">
					${
						may('accept')
							? html`<button
										class="plain"
										@click=${() => d.close('reject')}
									>
										Reject</button
									><button
										class="primary"
										@click=${() => d.close('accept')}
									>
										Accept
									</button>`
							: html`<button
									class="plain"
									@click=${() => d.close()}
								>
									Close
								</button>`
					}
				</footer>`,
		{ wide: true, read: true },
	);
	if (answer === 'accept')
		await accept(p, Object.fromEntries(Object.entries(chosen).filter(([, v]) => v)));
	else if (answer === 'reject') await reject(p);
}

function request(p) {
	return html`<li class="request">
		<p class="lead">
			${asker(p)} <span class="quiet">(${text(p.request?.address)})</span> asks to replicate
			its directory ${path(p.source, 'dir')} to ${path(p.target, 'dir')} on this cluster.
		</p>
		<dl class="inline">
			${fact('Size', estimate(p.request))}
			${fact('Target directory', targetState(p.request))}
			${fact('Asked', time(p.request?.since ?? p.created))}
			${fact('Key fingerprint', fingerprint(p.peer_fingerprint))}
		</dl>
		<div class="buttons start">
			<button
				class="plain"
				@click=${() => seeDetails(p)}
				aria-label=${`See details of ${plain(p.name)}`}
			>
				See details
			</button>
			${
				may('accept')
					? html`<button
								class="primary"
								?disabled=${isBusy(p)}
								@click=${() => accept(p)}
								aria-label=${`Accept ${plain(p.name)}`}
							>
								Accept
							</button>
							<button
								class="plain"
								?disabled=${isBusy(p)}
								@click=${() => reject(p)}
								aria-label=${`Reject ${plain(p.name)}`}
							>
								Reject
							</button>`
					: html`<span class="quiet">An admin accepts or rejects it.</span>`
			}
		</div>
	</li>`;
}

/* The notification at the top of the Replication page. */
export function banner() {
	const list = requests();
	if (!list.length) return nothing;
	return html`<section class="banner" aria-labelledby="requests-title">
		<h2 id="requests-title">
			${icon('key')}
			${list.length === 1 ? 'Authorization request' : `${list.length} authorization requests`}
		</h2>
		<ul>
			${list.map(request)}
		</ul>
	</section>`;
}

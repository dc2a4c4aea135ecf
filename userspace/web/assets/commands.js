// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * commands.js - the command line that does the same: every action of the page has one, and shows it.
 *
 * Words are quoted for a shell; what is not plain text becomes $'...', so that a pasted command
 * means the very same bytes and holds no control character.
 */
import { html, nothing } from './vendor/lit.js';
import { icon } from './icons.js';
import { say } from './store.js';

const hex = (n) => `\\x${n.toString(16).padStart(2, '0')}`;

function dollarQuote(raw) {
	let s = '';
	for (const c of raw)
		s +=
			c === 0x27 || c === 0x5c
				? `\\${String.fromCharCode(c)}`
				: c >= 0x20 && c < 0x7f
					? String.fromCharCode(c)
					: hex(c);
	return `$'${s}'`;
}

/* One word of a shell command. @b64: the exact bytes where they are not UTF-8 */
export function quote(s, b64) {
	if (b64) return dollarQuote(Uint8Array.from(atob(b64), (c) => c.charCodeAt(0)));
	s = String(s ?? '');
	if (/^[\w@%+=:,./-]+$/.test(s)) return s;
	if (/[\p{C}\p{Zl}\p{Zp}]/u.test(s)) return dollarQuote(new TextEncoder().encode(s));
	return `'${s.replace(/'/g, "'\\''")}'`;
}

export const command = (...words) => ['tidemark', ...words.filter((w) => w != null && w !== '')].join(' ');

export function createCommand(f) {
	return command(
		'policy create',
		quote(f.name || 'NAME'),
		'--source-dir',
		quote(f.source_dir || 'DIR'),
		'--target-dir',
		quote(f.target_dir || 'DIR'),
		'--target-address',
		quote(f.target_address || 'ADDRESS'),
		f.target_port && f.target_port !== 3712 ? `--target-port ${f.target_port}` : null,
		f.mode === 'continuous' ? '--mode continuous' : null,
		f.target_fingerprint ? `--target-fingerprint ${quote(f.target_fingerprint)}` : null,
	);
}

/* What an admin can do with this policy here, as [what, command]. */
export function policyCommands(p) {
	const name = quote(p.name);
	const source = p.role === 'source';
	return [
		['Show it', command('policy show', name)],
		source && ['Replicate, and wait', command('policy replicate', name, '--wait')],
		source && [
			'Wait until all written so far is durable on the target',
			command('policy sync', name),
		],
		['Abort', command('policy abort', name)],
		[p.enabled ? 'Disable' : 'Enable', command('policy', p.enabled ? 'disable' : 'enable', name)],
		source && ['Verify and repair', command('policy verify', name, '--wait')],
		['History of runs', command('policy runs', name)],
		['Failures by file', command('policy failures', name)],
		source && [
			'Edit',
			command('policy edit', name, '--mode', p.mode === 'manual' ? 'continuous' : 'manual'),
		],
		[
			'Is this file safe?',
			command('where', quote(`${source ? p.source.dir : p.target.dir}/FILE`)),
		],
		['Delete', command('policy delete', name)],
	].filter(Boolean);
}

async function copy(c, e) {
	await navigator.clipboard.writeText(c).catch(() => {});
	const b = e.target.closest('button');
	b.classList.add('copied');
	setTimeout(() => b.classList.remove('copied'), 1500);
	say('Command copied');
}

const line = (c) =>
	html`<span class="command"
		><code>${c}</code
		><button
			type="button"
			class="ghost round small"
			aria-label="Copy command"
			title="Copy"
			@click=${(e) => copy(c, e)}
		>
			${icon('copy')}
		</button></span
	>`;

/* A closed box with the equivalent commands: strings, or [what, command]. */
export function commandBox(list, summary = 'Equivalent commands') {
	const rows = list.filter(Boolean);
	if (!rows.length) return nothing;
	return html`<details class="commands">
		<summary>${summary}</summary>
		<dl>
			${rows.map((r) =>
				Array.isArray(r)
					? html`<div>
							<dt>${r[0]}</dt>
							<dd>${line(r[1])}</dd>
						</div>`
					: html`<div><dd>${line(r)}</dd></div>`,
			)}
		</dl>
	</details>`;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dialogs.js - modal dialogs on the browser's own <dialog>: focus trap, Escape and the way back come with it.
 *
 * openDialog(title, body): body(d) returns a template; d has close(result), update(), run(work) and `error`, `busy`. The promise
 * answers with what close() was given, undefined when it was dismissed. Many redraws, one dialog: inputs keep what was typed. @read: it is to be read first, from its top.
 */
import { html, nothing, render } from './vendor/lit.js';
import { icon } from './icons.js';
import { onChange } from './store.js';

const open = new Set();
let serial = 0;
onChange(() => open.forEach((d) => d.update()));

export const dialogOpen = () => open.size > 0;

function frame(d, title, body) {
	return html` <header class="dialog-head">
			<h2 id=${d.titleId} tabindex="-1">${title}</h2>
			<button
				type="button"
				class="ghost round"
				aria-label="Close"
				@click=${() => d.close()}
			>
				${icon('close')}
			</button>
		</header>
		${d.error ? html`<p class="message bad" role="alert">${icon('warn')}<span>${d.error}</span></p>` : nothing}
		${body(d)}`;
}

export function openDialog(title, body, { wide = false, read = false } = {}) {
	const el = document.createElement('dialog');
	const back = document.activeElement;
	if (wide) el.classList.add('wide');
	return new Promise((resolve) => {
		let result;
		const d = {
			el,
			error: null,
			busy: false,
			titleId: `dialog-${++serial}`,
			update: () => render(frame(d, title, body), el),
			close(r) {
				result = r;
				el.close();
			},
			/* Do @work with the buttons off; what it throws becomes d.error. */
			async run(work) {
				d.busy = true;
				d.error = null;
				d.update();
				try {
					return await work();
				} catch (e) {
					d.error = e.message;
					return undefined;
				} finally {
					d.busy = false;
					if (el.isConnected) d.update();
				}
			},
		};
		open.add(d);
		el.setAttribute('aria-labelledby', d.titleId);
		el.addEventListener('close', () => {
			open.delete(d);
			el.remove();
			if (back?.isConnected) back.focus();
			resolve(result);
		});
		document.body.append(el);
		d.update();
		el.showModal();
		(read
			? el.querySelector('h2')
			: (el.querySelector('[autofocus]') ??
				el.querySelector('input, select, textarea, .buttons button'))
		)?.focus();
	});
}

export function closeDialogs() {
	[...open].forEach((d) => d.close());
}

/*
 * A question with one dangerous or plain answer. @act does it; the dialog stays, with the reason, when it fails.
 * Resolves true when it was done.
 */
export function ask(title, body, yes, act, { danger = false } = {}) {
	const submit = (d) => async (e) => {
		e.preventDefault();
		const done = await d.run(async () => {
			await act(d);
			return true;
		});
		if (done) d.close(true);
	};
	return openDialog(
		title,
		(d) =>
			html` <form @submit=${submit(d)}>
				<div class="dialog-body">${typeof body === 'function' ? body(d) : body}</div>
				<footer class="buttons">
					<button
						type="button"
						class="plain"
						?autofocus=${danger}
						@click=${() => d.close()}
					>
						Cancel
					</button>
					<button
						type="submit"
						class=${danger ? 'danger' : 'primary'}
						?disabled=${d.busy}
					>
						${yes}
					</button>
				</footer>
			</form>`,
	);
}

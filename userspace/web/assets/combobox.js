// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * combobox.js - completion of a directory's path from the server, on a plain text input (ARIA combobox pattern).
 *
 * Down and Up choose, Enter or Tab takes, Escape closes the list and only the list. What was typed is never changed
 * unless a choice is taken; taking one asks again for what lies below it.
 */
import { html, nothing } from './vendor/lit.js';
import { get } from './api.js';
import { path, plural } from './format.js';

const DELAY_MS = 120;

export function pathBox({ id, update, value = '' }) {
	const box = { value, list: [], more: false, at: -1, open: false };
	let timer = 0;
	let asked = null;

	const show = (open) => {
		box.open = open && box.list.length > 0;
		if (!box.open) box.at = -1;
		update();
	};

	async function load() {
		asked?.abort();
		asked = new AbortController();
		const typed = box.value;
		try {
			const a = typed.startsWith('/')
				? await get(`/v1/directories?path=${encodeURIComponent(typed)}&limit=20`, {
						signal: asked.signal,
					})
				: { directories: [] };
			if (typed !== box.value) return;
			box.list = a.directories.filter((d) => d !== typed);
			box.more = a.more;
			box.at = -1;
			show(document.activeElement?.id === id);
		} catch {
			box.list = [];
			show(false);
		}
	}

	const later = () => {
		clearTimeout(timer);
		timer = setTimeout(load, DELAY_MS);
	};

	function take(i, input) {
		box.value = `${box.list[i]}/`;
		input.value = box.value;
		input.dispatchEvent(new Event('input', { bubbles: true }));
	}

	function key(e) {
		const n = box.list.length;
		if (e.key === 'Escape' && box.open) {
			e.preventDefault();
			e.stopPropagation();
			show(false);
		} else if ((e.key === 'ArrowDown' || e.key === 'ArrowUp') && n) {
			e.preventDefault();
			box.open = true;
			box.at = e.key === 'ArrowDown' ? (box.at + 1) % n : (box.at <= 0 ? n : box.at) - 1;
			update();
			document.getElementById(`${id}-${box.at}`)?.scrollIntoView({ block: 'nearest' });
		} else if ((e.key === 'Enter' || e.key === 'Tab') && box.open && box.at >= 0) {
			e.preventDefault();
			take(box.at, e.target);
		}
	}

	const option = (d, i) =>
		html`<li
			id=${`${id}-${i}`}
			role="option"
			aria-selected=${i === box.at ? 'true' : 'false'}
			@mousedown=${(e) => {
				e.preventDefault();
				take(i, document.getElementById(id));
			}}
		>
			${path({ d }, 'd')}
		</li>`;

	box.view = ({ onInput, describedby, invalid, placeholder }) =>
		html` <span class="combo">
				<input
					id=${id}
					name=${id}
					type="text"
					role="combobox"
					autocomplete="off"
					autocapitalize="off"
					spellcheck="false"
					required
					aria-autocomplete="list"
					aria-controls=${`${id}-list`}
					aria-expanded=${box.open ? 'true' : 'false'}
					aria-activedescendant=${box.at >= 0 ? `${id}-${box.at}` : nothing}
					aria-describedby=${describedby ?? nothing}
					aria-invalid=${invalid ? 'true' : 'false'}
					placeholder=${placeholder ?? nothing}
					.value=${value}
					@input=${(e) => {
						box.value = e.target.value;
						onInput(e.target.value);
						later();
					}}
					@focus=${later}
					@blur=${() => show(false)}
					@keydown=${key}
				/>
				<ul
					id=${`${id}-list`}
					role="listbox"
					aria-label="Directories"
					?hidden=${!box.open}
				>
					${box.list.map(option)}${
						box.more
							? html`<li class="quiet small" role="presentation">
									more: go on typing
								</li>`
							: nothing
					}
				</ul>
			</span>
			<span class="hidden" role="status"
				>${box.open ? `${plural(box.list.length, 'directory', 'directories')}, arrow keys choose` : ''}</span
			>`;
	return box;
}

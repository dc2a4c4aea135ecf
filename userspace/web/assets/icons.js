// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * icons.js - the few line drawings of the page. Decoration only: a word always stands beside them.
 */
import { svg, html } from './vendor/lit.js';

const draw = (body, extra = '') =>
	html`<svg class="icon ${extra}" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
		${body}
	</svg>`;

const SHAPES = {
	clock: () => svg`<circle cx="10" cy="10" r="7.2"/><path d="M10 5.8V10l2.8 1.8"/>`,
	seal: () =>
		svg`<path d="M10 2.5l6 2.2v4.6c0 3.8-2.5 6.6-6 8.2-3.5-1.6-6-4.4-6-8.2V4.7z"/><path d="M7.2 9.8l2 2 3.7-4"/>`,
	cycle: () =>
		svg`<path d="M16.5 8.2A6.8 6.8 0 0 0 4.3 6.4M3.5 11.8a6.8 6.8 0 0 0 12.2 1.8"/><path d="M4 2.8v3.7h3.7M16 17.2v-3.7h-3.7"/>`,
	done: () => svg`<circle cx="10" cy="10" r="7.2"/><path d="M6.8 10.2l2.3 2.3 4.2-4.8"/>`,
	cross: () => svg`<circle cx="10" cy="10" r="7.2"/><path d="M7.4 7.4l5.2 5.2M12.6 7.4l-5.2 5.2"/>`,
	warn: () => svg`<path d="M10 3l7.5 13.5h-15z"/><path d="M10 8v4M10 14.2v.1"/>`,
	halt: () => svg`<path d="M7 2.8h6L17.2 7v6L13 17.2H7L2.8 13V7z"/><path d="M10 6.2v4.6M10 13.5v.1"/>`,
	pause: () => svg`<circle cx="10" cy="10" r="7.2"/><path d="M8.2 7.2v5.6M11.8 7.2v5.6"/>`,
	unplug: () =>
		svg`<path d="M3 17l3.5-3.5M6 11l3 3M11 14L6 9l-.8.8a3.5 3.5 0 0 0 5 5zM14 11l-1.5-1.5M11 8l3 3 .8-.8a3.5 3.5 0 0 0-5-5L9 6zM17 3l-2.5 2.5"/>`,
	trash: () => svg`<path d="M3.5 5.5h13M8 5.5V3.5h4v2M5 5.5l.8 11h8.4l.8-11M8.3 8.5v5M11.7 8.5v5"/>`,
	play: () => svg`<path d="M6 3.8l9.5 6.2L6 16.2z"/>`,
	stop: () => svg`<path d="M5 5h10v10H5z"/>`,
	arrow: () => svg`<path d="M3.5 10h12M11 5.5l4.5 4.5-4.5 4.5"/>`,
	plus: () => svg`<path d="M10 4v12M4 10h12"/>`,
	menu: () => svg`<path d="M3.5 6h13M3.5 10h13M3.5 14h13"/>`,
	key: () =>
		svg`<circle cx="6.5" cy="13.5" r="3.2"/><path d="M8.8 11.2l7-7M13 7l2.3 2.3M11 9l1.5 1.5"/>`,
	copy: () => svg`<path d="M7.5 7.5h9v9h-9zM12.5 7.5v-4h-9v9h4"/>`,
	info: () => svg`<circle cx="10" cy="10" r="7.2"/><path d="M10 9.3v4.5M10 6.3v.1"/>`,
	pen: () => svg`<path d="M3.5 16.5l.8-3.6L13 4.2l2.8 2.8-8.7 8.7z"/>`,
	search: () => svg`<circle cx="8.8" cy="8.8" r="5.3"/><path d="M12.8 12.8l4.2 4.2"/>`,
	wave: () => svg`<path d="M2.5 7.8q2.5-3 5 0t5 0 5 0M2.5 13q2.5-3 5 0t5 0 5 0"/>`,
	out: () => svg`<path d="M8 3.5H4v13h4M8.5 10H17M13.5 6.5L17 10l-3.5 3.5"/>`,
	user: () =>
		svg`<circle cx="10" cy="6.8" r="3.2"/><path d="M3.8 17c.6-3.4 3.1-5.2 6.2-5.2s5.6 1.8 6.2 5.2"/>`,
	dot: () => svg`<circle cx="10" cy="10" r="2.6"/>`,
	close: () => svg`<path d="M5 5l10 10M15 5L5 15"/>`,
};

export const icon = (name, extra) => draw(SHAPES[name](), extra);

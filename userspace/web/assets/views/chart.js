// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * views/chart.js - rate and lag of the last 15 minutes: a drawing (uPlot, loaded when first needed) and the same as a table.
 *
 * Two drawings, one above the other, because the two have nothing to share but the time. Colours come from the style sheet and follow
 * the scheme; the canvas is hidden from screen readers, the table is for them and for everybody else.
 */
import { html, nothing } from '../vendor/lit.js';
import { bytes, clockOf, count, duration, rate } from '../format.js';

/* Steps of the two scales that give round numbers in the units shown. */
const BINARY = Array.from({ length: 45 }, (_, i) => 2 ** i);
const SECONDS = [
	0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600, 7200, 14400, 43200, 86400,
	864000,
];

const WINDOW_S = 15 * 60;

let plotLib = null;
const dark = matchMedia('(prefers-color-scheme: dark)');

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/* light-dark() in a custom property stays text; a probe element resolves it. */
function resolve(name) {
	const probe = document.createElement('i');
	probe.className = `probe-${name}`;
	document.body.append(probe);
	const c = getComputedStyle(probe).color;
	probe.remove();
	return c || colour(`--${name}`);
}

function options(kind, width, height) {
	const ink = resolve('muted');
	const grid = resolve('line');
	const line = resolve(kind === 'rate' ? 'accent' : 'lag');
	const format = kind === 'rate' ? (v) => rate(v) : (v) => duration(v);
	return {
		width,
		height,
		cursor: { show: true, y: false, points: { size: 6 } },
		legend: { show: false },
		scales: {
			x: { time: true, range: (u, lo, hi) => [hi - WINDOW_S, hi] },
			y: { range: (u, lo, hi) => [0, Math.max(hi * 1.15, kind === 'rate' ? 1024 : 1)] },
		},
		axes: [
			{
				stroke: ink,
				grid: { show: false },
				ticks: { stroke: grid, size: 4 },
				font: '12px system-ui, sans-serif',
				size: 26,
				space: 70,
				incrs: SECONDS.filter((s) => s >= 60),
				values: (u, ts) => ts.map((t) => clockOf(t * 1000).slice(0, 5)),
			},
			{
				stroke: ink,
				grid: { stroke: grid, width: 1 },
				ticks: { show: false },
				font: '12px system-ui, sans-serif',
				size: 80,
				space: 30,
				incrs: kind === 'rate' ? BINARY : SECONDS,
				values: (u, vs) => vs.map(format),
			},
		],
		series: [
			{},
			{
				stroke: line,
				fill: resolve(kind === 'rate' ? 'accent-soft' : 'lag-soft'),
				width: 1.6,
				points: { show: false },
				spanGaps: false,
			},
		],
	};
}

const dataOf = (kind, samples) => [
	samples.map((s) => Date.parse(s.time) / 1000),
	samples.map((s) => (kind === 'rate' ? s.rate : s.lag_ms == null ? null : s.lag_ms / 1000)),
];

/* One drawing in one element; owner calls draw() with new samples and end() at last. */
class Drawing {
	constructor(el, kind) {
		Object.assign(this, { el, kind, samples: [], plot: null });
		this.again = () => this.rebuild();
		dark.addEventListener('change', this.again);
		this.watch = new ResizeObserver(() => (this.plot ? this.fit() : this.draw(this.samples)));
		this.watch.observe(el);
	}

	fit() {
		const width = this.el.clientWidth;
		if (width && width !== this.plot.width)
			this.plot.setSize({ width, height: this.plot.height });
	}

	rebuild() {
		this.plot?.destroy();
		this.plot = null;
		this.draw(this.samples);
	}

	draw(samples) {
		this.samples = samples;
		const width = this.el.clientWidth;
		if (!plotLib || !width || !samples.length) return;
		if (this.plot) this.plot.setData(dataOf(this.kind, samples));
		else
			this.plot = new plotLib(
				options(this.kind, width, 130),
				dataOf(this.kind, samples),
				this.el,
			);
	}

	end() {
		dark.removeEventListener('change', this.again);
		this.watch.disconnect();
		this.plot?.destroy();
	}
}

/* The 15 minutes in rows of one minute, newest first. */
function minutes(samples) {
	const rows = new Map();
	for (const s of samples) {
		const key = s.time.slice(0, 16);
		const r = rows.get(key) ?? { time: s.time, sum: 0, n: 0, lag: null, pending: 0 };
		r.sum += s.rate;
		r.n += 1;
		r.lag = s.lag_ms == null ? r.lag : Math.max(r.lag ?? 0, s.lag_ms);
		r.pending = s.pending;
		rows.set(key, r);
	}
	return [...rows.values()].reverse();
}

const table = (samples) =>
	html`<div class="scroll" tabindex="0" role="region" aria-label="Rate and lag by minute">
		<table class="small">
			<thead>
				<tr>
					<th scope="col">Minute</th>
					<th scope="col" class="num">Rate (mean)</th>
					<th scope="col" class="num">Lag (largest)</th>
					<th scope="col" class="num">Pending at its end</th>
				</tr>
			</thead>
			<tbody>
				${minutes(samples).map(
					(r) =>
						html`<tr>
							<td>${clockOf(r.time).slice(0, 5)}</td>
							<td class="num">${rate(Math.round(r.sum / r.n))}</td>
							<td class="num">
								${r.lag == null ? '–' : duration(r.lag / 1000)}
							</td>
							<td class="num">${count(r.pending)}</td>
						</tr>`,
				)}
			</tbody>
		</table>
	</div>`;

export function makeChart() {
	const drawings = new Map();
	let samples = [];
	const attach = (kind) => (el) => {
		if (!el) {
			drawings.get(kind)?.end();
			drawings.delete(kind);
		} else if (drawings.get(kind)?.el !== el) {
			drawings.get(kind)?.end();
			drawings.set(kind, new Drawing(el, kind));
			drawings.get(kind).draw(samples);
		}
	};
	const hooks = { rate: attach('rate'), lag: attach('lag') };
	return {
		hooks,
		async set(list) {
			samples = list;
			if (!plotLib) plotLib = (await import('../vendor/uplot.js')).default;
			drawings.forEach((d) => d.draw(samples));
		},
		end() {
			drawings.forEach((d) => d.end());
			drawings.clear();
		},
		summary() {
			const last = samples.at(-1);
			return last
				? `Rate now ${bytes(last.rate)}/s, lag ${last.lag_ms == null ? 'unknown' : duration(last.lag_ms / 1000)}`
				: '';
		},
		table: () =>
			samples.length
				? html`<details class="as-table">
						<summary>Show as table</summary>
						${table(samples)}
					</details>`
				: nothing,
		empty: () => samples.length === 0,
	};
}

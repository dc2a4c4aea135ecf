// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lib/browser.mjs - one Chromium, and pages that watch themselves: whatever the content policy refuses, whatever throws, dialogs
 * that a script opens, requests to other servers. Also: logging in, pictures of a step in light, dark and narrow, axe.
 *
 * From the environment: MODULES (node_modules with playwright-core and axe-core), SHOTS (directory for pictures, or empty), PASSWORD.
 */
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { slow } from './tap.mjs';

const { MODULES, SHOTS } = process.env;
const need = createRequire(path.join(MODULES, 'from-here.js'));
const { chromium } = need('playwright-core');
const axeSource = fs.readFileSync(need.resolve('axe-core/axe.min.js'), 'utf8');

/* No GPU, no sandbox (the tests run as root), and nothing that calls home. */
const FLAGS = [
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
	'--disable-dev-shm-usage',
];
const WIDE = { width: 1280, height: 860 };
const NARROW = { width: 320, height: 720 };

let browser = null;

export async function launch() {
	browser = await chromium.launch({
		executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
		args: FLAGS,
	});
	return browser;
}

export const close = () => browser?.close();

/* A page of its own profile at @base. `page.trouble` lists what must not have happened. */
export async function open(base) {
	const context = await browser.newContext({
		viewport: WIDE,
		colorScheme: 'light',
		ignoreHTTPSErrors: true,
		timezoneId: 'UTC',
		reducedMotion: 'reduce',
	});
	context.setDefaultTimeout(30000 * slow);
	const page = await context.newPage();
	page.base = base;
	page.trouble = [];
	await context.exposeBinding('tellTrouble', (_, what) => {
		page.trouble.push(what);
	});
	await context.addInitScript(() => {
		document.addEventListener('securitypolicyviolation', (e) =>
			window.tellTrouble(
				`CSP refused ${e.effectiveDirective}: ${e.blockedURI} ${e.sample}`,
			),
		);
	});
	page.on('pageerror', (e) => page.trouble.push(`script error: ${e.stack ?? e}`));
	page.on('dialog', (d) => {
		page.trouble.push(`a script opened a dialog: ${d.message()}`);
		d.dismiss();
	});
	page.on('request', (r) => {
		if (!r.url().startsWith(base) && !r.url().startsWith('data:'))
			page.trouble.push(`request to elsewhere: ${r.url()}`);
	});
	/* Refusals of the server are logged by the browser too, and are part of the tests: only what is no answer counts. */
	page.on('console', (m) => {
		if (m.type() === 'error' && !/^Failed to load resource/.test(m.text()))
			page.trouble.push(`console: ${m.text()}`);
	});
	await page.goto(`${base}/`);
	return page;
}

export async function login(page, name = 'admin', password = process.env.PASSWORD) {
	await page.getByRole('heading', { name: /^Log in/ }).waitFor();
	await page.getByLabel('Name').fill(name);
	await page.getByLabel('Password').fill(password);
	await page.getByRole('button', { name: 'Log in' }).click();
	await page
		.getByRole('link', { name: /^Replication/ })
		.first()
		.waitFor({ state: 'attached' });
}

/* Point to Cluster and click @word. In a narrow window the list opens with a button of that name. */
export async function goTo(page, word) {
	const nav = page.getByRole('navigation', { name: 'Cluster' });
	const button = nav.getByRole('button', { name: 'Cluster' });
	if (await button.isVisible()) await button.click();
	else await nav.getByRole('heading', { name: 'Cluster' }).hover();
	await nav.getByRole('link', { name: new RegExp(`^${word}`) }).click();
	await page.getByRole('heading', { level: 1, name: word }).waitFor();
}

const scrolls = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

/* Pictures of what is on the screen now: NAME-light.png, NAME-dark.png, NAME-narrow.png. Fails where a narrow window would scroll sideways. */
export async function shot(page, name, { whole = true } = {}) {
	/* What sticks to the window's edge would lie across a picture of the whole page. */
	if (whole) await page.evaluate(() => window.scrollTo(0, 0));
	const take = async (kind) =>
		SHOTS && page.screenshot({ path: path.join(SHOTS, `${name}-${kind}.png`), fullPage: whole });
	await take('light');
	await page.emulateMedia({ colorScheme: 'dark' });
	await take('dark');
	await page.emulateMedia({ colorScheme: 'light' });
	await page.setViewportSize(NARROW);
	/* Charts follow their box a frame later. */
	await page.waitForTimeout(150);
	await take('narrow');
	const wide = await scrolls(page);
	await page.setViewportSize(WIDE);
	if (wide > 0) throw new Error(`${name}: at ${NARROW.width} px it is ${wide} px too wide`);
}

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'];

/* axe in light and dark. Evaluated, not added as a script: the content policy stays as it is. */
export async function axe(page, name) {
	const found = [];
	for (const colorScheme of ['light', 'dark']) {
		await page.emulateMedia({ colorScheme });
		const result = await page.evaluate(
			`${axeSource}; axe.run(document, { runOnly: { type: 'tag', values: ${JSON.stringify(RULES)} }, resultTypes: ['violations'] })`,
		);
		for (const v of result.violations)
			found.push(
				`${colorScheme}: ${v.id}: ${v.nodes.map((n) => `${n.target.join(' ')} (${n.failureSummary.replace(/\s+/g, ' ')})`).join('; ')}`,
			);
		if (!result.passes?.length && !result.violations.length && !result.testEngine)
			throw new Error('axe did not run');
	}
	await page.emulateMedia({ colorScheme: 'light' });
	if (found.length) throw new Error(`${name}:\n${found.join('\n')}`);
}

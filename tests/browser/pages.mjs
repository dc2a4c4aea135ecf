// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every page, beside the tutorial's path: axe in light and dark, 320 px, hostile names, roles, keyboard, what the page weighs, the
 * badge when the server is away, two tabs on one stream, and that every command it shows is one the command line knows.
 *
 * From the environment: URL_A, SOCKET_A, O, NAMES (directories with hostile names that policies use), WEB_PID_A.
 */
import { execFileSync } from 'node:child_process';
import { axe, close, goTo, launch, login, open, shot } from './lib/browser.mjs';
import { check, equal, finish, must, note, until } from './lib/tap.mjs';

const { URL_A, URL_B, ADDRESS_B, O, ON, SOCKET_A, POLICY, RAW_NAMES, W } = process.env;
const BUDGET = 100 * 1024;
const names = JSON.parse(RAW_NAMES); /* [{b64, why}]: file names as bytes */

const api = (page, path) => page.evaluate(async (p) => (await fetch(p)).json(), path);
const on = (node, command) =>
	execFileSync(ON, [node, command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

await launch();
const page = await open(URL_A);
const commands = new Set();

/* The commands shown now, those in closed boxes too. */
async function gather() {
	for (const c of await page.locator('.commands code').allTextContents()) commands.add(c);
}

// ---- weight

await check(`the page with its chart weighs less than ${BUDGET / 1024} KB`, async () => {
	await login(page);
	await page.getByRole('link', { name: POLICY, exact: true }).click();
	await page.locator('.chart canvas').first().waitFor({ timeout: 60000 });
	const sizes = await page.evaluate(() =>
		performance
			.getEntriesByType('resource')
			.filter((r) => r.name.includes('/assets/'))
			.map((r) => [r.name, r.encodedBodySize]),
	);
	const nav = await page.evaluate(() => performance.getEntriesByType('navigation')[0].encodedBodySize);
	const sum = sizes.reduce((n, [, size]) => n + size, nav);
	must(
		sizes.length > 20 && sizes.every(([, size]) => size > 0),
		`not all was measured: ${JSON.stringify(sizes)}`,
	);
	must(sum < BUDGET, `${sum} bytes: ${JSON.stringify(sizes)}`);
	return `${sum} bytes in ${sizes.length + 1} files, compressed`;
});

// ---- all pages

await check('Details: axe, 320 px', async () => {
	await shot(page, 'page-details');
	await axe(page, 'details');
	await gather();
});

for (const word of ['Replication', 'Peers', 'Health', 'Settings', 'Audit', 'Users'])
	await check(`${word}: axe, 320 px, its title, its address`, async () => {
		await goTo(page, word);
		await page.locator('.loading').waitFor({ state: 'detached' });
		must((await page.title()).startsWith(`${word} – cluster-a`), `title: ${await page.title()}`);
		must(page.url().endsWith(`#/${word.toLowerCase()}`), page.url());
		await shot(page, `page-${word.toLowerCase()}`);
		await axe(page, word);
		await gather();
	});

await check('every command that the page shows is one the command line knows', () => {
	must(commands.size >= 15, `only ${commands.size} commands found`);
	const common = execFileSync(`${O}/tidemark`, ['--help'], { encoding: 'utf8' });
	const unknown = [];
	for (const c of commands) {
		/* The words before the first argument: NOUN and VERB, then --help in their place. */
		const words = c.split(' ').slice(1);
		const verb =
			['policy', 'peer', 'admin'].includes(words[0]) ||
			(words[0] === 'health' && words[1] === 'mute')
				? words.slice(0, 2)
				: words.slice(0, 1);
		const options = words.filter((w) => /^--?[a-z]/.test(w)).map((w) => w.split('=')[0]);
		let help = '';
		try {
			help = execFileSync(`${O}/tidemark`, [...verb, '--help'], { encoding: 'utf8' });
		} catch (e) {
			unknown.push(`${c}: ${e.message}`);
		}
		for (const o of options)
			if (help && o !== '--help' && !`${help}${common}`.includes(o))
				unknown.push(`${c}: no option ${o}`);
	}
	equal(unknown, [], 'unknown commands');
	return [...commands].join('\n');
});

// ---- names

await check(
	'hostile file names in Failures by file: nothing runs, nothing is invisible, no element is made',
	async () => {
		const page = await open(URL_B);
		await login(page);
		await page.getByRole('link', { name: POLICY, exact: true }).click();
		const region = page.getByRole('region', { name: 'Failures by file' });
		await region.waitFor({ timeout: 60000 });
		const older = page
			.locator('.card', { has: region })
			.getByRole('button', { name: 'Show older' });
		const rows = region.locator('tbody tr');
		for (let n = await rows.count(); await older.isVisible(); n = await rows.count()) {
			await older.click();
			await until('older ones are listed', async () => (await rows.count()) > n, 60);
		}
		const cells = await until(
			'all failures are listed',
			async () => {
				const list = await region
					.locator('tbody tr td:first-child')
					.allTextContents();
				return list.length >= names.length ? list : null;
			},
			60,
		);
		/* What may never reach the screen as it is: controls, bidi marks, zero-width, blanks of other kinds. */
		const bad = cells.filter((c) =>
			/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\u3000\u00a0\ufeff\ufffd\u3164]/u.test(
				c,
			),
		);
		equal(bad, [], 'cells with characters that cannot be seen');
		equal(
			await region.locator('img, script, iframe, style, b, svg').count(),
			0,
			'elements made of names',
		);
		must(
			cells.some((c) => c.includes('<img src=x onerror=')),
			'markup is not shown as text',
		);
		must(
			cells.some((c) => c.includes('\\xff')),
			'bytes that are not UTF-8 are not shown',
		);
		must(
			cells.some((c) => c.includes('\\u{202e}')),
			'the bidi override is not shown',
		);
		const unique = new Set(cells);
		equal(unique.size, cells.length, 'names that look the same');
		await shot(page, 'names-failures');
		await axe(page, 'hostile names');
		equal(page.trouble, [], 'trouble');
		await page.context().close();
		return `${cells.length} names`;
	},
);

await check('hostile directories in the list, the details and Delete; the commands quote them', async () => {
	await goTo(page, 'Replication');
	await page.getByRole('link', { name: 'hostile', exact: true }).waitFor();
	const list = await page.locator('.policies').textContent();
	must(list.includes('\\u{202e}') && list.includes('\\e[2J') && list.includes('<b onmouseover='), list);
	must(!/[\u202e\u001b]/.test(list), 'a control character is in the list');
	await shot(page, 'names-list');
	await page.getByRole('button', { name: 'Delete hostile' }).click();
	const d = page.getByRole('dialog', { name: /^Delete/ });
	must(!/[\u202e\u001b]/.test(await d.textContent()), 'a control character is in the dialog');
	await shot(page, 'names-delete', { whole: false });
	await page.keyboard.press('Escape');
	await page.getByRole('link', { name: 'hostile', exact: true }).click();
	await page.getByRole('heading', { level: 1, name: 'hostile' }).waitFor();
	const where = (await page.locator('.commands code').allTextContents()).find((c) =>
		c.startsWith('tidemark where'),
	);
	must(where.includes("$'") && !/[\u202e\u001b]/.test(where), where);
	equal(
		execFileSync('bash', ['-c', `printf %s ${where.split(' ').slice(2).join(' ')}`], {
			encoding: 'utf8',
		}),
		`${(await api(page, '/v1/policies')).find((p) => p.name === 'hostile').source.dir}/FILE`,
		'what a shell makes of it',
	);
});

// ---- keyboard

await check(
	'by keyboard alone: skip to the content, open Create Relationship, close it, focus is back',
	async () => {
		await goTo(page, 'Replication');
		await page.reload();
		await page.getByRole('button', { name: 'Create Relationship' }).waitFor();
		await page.keyboard.press('Tab');
		equal(
			await page.evaluate(() => document.activeElement.textContent.trim()),
			'Skip to content',
			'first stop',
		);
		await page.keyboard.press('Enter');
		equal(await page.evaluate(() => document.activeElement.id), 'main', 'after skipping');
		const create = page.getByRole('button', { name: 'Create Relationship' });
		for (let i = 0; i < 30 && !(await create.evaluate((e) => e === document.activeElement)); i++)
			await page.keyboard.press('Tab');
		await page.keyboard.press('Enter');
		await page.getByRole('dialog').waitFor();
		equal(
			await page.evaluate(() => document.activeElement.id),
			'source_dir',
			'focus in the dialog',
		);
		for (let i = 0; i < 20; i++) {
			await page.keyboard.press('Tab');
			must(
				await page.evaluate(
					() =>
						document.activeElement === document.body ||
						document
							.querySelector('dialog')
							.contains(document.activeElement),
				),
				'focus left the dialog',
			);
		}
		await page.keyboard.press('Escape');
		await page.getByRole('dialog').waitFor({ state: 'detached' });
		must(
			await create.evaluate((e) => e === document.activeElement),
			'focus is not back on the button',
		);
	},
);

// ---- settings

await check(
	'Settings: search, edit one, its origin changes; a bad value is refused in the dialog',
	async () => {
		await goTo(page, 'Settings');
		await page.getByLabel('Search settings').fill('log.level');
		await until('one row', async () => (await page.getByRole('row').count()) === 2, 10);
		await page.getByRole('button', { name: 'Edit log.level' }).click();
		await page.getByRole('dialog').getByLabel('Value').selectOption('debug');
		await shot(page, 'page-settings-edit', { whole: false });
		await axe(page, 'edit a setting');
		await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
		await page.getByRole('dialog').waitFor({ state: 'detached' });
		await page
			.getByRole('row', { name: /log\.level/ })
			.getByText('debug', { exact: true })
			.waitFor();
		await page.getByLabel('Search settings').fill('batch.interval');
		await page.getByRole('button', { name: 'Edit batch.interval' }).click();
		await page.getByRole('dialog').getByLabel('Value').fill('soon');
		await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
		await page.getByRole('dialog').getByRole('alert').waitFor();
		equal(
			await page.getByRole('dialog').getByLabel('Value').inputValue(),
			'soon',
			'what was typed',
		);
		await page.keyboard.press('Escape');
	},
);

// ---- users

await check('Users: add one, who can log in then; a short password is refused in the dialog', async () => {
	await goTo(page, 'Users');
	await page.getByRole('button', { name: 'Add User' }).click();
	const d = page.getByRole('dialog', { name: 'Add User' });
	await d.getByLabel('Name').fill('nora');
	await d.getByLabel('Password at least').fill('short');
	await d.getByLabel('Password, again').fill('short');
	await d.getByRole('button', { name: 'Save' }).click();
	must(await d.isVisible(), 'a short password was taken');
	await d.getByLabel('Password at least').fill('a longer one 1');
	await d.getByLabel('Password, again').fill('a longer one 1');
	await shot(page, 'page-users-add', { whole: false });
	await axe(page, 'add user');
	await d.getByRole('button', { name: 'Save' }).click();
	await d.waitFor({ state: 'detached' });
	await page.getByRole('row', { name: /nora/ }).getByText('viewer', { exact: true }).waitFor();
	const p = await open(URL_A);
	await login(p, 'nora', 'a longer one 1');
	equal(await p.getByRole('link', { name: 'Users' }).count(), 0, 'Users for a viewer');
	await p.context().close();
});

// ---- requests

const cli = (socket, ...args) =>
	execFileSync(`${O}/tidemark`, ['--socket', socket, ...args], { encoding: 'utf8' });
const ask = (name, dir) =>
	cli(
		SOCKET_A,
		'policy',
		'create',
		name,
		'--source-dir',
		`${W}/src/host`,
		'--target-dir',
		dir,
		'--target-address',
		ADDRESS_B,
	);
const rowOf = (p, name) =>
	p.locator('.policies tbody').filter({ has: p.getByRole('link', { name, exact: true }) });

await check(
	'Reject with a reason: the source shows it; Create Directory and Accept makes the directory',
	async () => {
		const b = await open(URL_B);
		await login(b);
		ask('unwanted', `${W}/dst/unwanted`);
		await b.getByRole('button', { name: 'Reject unwanted' }).click();
		await b
			.getByRole('dialog')
			.getByLabel(/Reason/)
			.fill('no room <b>here</b>');
		await shot(b, 'request-reject', { whole: false });
		await axe(b, 'reject');
		await b.getByRole('dialog').getByRole('button', { name: 'Reject' }).click();
		await rowOf(b, 'unwanted').getByText('Rejected', { exact: true }).waitFor();
		await goTo(page, 'Replication');
		await rowOf(page, 'unwanted').getByText('Rejected', { exact: true }).waitFor();
		await rowOf(page, 'unwanted').getByText('no room <b>here</b>').first().waitFor();
		ask('wanted', `${W}/dst/made/for/it`);
		await b.getByRole('button', { name: 'Accept wanted' }).click();
		await b.getByRole('button', { name: 'Create Directory and Accept' }).click();
		/* Its parent is missing too: that is refused, with the reason; one level is made. */
		await b.getByRole('alert').filter({ hasText: /made/ }).first().waitFor();
		on('b', `mkdir -p ${W}/dst/made/for`);
		if (!(await b.getByRole('button', { name: 'Create Directory and Accept' }).isVisible()))
			await b.getByRole('button', { name: 'Accept wanted' }).click();
		await b.getByRole('button', { name: 'Create Directory and Accept' }).click();
		await rowOf(page, 'wanted').getByText('Authorized', { exact: true }).waitFor();
		must(
			on('b', `test -d ${W}/dst/made/for/it && echo yes`).trim() === 'yes',
			'the directory was not made',
		);
		equal(b.trouble, [], 'trouble');
		await b.context().close();
	},
);

await check('Health: mute a check for an hour, and unmute it', async () => {
	const b = await open(URL_B);
	await login(b);
	await goTo(b, 'Health');
	const item = b.locator('.check-item').filter({ hasText: 'FILES_FAILED' });
	await item.getByRole('button', { name: 'Mute' }).click();
	await b.getByRole('dialog').getByRole('button', { name: 'Mute' }).click();
	await item.getByText('Muted until').waitFor();
	await shot(b, 'health-muted');
	await axe(b, 'muted');
	await item.getByRole('button', { name: 'Unmute' }).click();
	await item.getByText('Muted until').waitFor({ state: 'detached' });
	await b.context().close();
});

await check(
	'Abort while it replicates: asked first, then Failed, aborted by who did it; what is left goes on with Replicate',
	async () => {
		on('a', process.env.SLOWER);
		await goTo(page, 'Replication');
		await rowOf(page, 'slow').getByRole('button', { name: 'Replicate' }).click();
		await rowOf(page, 'slow').getByText('Replicating', { exact: true }).waitFor();
		await rowOf(page, 'slow').getByText(/\d %/).waitFor({ timeout: 60000 });
		await shot(page, 'abort-running');
		await rowOf(page, 'slow').getByRole('link').click();
		await page.getByRole('heading', { level: 1, name: 'slow' }).waitFor();
		await page.getByRole('row', { name: /^Remaining/ }).waitFor();
		await shot(page, 'abort-details');
		await axe(page, 'replicating');
		await page.getByRole('button', { name: 'Abort', exact: true }).click();
		await shot(page, 'abort-question', { whole: false });
		await page.getByRole('button', { name: 'Yes, Abort' }).click();
		await page.getByText('Failed', { exact: true }).waitFor();
		await page
			.getByText(/aborted by admin/)
			.first()
			.waitFor();
		on('a', process.env.FASTER);
		await page.getByRole('button', { name: 'Replicate', exact: true }).click();
		await page.getByText('Finished', { exact: true }).waitFor({ timeout: 120000 });
	},
);

// ---- roles

for (const [name, sees, lacks] of [
	['olga', ['Replicate', 'Disable'], ['Create Relationship', 'Delete']],
	['vic', [], ['Create Relationship', 'Replicate', 'Disable', 'Delete']],
])
	await check(`${name} sees what the role may do, and nothing else`, async () => {
		const p = await open(URL_A);
		await login(p, name);
		await goTo(p, 'Replication');
		await p.getByRole('link', { name: POLICY, exact: true }).waitFor();
		for (const word of sees)
			must((await p.getByRole('button', { name: word }).count()) > 0, `${word} is missing`);
		for (const word of lacks) equal(await p.getByRole('button', { name: word }).count(), 0, word);
		await p.getByRole('link', { name: POLICY, exact: true }).click();
		await p.getByRole('heading', { level: 1 }).waitFor();
		for (const word of lacks)
			equal(
				await p.getByRole('button', { name: word }).count(),
				0,
				`${word} in the details`,
			);
		await shot(p, `role-${name}`);
		await axe(p, name);
		equal(p.trouble, [], 'trouble');
		await p.context().close();
	});

// ---- live

await check('two tabs, one stream: both follow', async () => {
	const second = await page.context().newPage();
	let streams = 0;
	for (const p of [page, second])
		p.on('request', (r) => {
			streams += r.url().endsWith('/v1/events') ? 1 : 0;
		});
	await second.goto(`${URL_A}/#/replication`);
	await goTo(page, 'Replication');
	await second.getByRole('link', { name: POLICY, exact: true }).waitFor();
	cli(SOCKET_A, 'policy', 'disable', POLICY);
	for (const p of [page, second])
		await p.locator('.policies').getByText('Disabled', { exact: true }).first().waitFor();
	equal(streams, 0, 'streams opened by the second tab');
	await page.close();
	/* The stream's tab is gone: the other one takes over. */
	cli(SOCKET_A, 'policy', 'enable', POLICY);
	await second
		.locator('tbody', { has: second.getByRole('link', { name: POLICY, exact: true }) })
		.getByText('Disabled', { exact: true })
		.waitFor({ state: 'detached', timeout: 60000 });
	must(streams > 0, 'nobody took the stream over');
	await second.close();
});

await check(
	'the badge: Live, Reconnecting while the server is stopped, Stale after a while, Live again',
	async () => {
		const p = await open(URL_A);
		await login(p);
		await p.getByText('Live', { exact: true }).waitFor();
		on('a', `kill -STOP ${process.env.WEB_PID_A}`);
		try {
			await p.context().setOffline(true);
			await p.getByText(/^(Reconnecting|Stale since)/).waitFor({ timeout: 60000 });
			await p.getByText(/^Stale since \d\d:\d\d/).waitFor({ timeout: 60000 });
			await shot(p, 'live-stale');
			await axe(p, 'stale');
		} finally {
			on('a', `kill -CONT ${process.env.WEB_PID_A}`);
			await p.context().setOffline(false);
		}
		await p.getByText('Live', { exact: true }).waitFor({ timeout: 60000 });
		await p.context().close();
	},
);

await check('Log out: the page is gone, and so is what it knew', async () => {
	const p = await open(URL_A);
	await login(p);
	await p.getByRole('button', { name: /^admin/ }).click();
	await axe(p, 'user menu');
	await p.getByRole('button', { name: 'Log out' }).click();
	await p.getByRole('heading', { name: /^Log in/ }).waitFor();
	equal(await p.evaluate(async () => (await fetch('/v1/policies')).status), 401, 'status');
	equal(await p.getByText(POLICY).count(), 0, 'policies on the login page');
	equal(p.trouble, [], 'trouble');
	await p.context().close();
});

await check('the daemon goes away: the page says so at once', async () => {
	const p = await open(URL_A);
	await login(p);
	await p.getByText('Live', { exact: true }).waitFor();
	on('a', `kill -KILL ${process.env.DAEMON_PID_A}`);
	await p.getByText('Daemon away').waitFor({ timeout: 60000 });
	await p.getByRole('alert').getByText('tidemarkd does not answer').waitFor();
	await shot(p, 'daemon-away');
	await axe(p, 'daemon away');
	equal(p.trouble, [], 'trouble');
	await p.context().close();
});

await check('no script error, nothing the content policy refused, no request to elsewhere', () =>
	equal(page.trouble, [], 'trouble'),
);

note(`pictures: ${process.env.SHOTS}`);
await close();
finish();

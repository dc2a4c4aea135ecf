// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tutorial, step by step, between two clusters: found by the words that it uses and by role, as an admin would. Every step leaves
 * its pictures. What the tutorial does not tell (a wrong address, a full directory, the key) is on the way too.
 *
 * From the environment, beyond lib/browser.mjs: URL_A (source), URL_B (target), ADDRESS_B, ON (ON a|b COMMAND does something there), SRC_PARENT
 * and SRC_NAME (the source directory), DST (the target directory, which does not exist yet), ORACLE (a command that compares the two).
 */
import { execFileSync } from 'node:child_process';
import { axe, close, goTo, launch, login, open, shot } from './lib/browser.mjs';
import { check, equal, finish, must, note, slow, step, until } from './lib/tap.mjs';

const { URL_A, URL_B, ADDRESS_B, ON, SRC_PARENT, SRC_NAME, DST, SET_PASSWORD } = process.env;
const SRC = `${SRC_PARENT}/${SRC_NAME}`;

const on = (node, command) =>
	execFileSync(ON, [node, command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const api = (page, path) => page.evaluate(async (p) => (await fetch(p)).json(), path);
const policies = (page) => api(page, '/v1/policies');

/* The row of the policy in the list, by what is written in it. */
const row = (page, name = SRC_NAME) =>
	page
		.getByRole('table', { name: /policies/i })
		.getByRole('row')
		.filter({ has: page.getByRole('link', { name, exact: true }) });
const hasStatus = (page, word, seconds) =>
	row(page)
		.getByText(word, { exact: true })
		.waitFor({ timeout: seconds * slow * 1000 });

/* A step of the tutorial; a failure leaves a picture of both sides. */
const tell = (what, work) =>
	step(what, work, async () => {
		await shot(a, 'failed-source');
		await shot(b, 'failed-target');
	});

await launch();
const a = await open(URL_A);
let b = null;

// ---- Open the replication page

await check('without an account the login page says what to do', async () => {
	await a.getByText('No password has been set yet').waitFor();
	await a.getByText('tidemark admin set-password').waitFor();
	await shot(a, '01-no-password');
	await axe(a, 'login');
});

execFileSync('bash', ['-c', SET_PASSWORD]);

await check('a wrong password is refused with a sentence', async () => {
	await a.reload();
	await a.getByLabel('Password').fill('not the password');
	await a.getByRole('button', { name: 'Log in' }).click();
	await a.getByRole('alert').getByText('Name or password is wrong').waitFor();
});

await check('log in to the cluster', async () => {
	await login(a);
	await a.getByText('This is your first login').waitFor();
});

await check('point to Cluster and click Replication: the Replication page opens', async () => {
	await goTo(a, 'Replication');
	await a.getByText('No policies yet').waitFor();
	await shot(a, '02-replication-empty');
	await axe(a, 'empty list');
});

// ---- Create a policy

const dialog = a.getByRole('dialog', { name: 'Create Directory Relationship' });

await tell('Create Relationship opens the dialog Create Directory Relationship', async () => {
	await a.getByRole('button', { name: 'Create Relationship' }).click();
	await dialog.waitFor();
	equal(await dialog.getByLabel('Port Number').inputValue(), '3712', 'port');
	await shot(a, '03-create', { whole: false });
	await axe(a, 'create dialog');
});

await tell('Save with empty fields says beside each what is missing', async () => {
	await dialog.getByRole('button', { name: 'Save' }).click();
	await dialog.getByText('Enter the source directory.').waitFor();
	await dialog.getByText('Enter the target directory.').waitFor();
	await dialog.getByText(/Enter the IP address/).waitFor();
	await shot(a, '04-create-missing', { whole: false });
	await axe(a, 'create dialog with errors');
});

await tell('Source Directory is completed from what the cluster has, by keyboard', async () => {
	await dialog.getByLabel('Source Directory').fill(`${SRC_PARENT}/${SRC_NAME.slice(0, 4)}`);
	await dialog.getByRole('option', { name: SRC }).waitFor();
	await shot(a, '05-create-completion', { whole: false });
	await dialog.getByLabel('Source Directory').press('ArrowDown');
	await dialog.getByLabel('Source Directory').press('Enter');
	await until(
		'the path is taken',
		async () => (await dialog.getByLabel('Source Directory').inputValue()) === `${SRC}/`,
		10,
	);
	await dialog.getByLabel('Source Directory').press('Escape');
	must(await dialog.isVisible(), 'Escape closed the dialog, not the list');
});

await tell('an address where nobody answers is told beside its field, and what was typed stays', async () => {
	await dialog.getByLabel('Target Directory').fill(DST);
	await dialog.getByLabel('Target Address').fill(ADDRESS_B);
	await dialog.getByLabel('Port Number').fill('3799');
	await dialog.getByRole('button', { name: 'Save' }).click();
	await dialog
		.locator('.field', { has: a.getByLabel('Target Address') })
		.locator('.error')
		.waitFor({ timeout: 60000 * slow });
	equal(await dialog.getByLabel('Target Directory').inputValue(), DST, 'target directory');
	equal(await dialog.getByLabel('Source Directory').inputValue(), `${SRC}/`, 'source directory');
	equal((await policies(a)).length, 0, 'policies stored');
	await shot(a, '06-create-unreachable', { whole: false });
});

await tell(
	'the example filled in, Save: the policy is in the list, Awaiting Authorization, Source',
	async () => {
		await dialog.getByLabel('Port Number').fill('3712');
		await dialog.getByRole('button', { name: 'Save' }).click();
		await dialog.waitFor({ state: 'hidden', timeout: 60000 * slow });
		await hasStatus(a, 'Awaiting Authorization', 30);
		await row(a).getByText('Source', { exact: true }).waitFor();
		await row(a).getByText(DST).waitFor();
		await shot(a, '07-source-awaiting');
		await axe(a, 'list, awaiting');
	},
);

// ---- the target's admin

const banner = () => b.getByRole('region', { name: /authorization request/i });

await tell('log in as admin on the target: at the top is an authorization request', async () => {
	b = await open(URL_B);
	await login(b);
	await goTo(b, 'Replication');
	await banner().waitFor();
	await banner().getByText('cluster-a').first().waitFor();
	await hasStatus(b, 'Awaiting Authorization', 30);
	await row(b).getByText('Target', { exact: true }).waitFor();
	await shot(b, '08-target-request');
	await axe(b, 'request banner');
});

await tell(
	'who asks and what for: See details shows the address, the key of the source, both paths',
	async () => {
		await banner().getByRole('button', { name: 'See details' }).click();
		const d = b.getByRole('dialog', { name: 'Authorization request' });
		const { fingerprint } = await api(a, '/v1/status');
		equal(
			(await d.locator('.print').textContent()).replaceAll(' ', ''),
			fingerprint,
			'fingerprint',
		);
		for (const words of [SRC, DST, 'from there to this cluster', 'does not exist yet'])
			await d.getByText(words).first().waitFor();
		await shot(b, '09-target-details', { whole: false });
		await axe(b, 'request details');
		await b.keyboard.press('Escape');
		await d.waitFor({ state: 'hidden' });
	},
);

await tell('Accept without the directory: a warning at the top of the page, and it still waits', async () => {
	await banner().getByRole('button', { name: 'Accept' }).click();
	const warning = b.getByRole('alert').filter({ hasText: 'does not exist' });
	await warning.waitFor();
	await warning.getByRole('button', { name: 'Create Directory and Accept' }).waitFor();
	const [w, r] = [await warning.boundingBox(), await banner().boundingBox()];
	must(w.y < r.y, 'the warning is not above the request');
	equal((await policies(b))[0].status, 'Awaiting Authorization', 'status');
	await shot(b, '10-target-missing');
	await axe(b, 'missing directory');
});

await tell(
	'a directory that is not empty wants an explicit yes, and shows what would be replaced or deleted',
	async () => {
		on(
			'b',
			`mkdir -p ${DST}/old && echo precious > ${DST}/old/report.txt && touch ${DST}/'<img src=x onerror=alert(1)>'`,
		);
		await banner().getByRole('button', { name: 'Accept' }).click();
		const d = b.getByRole('dialog', { name: 'The target directory is not empty' });
		await d.getByText('2 files (9 B) in 1 directory').waitFor();
		await d.getByRole('cell', { name: 'old', exact: true }).waitFor();
		await d.getByText('<img src=x onerror=alert(1)>').waitFor();
		await shot(b, '11-target-not-empty', { whole: false });
		await axe(b, 'not empty');
		await d.getByRole('button', { name: 'Accept' }).click();
		must(await d.isVisible(), 'accepted without the yes');
		equal((await policies(b))[0].status, 'Awaiting Authorization', 'status');
		await d.getByLabel(/Yes, replace or delete/).check();
		await d.getByRole('button', { name: 'Accept' }).click();
		await d.waitFor({ state: 'hidden' });
	},
);

await tell('the status changes to Authorized', async () => {
	await hasStatus(b, 'Authorized', 30);
	must((await banner().count()) === 0, 'the request is still shown');
	await shot(b, '12-target-authorized');
});

await tell('and so it does on the source, by itself', async () => {
	const began = Date.now();
	await hasStatus(a, 'Authorized', 30);
	await row(a).getByRole('button', { name: 'Replicate' }).waitFor();
	await shot(a, '13-source-authorized');
	return `${Date.now() - began} ms after the target showed it`;
});

// ---- Start replication

await tell('click Replicate: Replicating, then Finished with a timestamp', async () => {
	await a.evaluate((name) => {
		window.seen = [];
		const look = () => {
			const r = [...document.querySelectorAll('.policies tbody')].find(
				(t) => t.querySelector('th a')?.textContent === name,
			);
			const word = r?.querySelector('.status')?.textContent.trim();
			if (word && window.seen.at(-1) !== word) window.seen.push(word);
			window.sawBar ||= Boolean(r?.querySelector('progress'));
		};
		new MutationObserver(look).observe(document.getElementById('app'), {
			subtree: true,
			childList: true,
			characterData: true,
		});
		look();
	}, SRC_NAME);
	await row(a).getByRole('button', { name: 'Replicate' }).click();
	await row(a)
		.getByRole('progressbar')
		.waitFor({ timeout: 60000 * slow });
	await shot(a, '14-source-replicating');
	await hasStatus(a, 'Finished', 300);
	const seen = await a.evaluate(() => window.seen);
	must(seen.includes('Replicating') && seen.at(-1) === 'Finished', `the words were: ${seen}`);
	must(await a.evaluate(() => window.sawBar), 'no progress bar');
	await row(a).locator('.col-status time').waitFor();
	await shot(a, '15-source-finished');
	await axe(a, 'finished');
	return `the words were: ${seen.join(', ')}`;
});

await tell('the target shows Finished too, without a reload', () => hasStatus(b, 'Finished', 60));

await tell('what is there is what was on the source; what was in the way is gone', () => {
	execFileSync('bash', ['-c', process.env.ORACLE], { stdio: ['ignore', 'pipe', 'pipe'] });
	equal(on('b', `ls ${DST} | grep -c old || true`).trim(), '0', 'old entries');
});

// ---- Details

await tell('Details: the numbers, the chart and its table, the run, the commands', async () => {
	await row(a).getByRole('link', { name: SRC_NAME, exact: true }).click();
	await a.getByRole('heading', { level: 1, name: SRC_NAME }).waitFor();
	const [p] = await policies(a);
	await a
		.getByRole('cell', { name: p.last_run.files.toLocaleString('en-US'), exact: true })
		.first()
		.waitFor();
	await a.getByText(/^Everything written up to .* is durable on/).waitFor();
	await a
		.locator('.chart canvas')
		.first()
		.waitFor({ timeout: 60000 * slow });
	await a.getByText('Show as table').click();
	await a.getByRole('columnheader', { name: 'Rate (mean)' }).waitFor();
	await a.getByRole('region', { name: 'History of runs' }).getByText('first sync').waitFor();
	await a.getByText('Equivalent commands').last().click();
	await a.getByText(`tidemark policy replicate ${SRC_NAME} --wait`).waitFor();
	await shot(a, '16-details');
	await axe(a, 'details');
});

await tell('is this very file safe: yes, and a file that just changed becomes so', async () => {
	await a.getByLabel(/Path of a file/).fill(`${SRC}/one.txt`);
	await a.getByRole('button', { name: 'Look' }).click();
	await a.getByText('Safe', { exact: true }).waitFor();
	await shot(a, '17-where');
});

await tell('Edit: continuous mode; from then on a change follows by itself', async () => {
	await a.getByRole('button', { name: 'Edit', exact: true }).click();
	const d = a.getByRole('dialog', { name: `Edit ${SRC_NAME}` });
	await d.getByRole('radio', { name: /^Continuous/ }).check();
	await shot(a, '18-edit', { whole: false });
	await axe(a, 'edit');
	await d.getByRole('button', { name: 'Save' }).click();
	await d.waitFor({ state: 'hidden' });
	on('a', `echo later > ${SRC}/later.txt`);
	await until(
		'the new file is there',
		() => on('b', `cat ${DST}/later.txt 2>/dev/null || true`).trim() === 'later',
		120,
	);
	await a.getByText('Nothing is pending.').waitFor({ timeout: 60000 * slow });
});

await check('Verify compares all content and repairs what differs', async () => {
	on('b', `printf 'X' | dd of=${DST}/one.txt bs=1 conv=notrunc status=none`);
	await a.getByRole('button', { name: 'Verify', exact: true }).click();
	const d = a.getByRole('dialog', { name: `Verify ${SRC_NAME}` });
	await shot(a, '19-verify', { whole: false });
	await d.getByRole('button', { name: 'Verify' }).click();
	await d.waitFor({ state: 'hidden' });
	const r = a
		.getByRole('region', { name: 'History of runs' })
		.getByRole('row')
		.filter({ hasText: 'verify' })
		.first();
	await r.getByText('finished').waitFor({ timeout: 120000 * slow });
	equal(
		on('b', `cat ${DST}/one.txt`),
		on('a', `cat ${SRC}/one.txt`),
		'the file that was changed on the target',
	);
	await r.getByText('1 differed').waitFor();
	await shot(a, '20-verified');
});

await tell('Disable and Enable', async () => {
	await a.keyboard.press('Escape');
	await goTo(a, 'Replication');
	await row(a).getByRole('button', { name: 'Disable' }).click();
	await a
		.getByRole('dialog', { name: /^Disable/ })
		.getByRole('button', { name: 'Disable' })
		.click();
	await hasStatus(a, 'Disabled', 30);
	await row(a).getByRole('button', { name: 'Enable' }).click();
	await hasStatus(a, 'Finished', 60);
});

// ---- Delete a policy

await tell('the trashcan asks, naming both ends; Escape changes nothing', async () => {
	await row(a).getByRole('button', { name: 'Delete' }).click();
	const d = a.getByRole('dialog', { name: /^Delete/ });
	for (const words of ['cluster-a', SRC, 'cluster-b', DST]) await d.getByText(words).first().waitFor();
	await shot(a, '21-delete', { whole: false });
	await axe(a, 'delete');
	await a.keyboard.press('Escape');
	await d.waitFor({ state: 'hidden' });
	equal((await policies(a)).length, 1, 'policies');
});

await tell('Yes, Delete: it is gone here, and the target knows', async () => {
	await row(a).getByRole('button', { name: 'Delete' }).click();
	await a.getByRole('button', { name: 'Yes, Delete' }).click();
	await a.getByText('No policies yet').waitFor();
	await until(
		'the target heard of it',
		async () => {
			const [p] = await policies(b);
			return !p || /deleted/.test(p.status_detail ?? '');
		},
		30,
	);
	await shot(a, '22-deleted');
	await shot(b, '23-target-deleted');
	await axe(b, 'deleted on the other side');
});

for (const [name, page] of [
	['source', a],
	['target', b],
])
	await check(
		`${name}: no script error, nothing the content policy refused, no request to elsewhere`,
		() => equal(page?.trouble, [], 'trouble'),
	);

await check('both sides wrote down who did it', async () => {
	const log = await api(b, '/v1/audit?limit=100');
	must(
		log.some((r) => r.action === 'accept' && /^admin \(web/.test(r.who)),
		JSON.stringify(log.slice(0, 5)),
	);
});

note(`pictures: ${process.env.SHOTS}`);
await close();
finish();
